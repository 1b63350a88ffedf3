"""What-if for the office: the same rules with other figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches

from policies_kb.pack import EXAMPLE, DatedValue, Pack, Parameter


class UnknownFigure(ValueError):
    """A what-if that names no figure of the pack, or gives it no value; the message is for the office (Chinese)."""


def figures(pack: Pack) -> dict[str, tuple[str, str | None]]:
    """Every name a figure may be called by → (parameter, answer it depends on or None for all).

    A parameter's own name, its `what_if` aliases (scheme.word), and each with an answer of its `by` fact behind.
    """
    found: dict[str, tuple[str, str | None]] = {}
    for name, parameter in pack.parameters.items():
        for called in (name, *parameter.what_if):
            found[called] = (name, None)
            for dated in parameter.values:
                for option in dated.value if isinstance(dated.value, dict) else ():
                    found[f"{called}.{option}"] = (name, option)
    return found


def what_if(pack: Pack, changes: Mapping[str, str], today: date) -> Pack:
    """The pack with other figures in force on `today`.

    Raises:
        UnknownFigure: a name the pack has not, a value that is no number, or a figure without a value today.
    """
    known = figures(pack)
    parameters = dict(pack.parameters)
    for called, text in changes.items():
        if called not in known:
            close = get_close_matches(called, list(known), 3)
            hint = f"相近的有：{'、'.join(close)}。" if close else ""
            raise UnknownFigure(f"没有叫 {called} 的数字。{hint}全部数字见政策包的 parameters.yml。")
        name, option = known[called]
        parameters[name] = _changed(parameters[name], option, _value(called, text), today)
    return replace(pack, parameters=parameters)


def _value(called: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise UnknownFigure(f"{called} 要写成一个数字，例如 {called}=2，现在是“{text}”。")
    return value


def _changed(parameter: Parameter, option: str | None, value: Decimal, today: date) -> Parameter:
    dated = parameter.on(today)
    if dated is None:
        raise UnknownFigure(f"“{parameter.name}”在{today.isoformat()}没有规定，改不了。")
    changed: Decimal | dict[str, Decimal] = value
    if isinstance(dated.value, dict):
        changed = {key: value if option in (None, key) else old for key, old in dated.value.items()}
    return parameter.model_copy(
        update={"values": (DatedValue(value=changed, effective_from=date.min, source=EXAMPLE),)}
    )
