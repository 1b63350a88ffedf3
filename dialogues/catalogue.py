"""Flow files and the question catalogue: read, checked, compiled.

A flow is a list of steps. Each step does one thing (`say`, `collect`, `interview`, `reask`, `action`, `call`) or
only branches (`next`). Without `next` the step below follows; after the last comes END. Whatever is wrong (unknown
slot, action, flow or step, a step nothing leads to, a missing text, a bad condition) is reported at load with file
and line, all of it at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from dialogues import payloads
from dialogues.actions import ACTIONS, BUTTON_SOURCES, CHOICE_SOURCES
from dialogues.expressions import BadExpression, Condition, Text, compile_condition, compile_text, pack_keys
from dialogues.masking import Mask
from dialogues.ports import SlotType
from dialogues.validators import PROBLEMS
from policies_kb.errors import DataFileError, Problem
from policies_kb.types import Choice
from policies_kb.yamlfile import line_of, plain, problems_of, read_yaml

END = "END"
HERE = Path(__file__).parent
FLOWS = HERE / "flows"
SLOTS = HERE / "slots.yml"

PATTERNS = tuple(
    f"pattern_{name}"
    for name in (
        "continue_interrupted", "correction", "cancel_flow", "skip_question", "chitchat", "completed",
        "clarification", "internal_error", "cannot_handle", "human_handoff", "session_start", "validate_slot",
        "repeat_bot_messages", "customer_satisfaction", "urgent_danger", "ask_why", "attach_file", "case_update",
        "stale_answer", "whose_household", "what_if",
    )
)  # fmt: skip
REQUIRED = ("ask", "assess", "apply", "case_status", "household", "whose", *PATTERNS)

NonEmpty = Annotated[str, Field(min_length=1)]
Where = tuple[str | int, ...]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SlotDef(_File):
    """One question of the catalogue; see the head of slots.yml."""

    type: SlotType | Literal["list"]
    label: NonEmpty
    ask: str = ""
    again: str = Field(
        default="", description="said instead of `ask` when the question already stands in the chat"
    )
    simpler: str = ""
    why: str = ""
    choices: tuple[Choice, ...] = ()
    choices_from: str | None = None
    buttons_from: str | None = None
    on_filled: str | None = None
    skippable: bool = False
    skip_title: NonEmpty = Field(default="先跳过", description="words on the button that skips")
    unskippable: str = ""
    dont_know: JsonValue = Field(
        default=None, description="the value “I don't know” stands for, if there is one"
    )
    sensitive: bool = False
    mask: Mask = "none"
    depends_on: tuple[str, ...] = ()
    asked_if: str | None = None
    persist: bool = False
    flow: str | None = Field(default=None, description="flow that fills a list")


class ButtonDef(_File):
    """A button: its words, and exactly one thing it does."""

    title: NonEmpty
    start: str | None = None
    restart: bool = False
    resume: str | None = None
    do: str | None = None
    edit: str | None = None
    if_: str | None = Field(default=None, alias="if")

    @model_validator(mode="after")
    def _one(self) -> ButtonDef:
        if sum(part is not None for part in (self.start, self.resume, self.do, self.edit)) != 1:
            raise ValueError("a button needs exactly one of start, resume, do, edit")
        return self

    def payload(self) -> str:
        """What comes back when it is pressed."""
        if self.start is not None:
            return payloads.start(self.start, restart=self.restart)
        if self.resume is not None:
            return payloads.resume(self.resume)
        if self.edit is not None:
            return payloads.edit(self.edit)
        return payloads.word(str(self.do))


class SayDef(_File):
    """One message. With `lead` it stands before the pending question, in the same message."""

    text: NonEmpty
    buttons: tuple[ButtonDef, ...] = ()
    buttons_from: str | None = None
    speech: Literal["normal", "urgent"] = "normal"
    lead: bool = False


class BranchDef(_File):
    """One line of a `next`: `if` and `then`, or `else` alone."""

    if_: str | None = Field(default=None, alias="if")
    then: str | None = None
    else_: str | None = Field(default=None, alias="else")

    @model_validator(mode="after")
    def _form(self) -> BranchDef:
        if (self.else_ is None) == (self.if_ is None or self.then is None):
            raise ValueError("a branch is {if, then} or {else}")
        return self

    @property
    def target(self) -> str:
        """The step it leads to."""
        return self.else_ if self.else_ is not None else str(self.then)


class StepDef(_File):
    """One step of a flow."""

    id: NonEmpty
    say: SayDef | None = None
    collect: str | None = None
    ask_before_filling: bool = Field(default=False, description="ask even when an older answer is there")
    interview: bool = Field(
        default=False, description="ask the facts the rules still need, one after another"
    )
    reask: bool = Field(default=False, description="ask the slots in frame.queue again, one after another")
    action: str | None = None
    call: str | None = None
    next: str | tuple[BranchDef, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_say(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("say"), str):
            return data | {"say": {"text": data["say"]}}
        return data

    @model_validator(mode="after")
    def _one(self) -> StepDef:
        done = (self.say, self.collect, self.interview or None, self.reask or None, self.action, self.call)
        if sum(part is not None for part in done) > 1:
            raise ValueError("a step does one thing: say, collect, interview, reask, action or call")
        if all(part is None for part in done) and self.next is None:
            raise ValueError("a step needs something to do or a next")
        return self


class FlowDef(_File):
    """One flow file."""

    id: NonEmpty
    name: str = Field(
        default="", description="what the resident calls it; needed for flows that can be started"
    )
    description: NonEmpty
    startable: bool = Field(default=True, description="false: only called by other flows")
    keep_draft: bool = Field(default=False, description="cancelling keeps what was filled in")
    passing: bool = Field(
        default=False, description="its question is dropped when the resident speaks of something else"
    )
    named: bool = Field(
        default=False, description="its messages say whose household is spoken of, where that is not plain"
    )
    of_result: bool = Field(default=False, description="tells of a self-assessment that was made before")
    then_pattern: str | None = Field(
        default=None, description="pattern run at the end when nothing waits below"
    )
    after_hours: float | None = Field(
        default=None, description="session_start: a pause this long greets anew"
    )
    steps: tuple[StepDef, ...] = Field(min_length=1)


class SlotFile(_File):
    """slots.yml."""

    slots: dict[str, SlotDef]
    problems: dict[str, NonEmpty]


@dataclass(frozen=True)
class Step:
    """A compiled step. `branches`: (condition or None for else, target) in order."""

    definition: StepDef
    branches: tuple[tuple[Condition | None, str], ...]
    text: Text | None
    buttons: tuple[tuple[Condition | None, Text, ButtonDef], ...]


@dataclass(frozen=True)
class Flow:
    """A compiled flow."""

    definition: FlowDef
    path: Path
    steps: dict[str, Step]

    @property
    def first(self) -> str:
        """Where it begins."""
        return self.definition.steps[0].id


@dataclass(frozen=True)
class Slot:
    """A compiled slot."""

    name: str
    definition: SlotDef
    ask: Text
    again: Text | None
    simpler: Text
    why: Text
    unskippable: Text
    asked_if: Condition | None


@dataclass(frozen=True)
class Flows:
    """Everything the engine runs on. Immutable: one instance serves every conversation."""

    flows: dict[str, Flow]
    slots: dict[str, Slot]
    problems: dict[str, Text]

    @cached_property
    def pack_texts(self) -> dict[str, Path]:
        """Keys of the pack's texts that flows and questions use, and a file that uses each."""
        found: dict[str, Path] = {}
        for slot in self.slots.values():
            for text in (slot.ask, slot.again, slot.simpler, slot.why, slot.unskippable):
                if text is not None:
                    found |= dict.fromkeys(pack_keys(text.source), SLOTS)
        for flow in self.flows.values():
            for step in flow.steps.values():
                if step.text is not None:
                    found |= dict.fromkeys(pack_keys(step.text.source), flow.path)
        return found

    @cached_property
    def asked_anew(self) -> frozenset[str]:
        """Slots asked even when an older answer is there: confirmations and loop questions."""
        steps = (step for flow in self.flows.values() for step in flow.definition.steps)
        return frozenset(
            step.collect for step in steps if step.collect is not None and step.ask_before_filling
        )

    def step_of(self, flow: str, slot: str) -> str:
        """The step of a flow that collects a slot.

        Raises:
            KeyError: it has none.
        """
        for step in self.flows[flow].definition.steps:
            if step.collect == slot:
                return step.id
        raise KeyError(f"flow {flow} does not collect {slot}")

    def after_interview(self, flow: str) -> str:
        """The step that follows a flow's interview.

        Raises:
            KeyError: it has none.
        """
        steps = self.flows[flow].definition.steps
        for step, following in pairwise(steps):
            if step.interview:
                return following.id
        raise KeyError(f"nothing follows an interview in flow {flow}")

    def dependents(self, name: str) -> tuple[str, ...]:
        """Slots that rest on `name`, directly or through others, in the catalogue's order."""
        found = {name}
        while True:
            more = {
                slot.name
                for slot in self.slots.values()
                if slot.name not in found and found & set(slot.definition.depends_on)
            }
            if not more:
                return tuple(slot for slot in self.slots if slot in found and slot != name)
            found |= more

    def collected_by(self, flow: str) -> frozenset[str]:
        """Slots that a flow, or a flow it calls, asks for."""
        found: set[str] = set()
        seen: set[str] = set()
        todo = [flow]
        while todo:
            current = todo.pop()
            if current in seen or current not in self.flows:
                continue
            seen.add(current)
            for step in self.flows[current].definition.steps:
                if step.collect is not None:
                    found.add(step.collect)
                if step.call is not None:
                    todo.append(step.call)
        found |= {slot.name for slot in self.slots.values() if slot.definition.flow in seen}
        return frozenset(found)


