"""The words a register is read with, from words.yml: headers, ways of writing an answer, units, reminders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from pydantic import Field

from policies_kb.pack import Fact, Pack
from policies_kb.types import Frozen
from policies_kb.yamlfile import load_model

HOUSEHOLD, TOWN, NAME, IDENTITY, BIRTH, RECEIVING = (
    "household",
    "town",
    "name",
    "identity",
    "birth_date",
    "receiving",
)
_REMARK = re.compile(r"^(.+?)[(\[【]([^)\]】]*)[)\]】]$")


class RegisterWords(Frozen):
    """`words.yml`. `values`: fact → option as text → further words for it."""

    columns: dict[str, tuple[str, ...]]
    facts: dict[str, tuple[str, ...]]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    unknown: tuple[str, ...]
    nothing: tuple[str, ...]
    values: dict[str, dict[str, tuple[str, ...]]]
    dates: dict[str, date]
    units: dict[str, int]
    schemes: dict[str, tuple[str, ...]]
    receiving_dibao: str = Field(description="scheme whose being received answers the fact receiving_dibao")
    birthdays: tuple[int, ...]
    birthday_days: int
    card_days: int


class ColumnsFile(Frozen):
    """An office's own mapping (`--columns`): header → fact or column name; an empty name leaves the column aside."""

    columns: dict[str, str]


@cache
def words() -> RegisterWords:
    """The words shipped with the package."""
    return load_model(Path(__file__).with_name("words.yml"), RegisterWords)


def tidy(text: str) -> str:
    """A text in one way of writing: full-width letters and digits made plain, no spaces around."""
    return unicodedata.normalize("NFKC", text).strip()


@dataclass(frozen=True, slots=True)
class Header:
    """What a column of the register is: a fact or one of the other columns, and what its sums are multiplied by."""

    header: str
    name: str
    factor: int = 1


@dataclass(frozen=True, slots=True)
class Headers:
    """The register's columns. `unused`: headers nothing is known of, with the closest known one."""

    used: tuple[Header, ...]
    unused: tuple[tuple[str, str | None], ...]

    def of(self, name: str) -> Header | None:
        """The column of this name."""
        return next((header for header in self.used if header.name == name), None)


class ColumnsError(ValueError):
    """A register whose columns cannot be used; the message says what to do (Chinese)."""


def read_headers(pack: Pack, found: Sequence[str], own: Mapping[str, str] | None = None) -> Headers:
    """What each column of a register is.

    Raises:
        ColumnsError: no household number, two columns for one thing, or an own mapping that names nothing known.
    """
    known = _known(pack)
    names = frozenset(known.values())
    for header, wanted in (own or {}).items():
        if wanted and wanted not in names:
            close = get_close_matches(wanted, sorted(names), 1)
            hint = f"是不是 {close[0]}？" if close else "有哪些，见 jzt facts。"
            raise ColumnsError(f"列对照表里“{header}”写的 {wanted}，没有这一项。{hint}")
    used: list[Header] = []
    unused: list[tuple[str, str | None]] = []
    for header in found:
        plain, factor = _plain(header)
        name: str | None = (
            own[header] if own is not None and header in own else known.get(plain, known.get(plain.lower()))
        )
        if name:
            double = next((other for other in used if other.name == name), None)
            if double is not None:
                raise ColumnsError(
                    f"“{double.header}”和“{header}”说的是同一件事。请只留一列，或者用 --columns 写明哪一列不用。"
                )
            used.append(Header(header, name, factor))
        elif name is None:
            close = get_close_matches(plain, list(known), 1)
            unused.append((header, close[0] if close else None))
    if not any(header.name == HOUSEHOLD for header in used):
        raise ColumnsError(
            f"名册里没有户编号这一列。表头写成“{words().columns[HOUSEHOLD][0]}”，或者用 --columns 写明是哪一列。"
        )
    return Headers(tuple(used), tuple(unused))


def _plain(header: str) -> tuple[str, int]:
    """(the header without remarks and spaces, what its sums are multiplied by)."""
    plain = tidy(header).replace(" ", "").strip("*:")
    remark = _REMARK.match(plain)
    return (plain, 1) if remark is None else (remark[1], words().units.get(remark[2], 1))


def _known(pack: Pack) -> dict[str, str]:
    """Header → name; a header that is written in words.yml comes before a fact's own label."""
    read = words()
    found = {name: name for name, fact in pack.facts.items() if fact.type != "text"}
    found |= {tidy(fact.label): name for name, fact in pack.facts.items() if fact.type != "text"}
    found |= {tidy(word): name for name, alike in read.facts.items() if name in pack.facts for word in alike}
    return found | {tidy(word): name for name, alike in read.columns.items() for word in alike}


def choice_words(name: str, fact: Fact) -> dict[str, object]:
    """Every way of writing one of a fact's options → the option."""
    own = words().values.get(name, {})
    found: dict[str, object] = {}
    for choice in fact.choices:
        for word in (str(choice.value), choice.title, *own.get(str(choice.value).lower(), ())):
            found.setdefault(tidy(word), choice.value)
    return found


@cache
def yes_no() -> dict[str, bool]:
    """Words for yes and no."""
    return dict.fromkeys(words().yes, True) | dict.fromkeys(words().no, False)


def labels(pack: Pack) -> dict[str, str]:
    """Contract name of a missing fact → its label: its own, else that of the question which asks for it."""
    asked = {fact.reported_as: fact.label for fact in reversed(list(pack.facts.values())) if fact.reported_as}
    return asked | {name: fact.label for name, fact in pack.facts.items()}


def scheme_words(pack: Pack) -> dict[str, str]:
    """Names, ids and short names of the pack's schemes → id."""
    found: dict[str, str] = {}
    for scheme in pack.schemes.values():
        for word in (scheme.id, scheme.name, *words().schemes.get(scheme.id, ())):
            found[tidy(word)] = scheme.id
    return found
