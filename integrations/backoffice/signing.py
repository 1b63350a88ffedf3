"""Signed JSON in both directions, by the Standard Webhooks specification (HMAC-SHA256 over id, time and body)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

from integrations.secretfile import load_or_make


class SignatureInvalid(Exception):
    """The message was not signed with our secret, or outside the time window (five minutes either way)."""


def new_secret() -> str:
    """A fresh shared secret, in the specification's `whsec_` form."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def load_secret(path: Path) -> str:
    """The shared secret kept in `path`; made at the first call, readable by the owner only.

    Raises:
        ValueError: the file does not hold a usable secret.
    """
    text = load_or_make(path, new_secret)
    try:
        Webhook(text)
    except (ValueError, EmptyWebhookSecretError):
        raise ValueError(
            f"{path}: not a whsec_ secret. Cure: delete the file and restart both sides"
        ) from None
    return text


def sign(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """Headers for `body`. `message_id` is the same for every attempt at delivering the same thing."""
    now = datetime.now(UTC)
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(message_id, now, body.decode("utf-8")),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Check signature and time window; returns the message id, which the signature covers.

    Raises:
        SignatureInvalid: with the reason, for the log. Callers answer 401 and no more.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        Webhook(secret).verify(body, lower, json_parse=False)
    except WebhookVerificationError as error:
        raise SignatureInvalid(str(error)) from None
    except ValueError:
        # The library lets malformed signature headers and bodies that are not UTF-8 through as ValueError.
        raise SignatureInvalid("malformed signature header or body") from None
    return lower["webhook-id"]
