"""Receipt numbers a person can read over the telephone: JZ-20261122-7KQ4-M2XH.

Letters that sound or look like a digit (B I L O S Z) are not used. The last character is an ISO 7064 check
character over date and number, so a misheard receipt is noticed before somebody else's case is opened.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date

from stdnum.iso7064 import mod_37_36

# 30 characters: the check scheme needs length + 1 to be prime (31).
ALPHABET = "0123456789ACDEFGHJKMNPQRTUVWXY"
_PATTERN = re.compile(r"JZ-?(\d{8})-?([0-9A-Z]{4})-?([0-9A-Z]{4})")


def idempotency_key(conversation_id: str, application: int) -> str:
    """The key of one application: the same however often it is sent."""
    return hashlib.sha256(f"jiuzhutong/application/{conversation_id}/{application}".encode()).hexdigest()


def receipt_number(conversation_id: str, application: int, day: date) -> str:
    """The receipt of application number `application` (1, 2, …) of a conversation, sent on `day`."""
    number = int(idempotency_key(conversation_id, application), 16)
    body = ""
    for _ in range(7):
        number, index = divmod(number, len(ALPHABET))
        body += ALPHABET[index]
    stamp = f"{day:%Y%m%d}"
    tail = body + mod_37_36.calc_check_digit(stamp + body, alphabet=ALPHABET)
    return f"JZ-{stamp}-{tail[:4]}-{tail[4:]}"


def is_receipt(text: str) -> bool:
    """Whether `text` is a well-formed receipt number with a right check character, however it is spaced."""
    return canonical(text) is not None


def canonical(text: str) -> str | None:
    """A receipt number as it is stored (JZ-20261122-7KQ4-M2XH), from what somebody typed; None when it is none."""
    found = _PATTERN.fullmatch("".join(text.split()).upper())
    if found is None or not mod_37_36.is_valid("".join(found.groups()), alphabet=ALPHABET):
        return None
    return "JZ-" + "-".join(found.groups())
