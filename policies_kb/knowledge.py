"""The policy side of one pack, as the dialogue and the command line see it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from policies_kb.cards import ResultSheet, result_sheet
from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.rules import doubts, explain, questions
from policies_kb.rules.assess import Assessment
from policies_kb.rules.choosing import Chooser
from policies_kb.rules.facts import read_facts
from policies_kb.types import Answer, AnswerEffect, Change, Doubt, FactQuestion, SchemeResult, WorkflowStep

if TYPE_CHECKING:
    from policies_kb.retrieval.engine import Retriever
    from policies_kb.retrieval.explain import Explanation


class UnknownText(KeyError):
    """The pack has no text of this key."""


class PackKnowledge:
    """Answers, assessment, questions, workflow and texts of one pack. Immutable; safe to share."""

    def __init__(
        self, pack: Pack, *, clock: Callable[[], date] | None = None, cache: Path | None = None, by_sense: bool = True
    ) -> None:  # fmt: skip
        """`cache`: a folder where indexes are kept from one start to the next; None: built at every start.

        `by_sense`: use sentence vectors.
        """
        self._pack = pack
        self._cache = cache
        self._by_sense = by_sense
        self._clock = clock or (lambda: datetime.now(ZoneInfo("Asia/Shanghai")).date())

    @cached_property
    def _retriever(self) -> Retriever:
        # Built when first asked: `jzt assess` must not pay for word segmentation and the index.
        from policies_kb.retrieval.engine import Retriever

        return Retriever(self._pack, cache=self._cache, by_sense=self._by_sense)

    @property
    def loaded(self) -> Pack:
        """The pack itself."""
        return self._pack

    @property
    def pack(self) -> str:
        """The pack's name."""
        return self._pack.name

    @property
    def version(self) -> str:
        """Hash of the pack's contents, ancestors included."""
        return self._pack.version

    def answer(
        self, question: str, *, today: date, scheme: str | None = None, aspect: str | None = None
    ) -> Answer:
        """A policy question answered with its clause, or an honest refusal.

        `scheme` and `aspect`: what was spoken of last, for a follow-up question.
        """
        return self._retriever.answer(question, today=today, scheme=scheme, aspect=aspect)

    def explain(self, question: str, today: date, scheme: str | None = None) -> Explanation:
        """Why `answer` answers as it does."""
        return self._retriever.explain(question, today, scheme)

    def next_question(
        self, facts: Mapping[str, JsonValue], *, skipped: Collection[str] = (), schemes: Collection[str] = (),
        after: str | None = None, today: date,
    ) -> FactQuestion | None:  # fmt: skip
        """The next question whose answer can still change an outcome; None when there is none.

        `schemes`: only these are to be decided (none named: all); `after`: key of the question before.

        Raises:
            FactsError: the facts hold a value that cannot be used.
        """
        return questions.next_question(
            self._pack, facts, today=today, skipped=skipped, schemes=schemes, after=after
        )

    def hanging(
        self, facts: Mapping[str, JsonValue], key: str, *, skipped: Collection[str] = (),
        schemes: Collection[str] = (), today: date,
    ) -> tuple[str, ...]:  # fmt: skip
        """Ids of the schemes whose outcome or amount the answer to a question can still change.

        Raises:
            FactsError: the facts hold a value that cannot be used.
        """
        told = read_facts(self._pack.facts, facts, interview=True)
        return Chooser(self._pack, told, today, skipped=skipped, schemes=schemes).hanging.schemes(key)

    def effects(
        self,
        facts: Mapping[str, JsonValue],
        keys: Iterable[str],
        *,
        schemes: Collection[str] = (),
        today: date,
    ) -> tuple[AnswerEffect, ...]:
        """What these answers did; `schemes`: to these only (none named: all).

        Raises:
            FactsError: the facts hold a value that cannot be used.
        """
        return explain.effects(self._pack, facts, keys, today=today, schemes=schemes)

    def what_if(
        self, facts: Mapping[str, JsonValue], answers: Mapping[str, JsonValue], *, today: date
    ) -> tuple[Change, ...]:
        """What other answers would change; the facts stay as they are.

        Raises:
            UnknownFact: the catalogue has no such fact.
            FactsError: a value cannot be used.
        """
        other = dict(facts)
        for key, value in answers.items():
            other = self.with_answer(other, key, value)
        before, after = (self.assess(told, today=today, interview=True) for told in (facts, other))
        return explain.changes(before, after)

    def question(self, facts: Mapping[str, JsonValue], key: str, *, today: date) -> FactQuestion:
        """The question for one fact by key, for asking it again or correcting it.

        Raises:
            UnknownFact: the catalogue has no such fact.
            FactsError: the facts hold a value that cannot be used.
        """
        assessment = Assessment(self._pack, read_facts(self._pack.facts, facts, interview=True), today)
        return questions.question(self._pack, assessment, key)

    def with_answer(self, facts: Mapping[str, JsonValue], key: str, value: JsonValue) -> dict[str, JsonValue]:
        """New facts with one answer put in.

        Raises:
            UnknownFact: the catalogue has no such fact.
            FactsError: the value cannot be used.
        """
        return questions.with_answer(self._pack, facts, key, value, today=self._clock())

    def doubts(
        self, facts: Mapping[str, JsonValue], *, today: date, interview: bool = False
    ) -> tuple[Doubt, ...]:
        """What is unlikely or contradictory among the facts. `interview`: see read_facts.

        Raises:
            FactsError: the facts hold a value that cannot be used.
        """
        return doubts.doubts(self._pack, facts, today=today, interview=interview)

    def raised_doubts(
        self, facts: Mapping[str, JsonValue], key: str, value: JsonValue, *, today: date
    ) -> tuple[Doubt, ...]:
        """The doubts one more answer brings, in an interview.

        Raises:
            UnknownFact: the catalogue has no such fact.
            FactsError: the value, or one of the facts, cannot be used.
        """
        return doubts.raised(self._pack, facts, key, value, today=today)

    def assess(
        self, facts: Mapping[str, JsonValue], *, today: date, interview: bool = False
    ) -> tuple[SchemeResult, ...]:
        """What every scheme of the pack says of the household. `interview`: see read_facts.

        Raises:
            FactsError: the facts hold a value that cannot be used.
        """
        told = read_facts(self._pack.facts, facts, interview=interview)
        return Assessment(self._pack, told, today).results()

    def sheet(self, results: Sequence[SchemeResult], *, today: date) -> ResultSheet:
        """The results of `assess` as cards, best first."""
        return result_sheet(self._pack, results, today)

    def scheme_name(self, scheme: str) -> str:
        """The scheme's Chinese name; the id itself where the pack has no such scheme."""
        found = self._pack.schemes.get(scheme)
        return found.name if found is not None else scheme

    def workflow(self, schemes: Collection[str]) -> tuple[WorkflowStep, ...]:
        """The steps after an application for these schemes, in order.

        Where none of them is the pack's (the resident leaves the choice to the office), the first scheme's steps.
        """
        known = set(schemes) & set(self._pack.schemes) or {next(iter(self._pack.schemes))}
        steps: list[WorkflowStep] = []
        for step in self._pack.workflow.steps:
            if step.schemes and not known & set(step.schemes):
                continue
            document, clause = self._pack.cite(step.source)
            found = WorkflowStep(
                id=step.id, title=step.title, owner=step.owner, workdays=step.workdays, notice=step.notice,
                document=document, clause=clause, calendar_days=step.calendar_days, after=step.after,
            )  # fmt: skip
            steps.append(found)
        return tuple(steps)

    def text(self, key: str) -> str:
        """A text of the pack by dotted key.

        Raises:
            UnknownText: there is no such text.
        """
        try:
            return self._pack.texts[key]
        except KeyError:
            raise UnknownText(f"pack {self._pack.name} has no text {key!r}") from None


def open_pack(
    name: str, packs_dir: Path | None = None, *, cache: Path | None = None, by_sense: bool = True
) -> PackKnowledge:
    """Load a pack. What answers questions is opened at the first one, from the folder `cache` where it is there.

    Raises:
        UnknownPack: there is no such pack.
        DataFileError: something in its files is wrong.
    """
    return PackKnowledge(load_pack(name, packs_dir), cache=cache, by_sense=by_sense)
