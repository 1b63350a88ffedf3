"""Text of GBK bytes that were cut in the wrong place, put back by searching for the bytes that gave it.

What happened to such pages (worked out from their bytes): a program looked for punctuation and for characters to
annotate in the GBK bytes without minding where a character begins. Where it found one across two characters
(`（` A3A8 after a blank A1A1 holds A1A3 `。`), it cut there. From the cut on every pair of bytes is read one byte off::

    A1A1|A3A8|D2BB|A3A9|BD4D  　（一）組
       A1A3|A8D2|BBA3|A9BD|4D 。ㄒ唬┙M

until a byte below 0x80 (the second byte of a character, as 4D here, or a bracket) sets the reading right again. What
the reader could not show was lost: a pair of bytes without a character, the odd byte before a cut (shown as `?` or
not at all) and a first byte before an ASCII character (`?` may have swallowed the bracket of a reading then). A
reading in brackets was made from the two bytes before it and so tells the lost one: ⿵(qiáng) is A98F + 8F?? qiáng =
強 8F8A.

The search goes through the shown characters, keeps every way the bytes can have been, and takes the likeliest text.
A character is `proven` when both its bytes are shown or a reading leaves one possibility; else it is a proposal.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from heapq import nlargest

from policies_kb.ingest.repair.language import (
    followers,
    is_common,
    is_in_gb2312,
    is_standard,
    is_traditional_form,
    log_probability,
    word_gain,
)
from policies_kb.ingest.repair.pinyin_brackets import BRACKET, is_reading
from policies_kb.ingest.repair.traditional import is_traditional, only_traditional, simplified

# The marks whose bytes cut characters apart. Half-width forms are the same marks after a change of width.
_CUTS = {
    "。": b"\xa1\xa3", "、": b"\xa1\xa2", "\uff01": b"\xa3\xa1", "!": b"\xa3\xa1", "\uff0c": b"\xa3\xac",
    ",": b"\xa3\xac", "\uff1b": b"\xa3\xbb", ";": b"\xa3\xbb", "\uff1f": b"\xa3\xbf", "?": b"\xa3\xbf",
    "\uff1a": b"\xa3\xba", ":": b"\xa3\xba", "“": b"\xa1\xb0", "”": b"\xa1\xb1",
}  # fmt: skip
READING = re.compile(r"(?P<open>[((?\uff1f])(?P<reading>[a-züêɡāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿ]{1,7})[))]")
_LONGEST = 40
_AHEAD = 26
_BEAM = 48
_CANDIDATES = 90
_FREQUENT = 12
_PAIRS = 60
# Only so many of the likeliest paths go on with the search for lost pairs, which is most of its cost.
_LOSING = 14
_FINAL = 10
_FINAL_BEFORE = 10
# The logarithm of an ordinary character seen alone.
_ALONE = 9.0
# What a path pays for bytes that are not shown, in the unit of the language's logarithm.
_GUESS = 1.0
_NUMBER_BONUS = 25.0
_NOT_A_QUESTION = re.compile("[?\uff1f](?=[\u3400-\u9fff])")
_HEADING = re.compile(r"[\s\u3000]*[(\uff08][一二三四五六七八九十]{1,3}[)\uff09]")
_DROPPED = 1.0
_OTHER_SCRIPT = 5.0


@dataclass(frozen=True, slots=True)
class Restored:
    """One restored stretch: text[start:end] becomes `text`. `guessed` are the characters that are not proven."""

    start: int
    end: int
    text: str
    guessed: tuple[str, ...]
    gain: float
    """How much likelier the restored text is (natural logarithm)."""


@dataclass(frozen=True, slots=True)
class _Path:
    at: int
    pending: int | None
    text: str
    guessed: tuple[str, ...]
    cost: float
    steps: int
    drops: int
    rough: float = 0.0
    before: tuple[str, ...] = ()
    """What the character cut in half before the stretch can have been; chosen at the end."""


@cache
def _bytes_of(character: str) -> bytes | None:
    """The two bytes of a character, or None where it has none or one."""
    try:
        data = character.encode("gb18030")
    except UnicodeEncodeError:
        return None
    return data if len(data) == 2 else None


@cache
def _character(lead: int, trail: int) -> str | None:
    """The character of two bytes, or None where the table shows nothing (unassigned or private use)."""
    if not 0x81 <= lead <= 0xFE or not (0x40 <= trail <= 0x7E or 0x80 <= trail <= 0xFE):
        return None
    try:
        character = bytes((lead, trail)).decode("gb18030")
    except UnicodeDecodeError:
        return None
    return None if "\ue000" <= character <= "\uf8ff" else character


def _plain(character: str) -> bool:
    """A character that official Chinese text has: common Chinese, punctuation, full-width digits and letters."""
    if "\u4e00" <= character <= "\u9fff":
        return is_common(character)
    return (
        character in "\u3000。、\uff0c\uff1b\uff1a\uff1f\uff01\uff08\uff09“”‘’《》〈〉〔〕【】—…·％"
        or "\uff10" <= character <= "\uff5a"
        or "\u2460" <= character <= "\u249b"
        or "\u3220" <= character <= "\u3229"
    )


@cache
def _alone(character: str) -> float:
    return log_probability(character)


def _likely(character: str) -> bool:
    """A character worth proposing: a plain one in its standard form."""
    if character == "\u3000" or not _plain(character) or not is_standard(character):
        return False
    return not _is_han(character) or is_in_gb2312(simplified(character))


@cache
def _by_lead() -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = defaultdict(list)
    for lead in range(0x81, 0xFF):
        for trail in range(0x40, 0xFF):
            character = _character(lead, trail)
            if character is not None and _likely(character):
                found[lead].append(character)
    return {lead: tuple(sorted(chars, key=_alone, reverse=True)) for lead, chars in found.items()}


@cache
def _by_trail() -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = defaultdict(list)
    for characters in _by_lead().values():
        for character in characters:
            data = _bytes_of(character)
            if data is not None:
                found[data[1]].append(character)
    return {trail: tuple(sorted(chars, key=_alone, reverse=True)) for trail, chars in found.items()}


def _shown_bytes(character: str) -> Iterator[bytes]:
    """The byte pairs that may stand behind a shown character; half-width forms may have been full-width."""
    data = _bytes_of(character)
    if data is not None:
        yield data
    elif character in _CUTS:
        yield _CUTS[character]
    elif "!" <= character <= "~":
        yield bytes((0xA3, ord(character) + 0x80))


def restore(text: str, anchor: int, reach: int) -> Restored | None:
    """The best restoration of a stretch that begins between `reach` and `anchor` and covers `anchor`, or None."""
    best: Restored | None = None
    # Every candidate is compared within the same stretch of text, whatever part of it it restores.
    low, high = max(0, reach - 6), min(len(text), anchor + _AHEAD)
    traditional = is_traditional(text)
    quotes = _in_pairs(text)
    for start in range(anchor, max(-1, reach - 1), -1):
        if text[start] not in _CUTS or start in quotes:
            continue
        for found in _from(text, start, low, high, traditional):
            if found.end <= anchor or not found.text or not quotes.isdisjoint(range(start, found.end)):
                continue
            if best is None or found.gain > best.gain:
                best = found
    return best


def _in_pairs(text: str) -> frozenset[int]:
    """Where quotation marks stand that have their partner: real ones, which a cut does not make."""
    found: set[int] = set()
    opened: int | None = None
    for at, character in enumerate(text):
        if character == "“":
            opened = at
        elif character == "”" and opened is not None:
            found |= {opened, at}
            opened = None
    return frozenset(found)


def _from(text: str, start: int, low: int, high: int, traditional: bool) -> Iterator[Restored]:
    paths = list(_starts(text, start))
    finished: list[_Path] = []
    while paths:
        grown: list[_Path] = []
        for rank, path in enumerate(paths):
            for new in _steps(text, path, losses=rank < _LOSING):
                (finished if new.pending is None else grown).append(new)
        grown = [path for path in grown if path.at <= min(high, start + _LONGEST)]
        # Characters seen alone guide the search; whole words decide at its end.
        grown.sort(key=_rank)
        paths = grown[:_BEAM]
    shown = _score(text[low:high])
    finals: list[tuple[float, _Path]] = []
    for path in _best_of_each_end(finished):
        gain = _score(text[low:start] + path.text + text[path.at : max(high, path.at)]) - shown - path.cost
        if traditional:
            gain -= _OTHER_SCRIPT * sum(not is_traditional_form(character) for character in path.text)
        finals.append((gain, path))
    finals.sort(key=lambda final: -final[0])
    left = without_readings(text[:start])[-6:]
    for gain, path in finals[:_FINAL_BEFORE]:
        if not path.before:
            yield Restored(start, path.at, path.text, path.guessed, gain)
        for character in path.before:
            # Only the words around the cut can differ.
            seam = _score(left + character + path.text[:6]) - _score(left + path.text[:6]) - _GUESS
            if traditional and not is_traditional_form(character):
                seam -= _OTHER_SCRIPT
            yield Restored(start, path.at, character + path.text, (character, *path.guessed), gain + seam)


def _best_of_each_end(finished: list[_Path]) -> Iterator[_Path]:
    """Paths that end at different places can only be compared in their context: a few of each go on."""
    ends: dict[int, list[_Path]] = defaultdict(list)
    for path in finished:
        ends[path.at].append(path)
    for paths in ends.values():
        yield from sorted(paths, key=_rank)[:_FINAL]


def _rank(path: _Path) -> float:
    """The lower the better, for paths that have come differently far."""
    return path.cost - path.rough - _ALONE * path.at


def _score(text: str) -> float:
    """Likelihood without readings that fit. A heading's number is likelier than any other word in its place."""
    bonus = (_NUMBER_BONUS if _HEADING.match(text) else 0.0) - _NUMBER_BONUS * len(
        _NOT_A_QUESTION.findall(text)
    )
    return bonus + log_probability(without_readings(text))


