"""Facts of a household: checked against the catalogue, and read as three-valued values.

Shape (contract names): household facts at the top level, the members under `household` as a list. A member's fact
left out stands for what the catalogue says under `absent`; `null` says "not known". `household_size` larger than
the list means members of whom nothing is known yet. `ranges` maps a sum's name to [low, high or null], where the
resident chose a band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from math import inf

from pydantic import JsonValue

from policies_kb.pack import Fact
from policies_kb.rules.values import Bound, Number, Symbol, Truth, Value, narrowed, number

MEMBERS = "household"
SIZE = "household_size"
RANGES = "ranges"
RELATION = "relation"
SELF = "self"  # the relation of the member who asks
MOST_MEMBERS = 30
Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FactProblem:
    """One value that cannot be used: the field, what is wrong, how it is cured (Chinese, for whoever wrote it)."""

    field: str
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.field}：{self.what}。{self.cure}。"


class FactsError(ValueError):
    """Facts that cannot be used; carries every problem found."""

    def __init__(self, problems: Sequence[FactProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def read_value(name: str, fact: Fact, value: object) -> object:
    """The value of a fact as the rules keep it: Fraction, bool, text (a date's in ISO form) or None.

    Raises:
        FactsError: it is of the wrong type, out of range or not among the allowed answers.
    """
    if value is None:
        return None
    if fact.type == "bool":
        if isinstance(value, bool):
            return value
        raise _wrong(name, f"应当是 true 或 false，现在是 {_shown(value)}", "“是”写 true，“不是”写 false")
    if fact.type == "text":
        if isinstance(value, str):
            return value
        raise _wrong(name, f"应当是文字，现在是 {_shown(value)}", "加上引号")
    if fact.type == "date":
        return _date(name, value)
    if fact.type == "choice" and not all(isinstance(choice.value, int) for choice in fact.choices):
        allowed = [str(choice.value) for choice in fact.choices]
        if isinstance(value, str) and value in allowed:
            return value
        raise _wrong(name, f"没有 {_shown(value)} 这个选项", f"可以写：{'、'.join(allowed)}")
    exact = _fraction(value)
    if exact is None:
        raise _wrong(name, f"应当是数字，现在是 {_shown(value)}", "写阿拉伯数字，不加引号和单位")
    if fact.type in {"int", "choice"} and exact.denominator != 1:
        raise _wrong(name, f"应当是整数，现在是 {_shown(value)}", "去掉小数")
    if fact.type == "choice" and exact not in [choice.value for choice in fact.choices]:
        numbers = "、".join(str(choice.value) for choice in fact.choices)
        raise _wrong(name, f"没有 {_shown(value)} 这个选项", f"可以写：{numbers}")
    if fact.minimum is not None and exact < Fraction(fact.minimum):
        raise _wrong(name, f"{_shown(value)} 太小，最小是 {fact.minimum}", "请核对后重写")
    if fact.maximum is not None and exact > Fraction(fact.maximum):
        raise _wrong(name, f"{_shown(value)} 太大，最大是 {fact.maximum}", "请核对后重写")
    return exact


def _date(name: str, value: object) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise _wrong(
            name, f"{_shown(value)} 不是一个日期", "写成 2026-03-05 这样，并核对有没有这一天"
        ) from None


def _fraction(value: object) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction):
        return None
    try:
        return value if isinstance(value, Fraction) else Fraction(Decimal(str(value)))
    except (InvalidOperation, OverflowError, ValueError):
        return None


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _wrong(name: str, what: str, cure: str) -> FactsError:
    return FactsError([FactProblem(name, what, cure)])


@dataclass(frozen=True, slots=True)
class Facts:
    """Checked facts. Values are Fraction, bool, text or None (not known); a missing key was not told at all.

    `size`: how many people there are, at least as many as are listed; `told_size`: how many there were said to be.
    `interview`: they are being asked for, so that what follows from other answers is taken for known.
    """

    household: Raw
    members: tuple[Raw, ...]
    size: int | None
    ranges: Mapping[str, tuple[Bound, Bound]]
    unused: tuple[str, ...] = ()
    told_size: int | None = None
    interview: bool = False


def read_facts(catalogue: Mapping[str, Fact], data: object, *, interview: bool = False) -> Facts:
    """Check facts against a pack's catalogue.

    `interview`: the facts are being asked for, so a household fact that can be asked and was not told is not known
    and stands for nothing (members' facts are null until they are told; see questions.with_answer).

    Returns:
        The facts; names the catalogue has not are left aside in `unused`.

    Raises:
        FactsError: every value that cannot be used, with its field and cure.
    """
    if not isinstance(data, Mapping):
        raise _wrong("（整个文件）", f"应当是一个 JSON 对象，现在是 {_shown(data)}", "最外层写 {…}")
    problems: list[FactProblem] = []
    unused: list[str] = []

    def read(record: Mapping[str, object], prefix: str, scope: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in record.items():
            if prefix == "" and key in {MEMBERS, RANGES}:
                continue
            nested = isinstance(value, Mapping)
            parts = {key: value}
            if isinstance(value, Mapping):
                parts = {f"{key}.{sub}": item for sub, item in value.items()}
            for name, item in parts.items():
                fact = catalogue.get(str(name))
                if fact is None or fact.scope not in {scope, "either"}:
                    if nested and str(key) in catalogue:
                        problems.append(
                            FactProblem(f"{prefix}{key}", "应当是一个值，现在是对象", "去掉大括号")
                        )
                        break
                    close = get_close_matches(
                        str(name), [k for k, f in catalogue.items() if f.scope in {scope, "either"}], 1
                    )
                    unused.append(f"{prefix}{name}" + (f"(是不是 {close[0]}?)" if close else ""))
                    continue
                try:
                    found[str(name)] = read_value(f"{prefix}{name}", fact, item)
                except FactsError as error:
                    problems.extend(error.problems)
        return found

    household = read(data, "", "household")
    if interview:
        assumed = (
            name
            for name, fact in catalogue.items()
            if fact.ask and fact.scope != "member" and fact.absent is not None and fact.absent_when is None
        )
        household = {**dict.fromkeys(assumed), **household}
    members: list[Raw] = []
    listed = data.get(MEMBERS)
    if (listed is not None and not isinstance(listed, Sequence | None)) or isinstance(listed, str):
        problems.append(FactProblem(MEMBERS, "应当是家庭成员的列表", "写成 [ {…}, {…} ],每人一项"))
    elif listed is not None:
        if not listed:
            problems.append(FactProblem(MEMBERS, "一个人也没有", "至少写上申请人本人"))
        if len(listed) > MOST_MEMBERS:
            problems.append(
                FactProblem(MEMBERS, f"有 {len(listed)} 个人", f"最多 {MOST_MEMBERS} 个人，请核对")
            )
        for at, record in enumerate(listed):
            if isinstance(record, Mapping):
                members.append(read(record, f"{MEMBERS}.{at}.", "member"))
            else:
                what = f"应当是一个人的情况，现在是 {_shown(record)}"
                problems.append(FactProblem(f"{MEMBERS}.{at}", what, '写成 {"relation": …, "age": …}'))
    ranges = _ranges(catalogue, data.get(RANGES), problems)
    if problems:
        raise FactsError(problems)
    told = household.pop(SIZE, None)
    told_size = int(told) if isinstance(told, Fraction) else None
    size = max(told_size, len(members)) if told_size is not None else len(members) or None
    if told_size is None and interview and any(None in record.values() for record in members):
        # Of somebody something was told in passing: that says nothing of how many they are.
        size = None
    return Facts(household, tuple(members), size, ranges, tuple(unused), told_size, interview)


def _ranges(
    catalogue: Mapping[str, Fact], data: object, problems: list[FactProblem]
) -> dict[str, tuple[Bound, Bound]]:
    if data is None:
        return {}
    found: dict[str, tuple[Bound, Bound]] = {}
    for name, pair in data.items() if isinstance(data, Mapping) else [("", None)]:
        bounds = list(pair) if isinstance(pair, Sequence) and not isinstance(pair, str) else []
        low = _fraction(bounds[0]) if len(bounds) == 2 else None
        high = (
            inf
            if len(bounds) == 2 and bounds[1] is None
            else _fraction(bounds[1])
            if len(bounds) == 2
            else None
        )
        if split_key(str(name))[1] not in catalogue or low is None or high is None or high < low:
            problems.append(
                FactProblem(f"{RANGES}.{name}", "不是一个范围", "写成 [最低, 最高]，最高不限写 null")
            )
        else:
            found[str(name)] = (low, high)
    return found


def member_key(index: int, name: str) -> str:
    """Key of a member's fact: `household.0.age`."""
    return f"{MEMBERS}.{index}.{name}"


def split_key(key: str) -> tuple[int | None, str]:
    """(member index, fact name) of a key; the index is None for a household fact."""
    head, _, rest = key.partition(".")
    index, _, name = rest.partition(".")
    if head == MEMBERS and index.isdigit() and name:
        return int(index), name
    return None, key


def known(fact: Fact, value: object) -> Value:
    """A known value as the rules see it."""
    if isinstance(value, bool):
        return Truth(value)
    if isinstance(value, Fraction):
        return number(value)
    if fact.type == "date":
        return number(date.fromisoformat(str(value)).toordinal())
    return Symbol(frozenset({str(value)}))


def unknown(fact: Fact, key: str) -> Value:
    """What is known of a fact nobody told: its bounds, its allowed answers."""
    needs = frozenset({key})
    if fact.type == "bool":
        return Truth(None, needs)
    if fact.type == "choice":
        values = [choice.value for choice in fact.choices]
        numbers = [value for value in values if isinstance(value, int)]
        if len(numbers) == len(values):
            return narrowed(Fraction(min(numbers)), Fraction(max(numbers)), needs)
        return Symbol(frozenset(str(value) for value in values), needs)
    if fact.type == "text":
        return Symbol(frozenset({"", "…"}), needs)
    if fact.type == "date":
        return Number(-inf, inf, needs)
    low: Bound = Fraction(fact.minimum) if fact.minimum is not None else -inf
    # A sum's maximum only catches slips of the pen; it says nothing of the household.
    bounded = fact.maximum is not None and fact.type != "money"
    high: Bound = Fraction(fact.maximum or 0) if bounded else inf
    return Number(low, high, needs)


def default_value(fact: Fact) -> object:
    """The catalogue's `absent` value as the rules keep it."""
    return read_value("absent", fact, fact.absent)


def as_json(value: object) -> JsonValue:
    """A kept value as JSON again; whole numbers as int."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value if isinstance(value, bool | str) else None
