"""An outbound message as Telegram shows it: texts of at most 4096 UTF-16 units, clauses as a folded quote, buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.constants import MessageLimit

from integrations.ports import Json, MessageRow

MAX_UNITS = int(MessageLimit.MAX_TEXT_LENGTH)
_SENTENCE_ENDS = "\u3002\uff01\uff1f\uff1b.!?;"


@dataclass(frozen=True, slots=True)
class Piece:
    """One Telegram message. `quote`: offset and length (UTF-16 units) of what is shown folded."""

    text: str
    quote: tuple[int, int] | None = None

    @property
    def entities(self) -> list[MessageEntity]:
        """The formatting to send along."""
        if self.quote is None:
            return []
        offset, length = self.quote
        return [MessageEntity(MessageEntity.EXPANDABLE_BLOCKQUOTE, offset=offset, length=length)]


def units(text: str) -> int:
    """Length in UTF-16 code units, which is how Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def split(text: str, limit: int = MAX_UNITS) -> list[str]:
    """`text` in parts of at most `limit` UTF-16 units, cut at a line or sentence end where there is one."""
    parts = []
    rest = text.strip()
    while units(rest) > limit:
        cut = _cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in [*parts, rest] if part]


def _cut(text: str, limit: int) -> int:
    widths = accumulate(2 if ord(char) > 0xFFFF else 1 for char in text)
    end = sum(1 for _ in takewhile(lambda used: used <= limit, widths))
    # Not so early that a message becomes a line of three words.
    earliest = end // 2
    line = text.rfind("\n", earliest, end)
    if line > 0:
        return line
    sentence = max(text.rfind(mark, earliest, end) for mark in _SENTENCE_ENDS)
    return sentence + 1 if sentence > 0 else max(end, 1)


def pieces(message: MessageRow) -> list[Piece]:
    """The texts of one message in order; empty when it has only files."""
    text = str(message.body.get("text") or "")
    if message.body.get("speech") == "urgent":
        text = f"\u2757 紧急求助\n{text}"
    if message.author.startswith("staff") and text:
        # The resident must see that now a person speaks.
        text = f"工作人员：\n{text}"
    done = [Piece(part) for part in split(text)]
    quoted = split(_clauses(message.body.get("citations") or ()))
    if done and quoted and units(done[-1].text) + 2 + units(quoted[0]) <= MAX_UNITS:
        said = done.pop().text
        first = quoted.pop(0)
        done.append(Piece(f"{said}\n\n{first}", (units(said) + 2, units(first))))
    return done + [Piece(part, (0, units(part))) for part in quoted]


def _clauses(citations: Sequence[Json]) -> str:
    return "\n".join(f"《{cite['document']}》{cite['clause']}\n{cite['quote']}" for cite in citations)


def keyboard(buttons: Sequence[Json]) -> InlineKeyboardMarkup | None:
    """One button a line: thumbs are wide and titles are long."""
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(button["title"], callback_data=button["payload"])] for button in buttons]
    )


def chosen(text: str, title: str) -> str:
    """A question's text with the answer that was chosen under it; the text alone when it would not fit."""
    marked = f"{text}\n\n\u2713 您选了：{title}"
    return marked if units(marked) <= MAX_UNITS else text