def load_flows(folder: Path | None = None, overrides: Sequence[Path] = (), slots: Path = SLOTS) -> Flows:
    """Read and check every flow.

    Args:
        folder: flow files, patterns in its `patterns` folder; None: those that come with the product.
        overrides: further folders whose files replace a flow or pattern of the same id, later ones first in rank.
        slots: the question catalogue.

    Raises:
        DataFileError: every fault found, each with file, line, field and cure.
    """
    problems: list[Problem] = []
    slot_data = read_yaml(slots)
    try:
        catalogue = SlotFile.model_validate(plain(slot_data))
    except ValidationError as error:
        raise DataFileError(problems_of(error, slots, slot_data)) from None
    compiled_slots = _Slots(slots, slot_data, catalogue, problems).compile()

    files: dict[str, tuple[Path, Any, FlowDef]] = {}
    for root in (folder or FLOWS, *overrides):
        for path, data, flow in _read(root, problems):
            earlier = files.get(flow.id)
            if earlier is not None and earlier[0].is_relative_to(root):
                what = f"flow {flow.id!r} is already defined in {earlier[0].name}"
                problems.append(Problem(path, line_of(data, ("id",)), "id", what, "give it another id"))
                continue
            files[flow.id] = (path, data, flow)
    problems.extend(
        Problem(folder or FLOWS, None, "", f"flow {missing!r} is missing", "add a file with that id")
        for missing in REQUIRED
        if missing not in files
    )
    ids = frozenset(files)
    names = frozenset(catalogue.slots)
    flows = {
        flow.id: _FlowCheck(path, data, flow, names, ids, problems).compile()
        for path, data, flow in files.values()
    }
    for name, slot in catalogue.slots.items():
        if slot.flow is not None and slot.flow not in ids:
            where: Where = ("slots", name, "flow")
            problems.append(
                Problem(slots, line_of(slot_data, where), ".".join(map(str, where)), "unknown flow")
            )
    if problems:
        raise DataFileError(problems)
    return Flows(flows, compiled_slots, {code: Text(text) for code, text in catalogue.problems.items()})


