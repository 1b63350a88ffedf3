"""The staff API behind the staff page."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence

import structlog
from aiohttp import web

from bot.api.http import ApiError, after_of, answer, read
from bot.api.models import (
    Assign,
    CaseSummary,
    Colleague,
    Colleagues,
    ConversationView,
    Done,
    Handoff,
    Login,
    Me,
    OutboxEntry,
    OutboxView,
    StaffReply,
)
from bot.api.models import (
    Inbox as InboxView,
)
from bot.api.openapi import Operation
from bot.api.view import messages as shown
from bot.channels.web.api import file_answer
from bot.gateway import Gateway
from bot.handoff import accounts, session
from bot.handoff.inbox import Entry, Inbox, NotAllowed, NotHeld, UnknownColleague
from bot.hints import OUTBOX, STAFF, Listener
from bot.packs import Packs
from dialogues.state import DialogueState
from dialogues.summary import draft_view
from integrations.backoffice import events
from integrations.ports import AlreadyTaken, Bus, NotFound, StaffRow

_log = structlog.get_logger(__name__)

_BASE = "/api/v1/staff"
_HANDOFF = _BASE + "/handoffs/{handoff_id}"
_CONVERSATION = _BASE + "/conversations/{conversation_id}"
_PAGE = 500
_HEARTBEAT = 25.0
_CHECK_SECONDS = 30.0
# Names tried from one address, whatever the names: guessing over many accounts is throttled as well.
_ADDRESS_FACTOR = 5


class StaffApi:
    """Handlers of the staff API."""

    def __init__(
        self, gateway: Gateway, inbox: Inbox, bus: Bus, packs: Packs, *, login_limit: int, login_window: float
    ) -> None:
        """`login_limit`: sign-ins tried per name and address in `login_window` seconds."""
        self._gateway = gateway
        self._inbox = inbox
        self._bus = bus
        self._packs = packs
        self._login_limit = login_limit
        self._login_window = login_window
        self._sockets: set[web.WebSocketResponse] = set()

    def operations(self) -> Sequence[Operation]:
        """Every operation, for the router and the OpenAPI document."""
        held = (401, 403, 404, 409)
        return (
            Operation("POST", _BASE + "/login", self.login, "Sign in", {200: Me}, body=Login, errors=(400, 401, 403, 429)),
            Operation("POST", _BASE + "/logout", self.logout, "Sign out", {200: Done}, security="staff",
                      errors=(401, 403)),
            Operation("GET", _BASE + "/me", self.me, "Who is signed in", {200: Me}, security="staff", errors=(401,)),
            Operation("GET", _BASE + "/colleagues", self.colleagues, "Active staff", {200: Colleagues},
                      security="staff", errors=(401,)),
            Operation("GET", _BASE + "/inbox", self.inbox, "The waiting list", {200: InboxView}, security="staff",
                      errors=(401,)),
            Operation("POST", _HANDOFF + "/take", self.take, "Take over; the bot is silent from here on",
                      {200: Done}, security="staff", errors=held),
            Operation("POST", _HANDOFF + "/release", self.release, "Back to the waiting list", {200: Done},
                      security="staff", errors=held),
            Operation("POST", _HANDOFF + "/close", self.close_handoff, "Hand back to the bot", {200: Done},
                      security="staff", errors=held),
            Operation("POST", _HANDOFF + "/assign", self.assign, "Give to a colleague", {200: Done}, body=Assign,
                      security="staff", errors=(400, *held)),
            Operation("GET", _CONVERSATION, self.conversation, "A conversation; the look is recorded",
                      {200: ConversationView}, after=True, security="staff", errors=(400, 401, 403, 404)),
            Operation("POST", _CONVERSATION + "/reply", self.reply, "Write to the resident", {200: Done},
                      body=StaffReply, security="staff", errors=(400, 413, *held)),
            Operation("GET", _CONVERSATION + "/files/{file_id}", self.file, "A file; the look is recorded",
                      {200: None}, security="staff", errors=(401, 403, 404)),
            Operation("GET", _BASE + "/outbox", self.outbox, "Deliveries to the back office", {200: OutboxView},
                      security="staff", errors=(401,)),
            Operation("POST", _BASE + "/outbox/{outbox_id}/retry", self.retry, "Deliver a parked entry again",
                      {200: Done}, security="staff", errors=(401, 403, 404)),
            Operation("GET", _BASE + "/ws", self.live, "WebSocket: hints that something is new", {101: None},
                      security="staff", errors=(401, 403)),
        )  # fmt: skip

    async def close(self) -> None:
        """Tell every open page that the service goes away."""
        await asyncio.gather(
            *(socket.close(code=1001, message=b"restart") for socket in set(self._sockets)),
            return_exceptions=True,
        )

    # -- account

    async def login(self, request: web.Request) -> web.Response:
        """POST login."""
        session.require_own_page(request)
        given = await read(request, Login)
        window = self._login_window
        limits = {
            f"login:{request.remote}:{given.name}": self._login_limit,
            f"login:{request.remote}": self._login_limit * _ADDRESS_FACTOR,
        }
        for key, limit in limits.items():
            if not await self._bus.allow(key, limit=limit, window=window):
                _log.warning("login_throttled", remote=request.remote)
                raise ApiError(
                    429,
                    "too_fast",
                    "试的次数太多了。请过五分钟再登录。",
                    headers={"Retry-After": str(int(window))},
                )
        staff = await accounts.sign_in(self._gateway.storage, given.name, given.password)
        if staff is None:
            raise ApiError(401, "wrong_login", "姓名或密码不对。")
        # Counted before, so that guesses sent all at once are counted; a right one was none.
        for key in limits:
            await self._bus.give_back(key)
        async with self._gateway.storage.begin() as tx:
            await tx.records.access(staff.name, "sign_in", staff.name)
        return answer(_me(staff, await session.begin(request, staff)))

    async def logout(self, request: web.Request) -> web.Response:
        """POST logout."""
        await self._staff(request)
        await session.end(request)
        return answer(Done())

    async def me(self, request: web.Request) -> web.Response:
        """GET me."""
        staff = await self._staff(request)
        return answer(_me(staff, await session.csrf_token(request)))

    async def colleagues(self, request: web.Request) -> web.Response:
        """GET colleagues."""
        await self._staff(request)
        async with self._gateway.storage.read() as tx:
            rows = await tx.staff.list()
        active = [Colleague(name=row.name, display_name=row.display_name) for row in rows if row.active]
        return answer(Colleagues(staff=active))

    # -- waiting list

    async def inbox(self, request: web.Request) -> web.Response:
        """GET inbox."""
        lists = await self._inbox.lists(await self._staff(request))
        return answer(
            InboxView(
                waiting=[_handoff(entry) for entry in lists.waiting],
                mine=[_handoff(entry) for entry in lists.mine],
                others=[_handoff(entry) for entry in lists.others],
            )
        )

    async def take(self, request: web.Request) -> web.Response:
        """POST take."""
        staff = await self._staff(request)
        with _refusals():
            await self._inbox.take(staff, request.match_info["handoff_id"])
        return answer(Done())

    async def release(self, request: web.Request) -> web.Response:
        """POST release."""
        staff = await self._staff(request)
        with _refusals():
            await self._inbox.release(staff, request.match_info["handoff_id"])
        return answer(Done())

    async def close_handoff(self, request: web.Request) -> web.Response:
        """POST close."""
        staff = await self._staff(request)
        with _refusals():
            await self._inbox.close(staff, request.match_info["handoff_id"])
        return answer(Done())

    async def assign(self, request: web.Request) -> web.Response:
        """POST assign."""
        staff = await self._staff(request)
        given = await read(request, Assign)
        with _refusals():
            await self._inbox.assign(staff, request.match_info["handoff_id"], given.to)
        return answer(Done())

    # -- conversations

    async def conversation(self, request: web.Request) -> web.Response:
        """GET a conversation."""
        staff = await self._staff(request)
        conversation_id = request.match_info["conversation_id"]
        after = after_of(request)
        with _refusals():
            await self._inbox.look(staff, conversation_id)
        async with self._gateway.storage.read() as tx:
            row = await tx.conversations.get(conversation_id)
            if row is None:
                raise NotFound(conversation_id)
            # Without `after`, the latest page: a long conversation's newest words matter most.
            rows = await tx.messages.after(conversation_id, after or max(0, row.last_seq - _PAGE), _PAGE)
            entry = await self._inbox.entry(tx, conversation_id)
            cases = await tx.cases.for_conversation(conversation_id)
            flows = self._packs.desk(row.pack).flows
            view = ConversationView(
                messages=await shown(tx, conversation_id, rows, notes=True),
                mode=row.mode,
                channel=row.channel,
                draft=dict(draft_view(DialogueState.model_validate(row.state or {}), flows)),
                cases=[
                    CaseSummary(
                        id=case.id,
                        status=case.status,
                        status_title=_status_title(case.status),
                        created_at=case.created_at,
                    )
                    for case in cases
                ],
                handoff=_handoff(entry) if entry else None,
            )
        return answer(view)

    async def reply(self, request: web.Request) -> web.Response:
        """POST reply."""
        staff = await self._staff(request)
        given = await read(request, StaffReply)
        with _refusals():
            await self._inbox.reply(staff, request.match_info["conversation_id"], given.client_id, given.text)
        return answer(Done())

    async def file(self, request: web.Request) -> web.Response:
        """GET a file."""
        staff = await self._staff(request)
        conversation_id, file_id = request.match_info["conversation_id"], request.match_info["file_id"]
        with _refusals():
            await self._inbox.look(staff, conversation_id)
        row, data = await self._gateway.file(conversation_id, file_id)
        async with self._gateway.storage.begin() as tx:
            await tx.records.access(staff.name, "view_file", conversation_id, file_id)
        return file_answer(data, row.mime, row.filename)

    # -- deliveries

    async def outbox(self, request: web.Request) -> web.Response:
        """GET outbox."""
        await self._staff(request)
        async with self._gateway.storage.read() as tx:
            counts, parked = await tx.outbox.counts(), await tx.outbox.parked()
        entries = [
            OutboxEntry(
                id=row.id,
                case_id=row.case_id,
                attempts=row.attempts,
                last_error=row.last_error,
                created_at=row.created_at,
            )
            for row in parked
        ]
        return answer(OutboxView(counts=dict(counts), parked=entries))

    async def retry(self, request: web.Request) -> web.Response:
        """POST retry."""
        staff = await self._staff(request)
        outbox_id = request.match_info["outbox_id"]
        async with self._gateway.storage.begin() as tx:
            if not await tx.outbox.unpark(outbox_id):
                raise NotFound(outbox_id)
            await tx.records.access(staff.name, "retry_delivery", outbox_id)
        await self._gateway.hints.give(OUTBOX)
        return answer(Done())

    # -- live

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        """The WebSocket."""
        await self._staff(request)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=4096)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async with self._gateway.hints.listen(STAFF) as listener:
                reader = asyncio.create_task(_read_until_closed(socket, listener))
                try:
                    while not socket.closed:
                        for hint in await listener.wait(_CHECK_SECONDS):
                            if "type" in hint:
                                await socket.send_str(json.dumps(hint))
                        # The page stays open for hours; the account may be closed meanwhile.
                        await self._staff(request)
                finally:
                    reader.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await reader
        except ApiError:
            await socket.close(code=4401, message=b"signed out")
        except ConnectionError:
            pass  # the page is gone
        finally:
            self._sockets.discard(socket)
        return socket

    async def _staff(self, request: web.Request) -> StaffRow:
        return await session.signed_in(request, self._gateway.storage)


async def _read_until_closed(socket: web.WebSocketResponse, listener: Listener) -> None:
    async for _ in socket:
        pass
    listener.put({})


class _refusals(contextlib.AbstractContextManager[None]):  # noqa: N801 (reads as a verb in `with`)
    """What the inbox refuses, in words for staff."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case AlreadyTaken():
                raise ApiError(409, "already_taken", "另一位同事已经接手了这段对话。") from None
            case NotHeld():
                raise ApiError(409, "not_taken", "请先接手这段对话，再回复。") from None
            case UnknownColleague():
                message = "没有找到这位同事，或者账号已经停用。"
                raise ApiError(400, "unknown_colleague", message) from None
            case NotAllowed():
                raise ApiError(403, "forbidden", "这段对话不是您接手的，或者居民没有要求人工。") from None
            case NotFound():
                raise ApiError(404, "not_found", "没有找到，可能已经处理完了。请刷新名单。") from None


def _status_title(status: str) -> str:
    """A case's status in words; those before the back office's first event are the service's own."""
    titles: dict[str, str] = {"submitted": "已提交", "erased": "已按居民要求删除"}
    titles |= {code: known.title for code, known in events.load_statuses().items()}
    return titles[status]


def _me(staff: StaffRow, csrf: str) -> Me:
    return Me(name=staff.name, display_name=staff.display_name, role=staff.role, csrf=csrf)


def _handoff(entry: Entry) -> Handoff:
    return Handoff(
        id=entry.handoff.id,
        conversation_id=entry.handoff.conversation_id,
        reason=entry.handoff.reason,
        urgent=entry.handoff.urgent,
        channel=entry.conversation.channel,
        waiting_since=entry.handoff.created_at,
        assignee=entry.handoff.assignee,
        preview=entry.preview,
    )
