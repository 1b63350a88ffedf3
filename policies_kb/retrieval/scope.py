"""Whether a question asks for the rules of another place or the figures of another year.

A place or a year may also be part of the resident's story (works in 北京, fell ill 去年): then it says nothing of what
is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

# Where a part of a message ends; in a message without any mark it is one clause.
_STOPS: Final = ",，。;；!！?？、 "
# What belongs to a name: 广东那边的, 南京市.
_OF_PLACE: Final = "(?:[省市县区州]|那边|那里|那儿|那头|那块|这边|当地)*的?"
_OVER_THERE: Final = "[省市县区州]?(?:那边|那里|那儿|那头|那块|这边|当地)的?"
# Before the place where somebody has gone to or is from: 嫁到河南的, 是河南的.
_GONE: Final = ("是", "到", "至", "去", "嫁", "迁")
# Said later of a place told of before: “我妹在苏州,那边特困一个月多少”.
_THERE: Final = (
    "(?<![镇村乡县区市里上口街道办局])(?<!我们)(?<!咱们)(?<!俺们)(?<!老家)(?:那边|那里|那儿|那头|当地)的?"
)
_BETWEEN: Final = (
    "(?:城市|城镇|城里|农村|乡下|全[市省县区]|今年|现在|目前|现行|最新|一个月|每个?月|一年|每年|每人|人均|最低|最少|困难|重度|"
    "老人|老年人|残疾人|这个|那个|是|的|都|一般|大概)*"
)
# Beside the names of schemes: what only an office or a document has.
_RULES: Final = "标准|政策|规定|条件|救助|补贴|补助|津贴|待遇|收入线|窗口|民政|热线|电话|最低工资"
_SUM: Final = "多少|标准|好多|几多|几[百千万块倍成钱]|[给发补交]几"
_HOW: Final = "怎么|咋|如何|哪里|在哪|去哪|哪个|找谁|有?什么|有?啥|要带|能不能|能否|可不可以|可以|能[办领申]|有没有|高不高|多不多"
_DOING: Final = "(?:想|要|能|上|去)*(?:办理?|申请|领|拿|吃|报|交|参加)"
# Nothing of a person stands before the place: it is at the head of what is asked.
_OPENING: Final = (
    "那么?|请问|麻烦|(?>(?:我|俺)?(?:就|是|还)?(?:想|要)?(?:再)?(?:问|打听|了解|知道|晓得|查|看)(?:一?下|问|一问)?)|"
    "(?>(?:帮|替|给|代).{1,5}?(?:问|打听|查)(?:一?下|问|一问)?)|听说|听讲|你们?|告诉我|关于|比如|换成|要是|如果|现在|今年|老家|我们老家|就是"
)
# No longer opening is looked at: what is longer tells of something.
_LONGEST_OPENING: Final = 24
# What stands before it in the clause is no part of what is asked: “我妹嫁过去了想问浙江…”.
_ASK_OF_YOU: Final = re.compile("[想要请帮](?:你们?|您|忙|他|她)?(?:问|打听|咨询)(?:一?下|问|一问)?")
# Here, as against there.
_HERE: Final = "(?<![比跟和同与像])(?:(?:我们|咱们?|俺们?)(?:这|县|区|镇|乡|村|市|本地)|本[县区镇地])"
_WHY: Final = re.compile(
    "为什么|为啥|凭什么|凭啥|为何|谁[定划]|怎么回事|咋回事|怎么(?:这么|就|才|比)|咋(?:这么|就|才|比)|各[县区市地]自己"
)
# Something is moved to here or away: whose rules these are is what our documents tell.
_MOVED: Final = re.compile(
    "[转迁搬嫁带调挪](?:移|户口)?(?:过来|回来|进来|来|到(?:这|咱|我们|本|老家))|[转带迁](?:得|不|能)?走|跟着走|转移|接续|(?:怎么|咋|如何|咋个)[转带迁]"
)
_TOLD_SUM: Final = re.compile(r"\d{2,}|[一二两三四五六七八九十][百千万]|[百千]多")
_ASKS: Final = re.compile(
    "多少|多久|几[^个]|好多|什么|啥|怎|咋|如何|能|可以|吗|呢|没|不|谁|哪|标准|条件|政策|规定|电话"
)
_SOMEBODY: Final = re.compile(
    "[我俺咱他她爹妈娘爸儿女娃孩哥姐弟妹嫂叔姨舅姑婆爷奶媳侄孙]|老[公婆汉头伴人]|邻居|朋友|同[事学]"
)
_FILLER: Final = (
    "(?:的|度|份|里|时候|那时|那会儿|开始|会|要|能|是|该|又|还|可以|你们|我们|咱们|区|县|镇|咱|我|全县|全区|县里|区里|这里|这边|本地|当地|城市|农村|城里|"
    "城镇|乡下|一个月|每月|每年|每人|平均|人均|最低|国家)*"
)
_FIGURE: Final = re.compile("多少|标准|收入线|几块|几百|几千|涨到|提高到|给几|发几|交几|多少钱")
_YEARS: Final = {
    "大前年": -3,
    "前年": -2,
    "去年": -1,
    "上一年": -1,
    "上年": -1,
    "明年": 1,
    "下一年": 1,
    "来年": 1,
    "后年": 2,
}
_DIGITS: Final = {digit: str(at) for at, digit in enumerate("零一二三四五六七八九")} | {"〇": "0", "○": "0"}
_YEAR: Final = re.compile(
    r"(?:19|20)\d\d(?=年)|[一二][零〇○九][零〇○一二三四五六七八九]{2}(?=年)|" + "|".join(_YEARS)
)
# Said of now, or a question whether something changes: no figure of another year is asked for.
_NOW: Final = re.compile("今年|现在|目前|涨不涨|会不会涨|会涨吗|还涨|涨吗|变不变|会变")


class Places:
    """Names of other places, found in cleaned text, and whether they are asked after or only told of somebody."""

    def __init__(self, elsewhere: Iterable[str], home: Iterable[str], topic: str = "") -> None:
        """`topic`: a pattern of the names of schemes and benefits."""
        names = sorted(set(elsewhere) - set(home), key=lambda name: (-len(name), name))
        self._name = re.compile("|".join(map(re.escape, names))) if names else None
        matter = f"(?:{topic}|{_RULES})" if topic else f"(?:{_RULES})"
        near = "[^我俺咱他她]"
        told_sum = f"{matter}{near}{{0,8}}?(?:{_SUM})"
        self._head = re.compile(f"(?:{_OPENING}|{matter}(?:[的金费钱]|标准)*)*(?P<at>[在去到回]?)")
        self._asked_at_head = re.compile(
            f"{_OF_PLACE}{_BETWEEN}(?:{matter}|[给发领补交拿]?(?:{_SUM})|{_HOW}|{_DOING}{near}{{0,4}}?{matter})"
        )
        self._asked_wide = re.compile(
            f"{_OF_PLACE}(?!人[^均]|来的|打工|户口){near}{{1,12}}?(?:{_SUM}|政策|规定|电话|(?:怎么|咋|如何)[办申领报交])"
        )
        # With somebody before it (“儿子在深圳…”) the place must be named as that of the rule, or its figure asked.
        self._asked_beside = re.compile(
            f"{_OVER_THERE}{_BETWEEN}{matter}|{_OF_PLACE}{_BETWEEN}(?:{_DOING})?{told_sum}"
        )
        self._its = re.compile(f"[省市县区州]?的{_BETWEEN}{matter}")
        self._asked_there = re.compile(
            f"{_THERE}{_BETWEEN}(?:{told_sum}|{matter}{near}{{0,6}}?(?:电话|条件|政策|规定|(?:怎么|咋|如何)[办申领报交]))"
        )

    def asked(self, text: str, story: str = "") -> str | None:
        """The other place whose rules are asked for, else None. `story`: the whole message `text` is a part of."""
        if self._name is None or _WHY.search(text):
            return None
        found = list(self._name.finditer(text))
        for match in found:
            if self._names_rule(text, match):
                return match[0]
        # “我妹在苏州,那边特困一个月多少”, “我妹嫁到苏州了。那边低保多少?”
        there = self._asked_there.search(text, found[0].end() if found else 0)
        if there is None or _MOVED.search(text, there.start()):
            return None
        told = self._name.findall(text[: there.start()] if found else story.partition(text)[0])
        return told[-1] if told else None

    def _names_rule(self, text: str, match: re.Match[str]) -> bool:
        """Whether this naming of a place is of the place whose rules are asked for."""
        before, others = _last(text[: match.start()])
        after, rest = _first(text[match.end() :])
        if _MOVED.search(after + rest):
            return False
        own = re.split(_HERE, after)[0]
        asks_later = _ASKS.search(after[len(own) :] + rest)
        if asks_later and not _ASKS.search(own) and (own != after or _TOLD_SUM.search(own)):
            # “隔壁县低保一千,我们这多少”: what is said of the place is told.
            return False
        before = _ASK_OF_YOU.split(before)[-1]
        head = self._head.fullmatch(before) if len(before) <= _LONGEST_OPENING else None
        if head is None:
            if match[0] in text[: match.start()] and not before.endswith((*_GONE, "在", "从")):
                # The story was told with its first naming: “户口也迁杭州了杭州低保咋申请”.
                return bool(self._asked_at_head.match(own))
            its = None if before.endswith(_GONE) else self._its.match(own)
            return bool(its or self._asked_beside.match(own))
        if re.fullmatch(f"{_OF_PLACE}呢?", own):
            return not head["at"] and not _SOMEBODY.search(others + rest)
        return bool(self._asked_at_head.match(own)) or (not head["at"] and bool(self._asked_wide.match(own)))


def _last(text: str) -> tuple[str, str]:
    """(the clause `text` ends in, what stands before it)."""
    at = max(text.rfind(stop) for stop in _STOPS) + 1
    return text[at:], text[:at]


def _first(text: str) -> tuple[str, str]:
    """(the clause `text` begins in, what follows it)."""
    at = min((at for stop in _STOPS if (at := text.find(stop)) >= 0), default=len(text))
    return text[:at], text[at:]


def other_year(text: str, today: date, topic: str) -> str | None:
    """The year, as written, other than today's for which a figure is asked; None when there is none.

    `topic` is a pattern of what may have a figure: the names of schemes, standards and benefits.
    """
    if not _FIGURE.search(text) or _NOW.search(text):
        return None
    for match in _YEAR.finditer(text):
        if _year(match[0], today) == today.year:
            continue
        rest = text[match.end() :].removeprefix("年")
        about = f"(?:{topic}|标准|补贴|补助|待遇|收入线|涨|提高|给多少|发多少|领多少|多少|几百|几块)"
        if re.match(_FILLER + about, rest):
            return match[0] if match[0] in _YEARS else f"{match[0]}年"
    return None


def without_this_year(text: str, today: date) -> str:
    """`text` without the words “of this year”, which say nothing of what is asked: documents tell what holds now."""
    return re.sub(rf"{today.year}年(?:度|的)?(?![\d一二三四五六七八九十])", "", text)


def _year(written: str, today: date) -> int:
    if written in _YEARS:
        return today.year + _YEARS[written]
    return int("".join(_DIGITS.get(char, char) for char in written))
