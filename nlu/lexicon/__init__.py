"""The words residents use, as data: schemes, relations, values, control words, danger. Validated when read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from policies_kb.errors import DataFileError, Problem
from policies_kb.yamlfile import line_of, load_model, read_yaml

FOLDER = Path(__file__).parent


class WordLists(RootModel[dict[str, list[str]]]):
    """Stored value -> the words for it."""


class Words:
    """Longest-match lookup of words standing for stored values."""

    def __init__(self, lists: dict[str, list[str]]) -> None:
        self._value = {word: value for value, words in lists.items() for word in words}
        ordered = sorted(self._value, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)))

    def find(self, text: str) -> list[tuple[str, int, int]]:
        """(value, start, end) of every word found, in order, longest first at each place."""
        return [(self._value[m.group()], m.start(), m.end()) for m in self._pattern.finditer(text)]

    def first(self, text: str) -> str | None:
        """The value of the first word in the text."""
        found = self._pattern.search(text)
        return self._value[found.group()] if found else None

    def exact(self, text: str) -> str | None:
        """The value whose word the whole text is."""
        return self._value.get(text)

    def only(self, text: str) -> str | None:
        """The value when every word in the text means the same one."""
        values = {value for value, _, _ in self.find(text)}
        return values.pop() if len(values) == 1 else None

    @property
    def words(self) -> tuple[str, ...]:
        """Every word."""
        return tuple(self._value)

    @property
    def values(self) -> frozenset[str]:
        """Every stored value there are words for."""
        return frozenset(self._value.values())


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _compile_all(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a valid pattern: {pattern!r}: {error}") from None
    return patterns


class IntentRule(_Strict):
    """How an intent is recognised in a clause, in the order of the file."""

    whole: list[str] = Field(default_factory=list, description="the bare clause is exactly this")
    within: list[str] = Field(default_factory=list, description="found anywhere in the clause")
    late: list[str] = Field(default_factory=list, description="like within, once every intent was tried")
    unless: list[str] = Field(default_factory=list, description="found anywhere: not this intent after all")

    _valid = field_validator("whole", "within", "late", "unless")(_compile_all)


class IntentRules(RootModel[dict[str, IntentRule]]):
    """Intent -> rule."""


class QuestionRule(_Strict):
    """What makes a clause a question, and phrases that look like one and are not."""

    marks: list[str]
    unless: list[str]

    _valid = field_validator("marks", "unless")(_compile_all)


class DangerRule(_Strict):
    """Signs of immediate danger; `unless` is looked for in the same clause."""

    signs: list[str]
    unless: list[str] = Field(default_factory=list)

    _valid = field_validator("signs", "unless")(_compile_all)


class DangerRules(RootModel[dict[str, DangerRule]]):
    """Danger -> rule, most urgent first."""


class Topic(_Strict):
    """Words by which an answer shows which slot it belongs to (for corrections and volunteered answers)."""

    slots: list[str]
    words: list[str]

    _valid = field_validator("words")(_compile_all)


class Topics(RootModel[list[Topic]]):
    """In the order they are tried."""


class StatementRule(_Strict):
    """How people tell a fact without answering: `value` of the facts `slots` (the last part of their names).

    `passing`: also taken where something else was asked; `number`: a fact whose figure may stand in the clause.
    """

    slots: list[str]
    value: bool | int | str
    words: list[str]
    passing: bool = False
    number: str | None = None

    _valid = field_validator("words")(_compile_all)


class StatementRules(RootModel[list[StatementRule]]):
    """In the order they are tried."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement's rule with its words compiled."""

    rule: StatementRule
    words: re.Pattern[str]


class Supposed(_Strict):
    """What a supposition sets: a fact to a value, or a sum of money (`more`: added to what was told)."""

    fact: str
    value: bool | int | None = None
    more: bool = False
    less: bool = False
    words: list[str]

    _valid = field_validator("words")(_compile_all)


