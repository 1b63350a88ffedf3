"""Worked cases of a pack: `cases/<scheme>.yml`, facts in, what the scheme must say of them out.

A case holds for the pack in whose folder it stands, with everything that pack inherits; a child pack, whose figures
differ, writes its own. `jzt kb check` runs them, and a case that fails is a fault of the pack with file and line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue

from policies_kb.errors import DataFileError, Problem
from policies_kb.loader import CASES
from policies_kb.pack import Amount, Pack
from policies_kb.rules.assess import Assessment
from policies_kb.rules.facts import MEMBERS, FactProblem, FactsError, read_facts
from policies_kb.types import Frozen, Outcome, SchemeResult
from policies_kb.yamlfile import line_of, load_model, read_yaml


def _json(value: Any) -> Any:
    # YAML reads an unquoted day as a date; a facts file of `jzt assess` has its text.
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


JsonFacts = Annotated[dict[str, JsonValue], BeforeValidator(_json)]


class Expected(Frozen):
    """What the scheme's result must be. A field that is not written is not looked at; an amount written as null
    must be absent. Sums in yuan."""

    outcome: Outcome
    amount_month: Amount | None = None
    amount_once: Amount | None = None
    amount_month_range: tuple[Amount, Amount | None] | None = None
    amount_once_range: tuple[Amount, Amount | None] | None = None
    margin: Amount = Field(
        default=Decimal(0), ge=0, description="how far a sum may lie from the expected one"
    )
    missing: tuple[str, ...] = ()
    borderline: bool = False
    says: tuple[str, ...] = Field(
        default=(), description="words that must stand in the reasons or the next step"
    )
    silent: tuple[str, ...] = Field(default=(), description="words that must not")


class WorkedCase(Frozen):
    """One household, told as `jzt assess --facts` is told, and what is expected of it."""

    name: str = Field(min_length=2)
    facts: JsonFacts = Field(default_factory=dict, description="put over the file's base")
    self_: JsonFacts = Field(
        default_factory=dict, alias="self", description="put over the first member's facts"
    )
    without: tuple[str, ...] = Field(
        default=(), description="facts of the base left out, household.0.age too"
    )
    interview: bool = Field(
        default=False, description="told in a conversation: what is left out is not known"
    )
    today: date | None = None
    expect: Expected


class CaseFile(Frozen):
    """`cases/<scheme>.yml` of a pack."""

    scheme: str
    today: date
    base: JsonFacts = Field(default_factory=dict)
    cases: tuple[WorkedCase, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class CasesRun:
    """How many cases of the pack's own folder were run, and every fault."""

    count: int
    problems: tuple[Problem, ...]


def check_cases(pack: Pack) -> CasesRun:
    """Run every case of the pack's own folder."""
    count = 0
    problems: list[Problem] = []
    for path in case_files(pack):
        try:
            file = load_model(path, CaseFile)
        except DataFileError as error:
            problems.extend(error.problems)
            continue
        count += len(file.cases)
        # Line numbers are read only where something is wrong.
        lines: Any = None
        for where, what, cure in _faults(pack, path, file):
            lines = read_yaml(path) if lines is None else lines
            name = file.cases[where].name if where is not None else "scheme"
            place = ("scheme",) if where is None else (CASES, where)
            problems.append(Problem(path, line_of(lines, place), name, what, cure))
    return CasesRun(count, tuple(problems))


def case_files(pack: Pack) -> tuple[Path, ...]:
    """The case files of the pack's own folder."""
    return tuple(sorted((pack.folders[0] / CASES).glob("*.yml")))


def facts_of(file: CaseFile, case: WorkedCase) -> dict[str, JsonValue]:
    """The facts of a case: the base, the case's own over it, what is left out taken away."""
    facts: dict[str, JsonValue] = {**file.base, **case.facts}
    listed = facts.get(MEMBERS)
    members: list[JsonValue] = list(listed) if isinstance(listed, list) else []
    if case.self_ or members:
        first = members[0] if members and isinstance(members[0], dict) else {}
        gone = {
            name.removeprefix(f"{MEMBERS}.0.") for name in case.without if name.startswith(f"{MEMBERS}.0.")
        }
        mine: dict[str, JsonValue] = {
            key: value for key, value in {**first, **case.self_}.items() if key not in gone
        }
        facts[MEMBERS] = [mine, *members[1:]]
    return {key: value for key, value in facts.items() if key not in case.without}


def differences(pack: Pack, file: CaseFile, case: WorkedCase) -> list[str]:
    """What differs between the expected and the found result of one case, field by field.

    Raises:
        FactsError: the facts hold a value that cannot be used, or a name the catalogue has not.
    """
    facts = read_facts(pack.facts, facts_of(file, case), interview=case.interview)
    if facts.unused:
        raise FactsError([FactProblem(name, "没有这一项", "核对名字，见 jzt facts") for name in facts.unused])
    result = Assessment(pack, facts, case.today or file.today).result(file.scheme)
    return [*_differences(case.expect, result)]


def _differences(expect: Expected, result: SchemeResult) -> Iterator[str]:
    written = expect.model_fields_set
    if result.outcome != expect.outcome:
        yield f"outcome: expected {expect.outcome}, found {result.outcome}"
    for name in ("amount_month", "amount_once"):
        if name in written and not _near(getattr(expect, name), getattr(result, name), expect.margin):
            yield f"{name}: expected {_sum(getattr(expect, name))}, found {_sum(getattr(result, name))}"
    for name in ("amount_month_range", "amount_once_range"):
        wanted, found = getattr(expect, name) or (None, None), getattr(result, name) or (None, None)
        if name in written and not all(map(_near, wanted, found, (expect.margin, expect.margin))):
            yield f"{name}: expected {_span(wanted)}, found {_span(found)}"
    if "missing" in written and set(result.missing) != set(expect.missing):
        yield f"missing: expected {sorted(expect.missing)}, found {sorted(result.missing)}"
    if "borderline" in written and result.borderline != expect.borderline:
        yield f"borderline: expected {expect.borderline}, found {result.borderline}"
    said = "\n".join([*(reason.text for reason in result.reasons), result.next])
    yield from (f"says: {words!r} is not said" for words in expect.says if words not in said)
    yield from (f"silent: {words!r} is said" for words in expect.silent if words in said)


def _near(expected: Decimal | None, found: float | None, margin: Decimal) -> bool:
    if expected is None or found is None:
        return expected is None and found is None
    return abs(expected - Decimal(str(found))) <= margin


def _sum(value: Decimal | float | None) -> str:
    return "no sum" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _span(pair: tuple[Decimal | float | None, ...]) -> str:
    return "no range" if pair[0] is None else "-".join(map(_sum, pair))


def _faults(pack: Pack, path: Path, file: CaseFile) -> Iterator[tuple[int | None, str, str]]:
    """(index of the case, what, cure) of everything wrong; the index is None for the file's head."""
    if file.scheme != path.stem:
        yield None, f"is {file.scheme!r} in {path.name}", "make them the same"
        return
    if file.scheme not in pack.schemes:
        yield None, f"the pack has no scheme {file.scheme!r}", "correct the id"
        return
    names = [case.name for case in file.cases]
    for at, case in enumerate(file.cases):
        if case.name in names[:at]:
            yield at, "stands twice", "give the case a name of its own"
        try:
            for difference in differences(pack, file, case):
                yield at, difference, "correct the rule, or the case if the clause says so"
        except FactsError as error:
            for problem in error.problems:
                yield at, f"facts: {problem}", "correct the facts"
