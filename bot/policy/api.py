"""The API behind the policy page of the console. What is shown is no resident's; changes bear the name of who made
them. Any staff may look and try questions; drafts are changed by administrators."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar, get_args
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel

from bot.api.http import ApiError, answer, read
from bot.api.openapi import Operation
from bot.clock import Clock
from bot.handoff import session
from bot.packs import Packs
from bot.policy.models import (
    Accept,
    AcceptedView,
    ChangeView,
    ClauseChanges,
    ClauseView,
    DraftLine,
    Drafts,
    DraftView,
    FrontChanges,
    PackName,
    PolicyDesk,
    Reject,
    Replaces,
    SchemeName,
    Settle,
    Try,
)
from integrations.ports import StaffRow, Storage
from policies_kb.authoring.messages import in_chinese
from policies_kb.clauses import Aspect
from policies_kb.errors import DataFileError
from policies_kb.ingest import review
from policies_kb.ingest.draft import Draft, State
from policies_kb.ingest.versions import Comparison
from policies_kb.loader import UnknownPack, pack_folders, pack_titles
from policies_kb.retrieval.explain import Explanation
from policies_kb.retrieval.glossary import load_glossary

_BASE = "/api/v1/staff/policy"
_DRAFTS = _BASE + "/packs/{pack}/drafts"
_DRAFT = _DRAFTS + "/{draft_id}"
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_STATES: dict[str, State | None] = {
    "open": "open",
    "accepted": "accepted",
    "rejected": "rejected",
    "all": None,
}
ResultT = TypeVar("ResultT")
ModelT = TypeVar("ModelT", bound=BaseModel)


class PolicyApi:
    """Handlers of the policy console."""

    def __init__(self, storage: Storage, packs: Packs, *, pack: str, clock: Clock) -> None:
        """`pack`: the one the page opens with."""
        self._storage = storage
        self._packs = packs
        self._pack = pack
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        """Every operation, for the router and the OpenAPI document."""
        look, change = (401, 404), (400, 401, 403, 404, 409, 422)
        return (
            Operation("GET", _BASE, self.desk, "Packs that can be asked and reviewed", {200: PolicyDesk},
                      security="staff", errors=(401,)),
            Operation("POST", _BASE + "/explain", self.explain, "A question, its answer, and why this clause won",
                      {200: Explanation}, body=Try, security="staff", errors=(400, 401, 403, 404)),
            Operation("GET", _DRAFTS, self.drafts, "Drafts of ingested documents", {200: Drafts}, security="staff",
                      errors=look),
            Operation("GET", _DRAFT, self.draft, "A draft: the original beside the result", {200: DraftView},
                      security="staff", errors=look),
            Operation("POST", _DRAFT + "/marks/{mark_id}", self.settle, "Settle a doubt", {200: DraftView}, body=Settle,
                      security="staff", errors=change),
            Operation("POST", _DRAFT + "/front", self.front, "Change the head", {200: DraftView}, body=FrontChanges,
                      security="staff", errors=change),
            Operation("POST", _DRAFT + "/clauses/{key}", self.clause, "Change a clause", {200: DraftView},
                      body=ClauseChanges, security="staff", errors=change),
            Operation("POST", _DRAFT + "/replaces", self.replaces, "Name the document it replaces", {200: DraftView},
                      body=Replaces, security="staff", errors=change),
            Operation("POST", _DRAFT + "/accept", self.accept, "Take it into the pack", {200: AcceptedView}, body=Accept,
                      security="staff", errors=change),
            Operation("POST", _DRAFT + "/reject", self.reject, "Put it aside", {200: DraftView}, body=Reject,
                      security="staff", errors=change),
            Operation("POST", _DRAFT + "/reopen", self.reopen, "Take up a rejected one again", {200: DraftView},
                      security="staff", errors=change),
        )  # fmt: skip

    async def desk(self, request: web.Request) -> web.Response:
        """GET what the page begins with."""
        staff = await session.signed_in(request, self._storage)
        titles = await asyncio.to_thread(pack_titles, self._packs.folder)
        schemes = await asyncio.to_thread(self._scheme_names)
        return answer(
            PolicyDesk(
                packs=[PackName(name=name, title=title) for name, title in titles.items()],
                pack=self._pack,
                may_decide=_may_decide(staff),
                aspects=list(get_args(Aspect)),
                schemes=[SchemeName(id=scheme, name=name) for scheme, name in schemes.items()],
            )
        )

    def _scheme_names(self) -> dict[str, str]:
        """What the packs' glossaries call each scheme; a pack whose files are wrong is left out."""
        found: dict[str, str] = {}
        for pack in self._packs.names():
            with contextlib.suppress(DataFileError):
                folders = pack_folders(pack, self._packs.folder)
                found |= load_glossary(
                    [path for one in folders if (path := one / "glossary.yml").is_file()]
                ).names
        return found

    async def explain(self, request: web.Request) -> web.Response:
        """POST a question."""
        await session.signed_in(request, self._storage)
        given = await read(request, Try)
        if given.pack not in self._packs.names():
            raise ApiError(404, "not_found", "没有这个政策包。")
        await self._packs.ready(given.pack)
        today = self._clock().astimezone(_SHANGHAI).date()
        knowledge = self._packs.desk(given.pack).knowledge
        return answer(knowledge.explain(given.question, today=today, scheme=given.scheme or None))

    async def drafts(self, request: web.Request) -> web.Response:
        """GET the list; `state` is open (default), accepted, rejected or all."""
        await session.signed_in(request, self._storage)
        state = request.query.get("state", "open")
        if state not in _STATES:
            raise ApiError(400, "bad_request", "没有这种状态。")
        pack, folder = self._named(request), self._packs.folder
        found = await self._do(partial(review.list_drafts, pack, folder, state=_STATES[state]))
        return answer(Drafts(drafts=[DraftLine.model_validate(one, from_attributes=True) for one in found]))

    async def draft(self, request: web.Request) -> web.Response:
        """GET one draft."""
        await session.signed_in(request, self._storage)
        return answer(await self._view(request))

    async def settle(self, request: web.Request) -> web.Response:
        """POST a doubt settled."""
        staff, given = await self._decides(request, Settle)
        mark = request.match_info["mark_id"]
        return await self._changed(
            request, partial(review.settle_mark, mark_id=mark, by=staff, text=given.text)
        )

    async def front(self, request: web.Request) -> web.Response:
        """POST changes of the head."""
        staff, given = await self._decides(request, FrontChanges)
        changes: dict[str, object] = given.model_dump(exclude_unset=True)
        return await self._changed(request, partial(review.edit_front, changes=changes, by=staff))

    async def clause(self, request: web.Request) -> web.Response:
        """POST changes of a clause."""
        staff, given = await self._decides(request, ClauseChanges)
        key = request.match_info["key"]
        if not key.isascii() or not key.isdigit():
            raise ApiError(404, "not_found", "没有这一条。")
        changes: dict[str, object] = given.model_dump(exclude_unset=True, exclude={"keep"})
        edit = partial(review.edit_clause, key=int(key), changes=changes, by=staff, keep=given.keep)
        return await self._changed(request, edit)

    async def replaces(self, request: web.Request) -> web.Response:
        """POST the document it replaces."""
        staff, given = await self._decides(request, Replaces)
        return await self._changed(
            request, partial(review.set_replaces, document_id=given.document, by=staff)
        )

    async def accept(self, request: web.Request) -> web.Response:
        """POST acceptance; this worker answers by the new document from here on, the others within moments."""
        staff, given = await self._decides(request, Accept)
        pack, draft_id = self._named(request), request.match_info["draft_id"]
        done = await self._do(
            partial(
                review.accept, pack, draft_id, by=staff, effective_from=given.effective_from,
                packs_dir=self._packs.folder,
            )
        )  # fmt: skip
        refreshed = await self._packs.refresh()
        return answer(
            AcceptedView(
                document=done.document_id, effective_from=done.effective_from, effective_to=done.effective_to,
                retired=done.retired, retired_to=done.retired_to, referring=list(done.referring),
                refreshed=list(refreshed),
            )
        )  # fmt: skip

    async def reject(self, request: web.Request) -> web.Response:
        """POST rejection."""
        staff, given = await self._decides(request, Reject)
        return await self._changed(request, partial(review.reject, by=staff, why=given.why))

    async def reopen(self, request: web.Request) -> web.Response:
        """POST a rejected draft open again."""
        staff = await self._decider(request)
        return await self._changed(request, partial(review.reopen, by=staff))

    def _named(self, request: web.Request) -> str:
        """The pack of the address; only names of packs there are become paths."""
        pack = request.match_info["pack"]
        if pack not in self._packs.names():
            raise ApiError(404, "not_found", "没有这个政策包。")
        return pack

    async def _decider(self, request: web.Request) -> str:
        staff = await session.signed_in(request, self._storage)
        if not _may_decide(staff):
            raise ApiError(403, "forbidden", "政策草稿由管理员审定。您可以看，也可以试问。")
        return staff.display_name or staff.name

    async def _decides(self, request: web.Request, model: type[ModelT]) -> tuple[str, ModelT]:
        staff = await self._decider(request)
        return staff, await read(request, model)

    async def _changed(self, request: web.Request, change: Callable[..., Draft]) -> web.Response:
        pack, draft_id = self._named(request), request.match_info["draft_id"]
        await self._do(partial(change, pack, draft_id, packs_dir=self._packs.folder))
        return answer(await self._view(request))

    async def _view(self, request: web.Request) -> DraftView:
        pack, draft_id, folder = (
            request.match_info["pack"],
            request.match_info["draft_id"],
            self._packs.folder,
        )
        draft = await self._do(partial(review.load_draft, pack, draft_id, folder))
        compared = await self._do(partial(review.compare_draft, pack, draft_id, folder))
        return _view(draft, compared)

    async def _do(self, work: Callable[[], ResultT]) -> ResultT:
        """Run what reads and writes files beside the event loop."""
        with _refusals():
            return await asyncio.to_thread(work)


