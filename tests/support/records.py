"""Short ways to the rows most tests begin with. Everybody in them is made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from integrations.ports import ConversationRow, DocumentRow, HandoffRow, Storage

CASE = {"applicant": {"name": "赵试", "id_number": "990101195001010019"}, "schemes": ["dibao"]}


async def conversation(storage: Storage, address: str = "resident-1", **options: Any) -> ConversationRow:
    async with storage.begin() as tx:
        return await tx.conversations.create(options.get("channel", "web"), address, "shifan-xian")


async def handoff(storage: Storage, conversation_id: str, *, urgent: bool = False) -> HandoffRow:
    async with storage.begin() as tx:
        return await tx.handoffs.request(conversation_id, "要找工作人员", urgent=urgent)


async def case(storage: Storage, conversation_id: str, receipt: str = "JZ-1") -> None:
    async with storage.begin() as tx:
        await tx.cases.open(receipt, conversation_id, f"key-{receipt}", CASE, "case.submitted")


def document(conversation_id: str, document_id: str = "doc-1", sha256: str = "a" * 64) -> DocumentRow:
    return DocumentRow(
        document_id,
        conversation_id,
        sha256,
        "image/jpeg",
        1234,
        "身份证正面.jpg",
        datetime(2026, 3, 5, 1, tzinfo=UTC),
    )
