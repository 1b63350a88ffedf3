"""The dialogue engine: commands in, effects out. Pure: no clock, no input or output, no memory of its own."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue, TypeAdapter

from dialogues import answers, households, speaking
from dialogues.catalogue import Flows
from dialogues.commands import (
    ABOUT,
    AdoptWhatIf,
    AskPolicy,
    AskWhy,
    AttachFile,
    CancelFlow,
    CannotHandle,
    CaseUpdate,
    ChitChat,
    Clarify,
    Command,
    CorrectSlot,
    FinishInterview,
    HandedBack,
    HumanHandoff,
    Repeat,
    ResumeFlow,
    SessionStart,
    SetSlot,
    SkipQuestion,
    SpeakFor,
    StartFlow,
    UrgentDanger,
    WhatIf,
)
from dialogues.effects import Effect, RequestHandoff, Say
from dialogues.explaining import what_answers_did, what_if, why_asked
from dialogues.payloads import RESTART
from dialogues.ports import AskedSlot, Knowledge, SlotType, UnderstandingContext, WorkCalendar
from dialogues.run import Run
from dialogues.state import CaseNote, DialogueState
from policies_kb.errors import DataFileError, Problem
from policies_kb.types import Choice

logger = logging.getLogger(__name__)

_CHOICES: TypeAdapter[tuple[Choice, ...]] = TypeAdapter(tuple[Choice, ...])
_TYPE: TypeAdapter[SlotType] = TypeAdapter(SlotType)

# Said when even the pattern for internal errors fails.
SORRY = "对不起，刚才我这边出了点问题，不怪您。您前面说的都还在，请再说一遍。"


# A message of fewer characters tells of no need.
_TOLD = 5
# After so many failures pattern_cannot_handle offers a person; one of these words takes the offer.
OFFER_A_PERSON = 3
NODS = frozenset({"好", "好的", "好吧", "行", "可以", "要", "要得", "嗯", "得行", "是", "中"})


@dataclass(frozen=True, slots=True)
class Turn:
    """What one call of the engine leads to: the new state and what is to be done, in order."""

    state: DialogueState
    effects: tuple[Effect, ...]


def asked(state: DialogueState) -> AskedSlot | None:
    """The question that stands in the chat, or None."""
    frame = state.stack[-1] if state.stack else None
    if frame is None or not frame.asked:
        return None
    question = frame.data.get("question")
    if not isinstance(question, dict):
        return None
    root = next((one.flow for one in reversed(state.stack) if one.kind == "user"), frame.flow)
    return AskedSlot(
        name=str(question["name"]),
        type=_TYPE.validate_python(question["type"]),
        choices=_CHOICES.validate_python(question.get("choices") or ()),
        flow=root,
        doubted=question["name"] in state.doubts,
        for_other=bool(state.who),
    )


def context(state: DialogueState, conversation_id: str, pack: str, now: datetime) -> UnderstandingContext:
    """What understanding may know of the conversation; no values, only names and types."""
    flow = next(
        (one.flow for one in reversed(state.stack) if one.kind == "user" and not one.data.get("called")), None
    )
    return UnderstandingContext(
        conversation_id=conversation_id,
        pack=pack,
        asked=asked(state),
        filled=dict(state.answered),
        active_flow=flow,
        now=now,
    )


class Engine:
    """The stack machine over a set of flows, one policy pack and a calendar. Safe to share between conversations.

    Raises (at construction):
        DataFileError: a flow or question uses a text the pack does not have.
    """

    def __init__(self, flows: Flows, knowledge: Knowledge, calendar: WorkCalendar) -> None:
        self._flows = flows
        self._knowledge = knowledge
        self._calendar = calendar
        missing = []
        for key, path in flows.pack_texts.items():
            try:
                knowledge.text(key)
            except KeyError:
                what = f"the pack {knowledge.pack!r} has no text {key!r}, which is used here"
                missing.append(Problem(path, None, key, what, "add it to the pack's texts"))
        if missing:
            raise DataFileError(missing)

    def handle(
        self, state: DialogueState, commands: Sequence[Command], *, now: datetime, conversation_id: str
    ) -> Turn:
        """Apply commands in order and say what follows.

        Never raises for anything a resident can do, and never changes `state`: a command that fails inside is
        undone and the resident told (pattern_internal_error).

        Args:
            state: the conversation as it was stored.
            commands: what was understood from one message, or from one event.
            now: aware datetime.
            conversation_id: receipts and idempotency keys are made from it.
        """
        run = Run(
            state.model_copy(deep=True), self._flows, self._knowledge, self._calendar, now, conversation_id
        )
        for command in self._opened(run, commands):
            self._guarded(run, command.kind, lambda command=command: _apply(run, command))  # type: ignore[misc]
        self._guarded(run, "ask", lambda: _close(run, bool(commands)))
        if not run.repeated:
            run.state.last_said = run.said
        run.state.offered = [
            button for effect in run.effects if isinstance(effect, Say) for button in effect.buttons
        ]
        if run.state.last_at == run.now:
            run.state.spoken_at = run.now
        run.state.version += 1
        return Turn(run.state, tuple(run.effects))

    def _opened(self, run: Run, commands: Sequence[Command]) -> Sequence[Command]:
        """The commands to apply, a greeting put before them where one is due."""
        state = run.state
        urgent = [command for command in commands if isinstance(command, UrgentDanger)]
        mine = [command for command in commands if not isinstance(command, CaseUpdate | HandedBack)]
        if not mine:
            return commands
        first, last_at = not state.started, state.last_at
        state.started, state.last_at = True, run.now
        if urgent:
            # Nothing stands before an emergency, and nothing after it.
            return urgent[:1]
        hours = self._flows.flows["pattern_session_start"].definition.after_hours
        paused = last_at is not None and hours is not None and run.now - last_at >= timedelta(hours=hours)
        if not first and not paused:
            return commands
        if any(isinstance(command, SessionStart) for command in mine):
            return commands
        if all(isinstance(command, ChitChat) and command.topic == "greet" for command in mine):
            return [SessionStart()]
        self._guarded(run, "session_start", lambda: _greet_briefly(run, first=first))
        return commands

    def _guarded(self, run: Run, what: str, work: Callable[[], None]) -> None:
        kept = run.state.model_copy(deep=True)
        effects, said, lead, back = len(run.effects), len(run.said), list(run.lead), run.way_back
        try:
            work()
        except Exception as error:
            # The message could hold what the resident said: only where and of what type goes to the log.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error(
                "dialogue failed: %s in %s at %s:%s", type(error).__name__, what, place.filename, place.lineno
            )
            run.state = kept
            del run.effects[effects:]
            del run.said[said:]
            run.lead, run.way_back, run.following = lead, back, None
            _apologise(run)


def _apologise(run: Run) -> None:
    kept = run.state.model_copy(deep=True)
    effects, said = len(run.effects), len(run.said)
    try:
        run.push("pattern_internal_error")
        run.advance()
    except Exception:
        logger.error("dialogue failed in pattern_internal_error")
        run.state = kept
        del run.effects[effects:]
        del run.said[said:]
        run.quiet = True
        run.say(Say(text=SORRY))


def _close(run: Run, anything: bool) -> None:
    run.ask_pending()
    if anything and not any(isinstance(effect, Say) for effect in run.effects):
        run.pattern("completed")
        run.ask_pending()


def _greet_briefly(run: Run, *, first: bool) -> None:
    run.pattern("session_start", reason="brief" if first else "brief_back")


def _apply(run: Run, command: Command) -> None:
    """One command, and what it leads to."""
    started = run.flows.flows.get(command.flow) if isinstance(command, StartFlow) else None
    number = households.elsewhere(
        run.state, command, of_result=started is not None and started.definition.of_result
    )
    if number is not None:
        speaking.elsewhere(run, number)
        return
    _obey(run, command)
    if run.following is not None:
        (flow, slots), run.following = run.following, None
        _start(run, flow, slots)


def _obey(run: Run, command: Command) -> None:
    _drop_passing(run, command)
    if not isinstance(command, CannotHandle | CaseUpdate | HandedBack | SetSlot | CorrectSlot):
        run.state.failures = 0
    match command:
        case StartFlow():
            _start(run, command.flow, command.slots)
        case SpeakFor():
            speaking.speak_for(run, command)
        case SetSlot():
            failures = run.state.failures
            answers.take(run, command.name, command.value, command.raw)
            if run.state.failures == failures:
                run.state.failures = 0
        case CorrectSlot():
            run.state.failures = 0
            answers.correct(run, command.name, command.value, command.raw)
        case CancelFlow():
            _cancel(run)
        case ResumeFlow():
            _resume(run, command.flow)
        case SkipQuestion():
            _skip(run, command.reason)
        case Repeat():
            _repeat(run, simpler=command.simpler)
        case AskWhy():
            _why(run, command.name)
        case WhatIf():
            _what_if(run, command)
        case AdoptWhatIf():
            answers.adopt(run)
        case FinishInterview():
            _finish(run)
        case HumanHandoff():
            _human(run)
        case AskPolicy():
            _ask_policy(run, command.question, command.scheme)
        case ChitChat():
            run.pattern("chitchat", topic=command.topic)
        case Clarify():
            run.pattern("clarification", options=list[JsonValue](command.options))
        case CannotHandle():
            _cannot_handle(run, command.reason, command.raw)
        case UrgentDanger():
            run.pattern("urgent_danger", danger=command.danger)
            run.effects.append(RequestHandoff(reason=f"danger:{command.danger}", urgent=True))
            run.state.handoff = True
            run.quiet = True
        case AttachFile():
            _attach(run, command)
        case SessionStart():
            _session(run)
        case HandedBack():
            run.state.handoff = False
            run.pattern("human_handoff", back=True)
        case CaseUpdate():
            _case_update(run, command)


def _drop_passing(run: Run, command: Command) -> None:
    """A question that only stands until the resident speaks of something else goes."""
    top = run.top
    if top is None or not run.flows.flows[top.flow].definition.passing:
        return
    if isinstance(command, SkipQuestion | AskWhy | Repeat | CannotHandle):
        return
    if isinstance(command, SetSlot | CorrectSlot) and command.name in {run.pending, None}:
        return
    run.state.stack.pop()


def _start(run: Run, flow: str, slots: dict[str, JsonValue]) -> None:
    found = run.flows.flows.get(flow)
    if found is None or not found.definition.startable or flow.startswith("pattern_"):
        _cannot_handle(run, "not_understood")
        return
    if slots.get(RESTART):
        _forget_flow(run, flow)
    place = next((index for index in run.roots() if run.state.stack[index].flow == flow), None)
    if place is not None:
        above = next((index for index in run.roots() if index > place), None)
        if above is not None:
            while (top := run.doing()) is not None and top > place:
                run.park(top)
        run.lead_in("already", flow)
    elif flow in run.state.drafts:
        run.restore(flow)
    else:
        run.push(flow)
    root = run.doing()
    if ABOUT in slots and root is not None:
        frame = run.state.stack[root]
        if frame.data.get(ABOUT) != slots[ABOUT]:
            # The question that stands may be none of what it is about now.
            frame.data.pop("question", None)
            frame.data[ABOUT] = slots[ABOUT]
    answers.volunteer(run, slots)
    run.advance()


def _forget_flow(run: Run, flow: str) -> None:
    """Begin anew: what this flow asked is forgotten, nothing else."""
    place = next((index for index in run.roots() if run.state.stack[index].flow == flow), None)
    if place is not None:
        del run.state.stack[place:]
    run.state.drafts.pop(flow, None)
    for name in run.flows.collected_by(flow):
        run.drop(name)
    if any(step.interview for step in run.flows.flows[flow].definition.steps):
        for name in run.state.asked_facts:
            run.state.answered.pop(name, None)
        run.state.skipped = [name for name in run.state.skipped if name in run.flows.slots]
        run.state.answered = {
            name: type_ for name, type_ in run.state.answered.items() if name in run.flows.slots
        }
        run.state.facts = {}
        run.state.asked_facts = {}
        run.state.doubts = {}
        run.state.assessment = None


def _cancel(run: Run) -> None:
    place = run.doing()
    if place is None:
        run.pattern("cancel_flow")
        return
    flow = run.park(place)
    run.pattern(
        "cancel_flow", name=run.flow_name(flow), flow=flow, kept=run.flows.flows[flow].definition.keep_draft
    )
    below = run.doing()
    if below is not None:
        run.lead_in("back", run.state.stack[below].flow)
        run.advance()


def _resume(run: Run, flow: str | None) -> None:
    place = run.doing()
    wanted = flow or (next(reversed(run.state.drafts), None) if place is None else None)
    if wanted is not None and wanted in run.state.drafts:
        run.restore(wanted)
        run.advance()
    elif place is not None and (flow is None or run.state.stack[place].flow == flow):
        top = run.top
        if top is not None:
            top.asked = False
        run.lead_in("already", run.state.stack[place].flow)
        run.advance()
    elif flow is not None:
        _start(run, flow, {})
    else:
        run.pattern("continue_interrupted", reason="nothing")


def _skip(run: Run, reason: str) -> None:
    name = run.pending
    if name is None:
        run.pattern("skip_question", reason="nothing")
        return
    slot = run.flows.slots.get(name)
    if slot is not None and slot.definition.dont_know is not None:
        answers.answer(run, slot.definition.dont_know, "")
        return
    if not run.skippable(name):
        fact = run.fact(name)
        why = run.render(slot.unskippable) if slot is not None else (fact.why if fact is not None else "")
        run.pattern("skip_question", reason="unskippable", why=why)
        return
    run.state.doubts.pop(name, None)
    if name not in run.state.skipped:
        run.state.skipped.append(name)
    run.pattern("skip_question", reason=reason)


def _repeat(run: Run, *, simpler: bool) -> None:
    run.repeated = True
    if simpler and run.pending is not None:
        run.simpler = True
        return
    said = list(run.state.last_said)
    if run.top is not None:
        run.top.asked = False
    for message in said:
        run.say(message)
    run.pattern("repeat_bot_messages", said=bool(said))


def _why(run: Run, asked_about: str | None) -> None:
    name = run.pending
    slot = run.flows.slots.get(name) if name is not None else None
    fact = run.fact(name) if name is not None else None
    if name is None or asked_about is not None:
        why = what_answers_did(run, asked_about) if run.state.facts else ""
    elif slot is not None:
        why = run.render(slot.why)
    else:
        why = why_asked(run, name, fact.why if fact is not None else "")
    run.pattern("ask_why", why=why)


def _what_if(run: Run, command: WhatIf) -> None:
    try:
        what_if(run, command.facts, command.more)
    except (KeyError, ValueError):
        run.pattern("what_if", reason="not_possible")
        return
    # The question that stood is asked again, in full: the answer to the what-if stands between.
    run.advance()


def _finish(run: Run) -> None:
    """The result with what is known: what is still open is said to be open."""
    place = next((index for index in run.roots() if run.state.stack[index].flow == "assess"), None)
    if place is None and "assess" in run.state.drafts:
        run.state.stack.extend(run.state.drafts.pop("assess"))
        place = run.doing()
    if place is None:
        _start(run, "assess_told" if run.state.assessment is not None else "assess", {})
        return
    del run.state.stack[place + 1 :]
    run.goto(run.state.stack[place], run.flows.after_interview("assess"))
    run.advance()


def _human(run: Run) -> None:
    run.pattern("human_handoff", again=run.state.handoff)
    run.effects.append(RequestHandoff(reason="resident_asked"))
    run.state.handoff = True
    run.quiet = True


def _ask_policy(run: Run, question: str, scheme: str | None = None) -> None:
    if run.pending == "policy_question":
        answers.answer(run, question, question)
        return
    run.push("ask", question_text=question, scheme=scheme)
    run.advance()


def _cannot_handle(run: Run, reason: str, raw: str = "") -> None:
    if reason == "invalid_answer" and answers.insisted_name(run, raw):
        return
    if run.state.failures >= OFFER_A_PERSON and raw.strip("。，,.!！ ") in NODS:
        # The offer of a person stood in the message before.
        _human(run)
        return
    number = households.called(run.state, raw.strip("。，,.!！ ")) if raw else None
    if number is not None and number != run.state.household:
        # The name of another family, and nothing else.
        speaking.speak_for(run, SpeakFor(number=number))
        return
    if reason == "not_understood" and run.pending is None and _tells_enough(run, raw):
        run.state.failures = 0
        _ask_policy(run, raw)
        return
    run.state.failures += 1
    run.simpler = run.pending is not None
    run.pattern("cannot_handle", reason=reason, failures=run.state.failures)


def _tells_enough(run: Run, raw: str) -> bool:
    """Whether the documents answer what understanding could make nothing of, or it tells of a need the self-assessment is
    for (“离婚了没地方住”)."""
    if len(raw) < _TOLD:
        return False
    found = run.knowledge.answer(raw, today=run.today)
    return found.answered or found.leads_to is not None


def _attach(run: Run, command: AttachFile) -> None:
    file: dict[str, JsonValue] = {
        "document_id": command.document_id,
        "sha256": command.sha256,
        "mime": command.mime,
        "size": command.size,
        "filename": command.filename,
        "received_at": run.now.isoformat(),
    }
    name = run.pending
    slot = run.flows.slots.get(name) if name is not None else None
    if slot is not None and slot.definition.type == "file":
        run.lead.append("照片收到了，谢谢。")
        answers.answer(run, file, "")
        return
    if all(one.get("document_id") != command.document_id for one in run.state.files):
        run.state.files.append(file)
    run.pattern("attach_file", applying=run.active("id_photo"))


def _session(run: Run) -> None:
    state = run.state
    if not state.last_said and not state.stack and state.version == 0:
        run.pattern("session_start", reason="hello")
        return
    place = run.doing()
    flow = state.stack[place].flow if place is not None else next(reversed(state.drafts), None)
    if flow is None:
        run.pattern("session_start", reason="menu")
    else:
        run.pattern("session_start", reason="back", name=run.flow_name(flow))


def _case_update(run: Run, command: CaseUpdate) -> None:
    state = run.state
    note = next((one for one in state.cases if one.receipt == command.receipt), None)
    if note is None:
        note = CaseNote(application=0, receipt=command.receipt, household=state.household)
        state.cases.append(note)
        state.case_id = state.case_id or command.receipt
    note.status, note.text, note.updated_at = command.status, command.text, run.now
    whose = households.numbered(state, note.household) if households.is_named(state) else None
    label = households.label(whose) if whose is not None else None
    run.pattern("case_update", receipt=command.receipt, text=command.text, whose=label)