def without_readings(text: str) -> str:
    """The text without the readings that fit their characters."""
    return BRACKET.sub(
        lambda match: match["before"] if is_reading(match["reading"], match["before"]) else match.group(),
        text,
    )


@cache
def _numbers() -> dict[str, tuple[str, ...]]:
    """What is shown between the cut and `）` for each official number （一）-（十九）, and the numbers that show so."""
    found: dict[str, list[str]] = defaultdict(list)
    digits = "一二三四五六七八九十"
    for number in [*digits, *(f"十{digit}" for digit in digits[:9])]:
        data = (number + "\uff09").encode("gb18030")[:-1]
        pairs = bytes((0xA8,)) + data
        shown = "".join(_character(*pairs[at : at + 2]) or "" for at in range(0, len(pairs), 2))
        found[shown].append(number)
    return {shown: tuple(numbers) for shown, numbers in found.items()}


def _numbered(text: str, at: int) -> Iterator[_Path]:
    """The number of a heading behind the blanks of its line: 。ㄒ唬 was 　（一）."""
    shown = max((shown for shown in _numbers() if text.startswith(shown, at)), key=len, default=None)
    if shown is not None:
        numbers = _numbers()[shown]
        proven = bool(shown) and len(numbers) == 1
        for number in numbers:
            yield _Path(at + len(shown), 0xA3, f"\uff08{number}", () if proven else (number,), 0.0, 1, 0)


