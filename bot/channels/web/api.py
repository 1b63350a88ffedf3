"""The web channel's HTTP API: open a conversation, send, fetch, and a WebSocket that replays and goes on live."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from urllib.parse import quote

import structlog
from aiohttp import BodyPartReader, WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.api.http import ApiError, after_of, answer, read
from bot.api.models import (
    ConversationOpened,
    Message,
    MessageAccepted,
    Messages,
    NewConversation,
    NewFile,
    NewMessage,
    Office,
    WebConfig,
)
from bot.api.openapi import Operation
from bot.api.view import messages as shown
from bot.channels.base import Accepted, Capabilities, Rejected
from bot.gateway import Gateway
from bot.hints import Listener, conversation_key
from dialogues.ports import Knowledge
from integrations.documents.check import ACCEPTED
from integrations.ports import Bus, ConversationRow, Mode, NotFound
from policies_kb.loader import UnknownPack

_log = structlog.get_logger(__name__)

NAME = "web"
CAPABILITIES = Capabilities(buttons=True, files=True, max_text=100_000, push=False)
SUBPROTOCOL = "jzt"

_PAGE = 500
_HEARTBEAT = 25.0
# A hint that was lost (Redis away) delays a message by at most this.
_LOOK_SECONDS = 5.0
_ERASED = 4404
_BASE = "/api/v1/web/conversations"
_ONE = _BASE + "/{conversation_id}"


def token_hash(token: str) -> str:
    """What is stored of a conversation's token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


