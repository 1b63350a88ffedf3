"""A made-up register of residents, one row a person, the same for the same seed. Nobody in it is real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

Texts = NDArray[np.str_]
_SIZES, _SIZE_SHARES = np.arange(1, 7), (0.22, 0.30, 0.25, 0.14, 0.07, 0.02)  # 2.6 members on average
_AT_ONCE = 100_000
_SURNAMES = np.array(list("赵钱孙李周吴郑王冯陈"))
_GIVEN = np.array(["示一", "示二", "例三", "例四", "样五", "样六", "试七", "试八"])
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECK = np.array(list("10X98765432"))
HEADERS = (
    "户编号", "乡镇", "姓名", "身份证号", "与户主关系", "户籍", "本地户口", "常住本地", "月收入", "存款", "住房套数", "汽车",
    "残疾等级", "残疾类别", "残疾证到期日", "大病救助", "劳动能力", "在读阶段", "急难情况", "刚性支出", "自付医药费",
    "有无赡养抚养人", "低保", "享受救助",
)  # fmt: skip


def write(
    path: Path, households: int, *, towns: int = 20, seed: int = 20260305, faults: float = 0.001,
    today: date = date(2026, 3, 5), done: Callable[[int], None] = lambda count: None,
) -> int:  # fmt: skip
    """Write a register as UTF-8 CSV; returns its rows. `faults`: the share of cells spoilt in a few columns."""
    rows = 0
    writer = None
    with path.open("wb") as out:
        for table in tables(households, towns=towns, seed=seed, faults=faults, today=today):
            if writer is None:
                writer = pyarrow.csv.CSVWriter(
                    out, table.schema, write_options=pyarrow.csv.WriteOptions(quoting_style="needed")
                )
            writer.write_table(table)
            rows += table.num_rows
            done(table.num_rows)
        if writer is not None:
            writer.close()
    return rows


def tables(
    households: int,
    *,
    towns: int = 20,
    seed: int = 20260305,
    faults: float = 0.001,
    today: date = date(2026, 3, 5),
) -> Iterator[pa.Table]:
    """The register, a part at a time; one row in a hundred stands apart from the rest of its household."""
    for first in range(0, households, _AT_ONCE):
        pick = np.random.default_rng([seed, first])
        count = min(_AT_ONCE, households - first)
        table = _people(pick, first, count, towns, faults, today)
        apart = pick.random(table.num_rows) < 0.01
        order = np.concatenate([np.flatnonzero(~apart), np.flatnonzero(apart)])
        yield table.take(pa.array(order))


def _people(
    pick: np.random.Generator, first: int, count: int, towns: int, faults: float, today: date
) -> pa.Table:
    sizes = pick.choice(_SIZES, count, p=_SIZE_SHARES)
    home = np.repeat(np.arange(count), sizes)
    rows = len(home)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    head = np.zeros(rows, np.bool_)
    head[starts] = True
    place = np.arange(rows) - np.repeat(starts, sizes)

    def one_of(words: list[str], shares: list[float], of: int = rows) -> Texts:
        return np.array(words)[pick.choice(len(words), of, p=shares)]

    def of_head(values: Texts) -> Texts:
        return np.where(head, values[home], "")

    poor = pick.random(count) < 0.25
    of_heads = pick.integers(26, 88, count)[home]
    relation = np.where(head, "户主", np.where(place == 1, one_of(["配偶", "母亲"], [0.85, 0.15]), one_of(
        ["子", "女", "长子", "孙子", "其他"], [0.35, 0.35, 0.1, 0.1, 0.1]
    )))  # fmt: skip
    apart = np.select(
        [head, relation == "配偶", relation == "母亲", relation == "孙子", relation == "其他"],
        [np.zeros(rows, int), pick.integers(-5, 6, rows), pick.integers(20, 32, rows), pick.integers(-60, -42, rows),
         pick.integers(-20, 20, rows)],
        pick.integers(-38, -20, rows),
    )  # fmt: skip
    own = np.clip(of_heads + apart, 0, 103)
    earned = np.round(pick.gamma(2.0, np.where(poor[home], 300, 1600)), -1)
    income = np.where((own < 16) | (pick.random(rows) < 0.25), 0, earned)
    level = one_of(["", "一级", "二级", "三级", "四级"], [0.93, 0.01, 0.02, 0.02, 0.02])
    disabled = level != ""
    expires = np.datetime64(today) + pick.integers(-200, 3000, rows).astype("timedelta64[D]")
    receives = poor & (pick.random(count) < 0.3)
    columns: dict[str, Texts] = {
        "户编号": np.char.add("H", np.char.zfill((first + home + 1).astype(str), 8)),
        "乡镇": np.char.add(np.char.add("示范", ((first + home) % towns + 1).astype(str)), "镇"),
        "姓名": np.char.add(pick.choice(_SURNAMES, rows), pick.choice(_GIVEN, rows)),
        "身份证号": identity_numbers(pick, own, today),
        "与户主关系": relation,
        "户籍": of_head(one_of(["城镇", "农村"], [0.4, 0.6], count)),
        "本地户口": of_head(one_of(["是", "否"], [0.95, 0.05], count)),
        "常住本地": of_head(one_of(["是", "否", ""], [0.9, 0.05, 0.05], count)),
        "月收入": np.where(pick.random(rows) < 0.03, "", income.astype(int).astype(str)),
        "存款": of_head(_sums(pick, count, np.where(poor, 6000, 40000), 0.05)),
        "住房套数": of_head(one_of(["0", "1", "2", "3"], [0.05, 0.85, 0.08, 0.02], count)),
        "汽车": of_head(one_of(["0", "1", "2"], [0.7, 0.28, 0.02], count)),
        "残疾等级": level,
        "残疾类别": np.where(disabled, one_of(
            ["视力", "听力", "肢体", "智力", "精神", "多重"], [0.15, 0.2, 0.4, 0.1, 0.1, 0.05]), ""),
        "残疾证到期日": np.where(disabled, expires.astype(str), ""),
        "大病救助": one_of(["", "是"], [0.985, 0.015]),
        "劳动能力": np.where(own < 16, "", np.where((own > 70) | (pick.random(rows) < 0.08), "无", "有")),
        "在读阶段": np.where((own >= 6) & (own < 15), "小学、初中", ""),
        "急难情况": of_head(one_of(["没有", "火灾", "突发重病", ""], [0.93, 0.01, 0.03, 0.03], count)),
        "刚性支出": of_head(_sums(pick, count, np.full(count, 500), 0.6)),
        "自付医药费": of_head(_sums(pick, count, np.full(count, 5000), 0.4)),
        "有无赡养抚养人": of_head(one_of(["有", "无", ""], [0.9, 0.05, 0.05], count)),
        "低保": of_head(np.where(receives, "是", "否")),
        "享受救助": of_head(np.where(receives, "低保", "")),
    }  # fmt: skip
    for name, wrong in (
        ("月收入", "约两千"),
        ("存款", "3.5万元"),
        ("残疾等级", "五级"),
        ("身份证号", "99010119000101001"),
    ):
        columns[name] = np.where((columns[name] != "") & (pick.random(rows) < faults), wrong, columns[name])
    return pa.table({name: pa.array(columns[name]) for name in HEADERS})


def _sums(pick: np.random.Generator, count: int, mean: NDArray[np.int64], none: float) -> Texts:
    sums = np.round(pick.exponential(mean), -1).astype(int)
    return np.where(pick.random(count) < none, "0", sums.astype(str))


def identity_numbers(pick: np.random.Generator, ages: NDArray[np.int64], today: date) -> Texts:
    """Numbers with a right check digit in an area that is not given out, for people of these ages."""
    days = np.datetime64(today) - (ages * 365.25 + 1 + pick.integers(0, 364, len(ages))).astype(
        "timedelta64[D]"
    )
    parts = np.char.replace(days.astype(str), "-", "")
    serial = np.char.zfill(pick.integers(0, 1000, len(ages)).astype(str), 3)
    # The area's last digits vary too, so that a million people do not run out of numbers.
    area = np.char.add("99", np.char.zfill(pick.integers(0, 10000, len(ages)).astype(str), 4))
    front = np.char.add(np.char.add(area, parts), serial)
    digits = front.astype("U17").view("U1").reshape(-1, 17).astype(np.int64)
    return np.char.add(front, _CHECK[(digits @ _WEIGHTS) % 11])