def _may_decide(staff: StaffRow) -> bool:
    return staff.role == "admin"


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """What the review refuses, as the API says it."""
    try:
        yield
    except (review.UnknownDraft, review.UnknownMark, review.UnknownClause) as error:
        raise ApiError(404, "not_found", error.message_zh) from None
    except review.AlreadyDecided as error:
        raise ApiError(409, "already_decided", error.message_zh) from None
    except review.ReviewError as error:
        raise ApiError(422, "cannot_be_taken", error.message_zh) from None
    except UnknownPack:
        raise ApiError(404, "not_found", "没有这个政策包。") from None
    except OSError as error:
        raise ApiError(
            422, "not_written", f"写不进政策包的文件夹：{error.strerror}。请让管理员看看权限和磁盘。"
        ) from None
    except DataFileError as error:
        raise ApiError(
            422, "broken_files", f"政策包的文件有问题：{'；'.join(map(in_chinese, error.problems))}"
        ) from None


def _view(draft: Draft, compared: Comparison | None) -> DraftView:
    file = draft.file
    clauses = [
        ClauseView(
            key=clause.key, original=clause.original, lines=clause.lines, pages=list(clause.pages),
            now=draft.section_of(clause), proposed=clause.proposed, left_out=clause.left_out,
            repairs=list(clause.repairs), figures=list(clause.figures), why=list(clause.why),
            marks=[mark for mark in file.marks if mark.clause == clause.key],
        )
        for clause in file.clauses
    ]  # fmt: skip
    changes = [
        ChangeView(
            kind=change.kind, old_number=change.old_number, new_number=change.new_number, heading=change.heading,
            words=list(change.words), figures_gone=list(change.figures_gone), figures_new=list(change.figures_new),
        )
        for change in (compared.changes if compared else ())
    ]  # fmt: skip
    return DraftView(
        id=file.id, pack=file.pack, state=file.state, residents=file.residents, residents_why=file.residents_why,
        file=file.source.file, lines=file.source.lines, notes=list(file.source.notes),
        front=draft.document.front, issued=file.issued, clauses=clauses,
        marks=[mark for mark in file.marks if mark.clause is None],
        open_marks=len(draft.open_marks), parameters=list(file.parameters), dropped=list(file.dropped),
        log=list(file.log), replaces=file.replaces, changes=changes,
    )  # fmt: skip
