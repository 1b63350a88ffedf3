"""One turn in the making: the stack machine that steps through flows on a working copy of the state.

Questions are said in one place only, at the end of the turn (`ask_pending`), so that whatever happened before, a
question stands in the chat exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from dialogues import doubts, households, payloads
from dialogues.actions import ACTIONS, BUTTON_SOURCES, CHOICE_SOURCES
from dialogues.address import ThirdPerson
from dialogues.application import EDITABLE, personal
from dialogues.catalogue import END, Flows, Slot, Step
from dialogues.effects import Button, Effect, Say
from dialogues.explaining import limited_to
from dialogues.expressions import Lenient, Text
from dialogues.ports import Knowledge, SlotType, WorkCalendar
from dialogues.state import DialogueState, Frame
from dialogues.summary import summary_text
from policies_kb.types import Choice, FactQuestion

SHANGHAI = ZoneInfo("Asia/Shanghai")

# A flow that has not come to a question after this many steps is going round in circles.
MOST_STEPS = 500


class FlowLoop(RuntimeError):
    """A flow runs on without ever asking or ending."""


class Run:
    """The working copy of a conversation during one turn."""

    def __init__(
        self,
        state: DialogueState,
        flows: Flows,
        knowledge: Knowledge,
        calendar: WorkCalendar,
        now: datetime,
        conversation_id: str,
    ) -> None:
        self.state = state
        self.flows = flows
        self._knowledge = knowledge
        self.calendar = calendar
        self.now = now
        self.conversation_id = conversation_id
        self.effects: list[Effect] = []
        self.said: list[Say] = []
        self.lead: list[str] = []
        self.way_back = ""
        self._facts = state.facts
        self._skipped = tuple(state.skipped)
        self.quiet = False
        self.simpler = False
        self.repeated = False
        # A flow to begin once the command in hand is done, and what was told with it.
        self.following: tuple[str, dict[str, JsonValue]] | None = None

    @property
    def knowledge(self) -> Knowledge:
        """The pack's knowledge; where the household is another's than the speaker's, it speaks of them."""
        return ThirdPerson(self._knowledge, self.state.who) if self.state.who else self._knowledge

    # --- what flows and texts can see -------------------------------------------------------------------------

    @property
    def today(self) -> date:
        """The day in Shanghai."""
        return self.now.astimezone(SHANGHAI).date()

    def names(
        self, frame: Frame | None = None, problem: Mapping[str, JsonValue] | None = None
    ) -> dict[str, Any]:
        """The names texts and conditions may use (expressions.NAMES)."""
        state = self.state
        frame = frame or (state.stack[-1] if state.stack else None)
        return {
            "slots": Lenient(state.slots),
            "frame": Lenient(frame.data if frame is not None else {}),
            "pack": self.knowledge.text,
            "state": Lenient(
                {
                    "case_id": state.case_id,
                    "any_case": bool(state.cases),
                    "failures": state.failures,
                    "handoff": state.handoff,
                    "consent": state.consent is not None,
                    "draft_apply": "apply" in state.drafts,
                    "assessed": state.assessment is not None,
                    "personal": personal(state),
                    "other": bool(state.who),
                    "several": households.several(state),
                    "who": households.subject(state),
                    "home": households.home(state),
                    "label": households.label(state),
                }
            ),
            "summary": _Lazy(self),
            "problem": Lenient(problem or {}),
        }

    def render(self, text: Text, frame: Frame | None = None) -> str:
        """A text with its values."""
        return text.render(self.names(frame))

    # --- saying -----------------------------------------------------------------------------------------------

    def say(self, message: Say) -> None:
        """Say a message that is not the pending question; what was to be said before it stands in it."""
        if self.lead:
            text = "\n".join([*self.lead, message.text])
            self.lead = []
            message = message.model_copy(update={"text": text})
        self.said.append(self._emit(message))

    def _emit(self, message: Say) -> Say:
        """Whose household it is about is said where that is not plain; its buttons belong to that household."""
        state = self.state
        message = message.model_copy(update={"household": state.household})
        label = households.label(state)
        about = next((frame.flow for frame in reversed(state.stack) if frame.kind == "user"), None)
        if (
            about is not None
            and self.flows.flows[about].definition.named
            and households.is_named(state)
            and (state.who or label) not in message.text
        ):
            message = message.model_copy(update={"text": f"（{label}）{message.text}"})
        if households.several(state) or state.household != households.FIRST:
            buttons = tuple(
                Button(title=one.title, payload=payloads.of_household(one.payload, state.household))
                for one in message.buttons
            )
            message = message.model_copy(update={"buttons": buttons})
        self.effects.append(message)
        return message

    # --- slots and facts --------------------------------------------------------------------------------------

    def fill(self, name: str, value: JsonValue) -> None:
        """Store a checked answer."""
        type_ = self.flows.slots[name].definition.type
        self.state.slots[name] = value
        if name in self.state.skipped:
            self.state.skipped.remove(name)
        if type_ != "list":
            self.remember(name, type_)

    def remember(self, name: str, type_: SlotType) -> None:
        """Note an answer as the most recent one."""
        self.state.answered.pop(name, None)
        self.state.answered[name] = type_

    def drop(self, name: str) -> None:
        """Forget an answer, or that its question was skipped."""
        self.state.slots.pop(name, None)
        self.state.answered.pop(name, None)
        if name in self.state.skipped:
            self.state.skipped.remove(name)

    def settled(self, name: str) -> bool:
        """Whether a slot was answered or skipped."""
        return name in self.state.slots or name in self.state.skipped

    def relevant(self, slot: Slot) -> bool:
        """Whether the slot matters as things stand."""
        return slot.asked_if is None or slot.asked_if.holds(self.names())

    # --- the stack --------------------------------------------------------------------------------------------

    @property
    def top(self) -> Frame | None:
        """The frame that speaks."""
        return self.state.stack[-1] if self.state.stack else None

    def push(self, flow: str, /, **data: JsonValue) -> Frame:
        """Put a flow on the stack, at its first step."""
        found = self.flows.flows[flow]
        kind = "pattern" if flow.startswith("pattern_") else "user"
        frame = Frame(
            flow=flow, step=found.first, kind="pattern" if kind == "pattern" else "user", data=dict(data)
        )
        self.state.stack.append(frame)
        self._arrive(frame)
        return frame

    def pattern(self, name: str, /, **data: JsonValue) -> None:
        """Run a pattern now; one that asks nothing is done when this returns."""
        self.push(f"pattern_{name}", pending=self.pending is not None, **data)
        self.advance()

    def lead_in(self, reason: str, flow: str) -> None:
        """Put on the stack what says, before the next question, that `flow` goes on."""
        self.push("pattern_continue_interrupted", reason=reason, name=self.flow_name(flow), flow=flow)

    def park(self, place: int) -> str:
        """Take a thing being done off the stack; its draft is kept where the flow says so. Returns its flow."""
        frames = self.state.stack[place:]
        del self.state.stack[place:]
        flow = frames[0].flow
        if self.flows.flows[flow].definition.keep_draft:
            self.state.drafts.pop(flow, None)
            self.state.drafts[flow] = frames
        return flow

    def restore(self, flow: str) -> None:
        """Take up a draft where it stands."""
        frames = self.state.drafts.pop(flow)
        for frame in frames:
            # The question is asked in full: it may be days since it stood in the chat.
            frame.asked = False
        self.state.stack.extend(frames)
        self.lead_in("resumed", flow)

    def goto(self, frame: Frame, step: str) -> None:
        """Move a frame on; whatever it was asking is behind it."""
        frame.step = step
        frame.asked = False
        frame.data.pop("question", None)
        self._arrive(frame)

    def _arrive(self, frame: Frame) -> None:
        if frame.step == END:
            return
        step = self._step(frame).definition
        if step.collect is not None and step.ask_before_filling:
            self.drop(step.collect)

    def _step(self, frame: Frame) -> Step:
        return self.flows.flows[frame.flow].steps[frame.step]

    def roots(self) -> Iterator[int]:
        """Indexes of the frames a resident would call a thing being done, the top one first."""
        for index in reversed(range(len(self.state.stack))):
            frame = self.state.stack[index]
            if frame.kind == "user" and not frame.data.get("called"):
                yield index

    def doing(self) -> int | None:
        """Index of the topmost thing being done."""
        return next(self.roots(), None)

    def active(self, name: str) -> bool:
        """Whether a flow on the stack asks for this slot."""
        return any(
            name in self.flows.collected_by(frame.flow) for frame in self.state.stack if frame.kind == "user"
        )

    def editable(self, name: str) -> bool:
        """Whether an answer can be changed in words or by a button just now."""
        if name in self.flows.slots:
            return (name in EDITABLE or name == "has_members") and self.active(name)
        return name in self.state.asked_facts and (self.assessing or self.state.assessment is not None)

    @property
    def assessing(self) -> bool:
        """Whether a self-assessment is on the stack."""
        return any(frame.flow == "assess" for frame in self.state.stack)

    def flow_name(self, flow: str) -> str:
        """What the resident calls a flow."""
        return self.flows.flows[flow].definition.name

    # --- stepping ---------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Step until the top frame waits for an answer, or nothing is left.

        Raises:
            FlowLoop: no question and no end within MOST_STEPS.
        """
        for _ in range(MOST_STEPS):
            frame = self.top
            if frame is None:
                return
            if frame.step == END:
                self._end(frame)
                continue
            if not self._do(frame):
                return
        raise FlowLoop(frame.flow if frame is not None else "")

    def _do(self, frame: Frame) -> bool:
        """One step; False when it waits for an answer."""
        step = self._step(frame)
        definition = step.definition
        if definition.collect is not None:
            slot = self.flows.slots[definition.collect]
            if not self.settled(slot.name) and self.relevant(slot):
                return self._wait(frame, slot.name)
        elif definition.interview:
            if (doubted := next(iter(self.state.doubts), None)) is not None:
                self.question(doubted)
                return self._wait(frame, doubted)
            if "question" in frame.data and self._nothing_learnt():
                return False
            before = frame.data.get("question")
            question = self.knowledge.next_question(
                self.state.facts,
                skipped=self.state.skipped,
                schemes=limited_to(self),
                after=str(before["name"]) if isinstance(before, dict) else None,
                today=self.today,
            )
            if question is not None:
                self.state.asked_facts[question.key] = question
                return self._wait(frame, question.key)
        elif definition.reask:
            queue = frame.data.get("queue")
            name = queue[0] if isinstance(queue, list) and queue else None
            if isinstance(name, str):
                return self._reask(frame, name)
        elif definition.action is not None:
            ACTIONS[definition.action](self)
            if not any(frame is one for one in self.state.stack):
                return True
        elif definition.say is not None and step.text is not None:
            self._say(frame, step)
        called = definition.call
        self.goto(frame, self._next(frame, step))
        if called is not None:
            self.push(called, called=True)
        return True

    def _nothing_learnt(self) -> bool:
        """Whether the facts are those of the turn before: then the question that stands is still the right one."""
        # Every answer makes a new dictionary of facts, so identity tells.
        return self.state.facts is self._facts and tuple(self.state.skipped) == self._skipped

    def _next(self, frame: Frame, step: Step) -> str:
        names = self.names(frame)
        for condition, target in step.branches:
            if condition is None or condition.holds(names):
                return target
        return END

    def _say(self, frame: Frame, step: Step) -> None:
        definition = step.definition.say
        if definition is None or step.text is None:
            return
        text = self.render(step.text, frame)
        if definition.lead and frame.flow == "pattern_continue_interrupted":
            self.way_back = text
            return
        if definition.lead:
            self.lead.append(text)
            return
        names = self.names(frame)
        buttons = [
            Button(title=title.render(names), payload=button.payload())
            for condition, title, button in step.buttons
            if condition is None or condition.holds(names)
        ]
        if definition.buttons_from is not None:
            buttons = [*BUTTON_SOURCES[definition.buttons_from](self), *buttons]
        self.say(Say(text=text, buttons=tuple(buttons), speech=definition.speech))

    def _reask(self, frame: Frame, name: str) -> bool:
        queue = frame.data["queue"]
        rest: list[JsonValue] = list(queue[1:]) if isinstance(queue, list) else []
        slot = self.flows.slots.get(name)
        if slot is None:
            known = (
                name not in self.state.asked_facts
                or name in self.state.answered
                or name in self.state.skipped
            )
            if not known:
                return self._wait(frame, name)
        elif not self.settled(name) and self.relevant(slot):
            if slot.definition.flow is None:
                return self._wait(frame, name)
            frame.data["queue"] = rest
            self.push(slot.definition.flow, called=True)
            return True
        frame.data["queue"] = rest
        frame.data.pop("question", None)
        frame.asked = False
        return True

    def _wait(self, frame: Frame, name: str) -> bool:
        question = frame.data.get("question")
        if not isinstance(question, dict) or question.get("name") != name:
            slot = self.flows.slots.get(name)
            type_: str = slot.definition.type if slot is not None else self.state.asked_facts[name].type
            frame.asked = False
            frame.data["question"] = {"name": name, "type": type_, "choices": []}
        return False

    def _end(self, frame: Frame) -> None:
        self.state.stack.pop()
        if frame.kind == "pattern":
            self._forget(frame.flow)
            return
        if frame.data.get("called"):
            return
        if not frame.data.get("kept"):
            self._forget(frame.flow)
        below = self.doing()
        if below is not None:
            self.lead_in("back", self.state.stack[below].flow)
            return
        pattern = self.flows.flows[frame.flow].definition.then_pattern
        if pattern is not None and not frame.data.get("kept") and not frame.data.get("abandoned"):
            self.push(pattern, flow=frame.flow, name=self.flow_name(frame.flow))

    def _forget(self, flow: str) -> None:
        for name in self.flows.collected_by(flow):
            if not self.flows.slots[name].definition.persist:
                self.drop(name)

    # --- the pending question ---------------------------------------------------------------------------------

    @property
    def pending(self) -> str | None:
        """Slot or fact the top frame waits for."""
        frame = self.top
        question = frame.data.get("question") if frame is not None else None
        name = question.get("name") if isinstance(question, dict) else None
        return name if isinstance(name, str) else None

    def question(self, key: str) -> FactQuestion:
        """The question of a fact, as it was asked or as it would be.

        Raises:
            KeyError: the pack has no such fact.
        """
        if key not in self.state.asked_facts:
            question = self.knowledge.question(self.state.facts, key, today=self.today)
            self.state.asked_facts[key] = question
        return self.state.asked_facts[key]

    def fact(self, name: str) -> FactQuestion | None:
        """The question of a fact that was asked."""
        return self.state.asked_facts.get(name)

    def label(self, name: str) -> str:
        """What a slot or fact is called when it is spoken of."""
        slot = self.flows.slots.get(name)
        if slot is not None:
            return slot.definition.label
        fact = self.fact(name)
        return re.split("[?\uff1f]", fact.text)[0] if fact is not None else name

    def label_of(self, key: str) -> str:
        """What a fact is called in passing: short, and of a member with whose it is."""
        question = self.question(key)
        if not question.label:
            return self.label(key)
        if key.startswith("household.") and not key.startswith("household.0."):
            return f"那位家人的{question.label}"
        return question.label

    def choices(self, name: str) -> tuple[Choice, ...]:
        """The answers offered for a slot or fact."""
        slot = self.flows.slots.get(name)
        if slot is not None:
            source = slot.definition.choices_from
            return CHOICE_SOURCES[source](self) if source is not None else slot.definition.choices
        fact = self.fact(name)
        if fact is None:
            return ()
        offered = fact.choices
        if fact.type == "bool" and not fact.choices:
            offered = (Choice(value=True, title="是"), Choice(value=False, title="不是"))
        doubted = self.state.doubts.get(name)
        return offered if doubted is None else doubts.choices(doubted, offered)

    def skippable(self, name: str) -> bool:
        """Whether the question may be left unanswered."""
        slot = self.flows.slots.get(name)
        if slot is not None:
            return slot.definition.skippable
        fact = self.fact(name)
        return fact is None or fact.skippable

    def ask_pending(self) -> None:
        """Say the pending question, with what leads back to it, in one message."""
        # The words that lead back belong to the question they lead back to, whatever was said in between.
        back = [self.way_back] if self.way_back else []
        frame, name = self.top, self.pending
        if frame is None or name is None or self.quiet:
            lead = self.lead or ([] if self.said else back)
            self.lead, self.way_back = [], ""
            if lead:
                self.say(Say(text="\n".join(lead)))
            return
        lead, self.lead, self.way_back = [*self.lead, *back], [], ""
        choices = self.choices(name)
        question = frame.data["question"]
        if isinstance(question, dict):
            question["choices"] = [choice.model_dump(mode="json") for choice in choices]
        text = "\n".join([*lead, self._question(frame, name)])
        self._emit(Say(text=text, buttons=tuple(self._buttons(name, choices))))
        frame.asked = True

    def _question(self, frame: Frame, name: str) -> str:
        slot = self.flows.slots.get(name)
        if slot is None:
            if (doubted := self.state.doubts.get(name)) is not None:
                return doubted.doubt.ask
            fact = self.state.asked_facts[name]
            return fact.simpler if self.simpler else fact.text
        if self.simpler:
            return self.render(slot.simpler)
        if frame.asked and slot.again is not None:
            return self.render(slot.again)
        return self.render(slot.ask)

    def _buttons(self, name: str, choices: tuple[Choice, ...]) -> Iterator[Button]:
        if (doubted := self.state.doubts.get(name)) is not None:
            yield from doubts.buttons(doubted)
            return
        for choice in choices:
            yield Button(title=choice.title, payload=payloads.answer(name, choice.value))
        slot = self.flows.slots.get(name)
        if slot is not None and slot.definition.buttons_from is not None:
            yield from BUTTON_SOURCES[slot.definition.buttons_from](self)
        if not self.skippable(name):
            return
        if slot is None:
            yield Button(title="不知道", payload=payloads.word("dont_know"))
        elif slot.definition.type not in {"choice", "text"}:
            yield Button(title=slot.definition.skip_title, payload=payloads.word("skip"))


class _Lazy:
    """The summary, written only when a text holds it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __str__(self) -> str:
        return summary_text(self._run.state, self._run.flows, self._run.knowledge)
