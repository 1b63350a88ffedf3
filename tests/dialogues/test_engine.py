"""What transcripts cannot show: failures inside, privacy of effects, the draft staff see, the finished case."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from pydantic import JsonValue

from dialogues.commands import AskPolicy, SessionStart, SetSlot, StartFlow
from dialogues.effects import OpenCase, Say
from dialogues.engine import Engine, asked, context
from dialogues.state import DialogueState
from dialogues.summary import draft_view
from integrations.calendar.workdays import WorkCalendar
from policies_kb.errors import DataFileError
from policies_kb.knowledge import PackKnowledge
from tests.dialogues.conversation import START, Conversation, flows, knowledge

ANSWERS: list[tuple[str, JsonValue]] = [
    ("apply_consent", True),
    ("apply_schemes", "dibao"),
    ("applicant_name", "张秀英"),
    ("applicant_id_number", "990101195403091247"),
    ("has_members", True),
    ("member_name", "李大山"),
    ("member_relation", "spouse"),
    ("member_id_number", "990101195607152240"),
    ("more_members", False),
    ("id_photo", None),
    ("phone", "13800001234"),
    ("address", "示范镇东村三组12号"),
    ("bank_account", "6222000000000001234"),
    ("authorisation_ok", True),
]


def applied(*, upto: str | None = None) -> Conversation:
    conversation = Conversation()
    conversation.do([StartFlow(flow="apply")])
    for name, value in ANSWERS:
        if name == upto:
            break
        assert conversation.asked == name
        if name == "id_photo":
            conversation.send_file()
        else:
            conversation.do([SetSlot(name=name, value=value)])
    return conversation


class Failing(PackKnowledge):
    """The pack, whose answers fail."""

    def answer(
        self, question: str, *, today: date, scheme: str | None = None, aspect: str | None = None
    ) -> Any:
        raise RuntimeError(f"secret {question}")


def test_a_failure_inside_is_told_kindly_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    conversation = applied(upto="phone")
    engine = Engine(flows(), Failing(knowledge("shifan-xian").loaded), WorkCalendar())
    turn = engine.handle(
        conversation.state, [AskPolicy(question="我的身份证")], now=conversation.now, conversation_id="c-1"
    )
    texts = [effect.text for effect in turn.effects if isinstance(effect, Say)]
    assert "您前面说的都还在" in texts[0]
    assert "哪个电话" in texts[-1]
    assert turn.state.slots == conversation.state.slots
    assert [frame.flow for frame in turn.state.stack] == ["apply"]
    assert "RuntimeError" in caplog.text
    assert "身份证" not in caplog.text


def test_a_pack_without_a_text_is_refused_when_the_engine_is_built() -> None:
    class Silent(PackKnowledge):
        def text(self, key: str) -> str:
            if key == "office.phone":
                raise KeyError(key)
            return super().text(key)

    with pytest.raises(DataFileError, match=r"office\.phone"):
        Engine(flows(), Silent(knowledge("shifan-xian").loaded), WorkCalendar())


@pytest.mark.parametrize("pack", ["shifan-xian", "shifan-qu"])
def test_every_pack_can_greet(pack: str) -> None:
    conversation = Conversation(pack)
    conversation.do([SessionStart()])
    assert "电脑程序" in conversation.text


def test_sensitive_answers_do_not_come_back_unmasked() -> None:
    conversation = applied()
    said = json.dumps([effect.model_dump(mode="json") for effect in conversation.effects], ensure_ascii=False)
    for hidden in ("990101195403091247", "990101195607152240", "6222000000000001234"):
        assert hidden not in said
    seen = context(conversation.state, "c-1", "shifan-xian", conversation.now)
    assert "张秀英" not in str(seen)


def test_the_case_is_whole() -> None:
    conversation = applied()
    conversation.do([SetSlot(name="apply_confirm", value=True)])
    (effect,) = conversation.of("open_case")
    assert isinstance(effect, OpenCase)
    draft = effect.draft
    assert draft.schemes == ("dibao",)
    assert draft.applicant["name"] == "张秀英"
    assert draft.applicant["sex"] == "female"
    assert draft.applicant["birth_date"] == "1954-03-09"
    assert [(one["name"], one["relation"], one["age"]) for one in draft.household] == [
        ("李大山", "spouse", 69)
    ]
    assert draft.contact == {
        "phone": "13800001234",
        "address": "示范镇东村三组12号",
        "other_name": None,
    }
    assert draft.bank_account == {"holder": "张秀英", "bank": None, "number": "6222000000000001234"}
    assert draft.authorisation["signer"] == "张秀英"
    assert draft.authorisation["confirmed_by"] == "button"
    assert [one["kind"] for one in draft.documents] == ["id_card_front"]
    assert draft.deadlines
    dues = [one["due_on"] for one in draft.deadlines if one["due_on"] is not None]
    assert dues
    # A limit for the whole bounds every step before it.
    assert max(str(due) for due in dues) == dues[-1]
    assert all(one["owner"] and one["document"] and one["clause"] for one in draft.deadlines)
    assert conversation.state.case_id == draft.receipt


def test_submitting_twice_in_one_message_opens_one_case() -> None:
    conversation = applied()
    conversation.do([SetSlot(name="apply_confirm", value=1), SetSlot(name="apply_confirm", value=1)])
    assert len(conversation.of("open_case")) == 1


def test_the_same_turn_played_again_is_the_same_case() -> None:
    conversation = applied()
    kept = conversation.state.model_copy(deep=True)
    now = conversation.now
    conversation.do([SetSlot(name="apply_confirm", value=1)])
    conversation.state, conversation.now = kept, now
    conversation.do([SetSlot(name="apply_confirm", value=1)])
    first, second = conversation.of("open_case")
    assert first == second


def test_staff_see_the_draft_masked() -> None:
    conversation = applied()
    conversation.press("s:household_size=2")
    view = draft_view(conversation.state, flows())
    assert view["申请人姓名"] == "张*英"
    assert view["申请人身份证号"] == "990101********1247"
    assert view["联系电话"] == "138****1234"
    assert view["银行账号"] == "尾号 1234"
    assert view["身份证照片"] == "已收到"
    assert "李*山" in view["共同生活的家人"]
    assert "2 人" in view.values()
    assert not any("6222000000000001234" in value or "李大山" in value for value in view.values())


def test_asked_tells_what_an_answer_must_look_like() -> None:
    assert asked(DialogueState()) is None
    conversation = applied(upto="member_relation")
    question = asked(conversation.state)
    assert question is not None
    assert (question.name, question.type, question.flow) == ("member_relation", "relation", "household")
    assert [choice.value for choice in question.choices][:2] == ["spouse", "child"]
    assert context(conversation.state, "c-1", "shifan-xian", START).active_flow == "apply"


def test_an_empty_turn_changes_nothing_that_is_said() -> None:
    conversation = applied(upto="phone")
    slots = dict(conversation.state.slots)
    conversation.do([])
    assert conversation.state.slots == slots
