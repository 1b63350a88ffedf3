"""What an inbound message must look like to be accepted: cleaned, bounded, never silently cut."""

from __future__ import annotations

import unicodedata

from bot.channels.base import Rejected

# Telegram's limit for callback data; every channel keeps to it so that a button works everywhere.
MAX_PAYLOAD_BYTES = 64
MAX_CLIENT_ID = 128
_KEPT = frozenset("\n\u200d\ufe0f")  # line breaks, and what joins emoji


def clean(text: str) -> str:
    """`text` in NFC without control, format and unpaired surrogate characters; outer blanks removed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").replace("\u3000", " ")
    kept = "".join(
        char
        for char in text
        if char in _KEPT or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return unicodedata.normalize("NFC", kept).strip(" \n\u200d\ufe0f")


def check_text(text: str, max_text: int) -> str:
    """The cleaned text.

    Raises:
        Rejected: nothing is left of it (`empty`), or it is longer than `max_text` characters (`too_long`).
    """
    # The raw length first: cleaning 100 MB of anything is not for free.
    if len(text) > max_text * 8:
        raise Rejected("too_long")
    cleaned = clean(text)
    if not cleaned:
        raise Rejected("empty")
    if len(cleaned) > max_text:
        raise Rejected("too_long")
    return cleaned


def check_payload(payload: str) -> str:
    """The payload as it came.

    Raises:
        Rejected: no payload of ours looks like this.
    """
    if (
        not payload
        or len(payload.encode("utf-8", "replace")) > MAX_PAYLOAD_BYTES
        or clean(payload) != payload
    ):
        raise Rejected("bad_payload", "这个按钮已经不能用了。请把想说的话打出来发给我。")
    return payload


def check_client_id(client_id: str | None) -> str | None:
    """The channel's id of a message, bounded.

    Raises:
        Rejected: it is empty, too long or not printable.
    """
    if client_id is None:
        return None
    if not client_id or len(client_id) > MAX_CLIENT_ID or not client_id.isprintable():
        raise Rejected("bad_client_id", "这条消息没有发完整。请刷新页面再发一次。")
    return client_id
