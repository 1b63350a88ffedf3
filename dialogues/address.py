"""The pack's words for somebody who is not the speaker: 您家有几口人 becomes 王大娘家有几口人.

Packs speak to the resident. Where a cadre or a child asks for another, the same texts are put in the third person on
their way to the chat; which words stay with the speaker is data (address.yml).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from dialogues.ports import Knowledge
from policies_kb.cards import ResultSheet
from policies_kb.types import Answer, AnswerEffect, Change, Doubt, FactQuestion, SchemeResult, WorkflowStep
from policies_kb.yamlfile import load_model

PATH = Path(__file__).with_name("address.yml")
YOU = "您"
# Fields of questions, doubts and results that are said; clauses and titles of documents stay as printed.
_SAID = frozenset({"text", "simpler", "why", "beyond", "ask", "next"})
ModelT = TypeVar("ModelT", bound=BaseModel)


class Address(BaseModel):
    """address.yml: phrases in which 您 is whoever speaks, also when they speak for another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep: tuple[str, ...] = Field(min_length=1)

    @field_validator("keep")
    @classmethod
    def _hold_you(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        for phrase in keep:
            if YOU not in phrase:
                raise ValueError(f"{phrase!r} has no {YOU} that could stay")
        return keep


@cache
def _words() -> re.Pattern[str]:
    """Finds 您, the phrases to be left alone first.

    Raises:
        DataFileError: address.yml is wrong.
    """
    kept = sorted(load_model(PATH, Address).keep, key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, kept), YOU]))


def third_person(text: str, who: str) -> str:
    """A text put for `who`: 您家 → 王大娘家, 您的孩子 → 王大娘的孩子."""
    return _words().sub(lambda found: who if found.group() == YOU else found.group(), text)


def _put(value: Any, who: str, said: bool = False) -> Any:
    if isinstance(value, str):
        return third_person(value, who) if said else value
    if isinstance(value, BaseModel):
        # Copied, not written out and read again: what a model keeps to itself stays in it.
        fields = type(value).model_fields
        return value.model_copy(update={key: _put(getattr(value, key), who, key in _SAID) for key in fields})
    if isinstance(value, dict):
        return {key: _put(item, who, key in _SAID) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_put(item, who, said) for item in value)
    return value


class ThirdPerson(Knowledge):
    """A pack's knowledge that speaks of `who` instead of to them. Everything else is the pack's."""

    def __init__(self, knowledge: Knowledge, who: str) -> None:
        self._knowledge = knowledge
        self._who = who

    def _of(self, model: ModelT) -> ModelT:
        put: ModelT = _put(model, self._who)
        return put

    @property
    def pack(self) -> str:
        """The pack's name."""
        return self._knowledge.pack

    @property
    def version(self) -> str:
        """The pack's version."""
        return self._knowledge.version

    def answer(
        self, question: str, *, today: date, scheme: str | None = None, aspect: str | None = None
    ) -> Answer:
        """A policy answer: its clause stands as it is."""
        return self._knowledge.answer(question, today=today, scheme=scheme, aspect=aspect)

    def next_question(
        self, facts: Mapping[str, JsonValue], *, skipped: Collection[str] = (), schemes: Collection[str] = (),
        after: str | None = None, today: date,
    ) -> FactQuestion | None:  # fmt: skip
        """The next question, about them."""
        found = self._knowledge.next_question(
            facts, skipped=skipped, schemes=schemes, after=after, today=today
        )
        return None if found is None else self._of(found)

    def hanging(
        self, facts: Mapping[str, JsonValue], key: str, *, skipped: Collection[str] = (),
        schemes: Collection[str] = (), today: date,
    ) -> Sequence[str]:  # fmt: skip
        """The schemes that hang on a question."""
        return self._knowledge.hanging(facts, key, skipped=skipped, schemes=schemes, today=today)

    def effects(
        self,
        facts: Mapping[str, JsonValue],
        keys: Iterable[str],
        *,
        schemes: Collection[str] = (),
        today: date,
    ) -> Sequence[AnswerEffect]:
        """What answers did, told of them."""
        found = self._knowledge.effects(facts, keys, schemes=schemes, today=today)
        return [self._of(effect) for effect in found]

    def what_if(
        self, facts: Mapping[str, JsonValue], answers: Mapping[str, JsonValue], *, today: date
    ) -> Sequence[Change]:
        """What other answers would change, told of them."""
        return [self._of(change) for change in self._knowledge.what_if(facts, answers, today=today)]

    def question(self, facts: Mapping[str, JsonValue], key: str, *, today: date) -> FactQuestion:
        """The question of one fact, about them."""
        return self._of(self._knowledge.question(facts, key, today=today))

    def with_answer(self, facts: Mapping[str, JsonValue], key: str, value: JsonValue) -> dict[str, JsonValue]:
        """New facts with one answer put in."""
        return self._knowledge.with_answer(facts, key, value)

    def doubts(self, facts: Mapping[str, JsonValue], *, today: date) -> Sequence[Doubt]:
        """Doubts, asked about them."""
        return [self._of(doubt) for doubt in self._knowledge.doubts(facts, today=today)]

    def raised_doubts(
        self, facts: Mapping[str, JsonValue], key: str, value: JsonValue, *, today: date
    ) -> Sequence[Doubt]:
        """The doubts an answer brings, asked about them."""
        return [self._of(doubt) for doubt in self._knowledge.raised_doubts(facts, key, value, today=today)]

    def assess(
        self, facts: Mapping[str, JsonValue], *, today: date, interview: bool = False
    ) -> Sequence[SchemeResult]:
        """The results, told of them."""
        found = self._knowledge.assess(facts, today=today, interview=interview)
        return [self._of(result) for result in found]

    def sheet(self, results: Sequence[SchemeResult], *, today: date) -> ResultSheet:
        """The results as cards, told of them."""
        return self._of(self._knowledge.sheet(results, today=today))

    def scheme_name(self, scheme: str) -> str:
        """The scheme's name."""
        return self._knowledge.scheme_name(scheme)

    def workflow(self, schemes: Collection[str]) -> Sequence[WorkflowStep]:
        """The steps after an application."""
        return self._knowledge.workflow(schemes)

    def text(self, key: str) -> str:
        """A text of the pack, as it is."""
        return self._knowledge.text(key)
