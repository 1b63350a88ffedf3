"""A cadre's two families: each case carries its own consent and who spoke for them, and nothing of the other."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from bot.submission import case_payload
from dialogues.effects import OpenCase, RecordConsent
from integrations.ports import ConversationRow, Json
from tests.dialogues.conversation import START, Conversation, knowledge

WANG, LI = "990101195603120022", "990101195403091247"
FAMILIES = {
    "王大娘": ("就在旁边，当面说的", "王秀英", WANG, "13800000001"),
    "李大爷": ("打电话问的", "李大山", LI, "13800000002"),
}


async def apply_for(conversation: Conversation, who: str, *, first: bool) -> None:
    how, name, number, phone = FAMILIES[who]
    opening = f"我是村干部，帮{who}申请低保" if first else f"帮{who}申请低保"
    for line in (opening, "同意", how, *(("刘小芳",) if first else ()), name, number, "没有", "跳过", phone):
        await conversation.hear(line)
    for line in ("示范镇东村8组12号", "跳过", "同意", "提交"):
        await conversation.hear(line)


def conversation_row() -> ConversationRow:
    known: dict[str, Any] = {"id": "c-1", "channel": "web", "pack": "shifan-xian"}
    return ConversationRow(**{field.name: known.get(field.name) for field in fields(ConversationRow)})


async def test_each_case_carries_its_own_consent_and_representative() -> None:
    conversation = Conversation()
    await apply_for(conversation, "王大娘", first=True)
    await apply_for(conversation, "李大爷", first=False)
    recorded = [one for one in conversation.of("record_consent") if isinstance(one, RecordConsent)]
    assert [(one.household, one.given_by) for one in recorded] == [(1, "cadre:present"), (2, "cadre:phone")]
    rows: list[Json] = [one.model_dump(exclude={"kind"}) | {"at": START.isoformat()} for one in recorded]
    drafts = [one.draft for one in conversation.of("open_case") if isinstance(one, OpenCase)]
    assert len(drafts) == 2
    for draft, (who, other), consent in zip(drafts, ((WANG, LI), (LI, WANG)), recorded, strict=True):
        case = case_payload(
            draft,
            conversation=conversation_row(),
            consents=rows,
            scheme_name=knowledge("shifan-xian").scheme_name,
            submitted_at=START,
        )
        written = json.dumps(case, ensure_ascii=False)
        assert who in written
        assert other not in written
        assert [one["text_sha256"] for one in case["consents"]] == [consent.text_sha256]
        assert case["representative"]["name"] == "刘小芳"
        assert case["representative"]["role"] == "cadre"
        assert case["representative"]["text_sha256"] == consent.text_sha256
        assert case["contact"]["other_name"] == "刘小芳"
    assert [case.household for case in conversation.state.cases] == [1, 2]
