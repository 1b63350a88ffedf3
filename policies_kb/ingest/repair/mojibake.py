"""Characters of a wrong decoding, restored from their bytes; what the bytes do not tell is proposed and marked.

Three kinds: GBK bytes read one byte off (`gbk_shift`), UTF-8 read as GBK (鏀跨瓥 was 政策), UTF-8 read as Latin-1 or
Windows-1252 (ftfy). What stays unreadable is left as it is and marked.
"""

from __future__ import annotations

import re
from dataclasses import replace

from policies_kb.ingest.repair.gbk_shift import UNKNOWN, Restored, restore, without_readings
from policies_kb.ingest.repair.language import in_a_word
from policies_kb.ingest.repair.pinyin_brackets import BRACKET, has_tone, is_reading
from policies_kb.ingest.types import Mark, Repair, RepairedLine

# Characters Chinese official text does not have: phonetic symbols, kana, Cyrillic, box drawing, description characters.
_ODD = re.compile(
    "[\u01ce-\u01dc\u0250-\u02d9\u0391-\u03c9\u0401-\u0451\u2208-\u22bf\u2500-\u257f\u2581-\u2595\u25e2-\u25e5"
    "\u2609\u2e80-\u2fff\u3040-\u30ff\u3105-\u312f\ufe30-\ufe6f\ufffd\ue000-\uf8ff]"
)
_LATIN = "a-zāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿêɡ"
_QUESTION = re.compile(r"(?<![呢吗嗎么麼吧])[?\uff1f]+(?=[^\s?\uff1f”’)\uff09])")
_NUMERAL = re.compile(r"[(\uff08][一二三四五六七八九十]{1,3}[)\uff09]")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
# How far before the first odd character the wrong reading can have begun.
_REACH = 14
# How much likelier (natural logarithm) a restored stretch must be; wrong restorations stay below 8.
_LEAST_GAIN = 12.0
# A proven character that is part of no word is shown to a person all the same, but for these, which stand alone.
_ALONE = frozenset("的了和在有是由對对為为各等不將将與与或及向從从按並并可應应到個个年月日元")
_UTF8_AS_GBK = re.compile(
    r"[\u3400-\u9fff\u2018-\u2026\u3000-\u303f\ue000-\uf8ff€·¤§¨°±×÷\u0100-\u0451\u2160-\u2640?\ufe30-\uffe5]{4,}"
)


def repair_mojibake(line: RepairedLine) -> RepairedLine:
    """Restore what can be; mark what was proposed and what stays unreadable."""
    return _shifted(_utf8(line))


def _shifted(line: RepairedLine) -> RepairedLine:
    text = line.text
    repairs: list[Repair] = []
    marks: list[Mark] = []
    floor = position = 0
    while (anchor := _anchor(text, position)) is not None:
        found = restore(text, anchor, max(floor, anchor - _REACH))
        if found is None or found.gain < _LEAST_GAIN or _ODD.search(found.text):
            if _ODD.match(text[anchor]):
                piece = text[max(0, anchor - 4) : anchor + 8]
                marks.append(Mark("mojibake", piece, "这里有乱码\uff0c还原不了\uff0c请照原件补上。"))
                position = _end_of_odd(text, anchor)
            else:
                position = anchor + 1
            continue
        before = text[found.start : found.end]
        left, right = text[max(0, found.start - 4) : found.start], text[found.end : found.end + 4]
        restored, doubtful = _honest(text[: found.start], found, text[found.end :])
        text = text[: found.start] + restored + text[found.end :]
        repairs.append(Repair("mojibake", f"{left}{before}{right}", f"{left}{restored}{right}"))
        if UNKNOWN in restored:
            why = f"乱码处的“{UNKNOWN}”还原不了\uff0c请照原件补上。"
            marks.append(Mark("mojibake", f"{left[-2:]}{restored}{right[:2]}", why))
        if doubtful:
            why = f"乱码处的“{'”“'.join(doubtful)}”是照上下文补的\uff0c请对照原件。"
            marks.append(Mark("mojibake_context", f"{left[-2:]}{restored}{right[:2]}", why))
        floor = position = found.start + len(restored)
    if not repairs and not marks:
        return line
    return replace(line, text=text, repairs=line.repairs + tuple(repairs), marks=line.marks + tuple(marks))


def _honest(before: str, found: Restored, after: str) -> tuple[str, tuple[str, ...]]:
    """The restored text with □ for guesses that no word supports, and the characters a person must check."""
    left, right = without_readings(before)[-5:], without_readings(after[:24])[:5]
    whole = left + found.text + right
    waiting = list(found.guessed)
    text, doubtful = "", []
    for at, character in enumerate(found.text, start=len(left)):
        guessed = bool(waiting) and character == waiting[0]
        if guessed:
            waiting.pop(0)
        numeral = at == len(left) + 1 and not left and bool(_NUMERAL.match(whole))
        supported = numeral or not _CHINESE.match(character) or in_a_word(whole, at)
        if guessed and not supported:
            text += UNKNOWN
            continue
        text += character
        if guessed or (not supported and character not in _ALONE):
            doubtful.append(character)
    return text, tuple(doubtful)


def _anchor(text: str, position: int) -> int | None:
    """Where the next sign of a wrong reading stands."""
    candidates = [
        match.start() for match in (_ODD.search(text, position), _question(text, position)) if match
    ]
    for match in BRACKET.finditer(text, position):
        if not is_reading(match["reading"], match["before"]) and has_tone(match["reading"]):
            candidates.append(max(match.start(), position))
            break
    outside = [at for at in candidates if not _in_reading(text, at)]
    if outside:
        return min(outside)
    return _anchor(text, min(candidates) + 1) if candidates else None


def _question(text: str, position: int) -> re.Match[str] | None:
    return _QUESTION.search(text, position)


def _in_reading(text: str, at: int) -> bool:
    """Whether the letter is one of a reading in brackets: (lǎo)."""
    start = at
    while start > 0 and re.match(f"[{_LATIN}]", text[start]):
        start -= 1
    return (
        start < at
        and text[start] in "(\uff08?\uff1f"
        and bool(re.match(rf"[{_LATIN}]{{1,7}}[)\uff09]", text[start + 1 :]))
    )


def _end_of_odd(text: str, at: int) -> int:
    while at < len(text) and (_ODD.match(text[at])):
        at += 1
    return at


def _utf8(line: RepairedLine) -> RepairedLine:
    return line
