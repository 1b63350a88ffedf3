"""Characters of a wrong decoding, restored from their bytes; what the bytes do not tell is proposed and marked.

Text decoded by the wrong table as a whole comes first (`wrong_decoding`), then GBK bytes read one byte off
(`gbk_shift`). A character that neither bytes nor a word support becomes □; what stays unreadable is left as it is;
both are marked, and so is a figure beside a lost byte, which may have lost a digit.
"""

from __future__ import annotations

import re
from dataclasses import replace

from policies_kb.ingest.repair.gbk_shift import READING, Restored, restore, without_readings
from policies_kb.ingest.repair.language import in_a_word, is_in_gb2312
from policies_kb.ingest.repair.pinyin_brackets import BRACKET, has_tone, is_reading
from policies_kb.ingest.repair.traditional import simplified
from policies_kb.ingest.repair.wrong_decoding import UNKNOWN, stretches
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
# A proven character that is part of no word is given up all the same, but for these, which stand alone.
_ALONE = frozenset("的了和在有是由對对為为各等不將将與与或及向從从按並并可應应到個个年月日元")
# Latin letters with accents in a row: bytes of Chinese that could not be restored.
_LATIN_RUN = re.compile("(?:[\u00a1-\u00ff\u0152-\u0178\u02c6\u02dc\u2018-\u2022\u20ac\u2122\ufffd]){4,}")
_LETTERS = re.compile("[\u00a8-\u00ff]")
_FEWEST_LETTERS = 3
_FIGURE_AFTER = re.compile(r"\d[\d,.]*[%\uff05\u2030]?")
_FIGURE_BEFORE = re.compile(r"\d[\d,.]*$")
_ENDS_A_SENTENCE = re.compile("[)\uff09”》%\uff05]")


def repair_mojibake(line: RepairedLine) -> RepairedLine:
    """Restore what can be; mark what was proposed and what stays unreadable."""
    return _shifted(_decoded(line))


def _decoded(line: RepairedLine) -> RepairedLine:
    """Stretches that were decoded by the wrong table."""
    text, done = "", 0
    repairs: list[Repair] = []
    marks: list[Mark] = []
    for found in stretches(line.text):
        text += line.text[done : found.start]
        left, right = line.text[max(0, found.start - 4) : found.start], line.text[found.end : found.end + 4]
        before = line.text[found.start : found.end]
        repairs.append(Repair("mojibake", f"{left}{before}{right}", f"{left}{found.text}{right}"))
        marks += _lost(text, found.text, line.text[found.end :])
        text += found.text
        done = found.end
    text += line.text[done:]
    why = "这里有乱码\uff0c还原不了\uff0c请照原件补上。"
    marks += [
        Mark("mojibake", run, why)
        for run in _LATIN_RUN.findall(text)
        if len(_LETTERS.findall(run)) >= _FEWEST_LETTERS
    ]
    if not repairs and not marks:
        return line
    return replace(line, text=text, repairs=line.repairs + tuple(repairs), marks=line.marks + tuple(marks))


def _lost(left: str, restored: str, right: str) -> list[Mark]:
    """The marks of a restored stretch that holds □, and of a figure beside it."""
    if UNKNOWN not in restored:
        return []
    why = f"乱码处的“{UNKNOWN}”还原不了\uff0c请照原件补上。"
    at = restored.index(UNKNOWN)
    whole = left[-2:] + restored + right[:2]
    around = whole[max(0, len(left[-2:]) + at - 4) : len(left[-2:]) + restored.rindex(UNKNOWN) + 5]
    return [Mark("mojibake", around, why), *_figures(left + restored, right, restored)]


def _figures(until: str, right: str, restored: str) -> list[Mark]:
    """Figures that touch a byte that was lost: a digit may be gone with it (占总人口□2.87% was 12.87%)."""
    touching = [
        match.group()
        for match in re.finditer(rf"\d[\d,.]*(?={UNKNOWN})|(?<={UNKNOWN})\d[\d,.]*[%\uff05\u2030]?", restored)
    ]
    after = _FIGURE_AFTER.match(right)
    if after:
        touching.append(after.group())
    before = _FIGURE_BEFORE.search(until[: len(until) - len(restored)])
    if before and restored[:1] == UNKNOWN:
        touching.append(before.group())
    why = "紧挨着乱码\uff0c这个数可能少了数字\uff0c请对照原件。"
    return [Mark("mojibake", figure, why) for figure in touching]


