"""Whatever is said in whatever order: nothing raises, no answer is lost, one question stands in the chat, once."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dialogues import households
from dialogues.commands import (
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
)
from dialogues.effects import OpenCase, Say
from dialogues.engine import SORRY, asked
from dialogues.payloads import MAX_BYTES, parse
from tests.dialogues.conversation import Conversation, flows

ID_NUMBERS = ["990101195403091247", "990101195607152240", "990101201005010024"]
RIGHT: dict[str, list[Any]] = {
    "bool": [True, False],
    "person_name": ["张秀英", "李大山"],
    "id_number": ID_NUMBERS,
    "phone": ["13800000000"],
    "address": ["示范镇东村三组12号"],
    "bank_account": ["6222000000000001234"],
    "relation": ["spouse", "child"],
    "int": [1, 2, 3, 72],
    "money": [0, 800, 1500],
    "number": [0, 3],
    "date": ["2025-06-30", "2027-06-30"],
    "text": ["低保是什么"],
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(), st.text(max_size=30),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
NAMES = [
    *flows().slots,
    "household_size",
    "area",
    "household.0.age",
    "savings",
    "no_such_thing",
    "household.99.age",
]

ANYTHING: st.SearchStrategy[Command] = st.one_of(
    st.builds(StartFlow, flow=st.sampled_from(["ask", "assess", "apply", "case_status", "household", "nothing"])),
    st.builds(SetSlot, name=st.sampled_from(NAMES), value=ODD, raw=st.text(max_size=8)),
    st.builds(CorrectSlot, name=st.one_of(st.none(), st.sampled_from(NAMES)), value=ODD, raw=st.text(max_size=8)),
    st.just(CancelFlow()),
    st.builds(ResumeFlow, flow=st.sampled_from([None, "apply", "assess", "nothing"])),
    st.builds(SkipQuestion, reason=st.sampled_from(["skip", "dont_know"])),
    st.builds(Repeat, simpler=st.booleans()),
    st.just(AskWhy()),
    st.just(HumanHandoff()),
    st.builds(AskPolicy, question=st.sampled_from(["低保是什么", "", "火星", "怎么申请"])),
    st.builds(ChitChat, topic=st.sampled_from(["greet", "thanks", "abuse", "who knows"])),
    st.builds(Clarify, options=st.just(("assess", "apply", "ask", "human", "nonsense"))),
    st.builds(CannotHandle, reason=st.sampled_from(["not_understood", "invalid_answer", "empty", "no_text"])),
    st.builds(UrgentDanger, danger=st.sampled_from(["suicide", "no_food", "other"])),
    st.builds(
        AttachFile,
        document_id=st.sampled_from(["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]),
        sha256=st.just("ab" * 32), mime=st.sampled_from(["image/png", "application/pdf"]), size=st.just(9),
    ),
    st.just(SessionStart()),
    st.just(HandedBack()),
    st.builds(CaseUpdate, receipt=st.just("JZ-20260305-0000-0000"), status=st.just("accepted"), text=st.just("已受理")),
)  # fmt: skip

# Commands that by their meaning change, drop or set aside answers.
CHANGING = (CorrectSlot, SetSlot, SkipQuestion, StartFlow, CancelFlow, ResumeFlow, SpeakFor)


# Answers of passing questions: used up by what they lead to.
USED_UP = frozenset({"policy_question", "go_on", "satisfaction"})


class AnyConversation(RuleBasedStateMachine):
    """A resident who says anything, a button presser, and one who mostly answers what is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation()

    def do(self, *commands: Command) -> None:
        before = self.conversation.state
        slots, facts = dict(before.slots), dict(before.facts)
        self.conversation.do(commands)
        if not any(isinstance(command, CHANGING) for command in commands):
            after = self.conversation.state
            lost = [
                name
                for name, value in slots.items()
                if after.slots.get(name) != value and name not in USED_UP
            ]
            assert not lost, f"{commands} lost {lost}"
            assert after.facts == facts

    @rule(command=ANYTHING)
    def anything(self, command: Command) -> None:
        self.do(command)

    @rule(commands=st.lists(ANYTHING, min_size=2, max_size=3))
    def several_at_once(self, commands: list[Command]) -> None:
        self.do(*commands)

    @rule(data=st.data())
    @precondition(lambda self: asked(self.conversation.state) is not None)
    def answer(self, data: st.DataObject) -> None:
        self._answer(data)

    @rule(data=st.data())
    def answer_many(self, data: st.DataObject) -> None:
        for _ in range(8):
            self._answer(data)

    def _answer(self, data: st.DataObject) -> None:
        question = asked(self.conversation.state)
        if question is None:
            self.do(StartFlow(flow="apply"))
            return
        if question.type == "file":
            self.do(SkipQuestion())
            return
        values = [choice.value for choice in question.choices] or RIGHT[question.type]
        # Mostly yes: otherwise every application ends at its consent.
        value = (
            values[0]
            if question.type == "bool" and data.draw(st.integers(0, 5))
            else data.draw(st.sampled_from(values))
        )
        self.do(SetSlot(name=question.name, value=value))

    @rule(data=st.data())
    @precondition(lambda self: any(message.buttons for message in self.conversation.said))
    def press_a_button(self, data: st.DataObject) -> None:
        buttons = [button for message in self.conversation.said for button in message.buttons]
        command = parse(data.draw(st.sampled_from(buttons)).payload)
        assert command is not None
        self.do(command)

    @rule(hours=st.sampled_from([1, 13, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        self.conversation.wait(hours=hours)

    @invariant()
    def nothing_failed_inside(self) -> None:
        assert SORRY not in self.conversation.text
        assert "出了点问题" not in self.conversation.text

    @invariant()
    def buttons_fit_every_channel(self) -> None:
        for message in self.conversation.said:
            for button in message.buttons:
                assert len(button.payload.encode()) <= MAX_BYTES
                assert parse(button.payload) is not None
                assert button.title

    @invariant()
    def one_question_said_once(self) -> None:
        state = self.conversation.state
        waiting = [frame for frame in state.stack if frame.asked and "question" in frame.data]
        question = asked(state)
        if question is None:
            return
        assert waiting
        assert waiting[-1] is state.stack[-1]
        payloads = [button.payload for message in self.conversation.said for button in message.buttons]
        answers = [one for one in payloads if one.startswith(f"s:{question.name}=")]
        assert len(answers) == len(set(answers)), "the question was said twice"

    @invariant()
    def every_message_says_something(self) -> None:
        for effect in self.conversation.turn:
            if isinstance(effect, Say):
                assert effect.text.strip()
                assert "None" not in effect.text
                assert "{{" not in effect.text

    @invariant()
    def a_case_is_opened_once(self) -> None:
        opened = [effect.draft for effect in self.conversation.effects if isinstance(effect, OpenCase)]
        assert len({draft.receipt for draft in opened}) == len(opened)
        assert len({draft.idempotency_key for draft in opened}) == len(opened)
        for draft in opened:
            event("an application was sent")
            assert draft.applicant["name"]
            assert draft.schemes
            assert draft.authorisation["signer"]


class ManyHouseholds(AnyConversation):
    """The same, speaking now of one family and now of another: what is told of one is never found with another.

    Each family has sums of its own (its number at the end), so that whose a stored value is can be seen.
    """

    def do(self, *commands: Command) -> None:
        before = {one.number: one for one in self.conversation.state.households}
        super().do(*commands)
        state = self.conversation.state
        for one in state.households:
            if one.number in before:
                assert one == before[one.number], f"{commands} touched household {one.number}"
        assert set(before) <= {number for number, _ in households.every(state)}

    @rule(who=st.sampled_from(["王大娘", "老李", "您妈妈", ""]))
    def turn_to(self, who: str) -> None:
        self.do(SpeakFor(who=who or None, own=not who))

    @rule(name=st.sampled_from(["savings", "household_income_month", "debt"]), thousands=st.integers(1, 9))
    def tell_a_sum(self, name: str, thousands: int) -> None:
        number = self.conversation.state.household
        self.do(SetSlot(name=name, value=thousands * 1000 + number))

    @rule(number=st.integers(1, 4), name=st.sampled_from(["savings", "debt"]), thousands=st.integers(1, 9))
    def press_an_old_button(self, number: int, name: str, thousands: int) -> None:
        command = SetSlot(name=name, value=thousands * 1000 + number, household=number)
        spoken_of, facts = self.conversation.state.household, self.conversation.state.facts
        self.do(command)
        if number != spoken_of:
            assert self.conversation.state.household == spoken_of
            assert self.conversation.state.facts == facts

    @invariant()
    def no_sum_is_with_another_household(self) -> None:
        for number, one in households.every(self.conversation.state):
            for name in ("savings", "household_income_month", "debt"):
                told = one.facts.get(name)
                # Sums drawn by the other rules are no whole thousands plus a number.
                if isinstance(told, int) and 1000 < told < 10_000 and told % 1000 in {1, 2, 3, 4}:
                    assert told % 1000 == number

    @invariant()
    def questions_and_buttons_are_of_the_household_spoken_of(self) -> None:
        state = self.conversation.state
        numbers = [one for one, _ in households.every(state)]
        assert len(numbers) == len(set(numbers))
        if not households.several(state):
            return
        last = self.conversation.said[-1] if self.conversation.said else None
        question = asked(state)
        if last is None or question is None or self.conversation.turn[-1] is not last:
            return
        for button in last.buttons:
            command = parse(button.payload)
            if isinstance(command, SetSlot):
                assert command.household == state.household


TestManyHouseholds = ManyHouseholds.TestCase
TestManyHouseholds.settings = settings(
    max_examples=6,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

TestAnyConversation = AnyConversation.TestCase
TestAnyConversation.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