def _starts(text: str, start: int) -> Iterator[_Path]:
    """How the bytes can have gone wrong at `start`."""
    blank = not text[:start].strip()
    lost = text[start] in "?\uff1f" and start > 0
    # A character whose second byte and the lost byte after it were taken for one and annotated: 當?shù)
    reading = READING.match(text, start)
    if lost and reading:
        data = _bytes_of(without_readings(text[:start])[-1:] or "?")
        if data is not None:
            for byte in _trails(data[1], reading["reading"]):
                yield _Path(reading.end(), byte, "", (), 0.0, 0, 0)
    # A cut found across two characters: its first byte ended the character before, its second begins the next.
    cut = start + 1 if lost and start + 1 < len(text) and text[start + 1] in _CUTS else start
    if text[cut] in _CUTS:
        first, second = _CUTS[text[cut]]
        at = cut + 1
        if blank and cut == start:
            if first == 0xA1 and second == 0xA3:
                yield from _numbered(text, at)
            yield _Path(at, second, "", (), 0.0, 0, 0)
        elif not blank:
            yield _Path(
                at, second, "", (), 0.0, 0, 0, before=_endings(without_readings(text[:start])[-1:], first)
            )


def _following(text: str, at: int) -> tuple[tuple[str, int, int | None], ...]:
    """What the character after a lost pair can be, where the reading goes on after it, and its pending byte.

    Its second byte is the first one shown, or a reading in brackets tells it.
    """
    reading = READING.match(text, at)
    if reading:
        return tuple((character, reading.end(), None) for character in _read_as(reading["reading"]))
    if at >= len(text):
        return ()
    if "@" <= text[at] <= "~":
        reading = READING.match(text, at + 1)
        return tuple(
            (character, at + 1, None)
            for character in _by_trail().get(ord(text[at]), ())
            if not reading or is_reading(reading["reading"], character)
        )
    return tuple(
        (character, at + 1, data[1])
        for data in _shown_bytes(text[at])
        for character in _by_trail().get(data[0], ())[:_CANDIDATES]
    )