class Suppositions(_Strict):
    """How a what-if begins and ends, and what it supposes, in the order tried."""

    opens: list[str]
    changes: list[Supposed]

    _valid = field_validator("opens")(_compile_all)


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled IntentRule or DangerRule."""

    whole: re.Pattern[str] | None
    within: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    late: re.Pattern[str] | None = None


def joined(patterns: list[str]) -> re.Pattern[str] | None:
    """One pattern of many alternatives, or None when there is none."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None


def load_words(path: Path) -> Words:
    """Read a word list.

    Raises:
        DataFileError: not the right shape, or one word standing for two values.
    """
    lists = load_model(path, WordLists).root
    seen: dict[str, str] = {}
    problems = []
    for value, words in lists.items():
        for index, word in enumerate(words):
            if seen.setdefault(word, value) != value:
                line = line_of(read_yaml(path), (value, index))
                cure = "keep the word under one of them"
                problems.append(
                    Problem(path, line, value, f"{word!r} also stands under {seen[word]!r}", cure)
                )
    if problems:
        raise DataFileError(problems)
    return Words(lists)


@cache
def schemes() -> Words:
    """Names of schemes -> scheme ids."""
    return load_words(FOLDER / "schemes.yml")


@cache
def relations() -> Words:
    """Words for family members -> the contract's relation values."""
    return load_words(FOLDER / "relations.yml")


@cache
def value_words() -> dict[str, Words]:
    """Stored value -> the residents' words for it."""
    lists = load_model(FOLDER / "values.yml", WordLists).root
    return {value: Words({value: words}) for value, words in lists.items()}


@cache
def typos() -> dict[str, str]:
    """What is written for a word by mistake -> the word."""
    lists = load_model(FOLDER / "typos.yml", WordLists).root
    return {wrong: word for word, wrongs in lists.items() for wrong in wrongs}


@cache
def name_words() -> dict[str, frozenset[str]]:
    """Kinds of words by which a name is told from another answer: see names.yml."""
    return {
        kind: frozenset(words) for kind, words in load_model(FOLDER / "names.yml", WordLists).root.items()
    }


@cache
def intents() -> dict[str, Rule]:
    """Intent -> compiled rule, in the order they are tried."""
    rules = load_model(FOLDER / "intents.yml", IntentRules).root
    return {
        name: Rule(joined(rule.whole), joined(rule.within), joined(rule.unless), joined(rule.late))
        for name, rule in rules.items()
    }


@cache
def dangers() -> dict[str, Rule]:
    """Danger -> compiled rule, in the order they are tried."""
    rules = load_model(FOLDER / "danger.yml", DangerRules).root
    return {name: Rule(None, joined(rule.signs), joined(rule.unless)) for name, rule in rules.items()}


@cache
def question() -> Rule:
    """What a question looks like."""
    rule = load_model(FOLDER / "question.yml", QuestionRule)
    return Rule(None, joined(rule.marks), joined(rule.unless))


@cache
def topics() -> tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]:
    """(slot names, words) in the order they are tried."""
    found = load_model(FOLDER / "topics.yml", Topics).root
    return tuple((tuple(topic.slots), re.compile("|".join(topic.words))) for topic in found)


@cache
def statements() -> tuple[Statement, ...]:
    """How facts are told as statements, in the order they are tried."""
    rules = load_model(FOLDER / "statements.yml", StatementRules).root
    return tuple(Statement(rule, re.compile("|".join(rule.words))) for rule in rules)


@cache
def suppositions() -> tuple[re.Pattern[str], tuple[tuple[Supposed, re.Pattern[str]], ...]]:
    """(how a what-if opens, what it may suppose with its words)."""
    found = load_model(FOLDER / "what_if.yml", Suppositions)
    opens = re.compile("|".join(found.opens))
    return opens, tuple((change, re.compile("|".join(change.words))) for change in found.changes)
