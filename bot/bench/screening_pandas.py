"""The core schemes of shifan-xian written by hand in pandas, for `jzt bench` to compare with; nothing else uses it.

What somebody would write who knows these rules and this register: two-valued (what is not known counts as no), figures
in the code, one pass. `python -m bot.bench.screening_pandas REGISTER OUT` prints its figures as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pandas as pd

STANDARD = {"城镇": 730, "农村": 540}
TODAY = pd.Timestamp("2026-03-05")


def screen(register: str, out: str) -> dict[str, Any]:
    """Read, judge and write; seconds of each and the households likely for each scheme."""
    began = time.perf_counter()
    people = pd.read_csv(register, dtype=str, keep_default_na=False)
    read = time.perf_counter()
    found = judged(people)
    worked = time.perf_counter()
    long = found.melt(
        id_vars=["户编号", "amount"], value_vars=SCHEMES, var_name="scheme", value_name="likely"
    )
    long[long["likely"]].to_csv(out, index=False)
    return {
        "households": len(found),
        "read_s": round(read - began, 2),
        "judge_s": round(worked - read, 2),
        "write_s": round(time.perf_counter() - worked, 2),
        "likely": {scheme: int(found[scheme].sum()) for scheme in SCHEMES},
    }


SCHEMES = ["dibao", "tekun", "dan_ren_bao", "di_shouru", "zhichuxing", "linshi_jinan", "linshi_zhichu"]


def judged(people: pd.DataFrame) -> pd.DataFrame:
    """One row a household with a column a scheme, and the dibao supplement."""
    number = people["身份证号"]
    born = pd.to_datetime(number.str.slice(6, 14), format="%Y%m%d", errors="coerce")
    birthday_to_come = (born.dt.month * 100 + born.dt.day) > (TODAY.month * 100 + TODAY.day)
    age = TODAY.year - born.dt.year - birthday_to_come
    income = pd.to_numeric(people["月收入"], errors="coerce")
    income = income.where(~(income.isna() & (age < 16)), 0)
    level = people["残疾等级"].map({"一级": 1, "二级": 2, "三级": 3, "四级": 4}).fillna(0)
    severe = (
        level.between(1, 2)
        | ((level == 3) & people["残疾类别"].isin(["智力", "精神"]))
        | (people["大病救助"] == "是")
    )
    cannot_work = (people["劳动能力"] == "无") | (age < 16) | (age >= 60) & (people["劳动能力"] == "")
    home = people["户编号"]
    whole = pd.DataFrame({"户编号": home, "income": income, "members": 1, "disabled": level >= 1})
    sums = whole.groupby("户编号", sort=False).agg(
        income=("income", "sum"), known=("income", "count"), members=("members", "size"), disabled=("disabled", "any"),
    )  # fmt: skip
    head = people[people["与户主关系"] == "户主"].drop_duplicates("户编号").set_index("户编号")
    house = sums.join(
        head[
            [
                "户籍",
                "本地户口",
                "常住本地",
                "存款",
                "住房套数",
                "汽车",
                "急难情况",
                "刚性支出",
                "自付医药费",
                "有无赡养抚养人",
            ]
        ]
    )
    standard = house["户籍"].map(STANDARD)
    for name in ("存款", "住房套数", "汽车", "刚性支出", "自付医药费"):
        house[name] = pd.to_numeric(house[name], errors="coerce")
    known = house["known"] == house["members"]
    per_head = (house["income"] / house["members"]).where(known)
    expenses = house["刚性支出"] + house["自付医药费"] / 12
    left = (house["income"] - expenses) / house["members"]
    car = house["汽车"] == 0
    property_ = (house["存款"] <= standard * 24 * house["members"]) & (house["住房套数"] <= 1) & car
    local, here = house["本地户口"] == "是", (house["本地户口"] == "是") | (house["常住本地"] == "是")
    house["dibao"] = (per_head < standard) & property_ & local
    house["di_shouru"] = (per_head <= standard * 1.5) & property_ & local
    burdened = (expenses > 0) & (left < standard) & known
    house["zhichuxing"] = house["di_shouru"] & burdened
    house["linshi_jinan"] = house["急难情况"].isin(["火灾", "突发重病"]) & here
    house["linshi_zhichu"] = burdened & property_ & here
    house["amount"] = (standard * house["members"] - house["income"]).where(house["dibao"])
    poor = income < home.map(standard)
    alone = ((age >= 60) | (age < 16) | (level >= 1)) & cannot_work & poor
    house["tekun"] = (
        alone.groupby(home, sort=False).any() & property_ & local & (house["有无赡养抚养人"] == "无")
    )
    house["dan_ren_bao"] = severe.groupby(home, sort=False).any() & house["di_shouru"]
    return house.reset_index()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(screen(sys.argv[1], sys.argv[2]), ensure_ascii=False) + "\n")
