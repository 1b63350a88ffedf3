"""The reference back office over real HTTP: what it takes, what it shows, and how its news reach the service."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from integrations.backoffice import events, signing
from integrations.backoffice.case import TOPIC, build_case
from integrations.backoffice.connector import Delivered, HttpConnector, Refused
from integrations.backoffice.reference import ReferenceSettings, create_app
from integrations.backoffice.worker import OutboxWorker
from integrations.crypto import Keyring
from integrations.ports import Storage
from tests.integrations.receiver import Receiver, answer
from tests.integrations.samples import case_input
from tests.support.clock import Clock

SECRET = signing.new_secret()


class Office:
    """A running back office and a browser's worth of cookies."""

    def __init__(self, server: TestServer, browser: aiohttp.ClientSession, var: Path) -> None:
        self.server = server
        self.browser = browser
        self.var = var

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    async def send(self, case: dict[str, Any], key: str | None = None) -> Any:
        connector = HttpConnector(self.url("/api/cases"), SECRET)
        try:
            return await connector.deliver(case, key or case["idempotency_key"])
        finally:
            await connector.close()

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        async with self.browser.post(self.url("/api/cases"), data=body, headers=headers) as reply:
            return reply.status, await reply.json()

    async def get(self, path: str) -> tuple[int, str]:
        async with self.browser.get(self.url(path)) as reply:
            return reply.status, await reply.text()

    async def submit(self, page: str, path: str, **fields: str) -> tuple[int, str]:
        """Post a form with the hidden fields `page` carries."""
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        async with self.browser.post(self.url(path), data=hidden | fields) as reply:
            return reply.status, await reply.text()

    async def sign_in(self, who: str = "李干部", password: str | None = None) -> tuple[int, str]:
        _, page = await self.get("/login")
        if password is None:
            password = (self.var / "backoffice-password.txt").read_text().strip()
        return await self.submit(page, "/login", who=who, password=password)


@asynccontextmanager
async def running(settings: ReferenceSettings) -> AsyncIterator[Office]:
    server = TestServer(create_app(settings))
    await server.start_server()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        try:
            yield Office(server, browser, settings.var)
        finally:
            await server.close()


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    async with Receiver() as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path, keyring: Keyring, clock: Clock, service: Receiver) -> ReferenceSettings:
    return ReferenceSettings(
        var=tmp_path, keyring=keyring, secret=SECRET, events_url=service.url, clock=clock, poll=0.05
    )


@pytest.fixture
async def office(config: ReferenceSettings) -> AsyncIterator[Office]:
    async with running(config) as opened:
        yield opened


CASE = build_case(case_input())
RECEIPT = CASE["receipt"]


# --- receiving -------------------------------------------------------------------------------------------------


async def test_a_case_is_taken_once_however_often_it_comes(office: Office) -> None:
    body = json.dumps(CASE).encode()
    headers = signing.sign(SECRET, CASE["idempotency_key"], body)
    assert await office.post(body, headers) == (201, {"id": RECEIPT, "duplicate": False})
    assert await office.post(body, headers) == (200, {"id": RECEIPT, "duplicate": True})
    await office.sign_in()
    _, page = await office.get("/")
    assert page.count(f"/cases/{RECEIPT}") == 1


