"""Delivery of one signed JSON document over HTTP, with the answer sorted into what to do next."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import aiohttp

from integrations.backoffice import signing

MAX_ANSWER = 64 * 1024
# Too early, too slow, too many: the other side asks for another try although the class of the code is 4xx.
_TRY_AGAIN = frozenset({408, 421, 423, 425, 429})
_DIGITS = re.compile(r"\d{6,}[\dXx]*")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it. `duplicate`: it had it before."""

    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will never take it as it is; a person has to look. `reason` carries the receiver's own words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Not now. `retry_after`: seconds the receiver asked to be left alone, if it did."""

    reason: str
    retry_after: float | None = None


Outcome = Delivered | Refused | Unavailable


class Connector(Protocol):
    """Delivers one document. Never raises for what the other side or the network does."""

    async def deliver(self, payload: dict[str, Any], idempotency_key: str) -> Outcome: ...
    async def close(self) -> None: ...


class HttpConnector:
    """POSTs JSON signed by Standard Webhooks; `Webhook-Id` and `Idempotency-Key` are the entry's key."""

    def __init__(self, url: str, secret: str, *, timeout: float = 10.0) -> None:
        """`url` is the full address to post to; `timeout` is seconds for the whole exchange."""
        self._url = url
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, payload: dict[str, Any], idempotency_key: str) -> Outcome:
        """Send once. Redirects are not followed: a signed case goes where it was addressed."""
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        headers = signing.sign(self._secret, idempotency_key, body) | {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": idempotency_key,
        }
        # Made here and not in __init__: a session belongs to the loop that uses it.
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return _classify(answer.status, answer.headers.get("Retry-After"), await _words(answer))
        except TimeoutError:
            return Unavailable("no answer in time")
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            return Refused("the configured address is not an http URL")
        except (aiohttp.ClientError, OSError) as error:
            return Unavailable(f"cannot reach it: {type(error).__name__}")

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()


def _classify(status: int, retry_after: str | None, words: str) -> Outcome:
    reason = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    if 200 <= status < 300:
        return Delivered(duplicate=status == 208)
    if status == 409:
        return Delivered(duplicate=True)
    if status >= 500 or status in _TRY_AGAIN:
        return Unavailable(reason, _seconds(retry_after))
    return Refused(reason)


def _seconds(retry_after: str | None) -> float | None:
    """RFC 9110 Retry-After: seconds or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


async def _words(answer: aiohttp.ClientResponse) -> str:
    """The receiver's reason, short, with long numbers masked: it is kept and shown in clear."""
    if 200 <= answer.status < 300:
        return ""
    raw = await answer.content.read(MAX_ANSWER)
    text = raw.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        fields = error.get("fields") or {}
        text = "; ".join([str(error["message"]), *(f"{field}: {what}" for field, what in fields.items())])
    except (ValueError, TypeError, KeyError, AttributeError):
        text = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    return _DIGITS.sub("***", text)[:500]