@cache
def _read_as(reading: str) -> tuple[str, ...]:
    return tuple(
        character
        for characters in _by_lead().values()
        for character in characters
        if is_reading(reading, character) and only_traditional(character)
    )


@cache
def _trails(lead: int, reading: str) -> tuple[int, ...]:
    """Second bytes that with `lead` make a character of this reading, common characters first."""
    fits = [
        (trail, character)
        for trail in range(0x40, 0xFF)
        if (character := _character(lead, trail)) is not None and is_reading(reading, character)
    ]
    fits.sort(key=lambda found: -_alone(found[1]))
    # Only characters that had been turned traditional were annotated.
    turned = [found for found in fits if only_traditional(found[1]) and is_standard(found[1])]
    standard = [found for found in fits if is_common(found[1]) and is_standard(found[1])]
    return tuple(trail for trail, _ in (turned or standard or fits))


def _steps(text: str, path: _Path, *, losses: bool) -> Iterator[_Path]:
    lead = path.pending
    if lead is None:
        return
    shown = text[path.at] if path.at < len(text) else ""
    reading = READING.match(text, path.at)
    if reading:
        # The reading was made of this first byte and a second one that is lost.
        trails = _trails(lead, reading["reading"])
        for trail in trails:
            character = _character(lead, trail)
            if character is not None:
                guessed = () if len(trails) == 1 else (character,)
                cost = 0.0 if len(trails) == 1 else _GUESS / 3
                yield _emit(path, character, reading.end(), None, guessed, cost)
    if not reading and ((shown and not shown.isascii()) or shown in _CUTS):
        for data in _shown_bytes(shown):
            whole = _character(lead, data[0])
            if whole is not None and _plain(whole):
                # A ? may as well stand for a byte that was lost.
                guessed = (whole,) if shown in "?\uff1f" else ()
                yield _emit(path, whole, path.at + 1, data[1], guessed, 0.0)
    elif "!" <= shown <= "~":
        whole = _character(lead, ord(shown))
        if whole is not None and _plain(whole):
            yield _emit(path, whole, path.at + 1, None, (), 0.0)
        full = bytes((0xA3, ord(shown) + 0x80))
        whole = _character(lead, full[0])
        if whole is not None and _plain(whole):
            yield _emit(path, whole, path.at + 1, full[1], (), 1.0)
    ends = not shown or shown in _CUTS or (shown.isascii() and not shown.isalpha())
    if ends and not reading:
        # The second byte was lost and the reading is right again from here on, or a new cut follows.
        for at in (path.at, path.at + 1) if shown and shown in "?\uff1f" else (path.at,):
            for character in _beginnings(path.text[-1:], lead):
                yield _emit(path, character, at, None, (character,), _GUESS)
        if losses and path.drops < 3:
            yield from _word_lost(path, lead)
        if shown in _CUTS and _CUTS[shown][0] == 0xA3:
            # 核。縣 A1|A3|BF: the full stop before the cut is gone too, its second byte was the cut's first.
            for ended in [*_ended(path, lead), *_word_lost(path, lead)]:
                yield _emit(ended, "。", path.at + 1, _CUTS[shown][1], ("。",), _GUESS)
    if losses and path.drops < 3:
        yield from _dropped(text, path, lead)


