"""The glossary: what residents say, and what the documents call it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from policies_kb.clauses import Aspect
from policies_kb.types import Frozen
from policies_kb.yamlfile import load_model

_ASPECTS = frozenset(get_args(Aspect))


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no pattern: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_is_pattern)]
"""A regular expression."""


class Family(Frozen):
    """A loose expression that may mean several schemes."""

    words: tuple[str, ...] = Field(min_length=1)
    schemes: tuple[str, ...] = Field(min_length=1)


class Outside(Frozen):
    """Business of another office: named so that a refusal can say where to ask."""

    topic: str
    words: tuple[str, ...] = Field(min_length=1)
    where: str = ""


class Urgent(Frozen):
    """What cannot wait for an answer: where a message tells of it (`signs`, patterns), `say` comes before all else."""

    topic: str
    signs: tuple[Pattern, ...] = Field(min_length=1)
    unless: tuple[Pattern, ...] = ()
    say: str


class PlaceNames(Frozen):
    """Places by name: the pack's own, others, and expressions for "some other place"."""

    home: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()


class GlossaryFile(Frozen):
    """`glossary.yml`. The first word of every row is the documents' own."""

    schemes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    families: tuple[Family, ...] = ()
    aspects: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    synonyms: tuple[tuple[str, ...], ...] = ()
    outside: tuple[Outside, ...] = ()
    noise: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    hardship: tuple[str, ...] = Field(
        default=(),
        description="first words of rows of `synonyms`: whoever tells of that and gets no answer is offered the assessment",
    )
    needs: tuple[Pattern, ...] = Field(
        default=(),
        description="how somebody tells of a need without a word of `hardship`, for the same offer; the search is not changed by it",
    )
    case_status: tuple[Pattern, ...] = Field(
        default=(), description="how somebody asks how far their own application has come"
    )
    places: PlaceNames = PlaceNames()
    spoken: dict[str, str] = Field(
        default_factory=dict,
        description="dialect and its standard word, replaced in questions before all else",
    )
    ages: dict[str, int] = Field(
        default_factory=dict,
        description="schemes that somebody asks of who tells an age of so many years, asks for money and names none",
    )
    about_anything: tuple[str, ...] = Field(
        default=(),
        description="schemes whose help other offices' business is mostly about, as legal aid's is",
    )
    ask_at: dict[str, str] = Field(
        default_factory=dict, description="scheme -> whom to ask of it where the pack has no clause on it"
    )
    urgent: tuple[Urgent, ...] = ()
    orders: tuple[str, ...] = Field(
        default=(),
        description="words of orders to the machine itself: such a sentence is no part of the question",
    )
    abuse: tuple[str, ...] = Field(default=(), description="bad words: cut out, the rest is the question")

    @field_validator("aspects")
    @classmethod
    def _known(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        unknown = sorted(set(value) - _ASPECTS)
        if unknown:
            raise ValueError(f"unknown aspect {', '.join(unknown)}; there are {', '.join(sorted(_ASPECTS))}")
        return value

    @model_validator(mode="after")
    def _rows(self) -> Self:
        unknown = sorted(set(self.hardship) - {row[0] for row in self.synonyms})
        if unknown:
            raise ValueError(
                f"hardship: {', '.join(unknown)} is the first word of no row of synonyms in this file"
            )
        return self


@dataclass(frozen=True, slots=True)
class Glossary:
    """A pack's glossary with its ancestors' laid under it.

    `concepts` maps a word to its concept tokens: `scheme:dibao`, `aspect:who`, `same:公示`, `outside:婚姻登记`.
    """

    names: dict[str, str]
    concepts: dict[str, tuple[str, ...]]
    outside: dict[str, Outside]
    noise: frozenset[str]
    personal: tuple[str, ...]
    hardship: frozenset[str]
    """Concept tokens (`same:困难`)."""
    needs: tuple[str, ...]
    """Patterns."""
    case_status: tuple[str, ...]
    home: tuple[str, ...]
    elsewhere: frozenset[str]
    spoken: dict[str, str]
    ages: dict[str, int]
    about_anything: frozenset[str]
    ask_at: dict[str, str]
    urgent: tuple[Urgent, ...]
    orders: tuple[str, ...]
    abuse: tuple[str, ...]


def load_glossary(paths: Sequence[Path]) -> Glossary:
    """Read glossary files, the nearest pack's first, into one glossary.

    Raises:
        DataFileError: a file is not a glossary; names file, line and field.
    """
    files = [load_model(path, GlossaryFile) for path in paths]
    names: dict[str, str] = {}
    concepts: dict[str, dict[str, None]] = {}

    def add(word: str, concept: str) -> None:
        concepts.setdefault(word.lower(), {})[concept] = None

    for file in files:
        for scheme, words in file.schemes.items():
            if words:
                names.setdefault(scheme, words[0])
            for word in words:
                add(word, f"scheme:{scheme}")
        for family in file.families:
            for word in family.words:
                for scheme in family.schemes:
                    add(word, f"scheme:{scheme}")
        for aspect, words in file.aspects.items():
            for word in words:
                add(word, f"aspect:{aspect}")
        for row in file.synonyms:
            for word in row:
                add(word, f"same:{row[0]}")
        for other in file.outside:
            for word in other.words:
                add(word, f"outside:{other.topic}")
    return Glossary(
        names=names,
        concepts={word: tuple(found) for word, found in concepts.items()},
        outside={other.topic: other for file in files for other in file.outside},
        noise=frozenset(word for file in files for word in file.noise),
        personal=tuple(word for file in files for word in file.personal),
        hardship=frozenset(f"same:{word}" for file in files for word in file.hardship),
        needs=tuple(one for file in files for one in file.needs),
        case_status=tuple(word for file in files for word in file.case_status),
        home=tuple(name for file in files for name in file.places.home),
        elsewhere=frozenset(name for file in files for name in (*file.places.elsewhere, *file.places.vague)),
        # The nearest pack's word wins.
        spoken={word: meant for file in reversed(files) for word, meant in file.spoken.items()},
        ages={scheme: age for file in reversed(files) for scheme, age in file.ages.items()},
        about_anything=frozenset(scheme for file in files for scheme in file.about_anything),
        ask_at={scheme: where for file in reversed(files) for scheme, where in file.ask_at.items()},
        urgent=tuple(one for file in files for one in file.urgent),
        orders=tuple(word for file in files for word in file.orders),
        abuse=tuple(word for file in files for word in file.abuse),
    )
