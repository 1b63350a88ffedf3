"""Personal values shortened for the eye: enough to recognise one's own, too little to use."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

Mask = Literal["none", "name", "id_number", "phone", "bank_account", "address", "file"]


def mask(value: JsonValue, kind: Mask) -> str:
    """`value` as text, masked: 990101********1234, 138****5678, 王*明, 尾号 1234; an address loses its digits."""
    text = "" if value is None else str(value)
    if not text:
        return ""
    match kind:
        case "none":
            return text
        case "name":
            return text[0] + "*" * max(len(text) - 2, 1) + (text[-1] if len(text) > 2 else "")
        case "id_number":
            return text[:6] + "*" * 8 + text[-4:] if len(text) == 18 else "*" * len(text)
        case "phone":
            return text[:3] + "*" * 4 + text[-4:] if len(text) >= 10 else "*" * len(text)
        case "bank_account":
            return f"尾号 {text[-4:]}"
        case "address":
            # House numbers point at a door; the village alone is needed to know which colleague is meant.
            return "".join(
                "*" if char.isdigit() or char in "一二三四五六七八九十百" else char for char in text
            )
        case "file":
            return "已收到"
