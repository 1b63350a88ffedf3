"""Personal figures hidden in whatever is logged or listed: ID numbers, phones, bank accounts, tokens."""

from __future__ import annotations

import re

# People write long numbers in groups (138 0000 0000), so a separator may stand between digits. \d takes full-width
# digits too. Order matters: a token may contain a run of digits.
_TOKENS = re.compile(
    r"(?i)(?P<keep>\b(?:bearer[ .]|token=|authorization[=: ]+(?:bearer )?))[^\s\"'&,;]+"
    r"|(?<!\d)\d{6,}:[A-Za-z0-9_-]{30,}"  # a Telegram bot token
    r"|\bwhsec_[A-Za-z0-9+/=_-]+"
)
_ID = re.compile(r"(?<![\d-])(?:\d[ -]?){17}[\dXxxX](?!\d)")
_LONG = re.compile(r"(?<![\d-])(?:\d[ -]?){11,18}\d(?!\d)")
_MOBILE = re.compile(r"(?<![\d-])(?:\+?86[ -]?)?1[ -]?[3-9](?:[ -]?\d){9}(?!\d)")
_LANDLINE = re.compile(r"(?<![\d-])0\d{2,3}[- ]\d{7,8}(?!\d)")
_OLD_ID = re.compile(r"(?<![\d-])\d{15}(?!\d)")


def _ends(match: re.Match[str]) -> str:
    found = re.sub(r"[ -]", "", match.group())
    return f"{found[:3]}****{found[-2:]}" if len(found) > 8 else "****"


def mask(text: str) -> str:
    """`text` with ID numbers, phones, bank accounts and tokens shortened to their ends."""
    text = _TOKENS.sub(lambda match: f"{match.group('keep') or ''}****", text)
    for pattern in (_ID, _MOBILE, _OLD_ID, _LONG, _LANDLINE):
        text = pattern.sub(_ends, text)
    return text