async def test_the_same_case_from_ten_sides_at_once_is_one_case(office: Office) -> None:
    body = json.dumps(CASE).encode()
    headers = signing.sign(SECRET, CASE["idempotency_key"], body)
    answers = await asyncio.gather(*(office.post(body, headers) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [200] * 9 + [201]


@pytest.mark.parametrize("fault", ["unsigned", "forged", "old", "body changed", "key changed"])
async def test_what_is_not_signed_by_us_is_refused(office: Office, fault: str) -> None:
    body = json.dumps(CASE).encode()
    headers = signing.sign(SECRET, CASE["idempotency_key"], body)
    match fault:
        case "unsigned":
            headers = {}
        case "forged":
            headers = signing.sign(signing.new_secret(), CASE["idempotency_key"], body)
        case "old":
            headers["Webhook-Timestamp"] = str(int(headers["Webhook-Timestamp"]) - 3600)
        case "body changed":
            body += b" "
        case "key changed":
            headers["Webhook-Id"] = "another"
    status, data = await office.post(body, headers)
    assert (status, data["error"]["code"]) == (401, "signature")


async def test_a_replayed_request_changes_nothing(office: Office, service: Receiver) -> None:
    body = json.dumps(CASE).encode()
    headers = signing.sign(SECRET, CASE["idempotency_key"], body)
    await office.post(body, headers)
    await office.sign_in()
    await accept(office)
    assert (await office.post(body, headers))[0] == 200
    _, page = await office.get(f"/cases/{RECEIPT}")
    assert "已受理" in page


async def test_a_case_that_does_not_fit_is_refused_with_its_fields(office: Office) -> None:
    wrong = {**CASE, "applicant": {**CASE["applicant"], "id_number": "99010119560305002"}}
    outcome = await office.send(wrong)
    assert isinstance(outcome, Refused)
    assert "applicant.id_number: breaks pattern" in outcome.reason
    assert isinstance(await office.send({**CASE, "schema_version": "2.0"}), Refused)


async def test_the_signed_key_must_be_the_cases_own(office: Office) -> None:
    outcome = await office.send(CASE, key="another-key")
    assert outcome == Refused("HTTP 422: contradiction; idempotency_key: differs from the signed Webhook-Id")


async def test_another_application_under_a_taken_number_or_key_is_not_called_delivered(
    office: Office,
) -> None:
    assert await office.send(CASE) == Delivered()
    for taken in ({"receipt": "SFX-20261122-9999"}, {"idempotency_key": "conversation-9:9"}):
        outcome = await office.send({**CASE, **taken})
        assert isinstance(outcome, Refused)
        assert "belongs to a different application" in outcome.reason


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"'])
async def test_signed_nonsense_is_refused(office: Office, body: bytes) -> None:
    status, _ = await office.post(body, signing.sign(SECRET, "k", body))
    assert status in {400, 422}


async def test_an_oversize_body_is_refused(office: Office) -> None:
    status, data = await office.post(b"x" * (1024 * 1024 + 1), {})
    assert (status, data["error"]["code"]) == (413, "too_large")


async def test_an_unknown_address_or_method_answers_in_json(office: Office) -> None:
    async with office.browser.get(office.url("/api/cases")) as reply:
        assert (reply.status, (await reply.json())["error"]["code"]) == (405, "http")


async def test_a_locked_database_asks_to_come_again(config: ReferenceSettings) -> None:
    async with running(replace(config, poll=3600)) as office:
        blocker = sqlite3.connect(office.var / "backoffice.sqlite3", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        body = json.dumps(CASE).encode()
        status, data = await office.post(body, signing.sign(SECRET, CASE["idempotency_key"], body))
        assert (status, data["error"]["code"]) == (503, "storage")
        blocker.execute("ROLLBACK")
        blocker.close()
        assert await office.send(CASE) == Delivered()


async def test_what_was_taken_survives_a_restart_and_is_sealed_on_disk(config: ReferenceSettings) -> None:
    async with running(config) as office:
        await office.send(CASE)
    for file in config.var.glob("backoffice.sqlite3*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        raw = file.read_bytes()
        assert "王桂兰".encode() not in raw
        assert CASE["applicant"]["id_number"].encode() not in raw
    async with running(config) as office:
        await office.sign_in()
        assert RECEIPT in (await office.get("/"))[1]


async def test_a_database_of_another_version_is_refused_with_the_cure(config: ReferenceSettings) -> None:
    async with running(config):
        pass
    with sqlite3.connect(config.var / "backoffice.sqlite3") as database:
        database.execute("UPDATE schema_info SET version = 2")
    with pytest.raises(RuntimeError, match=r"version .*Cure"):
        async with running(config):
            pass


async def test_it_runs_on_postgresql_too(
    config: ReferenceSettings, postgres_url: str, service: Receiver
) -> None:
    url = re.sub(r"^postgresql(\+\w+)?://", "postgresql+asyncpg://", postgres_url)
    async with running(replace(config, database_url=url)) as office:
        assert await office.send(CASE) == Delivered()
        assert isinstance(await office.send({**CASE, "receipt": "SFX-0"}), Refused)
        await office.sign_in()
        await accept(office)
        await service.until(1)


# --- the pages -------------------------------------------------------------------------------------------------


async def test_the_password_is_made_once_and_closed_to_others(office: Office) -> None:
    path = office.var / "backoffice-password.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) >= 12


@pytest.mark.parametrize("path", ["/", f"/cases/{RECEIPT}"])
async def test_nothing_is_shown_before_signing_in(office: Office, path: str) -> None:
    await office.send(CASE)
    _, page = await office.get(path)
    assert "<h1>登录</h1>" in page
    assert RECEIPT not in page
    async with office.browser.post(
        office.url(f"/cases/{RECEIPT}/events"), data={"status": "approved"}
    ) as reply:
        assert "<h1>登录</h1>" in await reply.text()


async def test_a_wrong_password_is_told_kindly_and_guessing_is_slowed(office: Office, clock: Clock) -> None:
    for _ in range(5):
        status, page = await office.sign_in(password="wrong")
        assert status == 401
        assert "密码不对" in page
    status, page = await office.sign_in()
    assert status == 429
    assert "五分钟" in page
    clock.advance(minutes=6)
    assert "申请列表" in (await office.sign_in())[1]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x", "multipart/form-data", 400),
        (b"a=1", "application/x-www-form-urlencoded; charset=nope", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"x" * 1_100_000, "application/x-www-form-urlencoded", 413),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
async def test_a_malformed_form_is_told_kindly(office: Office, body: bytes, kind: str, status: int) -> None:
    async with office.browser.post(office.url("/login"), data=body, headers={"Content-Type": kind}) as reply:
        page = await reply.text()
        assert reply.status == status
        assert 'role="alert"' in page
        assert "请" in page


async def test_signing_out_ends_the_session(office: Office) -> None:
    _, page = await office.sign_in()
    await office.submit(page, "/logout")
    assert "<h1>登录</h1>" in (await office.get("/"))[1]


async def test_the_list_masks_and_the_case_shows_everything_and_the_look_is_recorded(
    office: Office, clock: Clock
) -> None:
    await office.send(CASE)
    _, listed = await office.sign_in()
    assert "王**" in listed
    assert "王桂兰" not in listed
    assert CASE["applicant"]["id_number"] not in listed
    assert "新收到" in listed
    assert "2027年1月4日" in listed
    _, page = await office.get(f"/cases/{RECEIPT}")
    for shown in (
        "王桂兰", CASE["applicant"]["id_number"], "1956年3月5日", "000-12345678", "9901 0000 1234 5678 90",
        "王小宝", "肢体残疾 2 级", "最低生活保障", "可能符合", "家庭经济状况核对授权书", "身份证.jpg",
        "5 个工作日", "2026年11月27日", "暂定", "2026年11月22日 16:30", "shifan-xian", "4b1c7d1e",
    ):  # fmt: skip
        assert shown in page, shown
    assert "李干部" in page.split("最近谁看过")[1]


async def test_what_a_resident_wrote_is_never_markup(office: Office) -> None:
    nasty = '"><script>alert(1)</script>'
    case = build_case(case_input(7, contact={"phone": "000-12345678", "address": nasty}))
    await office.send(case)
    await office.sign_in()
    _, page = await office.get(f"/cases/{case['receipt']}")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_pages_carry_strict_headers_and_load_nothing_from_outside(office: Office) -> None:
    async with office.browser.get(office.url("/login")) as reply:
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert reply.headers["Cache-Control"] == "no-store"
        page = await reply.text()
        cookie = reply.headers["Set-Cookie"]
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert 'lang="zh-CN"' in page
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_an_unknown_case_is_said_in_plain_words(office: Office) -> None:
    await office.sign_in()
    status, page = await office.get("/cases/none")
    assert status == 404
    assert "没有找到这一页" in page


async def test_many_cases_come_in_pages(office: Office, clock: Clock) -> None:
    for number in range(1, 53):
        await office.send(build_case(case_input(number)))
        clock.advance(seconds=1)
    _, first = await office.sign_in()
    assert first.count("<tr>") == 51
    assert "第 1 页" in first
    _, second = await office.get("/?page=2")
    assert second.count("<tr>") == 3
    for odd in ("0", "-1", "x", "99999", "²"):
        assert (await office.get(f"/?page={odd}"))[0] == 200


# --- status events ---------------------------------------------------------------------------------------------


async def accept(office: Office, **fields: str) -> tuple[int, str]:
    _, page = await office.get(f"/cases/{RECEIPT}")
    return await office.submit(
        page, f"/cases/{RECEIPT}/events", **({"status": "accepted", "text": ""} | fields)
    )


async def test_an_event_is_posted_signed_to_the_service(
    office: Office, service: Receiver, clock: Clock
) -> None:
    await office.send(CASE)
    await office.sign_in()
    _, page = await accept(office, text=" 请等\n通知 ")
    assert "已受理" in page
    await service.until(1)
    (arrived,) = service.arrived
    event = events.verify(arrived.headers, arrived.body, SECRET)
    assert (event.case_id, event.status, event.text, event.at) == (RECEIPT, "accepted", "请等 通知", clock())
    await shown(office, "已发给居民")


async def shown(office: Office, text: str) -> str:
    """The case's page once it says `text`."""
    async with asyncio.timeout(20):
        while text not in (page := (await office.get(f"/cases/{RECEIPT}"))[1]):  # noqa: ASYNC110 - watched as staff do
            await asyncio.sleep(0.02)
    return page


@pytest.mark.parametrize("status", ["need_documents", "refused"])
async def test_what_needs_words_is_not_sent_without(office: Office, service: Receiver, status: str) -> None:
    await office.send(CASE)
    await office.sign_in()
    code, page = await accept(office, status=status, text="  ")
    assert code == 422
    assert 'role="alert"' in page
    assert "还没有办理记录" in page
    assert service.arrived == []


async def test_a_decision_is_shown_once_more_and_then_final(office: Office, service: Receiver) -> None:
    await office.send(CASE)
    await office.sign_in()
    _, page = await accept(office, status="refused", text="家庭收入超过标准")
    assert "请再确认一次" in page
    assert "家庭收入超过标准" in page
    assert service.arrived == []
    _, page = await office.submit(page, f"/cases/{RECEIPT}/events")
    assert "已经办结" in page
    await service.until(1)
    assert events.verify(service.arrived[0].headers, service.arrived[0].body, SECRET).status == "refused"
    code, page = await accept(office, event_id="another-event-1", status="accepted", csrf=_csrf(page))
    assert code == 409
    assert "没有保存" in page


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_a_button_pressed_twice_is_one_event(office: Office, service: Receiver) -> None:
    await office.send(CASE)
    await office.sign_in()
    _, page = await office.get(f"/cases/{RECEIPT}")
    for _ in range(3):
        await office.submit(page, f"/cases/{RECEIPT}/events", status="accepted", text="")
    page = await shown(office, "已发给居民")
    assert page.count("<strong>已受理</strong>") == 1
    assert len(service.arrived) == 1


async def test_a_form_from_elsewhere_does_nothing(office: Office, service: Receiver) -> None:
    await office.send(CASE)
    await office.sign_in()
    async with office.browser.post(
        office.url(f"/cases/{RECEIPT}/events"),
        data={"csrf": "guess", "event_id": "forged-event-1", "status": "accepted", "text": ""},
    ) as reply:
        assert reply.status == 403
    assert "还没有办理记录" in (await office.get(f"/cases/{RECEIPT}"))[1]


@pytest.mark.parametrize(
    "fields", [{"status": "lost"}, {"text": "长" * 501}, {"event_id": "<script>"}, {"status": ""}]
)
async def test_an_odd_form_is_refused_kindly(office: Office, fields: dict[str, str]) -> None:
    await office.send(CASE)
    await office.sign_in()
    code, page = await accept(office, **fields)
    assert code == 422
    assert "<script>" not in page


async def test_a_service_that_is_down_hears_everything_later_in_order(
    office: Office, service: Receiver, clock: Clock
) -> None:
    service.default = answer(503)
    await office.send(CASE)
    await office.sign_in()
    await accept(office)
    await service.until(1)
    await accept(office, status="checking")
    await accept(office, status="visiting")
    await shown(office, "正在发")
    service.default = answer(200)
    tried = len(service.arrived)
    clock.advance(hours=2)
    await service.until(tried + 3)
    statuses = [json.loads(arrived.body)["status"] for arrived in service.arrived]
    assert set(statuses[:tried]) == {"accepted"}  # the later ones wait behind the first
    assert statuses[tried:] == ["accepted", "checking", "visiting"]


async def test_events_owed_survive_a_restart(
    config: ReferenceSettings, service: Receiver, clock: Clock
) -> None:
    service.default = answer(500)
    async with running(config) as office:
        await office.send(CASE)
        await office.sign_in()
        await accept(office)
        await service.until(1)
    service.default = answer(200)
    clock.advance(hours=1)
    tried = len(service.arrived)
    async with running(config) as office:
        await service.until(tried + 1)
        await office.sign_in()
        await shown(office, "已发给居民")
    assert len({arrived.headers["Webhook-Id"] for arrived in service.arrived}) == 1


async def test_an_event_refused_for_good_is_seen_and_can_be_sent_again(
    office: Office, service: Receiver
) -> None:
    service.then(answer(404, '{"error": {"message": "no such case"}}'))
    await office.send(CASE)
    await office.sign_in()
    await accept(office)
    page = await shown(office, "没发出去")
    assert "no such case" in page
    assert "1 条进度没能通知到居民" in (await office.get("/"))[1]
    found = re.search(r'action="(/cases/[^"]+/retry)"', page)
    assert found is not None
    await office.submit(page, found[1])
    await shown(office, "已发给居民")
    assert len(service.arrived) == 2


# --- the whole way there and back --------------------------------------------------------------------------------


async def test_a_case_goes_out_and_its_news_come_back(
    storage: Storage, config: ReferenceSettings, clock: Clock
) -> None:
    """Submission → outbox → back office (first down, then up) → a click there → signed event → the case's status."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(request: web.Request) -> web.Response:
        event = events.verify(request.headers, await request.read(), SECRET)
        async with storage.begin() as tx:
            new = await tx.cases.add_event(
                event.case_id, event.event_id, event.status, event.model_dump(mode="json"), event.at
            )
        if new:
            heard.put_nowait(events.resident_text(event))
        return web.Response()

    app = web.Application()
    app.router.add_post("/api/v1/backoffice/events", hear)
    house = TestServer(app)
    await house.start_server()
    config = replace(config, events_url=str(house.make_url("/api/v1/backoffice/events")))
    async with storage.begin() as tx:
        conversation = await tx.conversations.create("web", "", "shifan-xian")
        await tx.cases.open(RECEIPT, conversation.id, CASE["idempotency_key"], CASE, TOPIC)
    try:
        async with running(config) as office:
            port = office.server.port
        connector = HttpConnector(f"http://127.0.0.1:{port}/api/cases", SECRET)
        worker = OutboxWorker(storage, connector, clock=clock)
        await worker.run_once()
        async with storage.begin() as tx:
            assert (await tx.outbox.counts())["pending"] == 1
        clock.advance(timedelta(minutes=1))
        server = TestServer(create_app(config), port=port)
        await server.start_server()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            office = Office(server, browser, config.var)
            assert await worker.run_once() == 1
            await office.sign_in()
            await accept(office, status="need_documents", text="户口簿复印件一份")
            told = await asyncio.wait_for(heard.get(), 20)
            assert "户口簿复印件一份" in told
        async with storage.begin() as tx:
            case = await tx.cases.get(RECEIPT)
            assert case is not None
            assert case.status == "need_documents"
            assert (await tx.outbox.counts())["delivered"] == 1
        await worker.stop()
        await server.close()
    finally:
        await house.close()
