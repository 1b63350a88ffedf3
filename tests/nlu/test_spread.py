"""Sums said as a range, and suppositions."""

from __future__ import annotations

import pytest

from nlu.spread import spread
from nlu.suppose import suppose

MONTH = "household_income_month"


@pytest.mark.parametrize(
    ("said", "name", "bounds"),
    [
        ("两三百", MONTH, (200, 300)),
        ("也就三四百块钱", MONTH, (300, 400)),
        ("八百到一千", MONTH, (800, 1000)),
        ("三到五百", MONTH, (300, 500)),
        ("不到五百", MONTH, (0, 499.99)),
        ("五百块钱以内吧", MONTH, (0, 499.99)),
        ("一千来块", MONTH, (900, 1100)),
        ("八百左右", MONTH, (720, 880)),
        ("八百多", MONTH, (800, 899.99)),
        ("两万多", "savings", (20000, 29999.99)),
        ("十几万", "savings", (100000, 199999.99)),
        ("快一万了", "savings", (9000, 10000)),
        ("起码三千", "savings", (3000, None)),
        ("三四千块一年", MONTH, (250, 333.33)),
        ("一年两三千", MONTH, (166.67, 250)),
        ("一千", MONTH, None),
        ("大概八百", MONTH, None),
        ("没有收入", MONTH, None),
        ("不知道", MONTH, None),
    ],
)
def test_a_sum_said_as_a_range_keeps_its_bounds(
    said: str, name: str, bounds: tuple[float, float | None] | None
) -> None:
    assert spread(said, name) == bounds


@pytest.mark.parametrize(
    ("said", "facts", "more"),
    [
        ("如果我存款是三万呢", {"savings": 30000}, {}),
        ("要是儿子每月给我五百呢", {}, {MONTH: 500}),
        ("要似俺闺女一个月给我二百呢", {}, {MONTH: 200}),
        ("假如我搬回来住呢", {"residence_here": True}, {}),
        ("假如户口迁回来呢", {"local_hukou": True}, {}),
        ("要是我把车卖了呢", {"cars": 0}, {}),
        ("那如果没得车呢", {"cars": 0}, {}),
        ("如果我一个月收入两千,存款五万呢", {MONTH: 2000, "savings": 50000}, {}),
        ("万一少挣三百呢", {}, {MONTH: -300}),
        ("我要是八十岁呢", None, None),
        ("如果材料不全怎么办", None, None),
        ("要是不批怎么办", None, None),
        ("存款三万", None, None),
    ],
)
def test_a_supposition_is_read_as_the_facts_supposed(
    said: str, facts: dict[str, object] | None, more: dict[str, float] | None
) -> None:
    found = suppose(said)
    assert (found and found.facts, found and found.more) == (facts, more)
