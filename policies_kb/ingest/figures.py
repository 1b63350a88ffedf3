"""Figures of a clause: sums, multiples, ages, percentages, limits of time, each with its place in the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import cn2an

from policies_kb.ingest.dates import find_dates

FigureKind = Literal["money", "percent", "multiple", "age", "duration", "times", "count"]

_N = r"\d+(?:[,\uff0c]\d{3})*(?:\.\d+)?|[xX×*＊]{1,4}|[零〇一二两三四五六七八九十百千半]+"
_UNITS: tuple[tuple[FigureKind, str], ...] = (
    ("money", "亿元|万元|千元|百元|元|块钱|角"),
    ("percent", "%|\uff05|％"),
    ("multiple", "倍"),
    ("age", "周岁|岁"),
    (
        "duration",
        "个?工作日|个?自然日|个?小时|个月|个?季度|个?学期|天|年(?!级|度|龄|末|底|初|终|审|来|轻|老|月)|日(?!常|期|前|均|托|间|照|化|报|用)",
    ),
    ("times", "次"),
    ("count", "人|户|名|份|张|级(?!各|别)|档"),
)
_UNIT = "|".join(f"(?P<{kind}>{units})" for kind, units in _UNITS)
_FIGURE = re.compile(
    rf"(?<![\d.])(?P<low>{_N})(?:\s*(?P<lowunit>周岁|岁|元|万元|%|％|个月|年|天|日)?\s*[-~—–\uff5e至到]{{1,2}}\s*(?P<high>{_N}))?"
    rf"\s*(?P<scale>[十百千万亿])?\s*(?:{_UNIT})(?P<in>以内|之内|内|以上|以下|以前|前)?"
)
_SCALE = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_SUMS = {
    "亿元": Decimal(100_000_000), "万元": Decimal(10_000), "千元": Decimal(1000), "百元": Decimal(100), "角": Decimal("0.1"),
}  # fmt: skip
# Words that only look like a figure: 一次性, 一人户, 一日三餐, 一个月 stays.
_WORDS = re.compile("^(一次性|一年一度|一人户|一户一|一人一|千万|百日|一天天|一日|半日|十分)")
_MOST_HAN_COUNT = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `low` and `high` are equal but for ranges and None where masked (××元).

    Sums are in yuan, percentages per hundred, other values in `unit` as printed. Offsets are 0-based, end exclusive.
    """

    kind: FigureKind
    low: Decimal | None
    high: Decimal | None
    unit: str
    text: str
    start: int
    end: int

    @property
    def key(self) -> tuple[str, Decimal | None, Decimal | None, str]:
        """What makes two figures the same, wherever they stand."""
        return self.kind, self.low, self.high, self.unit


def find_figures(text: str) -> tuple[Figure, ...]:
    """Every figure of a text, in order. Years, dates and document numbers are not figures."""
    taken = [(one.start, one.end) for one in find_dates(text)]
    return tuple(
        figure
        for figure in _all(text)
        if not any(figure.start < end and begin < figure.end for begin, end in taken)
    )


def telling(heading: str, text: str) -> str:
    """What a clause says: its heading and text, the heading only once where the text repeats it."""
    return text if heading in text else f"{heading}\n{text}"


def _all(text: str) -> Iterator[Figure]:
    for match in _FIGURE.finditer(text):
        kind = next(kind for kind, _ in _UNITS if match[kind])
        if _WORDS.match(text[match.start() : match.start() + 4]):
            continue
        han = not re.match(r"[\dxX×*＊]", match["low"])
        if kind in {"count", "times"} and han and len(match["low"]) <= _MOST_HAN_COUNT:
            # 一人, 一次 are mostly words of the sentence.
            continue
        if (
            kind == "duration"
            and match["low"] in {"一", "半"}
            and match[kind] in {"日", "年", "天"}
            and not match["in"]
        ):
            continue
        unit = match[kind]
        factor = Decimal(_SCALE.get(match["scale"] or "", 1))
        low, high = _value(match["low"]), _value(match["high"] or match["low"])
        if kind == "money":
            factor *= _SUMS.get(unit, Decimal(1))
            unit = "元"
        elif kind == "percent":
            unit = "%"
        elif kind == "duration":
            unit = unit.removeprefix("个") if unit != "个月" else unit
        if kind == "money" and han and len(match["low"]) == 1 and not match["scale"]:
            # 二元结构, 一元化
            continue
        if match["low"][0] == "第" or text[match.start() - 1 : match.start()] == "第":
            continue
        yield Figure(
            kind, low * factor if low is not None else None, high * factor if high is not None else None, unit,
            match[0], match.start(), match.end(),
        )  # fmt: skip


def _value(printed: str) -> Decimal | None:
    plain = unicodedata.normalize("NFKC", printed).replace(",", "")
    if re.fullmatch(r"\d+(\.\d+)?", plain):
        return Decimal(plain)
    if plain == "半":
        return Decimal("0.5")
    try:
        return Decimal(str(cn2an.cn2an(plain.replace("〇", "零"), "smart")))
    except ValueError:
        return None