class WebApi:
    """Handlers of the web channel."""

    def __init__(
        self, gateway: Gateway, bus: Bus, knowledge: Knowledge, *, new_conversation_limit: int
    ) -> None:
        """`new_conversation_limit`: conversations one address may open a minute."""
        self._gateway = gateway
        self._bus = bus
        self._knowledge = knowledge
        self._limit = new_conversation_limit
        self._sockets: set[web.WebSocketResponse] = set()

    def operations(self) -> Sequence[Operation]:
        """Every operation, for the router and the OpenAPI document."""
        return (
            Operation(
                "GET", "/api/v1/web/config", self.config, "What the chat page shows before anything is said",
                {200: WebConfig},
            ),
            Operation(
                "POST", _BASE, self.open, "Open a conversation; the greeting is its first message",
                {201: ConversationOpened}, body=NewConversation,
                body_required=False, errors=(400, 413, 422, 429, 503),
            ),
            Operation(
                "POST", _ONE + "/messages", self.send, "Send a text, a pressed button or a file",
                {202: MessageAccepted}, body=NewMessage, form=NewFile, security="conversation",
                errors=(400, 401, 404, 413, 415, 429, 503),
            ),
            Operation(
                "GET", _ONE + "/messages", self.fetch, "Messages in order", {200: Messages}, after=True,
                security="conversation", errors=(400, 401, 404, 503),
            ),
            Operation(
                "GET", _ONE + "/ws", self.live, "WebSocket: replays after N, then live",
                {101: None}, after=True, security="conversation", errors=(400, 401, 404),
            ),
            Operation(
                "GET", _ONE + "/files/{file_id}", self.file, "A file of the conversation", {200: None},
                security="conversation", errors=(401, 404),
            ),
        )  # fmt: skip

    async def close(self) -> None:
        """Tell every open page that the service goes away; it reconnects by itself."""
        await asyncio.gather(
            *(socket.close(code=1001, message=b"restart") for socket in set(self._sockets)),
            return_exceptions=True,
        )

    # -- handlers

    async def config(self, _request: web.Request) -> web.Response:
        """GET config."""
        text = self._knowledge.text
        return answer(
            WebConfig(
                pack=self._knowledge.pack,
                title="救助通",
                office=Office(
                    name=text("office.name"),
                    address=text("office.address"),
                    hours=text("office.hours"),
                    phone=text("office.phone"),
                ),
                hotline=text("hotline"),
                max_text=self._gateway.limits.max_text,
                max_file_bytes=self._gateway.limits.max_file_bytes,
                file_types=list(ACCEPTED),
            )
        )

    async def open(self, request: web.Request) -> web.Response:
        """POST conversations."""
        if not await self._bus.allow(f"open:{request.remote}", limit=self._limit, window=60):
            raise Rejected("too_fast", "打开得太快了。请过一分钟再试。")
        wish = await read(request, NewConversation) if request.body_exists else NewConversation()
        token = secrets.token_urlsafe(32)
        try:
            # No address: a web conversation is found by its id and token only.
            row = await self._gateway.open(NAME, "", token_hash=token_hash(token), pack=wish.pack)
        except UnknownPack:
            raise ApiError(422, "unknown_pack", "没有这个地方的政策。请从本地办事处的网页打开。") from None
        return answer(ConversationOpened(conversation_id=row.id, token=token), 201)

    async def send(self, request: web.Request) -> web.Response:
        """POST messages."""
        conversation = await self._authorised(request)
        if request.content_type == "multipart/form-data":
            accepted = await self._send_file(request, conversation)
        else:
            message = await read(request, NewMessage)
            accepted = await self._gateway.accept(
                conversation.id, client_id=message.client_id, text=message.text, payload=message.payload
            )
        return answer(MessageAccepted(duplicate=accepted.duplicate, seq=accepted.seq), 202)

    async def fetch(self, request: web.Request) -> web.Response:
        """GET messages."""
        conversation = await self._authorised(request)
        found, mode, _, _ = await self._after(conversation.id, after_of(request))
        return answer(Messages(messages=found, mode=mode))

    async def file(self, request: web.Request) -> web.Response:
        """GET a file."""
        conversation = await self._authorised(request)
        row, data = await self._gateway.file(conversation.id, request.match_info["file_id"])
        return file_answer(data, row.mime, row.filename)

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        """The WebSocket."""
        conversation = await self._authorised(request)
        after = after_of(request)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, protocols=(SUBPROTOCOL,), max_msg_size=4096)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            # Listening starts before the first look, so nothing falls between replay and live.
            async with self._gateway.hints.listen(conversation_key(conversation.id)) as listener:
                reader = asyncio.create_task(_read_until_closed(socket, listener))
                try:
                    await self._follow(socket, listener, conversation.id, after)
                finally:
                    reader.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await reader
        except NotFound:
            await socket.close(code=_ERASED, message=b"erased")
        except ConnectionError:
            pass  # the page is gone; it asks again from the last message it has
        finally:
            self._sockets.discard(socket)
        return socket

    # -- inside

    async def _follow(
        self, socket: web.WebSocketResponse, listener: Listener, conversation_id: str, after: int
    ) -> None:
        told: Mode | None = None
        while not socket.closed:
            found, mode, last, more = await self._after(conversation_id, after)
            for message in found:
                frame = {"type": "message", "message": message.model_dump(mode="json")}
                await socket.send_str(json.dumps(frame, ensure_ascii=False))
            if mode != told:
                await socket.send_str(json.dumps({"type": "mode", "mode": mode}))
                told = mode
            after = last
            # A hint that came since the look is kept by the listener, so one look a hint is enough.
            if not more:
                await listener.wait(_LOOK_SECONDS)

    async def _after(self, conversation_id: str, after: int) -> tuple[list[Message], Mode, int, bool]:
        """Messages to show, who is answering, the number of the last row looked at, and whether more may wait."""
        async with self._gateway.storage.read() as tx:
            conversation = await tx.conversations.get(conversation_id)
            if conversation is None:
                raise NotFound(conversation_id)
            rows = await tx.messages.after(conversation_id, after, _PAGE)
            last = rows[-1].seq if rows else after
            messages = await shown(tx, conversation_id, rows)
            return messages, conversation.mode, last, len(rows) == _PAGE

    async def _authorised(self, request: web.Request) -> ConversationRow:
        async with self._gateway.storage.read() as tx:
            conversation = await tx.conversations.get(request.match_info["conversation_id"])
        if conversation is None or conversation.channel != NAME or conversation.token_hash is None:
            raise Rejected("not_found")
        given = token_hash(_token(request))
        if not hmac.compare_digest(given, conversation.token_hash):
            raise ApiError(
                401,
                "unauthorized",
                "身份没有核对上。请重新打开页面。",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return conversation

    async def _send_file(self, request: web.Request, conversation: ConversationRow) -> Accepted:
        limit = self._gateway.limits.max_file_bytes
        if request.content_length is not None and request.content_length > limit + 64 * 1024:
            raise Rejected("file_too_large")
        fields: dict[str, str] = {}
        data: bytes | None = None
        filename = mime = ""
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader):
                    raise ValueError("nested multipart")
                if part.name == "file":
                    data = await _read_part(part, limit)
                    filename = part.filename or ""
                    mime = part.headers.get("Content-Type", "")
                elif part.name in ("client_id", "text"):
                    fields[part.name] = (await _read_part(part, 64 * 1024)).decode("utf-8")
        except (ValueError, HttpProcessingError):
            raise ApiError(400, "bad_request", "照片没有传完整。请再发一次。") from None
        if data is None:
            raise ApiError(400, "bad_request", "没有收到文件。请再选一次照片。")
        return await self._gateway.accept_file(
            conversation.id,
            client_id=fields.get("client_id", ""),
            data=data,
            filename=filename,
            mime=mime,
            text=fields.get("text"),
        )


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data += chunk
        if len(data) > limit:
            raise Rejected("file_too_large")
    return bytes(data)


async def _read_until_closed(socket: web.WebSocketResponse, listener: Listener) -> None:
    """Nothing is expected from the page here (it POSTs); what matters is to notice that it is gone."""
    async for message in socket:
        if message.type is WSMsgType.ERROR:
            break
    listener.put({"closed": True})


def _token(request: web.Request) -> str:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    for protocol in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if protocol.strip().startswith("bearer."):
            return protocol.strip().removeprefix("bearer.")
    return request.query.get("token", "")


def file_answer(data: bytes, mime: str, filename: str) -> web.Response:
    """A stored file as a download that no browser will run."""
    return web.Response(
        body=data,
        content_type=mime,
        headers={
            "Content-Disposition": f"inline; filename*=UTF-8''{quote(filename)}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )
