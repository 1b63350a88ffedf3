"""What is missing and cannot be filled in: years, names, words. Marked, never guessed."""

from __future__ import annotations

import re

from policies_kb.ingest.repair.edit import marked
from policies_kb.ingest.repair.words import is_word
from policies_kb.ingest.types import Mark, RepairedLine

_HOLE = r"(?:[xX×\uff38\uff58＊○_]{2}|\*{2}|□{2})"
_YEAR = re.compile(rf"(?:(?:19|20){_HOLE}(?=[年\]〕)\uff09—\-至度]|\D|$)|(?<![0-9A-Za-z]){_HOLE}年)")
_PLACEHOLDER = re.compile(
    rf"(?<![A-Za-z0-9]){_HOLE}+(?!年|[A-Za-z0-9])|(?<=[\u3400-\u9fff])[xX×](?=[年月日县市区镇乡村省号])"
)
_EMPTY = re.compile(r"《\s*》|“\s*”|(?<=[\u3400-\u9fff])[(\uff08]\s*[)\uff09]")
_NUMBER_IN_WORD = re.compile(r"(?P<left>[\u3400-\u9fff])(?P<number>\d{2,3})(?P<right>[\u3400-\u9fff])")
_UNITS = frozenset(
    "年月日天个元人户名岁周倍分次项条号家所件万亿千百点时小份米亩平公件种类级处款篇页章节期届组台套辆本位"
)
# A question mark and a letter where a sentence ends or a character stood: what is left of bytes that were lost.
_BYTES_LOST = re.compile(r"[?\uff1f][a-wyz](?=[\u3400-\u9fff])")
_LONG_OPEN = re.compile(r"[\u3400-\u9fff\uff0c、,]$")
_LONG = 60


def mark_gaps(line: RepairedLine) -> RepairedLine:
    """Mark missing years, placeholders, empty brackets and sentences that break off."""
    if line.dropped is not None or not line.text:
        return line
    marks = [
        Mark("missing_year", match.group(), "年份被隐去了\uff0c请照原件补上。")
        for match in _YEAR.finditer(line.text)
    ]
    years = {index for match in _YEAR.finditer(line.text) for index in range(match.start(), match.end())}
    marks += [
        Mark("missing_text", match.group(), "名称或数字被隐去了\uff0c请照原件补上。")
        for match in _PLACEHOLDER.finditer(line.text)
        if match.start() not in years
    ]
    marks += [
        Mark("missing_text", match.group(), "括号或引号里是空的\uff0c请对照原件。")
        for match in _EMPTY.finditer(line.text)
    ]
    marks += [
        Mark("missing_text", match.group(), "词中间夹着数字\uff0c可能是页码\uff0c请对照原件。")
        for match in _NUMBER_IN_WORD.finditer(line.text)
        if match["right"] not in _UNITS and is_word(match["left"] + match["right"], 1000)
    ]
    marks += [
        Mark("mojibake", match.group(), "这里丢了字\uff0c只剩下字母\uff0c请对照原件补上。")
        for match in _BYTES_LOST.finditer(line.text)
    ]
    if line.part == "body" and not line.level and len(line.text) >= _LONG and _LONG_OPEN.search(line.text):
        marks.append(Mark("missing_text", line.text[-12:], "这句话没有结束\uff0c后面可能少了字。"))
    return marked(line, *marks)