def _read(root: Path, problems: list[Problem]) -> Iterator[tuple[Path, Any, FlowDef]]:
    for path in sorted([*root.glob("*.yml"), *root.glob("patterns/*.yml")]):
        try:
            data = read_yaml(path)
            yield path, data, FlowDef.model_validate(plain(data))
        except ValidationError as error:
            problems.extend(problems_of(error, path, data))
        except DataFileError as error:
            problems.extend(error.problems)


class _Checker:
    """Collects problems of one file."""

    def __init__(self, path: Path, data: Any, problems: list[Problem]) -> None:
        self._path = path
        self._data = data
        self._problems = problems

    def problem(self, where: Where, what: str, cure: str = "") -> None:
        field = ".".join(str(part) for part in where)
        self._problems.append(Problem(self._path, line_of(self._data, where), field, what, cure))


class _Slots(_Checker):
    def __init__(self, path: Path, data: Any, catalogue: SlotFile, problems: list[Problem]) -> None:
        super().__init__(path, data, problems)
        self._catalogue = catalogue
        self._names = frozenset(catalogue.slots)

    def compile(self) -> dict[str, Slot]:
        for code in sorted(PROBLEMS - set(self._catalogue.problems)):
            self.problem(("problems",), f"the text for {code!r} is missing", f"add `{code}: …`")
        for code, text in self._catalogue.problems.items():
            if code not in PROBLEMS:
                self.problem(("problems", code), f"no such code (known: {', '.join(sorted(PROBLEMS))})")
            self._text(("problems", code), text)
        return {name: self._slot(name, slot) for name, slot in self._catalogue.slots.items()}

    def _slot(self, name: str, slot: SlotDef) -> Slot:
        where: Where = ("slots", name)
        if slot.type == "list":
            if slot.flow is None:
                self.problem(where, "a list needs the flow that fills it", "add `flow:`")
        else:
            for part in ("ask", "simpler", "why"):
                if not getattr(slot, part):
                    self.problem(where, f"the text {part!r} is missing", f"add `{part}:`")
            if not slot.skippable and not slot.unskippable:
                self.problem(
                    where, "not skippable, and no text says why", "add `unskippable:` or `skippable: true`"
                )
        if slot.type == "choice" and not slot.choices and slot.choices_from is None:
            self.problem(where, "a choice without choices", "add `choices:` or `choices_from:`")
        if slot.choices_from is not None and slot.choices_from not in CHOICE_SOURCES:
            self.problem(
                (*where, "choices_from"), f"unknown source (known: {', '.join(sorted(CHOICE_SOURCES))})"
            )
        if slot.buttons_from is not None and slot.buttons_from not in BUTTON_SOURCES:
            self.problem(
                (*where, "buttons_from"), f"unknown source (known: {', '.join(sorted(BUTTON_SOURCES))})"
            )
        if slot.on_filled is not None and slot.on_filled not in ACTIONS:
            self.problem((*where, "on_filled"), f"unknown action (known: {', '.join(sorted(ACTIONS))})")
        if slot.sensitive and slot.mask == "none" and slot.type != "list":
            self.problem(where, "sensitive, but not masked", "add `mask:`")
        for index, other in enumerate(slot.depends_on):
            if other not in self._names:
                self.problem((*where, "depends_on", index), f"unknown slot {other!r}")
        for choice in slot.choices:
            try:
                payloads.answer(name, choice.value)
            except payloads.PayloadTooLong:
                self.problem(
                    (*where, "choices"), f"the button {choice.title!r} exceeds {payloads.MAX_BYTES} bytes"
                )
        asked_if = None
        if slot.asked_if is not None:
            try:
                asked_if = compile_condition(slot.asked_if, self._names)
            except BadExpression as error:
                self.problem((*where, "asked_if"), str(error))
        return Slot(
            name,
            slot,
            ask=self._text((*where, "ask"), slot.ask),
            again=self._text((*where, "again"), slot.again) if slot.again else None,
            simpler=self._text((*where, "simpler"), slot.simpler),
            why=self._text((*where, "why"), slot.why),
            unskippable=self._text((*where, "unskippable"), slot.unskippable),
            asked_if=asked_if,
        )

    def _text(self, where: Where, source: str) -> Text:
        try:
            return compile_text(source, self._names)
        except BadExpression as error:
            self.problem(where, str(error))
            return Text("")


