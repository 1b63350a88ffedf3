"""What a plan says of itself: title, issuing office, document number, dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from policies_kb.ingest.dates import find_dates, validity
from policies_kb.ingest.plans import bare_title, is_title
from policies_kb.ingest.split import IN_FORCE, Split
from policies_kb.ingest.words import words

_HEAD_LINES = 10
_LONGEST_HEAD = 60
_NUMBER = re.compile(
    "(?P<number>[\u4e00-\u9fff]{1,10}\\s*[\u3014\\[(\uff08\u3010\uff3b]\\s*(?:\\d{4}|\\d{2}[xX*×]{2})\\s*[\u3015\\])\uff09\u3011\uff3d]\\s*第?\\s*\\d{1,5}\\s*号)"
)
# A date that a web site printed is when it put the page up, not when the document was issued.
_PUBLISHED = re.compile("(?:发布|公布|更新|发表|上传|信息)(?:时间|日期)|来源|浏览|阅读|点击")
_AROUND_A_DATE = 30
_CITING = re.compile("根据|按照|依据|依照|《|印发的")
_PURPOSE = re.compile(
    "(?:为了?|就)(?:深入|全面|认真|扎实|切实|进一步|更好地?|有效|充分|加快|努力|积极|稳步|贯彻|\uff0c|,)*"
    "(?:做好|开展|加强|推进|规范|完善|落实|保障|解决|促进|深化|健全)(?:好|了)?(?P<what>[^\uff0c,。;\uff1b\u201c\u300a]{4,24}?)(?:的?(?:工作)?)(?=[\uff0c,。;\uff1b])"
)
_GROUP = re.compile(
    "成立(?:由)?(?:[省市县区镇乡]|街道)?(?P<what>[^\uff0c,。;\uff1b\u201c、]{4,24}?)(?:工作)?领导小组"
)
# 贯彻…精神 names what a plan follows, not what it is about.
_NO_SUBJECT = re.compile(
    "思想|精神|会议|部署|通知|决策|决定|要求|\u300a|20[xX]{2}|方针|党|由|任组长|具体|统一|如下"
)
_CALLED = re.compile(
    "(?:制定|印发|出台|发布|拟定)(?:本|此|如下|该)?(?P<noun>方案|意见|办法|规定|细则|通知|计划|规程)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One thing found, with the words it was read from (`quote`) and plain Chinese on how (`why`)."""

    value: str
    quote: str
    why: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a plan says of itself. None: it does not say. `proposed_title`: the title is ours, a person must settle it.

    `own_lines` are the 0-based lines of the split text that hold title, office, number, date or addressee.
    `valid_years`: a validity in years whose first day is not known.
    """

    title: Found
    proposed_title: bool
    issuer: Found | None
    number: Found | None
    issued: date | None
    issued_quote: str
    effective_from: date | None
    effective_to: date | None
    begins_quote: str
    ends_quote: str
    valid_years: int | None
    own_lines: frozenset[int]


def read_head(split: Split, *, printed: str, generic: bool, order: int, subject: str) -> Head:
    """Read what a plan says of itself.

    `printed` is the collection's heading for it (may be ""), `generic` whether that names no subject, `order` the
    plan's place in the file from 1, `subject` what the plan is about where the glossary knows (may be "").
    """
    lines = split.text.split("\n")
    last = _head_end(split, lines)
    own: set[int] = set()
    number = _number(lines[:last], own)
    title, proposed = _title(lines, last, printed, generic, order, subject, own)
    issued, issued_quote = _issued(split, lines, last, own)
    issuer = _issuer(split, lines, last, title.value, own)
    for at, line in enumerate(lines[:last]):
        if re.fullmatch("[^。]{2,40}[:\uff1a]", line.strip()):
            own.add(at)
    valid = validity(split.text, issued)
    years = re.search(
        "有效期(?:为|是|限)?\\s*([0-9]{1,2}|[一二两三四五六七八九十]{1,2})\\s*年", valid.ends_quote
    )
    return Head(
        title, proposed, issuer, number, issued, issued_quote, valid.begins, valid.ends, valid.begins_quote,
        valid.ends_quote, _years(years[1]) if years and valid.ends is None else None, frozenset(own),
    )  # fmt: skip


def _years(printed: str) -> int:
    return (
        int(printed) if printed.isdigit() else "零一二三四五六七八九十".index(printed.replace("两", "二")[0])
    )


def _head_end(split: Split, lines: Sequence[str]) -> int:
    """How many lines at the top may hold title, number and office: up to the first number or long paragraph."""
    first = next((one.lines[0] for one in split.sections if one.role == "numbered"), len(lines))
    for at, line in enumerate(lines[: min(first, _HEAD_LINES)]):
        if len(line.strip()) > _LONGEST_HEAD or ("。" in line and len(line.strip()) > 12):
            return at
    return min(first, _HEAD_LINES)


def _title(
    lines: Sequence[str], last: int, printed: str, generic: bool, order: int, subject: str, own: set[int]
) -> tuple[Found, bool]:
    for begin in range(last):
        for count in (3, 2, 1):
            part = [line.strip() for line in lines[begin : begin + count]]
            joined = "".join(part)
            if begin + count > last or not all(part) or not is_title(joined):
                continue
            if count > 1 and (is_title(part[0]) or not _goes_on(part)):
                continue
            own.update(range(begin, begin + count))
            return Found(bare_title(joined), joined, "正文前面的标题"), False
    if printed and not generic:
        return Found(bare_title(printed), printed, "文件里这一篇的标题"), False
    text = "".join(lines)[:400]
    called = _CALLED.search(text)
    noun = called["noun"] if called else "方案"
    for shape, why in ((_PURPOSE, "开头说的目的"), (_GROUP, "文中的领导小组")):
        for match in shape.finditer(text if shape is _PURPOSE else "".join(lines)):
            what = match["what"].removesuffix("工作").removesuffix("的").removeprefix("了")
            if len(what) >= 4 and not _NO_SUBJECT.search(what):
                return Found(f"{what}{noun}", match[0], f"原文没有自己的标题，按{why}拟的"), True
    if subject:
        return Found(f"{subject}{noun}", printed, "原文没有自己的标题，按内容拟的"), True
    return Found(f"{printed or '无标题文件'}(第{order}篇)", printed, "原文没有自己的标题"), True


def _goes_on(parts: Sequence[str]) -> bool:
    """Whether the first of several lines is the beginning of a title: 四川省人民政府关于 / 进一步加强…的意见."""
    return all(not re.search("[。\uff0c,:\uff1a0-9]", part) for part in parts) and (
        parts[0].endswith(("关于", "印发", *words().issuers.ends)) or "关于" in parts[0]
    )


def _number(head: Sequence[str], own: set[int]) -> Found | None:
    for at, line in enumerate(head):
        match = _NUMBER.search(line)
        if match and not _CITING.search(line[: match.start()]):
            own.add(at)
            # One form for the brackets: recognisers and typists use [ ], ( ) and 【 】 for them.
            number = re.sub("[\\[(\uff08\u3010\uff3b](?=\\d{2})", "〔", re.sub(r"\s", "", match["number"]))
            number = re.sub("(?<=[\\dxX*×])[\\])\uff09\u3011\uff3d]", "〕", number)
            return Found(number, line.strip(), "正文前面的文号")
    return None


def _issued(split: Split, lines: Sequence[str], last: int, own: set[int]) -> tuple[date | None, str]:
    """The date of a document: under its title or at its end, else of its covering notice, else when a site put it up."""
    published: tuple[date | None, str] = None, ""
    for at, line in enumerate(lines[:last]):
        found = next((one for one in find_dates(line) if one.day is not None), None)
        if found and len(line.strip()) <= len(found.text) + _AROUND_A_DATE:
            own.add(at)
            if not _PUBLISHED.search(line):
                return found.first(), line.strip()
            published = published if published[0] else (found.first(), line.strip())
    closing = next((one for one in split.sections if one.role == "closing"), None)
    if closing:
        # When it begins to hold is not when it was issued.
        ending = [line for line in split.raw(closing).split("\n") if not IN_FORCE.match(line.strip())]
        found = next((one for one in find_dates("\n".join(ending))), None)
        if found and (found.day is not None or not published[0]):
            return (found.first() if found.day else None), found.text
    signed = [
        one
        for section in split.sections if section.role == "opening"
        for line in split.raw(section).split("\n")
        for one in find_dates(line) if one.day is not None and one.text == line.strip()
    ]  # fmt: skip
    return (signed[0].first(), signed[0].text) if signed else published


def _issuer(split: Split, lines: Sequence[str], last: int, title: str, own: set[int]) -> Found | None:
    ends = "|".join(sorted(map(re.escape, words().issuers.ends), key=len, reverse=True))
    office = f"[\u4e00-\u9fff]{{1,20}}?(?:{ends})"
    # Several offices stand side by side: 县民政局 县财政局关于….
    if match := re.match(f"(?P<who>{office}(?:[ \u3000、]+{office})*)(?:印发)?关于", title):
        return Found("、".join(re.split("[ \u3000、]+", match["who"])), title, "标题里的机关")
    closing = next((one for one in split.sections if one.role == "closing"), None)
    for line in split.raw(closing).split("\n") if closing else ():
        signed = line.strip().rstrip("。.")
        if re.fullmatch(f"[\u4e00-\u9fff]{{2,30}}(?:{ends})", signed):
            return Found(signed, line.strip(), "文末的落款")
        if re.fullmatch(f"{office}(?:[ \u3000、]+{office}){{1,5}}", signed):
            return Found("、".join(re.split("[ \u3000、]+", signed)), line.strip(), "文末的落款")
    for at, line in enumerate(lines[:last]):
        printed = line.strip().removesuffix("文件")
        if re.fullmatch(f"[\u4e00-\u9fff]{{2,25}}(?:{ends})", printed):
            own.add(at)
            return Found(printed, line.strip(), "正文前面的机关")
    return None
