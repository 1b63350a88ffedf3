"""The figures a clause names in parameters.yml, as they are on a day: value, unit, where, since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from policies_kb.clauses import Clause
from policies_kb.pack import EXAMPLE, YES_NO, DatedValue, Fact, Parameter, Place
from policies_kb.retrieval.dates import chinese_date
from policies_kb.retrieval.text import bigrams

_MOST: Final = 7
_NO_UNIT: Final = frozenset({"", "倍", "比例"})


class Valued(Protocol):
    """What figures need of a pack (`policies_kb.pack.Pack` has it)."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...

    @property
    def facts(self) -> Mapping[str, Fact]: ...

    @property
    def places(self) -> Mapping[tuple[str, str], Place]: ...


class Figures:
    """Tells the present values of the parameters clauses name. A value outside its days is never told."""

    def __init__(self, pack: Valued) -> None:
        self._pack = pack

    def lapsed(self, clause: Clause, today: date) -> bool:
        """Whether the clause names a figure that had values once or will have, but none today."""
        return any(
            (parameter := self._pack.parameters.get(name)) is not None
            and parameter.values
            and parameter.on(today) is None
            for name in _names(clause)
        )

    def line(self, clause: Clause, asked: str, today: date) -> str:
        """`现行数字：低保标准 城镇730元/人·月、农村540元/人·月（示范县，2022年1月23日起）。`; empty when there is none.

        Figures of one place and day share the brackets. Of many those are told whose names are most like the question
        `asked` (cleaned).
        """
        pairs = bigrams(asked)
        likest = sorted(clause.parameters, key=lambda written: -len(pairs & bigrams(self._name(written))))
        kept = [written for written in clause.parameters if written in likest[:_MOST]]
        told: dict[str, list[str]] = {}
        for written in kept:
            said = self._said(written, today)
            if said is not None:
                told.setdefault(said[1], []).append(said[0])
        groups = [f"{'、'.join(figures)}（{where_since}）" for where_since, figures in told.items()]
        return f"现行数字：{'；'.join(groups)}。" if groups else ""

    def _name(self, written: str) -> str:
        parameter = self._pack.parameters.get(written)
        return parameter.name if parameter is not None else ""

    def _said(self, written: str, today: date) -> tuple[str, str] | None:
        """(`低保标准 城镇730元/人·月`, `示范县，2022年1月23日起`); None where a value is not known today or no figure."""
        names = [name.strip() for name in written.split("*")]
        parameters = [self._pack.parameters.get(name) for name in names]
        values = [parameter.on(today) if parameter is not None else None for parameter in parameters]
        known = [
            (parameter, value)
            for parameter, value in zip(parameters, values, strict=True)
            if parameter is not None and value is not None
        ]
        if len(known) < len(names) or any(parameter.unit == YES_NO for parameter, _ in known):
            return None
        unit = next((one.unit for one, _ in known if one.unit not in _NO_UNIT), known[0][0].unit)
        amounts = "、".join(dict.fromkeys(self._amounts(known, unit)))
        since = chinese_date(max(value.effective_from for _, value in known))
        title = known[0][0].name if len(known) == 1 else "算下来"
        example = "，示例数字" if any(value.source == EXAMPLE for _, value in known) else ""
        return f"{title} {amounts}", f"{self._whose(names)}，{since}起{example}"

    def _amounts(self, known: list[tuple[Parameter, DatedValue]], unit: str) -> list[str]:
        """One `城镇730×1.5=1095元/人·月` for each answer of the fact the value depends on, or one for all."""
        by = next((one for one, value in known if isinstance(value.value, dict)), None)
        keys = next((list(value.value) for _, value in known if isinstance(value.value, dict)), [""])
        said = []
        for key in keys:
            factors = [
                value.value[key] if isinstance(value.value, dict) else value.value for _, value in known
            ]
            product = Decimal(1)
            for factor in factors:
                product *= factor
            sum_ = (
                "" if len(factors) == 1 else "×".join(f"{factor.normalize():f}" for factor in factors) + "="
            )
            said.append(f"{self._title(by, key)}{sum_}{product.normalize():f}{unit}")
        if len({one.removeprefix(self._title(by, key)) for one, key in zip(said, keys, strict=True)}) == 1:
            # The same for everybody: 城镇850、农村850 is one figure.
            titles = "、".join(self._title(by, key) for key in keys if key)
            return [f"{titles}{'都是' if titles else ''}{said[0].removeprefix(self._title(by, keys[0]))}"]
        return said

    def _title(self, parameter: Parameter | None, key: str) -> str:
        fact = self._pack.facts.get(parameter.by) if parameter is not None and parameter.by else None
        return next((one.title for one in fact.choices if one.value == key), key) if fact else key

    def _whose(self, names: list[str]) -> str:
        own = any(
            place.pack == self._pack.name
            for name in names
            if (place := self._pack.places.get(("parameter", name))) is not None
        )
        return self._pack.title if own else "上级规定"


def _names(clause: Clause) -> list[str]:
    return [name.strip() for written in clause.parameters for name in written.split("*")]