class _FlowCheck(_Checker):
    def __init__(
        self, path: Path, data: Any, flow: FlowDef, slots: frozenset[str], flows: frozenset[str],
        problems: list[Problem],
    ) -> None:  # fmt: skip
        super().__init__(path, data, problems)
        self._flow = flow
        self._slots = slots
        self._flows = flows
        self._ids = [step.id for step in flow.steps]

    def compile(self) -> Flow:
        flow = self._flow
        if flow.startable and not flow.id.startswith("pattern_") and not flow.name:
            self.problem(("id",), "the name residents read is missing", "add `name:`")
        if flow.then_pattern is not None and flow.then_pattern not in self._flows:
            self.problem(("then_pattern",), f"unknown flow {flow.then_pattern!r}")
        steps = {}
        for index, step in enumerate(flow.steps):
            if step.id in steps or step.id == END:
                self.problem(("steps", index, "id"), f"step id {step.id!r} is taken", "choose another")
            steps[step.id] = self._step(index, step)
        self._reachable(steps)
        return Flow(flow, self._path, steps)

    def _step(self, index: int, step: StepDef) -> Step:
        where: Where = ("steps", index)
        if step.collect is not None and step.collect not in self._slots:
            self.problem((*where, "collect"), f"unknown slot {step.collect!r}", "declare it in slots.yml")
        if step.action is not None and step.action not in ACTIONS:
            self.problem((*where, "action"), f"unknown action (known: {', '.join(sorted(ACTIONS))})")
        if step.call is not None and step.call not in self._flows:
            self.problem((*where, "call"), f"unknown flow {step.call!r}")
        text = None
        buttons: list[tuple[Condition | None, Text, ButtonDef]] = []
        if step.say is not None:
            text = self._text((*where, "say", "text"), step.say.text)
            if step.say.buttons_from is not None and step.say.buttons_from not in BUTTON_SOURCES:
                known = ", ".join(sorted(BUTTON_SOURCES))
                self.problem((*where, "say", "buttons_from"), f"unknown source (known: {known})")
            for number, button in enumerate(step.say.buttons):
                buttons.append(self._button((*where, "say", "buttons", number), button))
        return Step(step, self._branches(index, step), text, tuple(buttons))

    def _button(self, where: Where, button: ButtonDef) -> tuple[Condition | None, Text, ButtonDef]:
        for flow in (button.start, button.resume):
            if flow is not None and flow not in self._flows:
                self.problem(where, f"unknown flow {flow!r}")
        if button.edit is not None and button.edit not in self._slots:
            self.problem(where, f"unknown slot {button.edit!r}")
        if button.do is not None and button.do not in payloads.WORDS:
            self.problem(where, f"unknown {button.do!r} (known: {', '.join(sorted(payloads.WORDS))})")
        condition = self._condition((*where, "if"), button.if_) if button.if_ is not None else None
        return condition, self._text((*where, "title"), button.title), button

    def _branches(self, index: int, step: StepDef) -> tuple[tuple[Condition | None, str], ...]:
        where: Where = ("steps", index, "next")
        if step.next is None:
            follows = self._ids[index + 1] if index + 1 < len(self._ids) else END
            return ((None, follows),)
        if isinstance(step.next, str):
            self._target(where, step.next)
            return ((None, step.next),)
        found = []
        for number, branch in enumerate(step.next):
            self._target((*where, number), branch.target)
            condition = (
                self._condition((*where, number, "if"), branch.if_) if branch.if_ is not None else None
            )
            if condition is None and branch.if_ is None and number != len(step.next) - 1:
                self.problem((*where, number), "`else` must be the last branch")
            found.append((condition, branch.target))
        if not step.next or step.next[-1].else_ is None:
            self.problem(where, "the last branch must be `else`", "add `- else: …` (END ends the flow)")
        return tuple(found)

    def _target(self, where: Where, target: str) -> None:
        if target != END and target not in self._ids:
            self.problem(where, f"unknown step {target!r}", "use a step's id or END")

    def _condition(self, where: Where, source: str) -> Condition | None:
        try:
            return compile_condition(source, self._slots)
        except BadExpression as error:
            self.problem(where, str(error))
            return None

    def _text(self, where: Where, source: str) -> Text:
        try:
            return compile_text(source, self._slots)
        except BadExpression as error:
            self.problem(where, str(error))
            return Text("")

    def _reachable(self, steps: dict[str, Step]) -> None:
        seen: set[str] = set()
        todo = [self._ids[0]]
        while todo:
            current = todo.pop()
            if current in seen or current not in steps:
                continue
            seen.add(current)
            todo.extend(target for _, target in steps[current].branches)
        for index, name in enumerate(self._ids):
            if name not in seen:
                self.problem(("steps", index), f"nothing leads to step {name!r}", "remove it or lead to it")
