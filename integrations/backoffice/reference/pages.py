"""The pages of the back office: sign in, list, one case, status events. No script, no outside assets."""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import aiohttp_jinja2
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_session import get_session, new_session
from pydantic import ValidationError
from ruamel.yaml import YAML

from integrations.backoffice.events import (
    MAX_TEXT,
    BackofficeEvent,
    StatusId,
    load_statuses,
    resident_text,
    status_of,
)
from integrations.backoffice.reference.database import StoredCase
from integrations.backoffice.reference.keys import CLOCK, DATABASE, PASSWORD, SIGN_INS, WORKER
from integrations.ports import StorageUnavailable

log = structlog.get_logger(__name__)
routes = web.RouteTableDef()

PER_PAGE = 50
_ZONE = ZoneInfo("Asia/Shanghai")
_OPEN = {"/login", "/healthz"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pages only for who signed in, forms only with their token, and plain words when something goes wrong."""
    if request.path.startswith(("/api/", "/static/")) or request.path == "/healthz":
        return await handler(request)
    try:
        answer = await _guarded(request, handler)
    except web.HTTPNotFound:
        answer = _message(request, 404, "没有找到这一页。")
    except web.HTTPRequestEntityTooLarge:
        answer = _message(request, 413, "内容太长了，请写短一点。")
    except web.HTTPException as redirect:
        redirect.headers.update(_HEADERS)
        raise
    except StorageUnavailable as error:
        log.warning("back office database away", reason=str(error))
        answer = _message(request, 503, "数据库正忙，刚才的操作没有保存。请稍等一下再试。")
    except Exception:
        log.exception("back office page failed")
        answer = _message(request, 500, "页面出了问题，刚才的操作可能没有保存。请回到列表看一下再试。")
    answer.headers.update(_HEADERS)
    return answer


async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    session = await get_session(request)
    if request.path not in _OPEN and "who" not in session:
        raise web.HTTPSeeOther("/login")
    if request.method == "POST":
        try:
            form = await request.post()
        except (ValueError, LookupError):
            return _message(request, 400, "这个表单读不出来。请回到上一页，刷新后再试。")
        if not hmac.compare_digest(
            str(form.get("csrf", "")).encode(), str(session.get("csrf", "-")).encode()
        ):
            return _message(request, 403, "页面放得太久，已经过期。请回到上一页，刷新后再试。")
    return await handler(request)


@routes.get("/login")
async def login_page(request: web.Request) -> web.Response:
    """The sign-in form."""
    return await _login(request, 200, "")


@routes.post("/login")
async def login(request: web.Request) -> web.Response:
    """Sign in with one's own name (it stands in the records) and the office's password."""
    form = await request.post()
    who, password = str(form.get("who", "")).strip()[:20], str(form.get("password", ""))
    sign_ins, address = request.app[SIGN_INS], request.remote or ""
    if not sign_ins.allowed(address):
        return await _login(request, 429, "密码输错的次数太多，请过五分钟再试。")
    if not who:
        return await _login(request, 422, "请写上您的姓名，办理记录里要用。")
    if not hmac.compare_digest(password.strip().encode(), request.app[PASSWORD].encode()):
        sign_ins.failed(address)
        return await _login(request, 401, "密码不对，请再输一次。")
    # A new session: one that was planted before signing in is worth nothing.
    session = await new_session(request)
    session["who"], session["csrf"] = who, secrets.token_urlsafe(16)
    raise web.HTTPSeeOther("/")


@routes.post("/logout")
async def logout(request: web.Request) -> web.Response:
    """Sign out."""
    (await get_session(request)).invalidate()
    raise web.HTTPSeeOther("/login")


@routes.get("/")
async def case_list(request: web.Request) -> web.Response:
    """Cases received, the newest first, with names and numbers masked."""
    page = max(1, int(text)) if (text := request.query.get("page", "1")).isdecimal() else 1
    async with request.app[DATABASE].begin() as work:
        cases, total = await work.cases(limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
        counts = await work.outbox.counts()
    return await _page(
        request,
        "list.html",
        cases=[_row(case) for case in cases],
        total=total,
        page=page,
        pages=max(1, -(-total // PER_PAGE)),
        parked=counts.get("parked", 0),
    )


@routes.get("/cases/{id}")
async def case_page(request: web.Request) -> web.Response:
    """One case with all its fields. Opening it is recorded."""
    session = await get_session(request)
    async with request.app[DATABASE].begin() as work:
        if await work.case(request.match_info["id"]) is None:
            raise web.HTTPNotFound
        await work.looked(request.match_info["id"], session["who"], request.app[CLOCK]())
    return await _case(request, 200, "")


@routes.post("/cases/{id}/events")
async def make_event(request: web.Request) -> web.Response:
    """Store a status event and owe its delivery. Deciding events are shown once more before they count."""
    session, form = await get_session(request), await request.post()
    case_id, status, text = (
        request.match_info["id"],
        str(form.get("status", "")),
        " ".join(str(form.get("text", "")).split()),
    )
    if status not in get_args(StatusId):
        return await _case(request, 422, "请选一个办理步骤。")
    try:
        made = BackofficeEvent(
            event_id=str(form.get("event_id", "")),
            case_id=case_id,
            status=status,
            text=text,
            at=request.app[CLOCK](),
        )
    except ValidationError:
        return await _case(request, 422, f"写给居民的话不能超过 {MAX_TEXT} 个字，请写短一点。")
    rules = status_of(made.status)
    if rules.text == "required" and not text:
        return await _case(request, 422, f"点“{rules.button}”之前，请先在下面的格子里写清楚。{rules.ask}")
    if rules.final and form.get("sure") != "yes":
        return await _page(
            request, "confirm.html", event=made, status=rules, preview=resident_text(made), text=text
        )
    async with request.app[DATABASE].begin() as work:
        case = await work.case(case_id)
        if case is None:
            raise web.HTTPNotFound
        known = any(stored.event.event_id == made.event_id for stored in await work.events(case_id))
        if not known and _final(case):
            conflict = True
        else:
            conflict = False
            await work.add_event(made, session["who"])
    if conflict:
        return await _case(request, 409, "这件申请已经办结了，刚才的操作没有保存。")
    request.app[WORKER].nudge()
    raise web.HTTPSeeOther(f"/cases/{case_id}#progress")


@routes.post("/cases/{id}/events/{event}/retry")
async def retry_event(request: web.Request) -> web.Response:
    """Try again to deliver an event that was parked."""
    async with request.app[DATABASE].begin() as work:
        await work.outbox.unpark(request.match_info["event"], request.app[CLOCK]())
    request.app[WORKER].nudge()
    raise web.HTTPSeeOther(f"/cases/{request.match_info['id']}#progress")


async def _login(request: web.Request, status: int, problem: str) -> web.Response:
    session = await get_session(request)
    session.setdefault("csrf", secrets.token_urlsafe(16))
    return await _page(request, "login.html", status, problem=problem)


async def _case(request: web.Request, status: int, problem: str) -> web.Response:
    case_id = request.match_info["id"]
    async with request.app[DATABASE].begin() as work:
        case = await work.case(case_id)
        if case is None:
            raise web.HTTPNotFound
        events, looks = await work.events(case_id), await work.looks(case_id)
    form = await request.post() if request.method == "POST" else {}
    return await _page(
        request,
        "case.html",
        status,
        case=case,
        body=case.body,
        problem=problem,
        typed=str(form.get("text", "")),
        events=[(stored, status_of(stored.event.status)) for stored in reversed(events)],
        looks=looks,
        final=_final(case),
        statuses=load_statuses(),
        event_id=str(uuid.uuid4()),
        max_text=MAX_TEXT,
    )


async def _page(request: web.Request, name: str, http_status: int = 200, /, **values: Any) -> web.Response:
    session = await get_session(request)
    values |= {"who": session.get("who"), "csrf": session.get("csrf", "")}
    return aiohttp_jinja2.render_template(name, request, values, status=http_status)


def _message(request: web.Request, status: int, text: str) -> web.Response:
    return aiohttp_jinja2.render_template(
        "message.html", request, {"text": text, "who": None, "csrf": ""}, status=status
    )


def _final(case: StoredCase) -> bool:
    return case.status != "received" and load_statuses()[_status_id(case.status)].final


def _status_id(text: str) -> StatusId:
    return next(known for known in load_statuses() if known == text)


def _row(case: StoredCase) -> dict[str, Any]:
    """What the list shows: masked, and the next date that still matters."""
    deadlines = [] if _final(case) else [d["due_on"] for d in case.body["deadlines"] if d["due_on"]]
    return {
        "id": case.id,
        "name": mask_name(case.body["applicant"]["name"]),
        "id_number": mask_number(case.body["applicant"]["id_number"]),
        "schemes": "、".join(scheme["name"] for scheme in case.body["schemes"]),
        "submitted_at": case.body["submitted_at"],
        "due_on": max(deadlines, default=None),
        "status": status_title(case.status),
        "new": case.status == "received",
    }


def status_title(status: str) -> str:
    """A case's status in Chinese."""
    return word("received") if status == "received" else load_statuses()[_status_id(status)].title


def mask_name(name: str) -> str:
    """王小明 → 王**."""
    return name[:1] + "*" * max(1, len(name) - 1)


def mask_number(number: str) -> str:
    """First four and last two stay."""
    return number[:4] + "*" * max(0, len(number) - 6) + number[-2:]


def day(text: str | None) -> str:
    """An ISO date as 2026年3月5日."""
    if not text:
        return "—"
    value = date.fromisoformat(text)
    return f"{value.year}年{value.month}月{value.day}日"


def moment(value: str | datetime | None) -> str:
    """A time as 2026年3月5日 09:30, in Shanghai."""
    if not value:
        return "—"
    at = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(_ZONE)
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"


def word(value: object) -> str:
    """A value of the case in Chinese; as it stands where the words file has none."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    return _words().get(str(value), str(value))


def yuan(value: float | None) -> str:
    """A sum in yuan."""
    return "—" if value is None else f"{value:,.2f}".removesuffix(".00") + " 元"


def spaced(number: str) -> str:
    """A long number in groups of four, so that it can be read aloud."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


@cache
def _words() -> dict[str, str]:
    path = Path(__file__).with_name("words.yml")
    return dict(YAML(typ="safe").load(path.read_text(encoding="utf-8"))["words"])


FILTERS: dict[str, Callable[..., str]] = {
    "day": day,
    "moment": moment,
    "word": word,
    "yuan": yuan,
    "spaced": spaced,
    "status_title": status_title,
}
