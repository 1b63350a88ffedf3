"""The channel port: what a messenger must offer, and what the gateway offers to it.

A channel is one folder. It turns what arrives into calls of `Gateway` and shows what the gateway says. It decides
nothing else: order, repeats, the person at the window and every word come from the gateway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from aiohttp import web

from integrations.ports import ConversationRow, DocumentRow, MessageRow


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can show. `max_text` is in characters; `push`: the service must deliver, nobody fetches."""

    buttons: bool
    files: bool
    max_text: int
    push: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored inbound message. `duplicate`: this client_id was stored before and nothing was done."""

    seq: int
    duplicate: bool


class Rejected(Exception):
    """An inbound message that was not accepted. `message` is plain Chinese, fit to be shown to the resident."""

    codes: ClassVar[Mapping[str, str]] = {
        "empty": "没有收到内容。请把想问的话打出来，再发一次。",
        "too_long": "这段话太长了。请分成几段，一段一段发给我。",
        "too_fast": "您发得有点快，我还没看完。请过半分钟再发，前面的话都收到了。",
        "file_too_large": "文件太大了。请拍一张清楚的照片发来就可以。",
        "unsupported_file": "这种文件我打不开。请发照片(JPG、PNG)或 PDF。",
        "unavailable": "系统这会儿存不下新消息，这一条没有收到。请过几分钟再发一次。",
        "not_found": "没有找到这段对话。请重新打开页面。",
    }

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.message = message or self.codes[code]
        super().__init__(code)


class DeliveryFailed(Exception):
    """A push channel could not deliver.

    Args:
        permanent: trying again is pointless (the resident blocked the account).
        retry_after: seconds the messenger asked us to wait.
    """

    def __init__(self, reason: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        self.reason = reason
        self.permanent = permanent
        self.retry_after = retry_after
        super().__init__(reason)


class Gateway(Protocol):
    """The service, as a channel sees it. Everything raises only `Rejected`."""

    async def conversation(self, channel: str, address: str) -> ConversationRow:
        """The resident's conversation, opened and greeted when there was none."""
        ...

    async def accept(
        self,
        conversation_id: str,
        *,
        client_id: str | None,
        text: str | None = None,
        payload: str | None = None,
    ) -> Accepted:
        """Store a text or a pressed button. Returns once it cannot be lost; the reply comes later.

        `client_id` is the channel's own id of the message, the same when the channel repeats itself. Payloads are
        at most 64 bytes UTF-8.
        """
        ...

    async def accept_file(
        self,
        conversation_id: str,
        *,
        client_id: str | None,
        data: bytes,
        filename: str,
        mime: str,
        text: str | None = None,
    ) -> Accepted:
        """Check and store a file (`text`: its caption)."""
        ...

    async def tell(self, conversation_id: str, text: str) -> None:
        """A system message to the resident that the dialogue has no part in (“语音还听不懂,请打字”)."""
        ...

    async def file(self, conversation_id: str, document_id: str) -> tuple[DocumentRow, bytes]:
        """A stored file of this conversation, for a channel that shows files."""
        ...


class Channel(Protocol):
    """A messenger."""

    @property
    def name(self) -> str:
        """Short id, as in the database (`web`, `telegram`, `console`)."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def routes(self) -> Sequence[web.RouteDef]:
        """What the messenger calls over HTTP (webhooks); the service mounts it."""
        ...

    async def start(self, gateway: Gateway) -> None:
        """Begin to receive. Returns once receiving."""
        ...

    async def stop(self) -> None:
        """Stop receiving; whatever was received is with the gateway."""
        ...

    async def send(self, conversation: ConversationRow, message: MessageRow) -> None:
        """Deliver one message (push channels; the delivery loop calls it, in order within a conversation).

        Raises:
            DeliveryFailed: not delivered; permanent, or to be tried again.
        """
        ...