def _shifted(line: RepairedLine) -> RepairedLine:
    text = line.text
    repairs: list[Repair] = []
    marks: list[Mark] = []
    floor = position = 0
    while (anchor := _anchor(text, position)) is not None:
        found = restore(text, anchor, max(floor, anchor - _REACH))
        if found is None or found.gain < _LEAST_GAIN or _ODD.search(found.text):
            lone = READING.match(text, anchor)
            if _ODD.match(text[anchor]) or (lone and lone["open"] in "?\uff1f" and has_tone(lone["reading"])):
                piece = text[max(0, anchor - 4) : anchor + 8]
                marks.append(Mark("mojibake", piece, "这里有乱码\uff0c还原不了\uff0c请照原件补上。"))
                position = lone.end() if lone else _end_of_odd(text, anchor)
            else:
                position = anchor + 1
            continue
        before = text[found.start : found.end]
        left, right = text[max(0, found.start - 4) : found.start], text[found.end : found.end + 4]
        restored, doubtful = _honest(text[: found.start], found, before, text[found.end :])
        text = text[: found.start] + restored + text[found.end :]
        repairs.append(Repair("mojibake", f"{left}{before}{right}", f"{left}{restored}{right}"))
        if UNKNOWN in restored:
            marks += _lost(text[: found.start], restored, text[found.start + len(restored) :])
        elif found.guessed:
            marks += _figures(
                text[: found.start + len(restored)], text[found.start + len(restored) :], restored
            )
        if doubtful:
            why = f"乱码处的“{'”“'.join(map(simplified, doubtful))}”是照上下文补的\uff0c请对照原件。"
            marks.append(Mark("mojibake_context", f"{left[-2:]}{restored}{right[:2]}", why))
        floor = position = found.start + len(restored)
    if not repairs and not marks:
        return line
    return replace(line, text=text, repairs=line.repairs + tuple(repairs), marks=line.marks + tuple(marks))


def _honest(before: str, found: Restored, shown: str, after: str) -> tuple[str, tuple[str, ...]]:
    """The restored text with □ for what neither a word nor a reading supports, and the characters to be checked."""
    left = without_readings(before)[-5:]
    whole = left + without_readings(found.text + after[:24])[: len(found.text) + 5]
    told = {match["reading"] for match in READING.finditer(shown + after[:9])}
    waiting = list(found.guessed)
    guessed: list[bool] = []
    for character in found.text:
        guessed.append(bool(waiting) and character == waiting[0])
        if guessed[-1]:
            waiting.pop(0)
    supported = [
        _supported(whole, len(left) + at, guessed=guess, heading=not left)
        or any(is_reading(reading, found.text[at]) for reading in told)
        for at, guess in enumerate(guessed)
    ]
    text, doubtful = "", []
    for at, character in enumerate(found.text):
        if not supported[at]:
            # A proven character beside a guess that is given up lost its word with it: it is kept and shown.
            beside = any(
                0 <= near < len(guessed) and guessed[near] and not supported[near]
                for near in (at - 1, at + 1)
            )
            if guessed[at] or not beside or not is_in_gb2312(simplified(character)):
                text += UNKNOWN
                continue
        if guessed[at] or not supported[at]:
            doubtful.append(character)
        text += character
    return text, tuple(doubtful)


def _supported(whole: str, at: int, *, guessed: bool, heading: bool) -> bool:
    character = whole[at]
    numeral = _NUMERAL.match(whole) if heading else None
    if numeral and at < numeral.end():
        return True
    if _CHINESE.match(character):
        return in_a_word(whole, at) or (character in _ALONE and not guessed)
    if not guessed or character in "(\uff08)\uff09":
        return True
    # A sentence ends behind a word or a bracket, and no other mark follows it.
    ends = at > 0 and (in_a_word(whole, at - 1) or bool(_ENDS_A_SENTENCE.match(whole[at - 1])))
    return character in "。\uff0c" and ends and not re.match("[。、\uff0c,;:”/<]", whole[at + 1 : at + 2])


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