def _dropped(text: str, path: _Path, lead: int) -> Iterator[_Path]:
    """A pair of bytes that shows nothing was lost between: second byte of this character, first of the next."""
    dropping = replace(path, drops=path.drops + 1)
    following = {character: (at, pending) for character, at, pending in _following(text, path.at)}
    for character, after in _lost_pairs(lead, tuple(following)):
        first = _emit(dropping, character, path.at, None, (character,), _DROPPED)
        yield _emit(first, after, *following[after], (after,), 0.0)


@lru_cache(maxsize=4096)
def _lost_pairs(lead: int, following: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Characters that begin with `lead` and end with a byte that shows nothing together with the next first byte."""
    pairs: dict[tuple[str, str], float] = {}
    for character in _by_lead().get(lead, ())[:_CANDIDATES]:
        data = _bytes_of(character)
        if data is None or not (_is_han(character) or character in "\uff09。\uff0c、"):
            continue
        for after in following:
            following_data = _bytes_of(after)
            if following_data is None or _character(data[1], following_data[0]) is not None:
                continue
            pairs[character, after] = _alone(character) + _alone(after) + word_gain(character, after)
    return tuple(nlargest(_PAIRS, pairs, key=lambda pair: pairs[pair]))


@lru_cache(maxsize=4096)
def _endings(previous: str, trail: int) -> tuple[str, ...]:
    """What a character with this second byte can be after `previous`: frequent ones, and those that make a word."""
    found = _by_trail().get(trail, ())
    words = set(followers(previous)) if previous else set()
    return tuple(
        dict.fromkeys((*found[:_FREQUENT], *(character for character in found if character in words)))
    )


@lru_cache(maxsize=4096)
def _beginnings(previous: str, lead: int) -> tuple[str, ...]:
    """The same for a character with this first byte."""
    found = _by_lead().get(lead, ())
    words = set(followers(previous)) if previous else set()
    return tuple(
        dict.fromkeys((*found[:_FREQUENT], *(character for character in found if character in words)))
    )


def _ended(path: _Path, lead: int) -> Iterator[_Path]:
    for character in _beginnings(path.text[-1:], lead):
        yield _emit(path, character, path.at, None, (character,), _GUESS)


def _word_lost(path: _Path, lead: int) -> Iterator[_Path]:
    """A pair that shows nothing, then an odd byte, were lost before a cut: a word of which one byte is left."""
    for character in _by_lead().get(lead, ())[:_CANDIDATES]:
        data = _bytes_of(character)
        for following in followers(character):
            next_data = _bytes_of(following)
            if data and next_data and _character(data[1], next_data[0]) is None:
                first = _emit(path, character, path.at, None, (character,), _DROPPED)
                yield _emit(first, following, path.at, None, (following,), _GUESS)


@cache
def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _emit(
    path: _Path, character: str, at: int, pending: int | None, guessed: tuple[str, ...], cost: float
) -> _Path:
    return _Path(
        at,
        pending,
        path.text + character,
        path.guessed + guessed,
        path.cost + cost,
        path.steps + 1,
        path.drops,
        path.rough + _alone(character) + word_gain(path.text[-1:], character),
        path.before,
    )
