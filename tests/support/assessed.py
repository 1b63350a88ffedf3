"""A conversation whose self-assessment is behind it: facts as they would have been told. All made up."""

from __future__ import annotations

from typing import Any

from dialogues.state import DialogueState
from integrations.ports import Storage

# An elderly couple in the country, one of them disabled, after a fire.
COUPLE: dict[str, Any] = {
    "household_size": 2, "area": "rural", "household_income_month": 700, "emergency": "fire", "local_hukou": True,
    "residence_here": True, "homes": 1, "cars": 0, "savings": 10000, "supporters_able": False,
    "rigid_expenses_month": 900, "medical_out_of_pocket_year": 3000,
    "household": [
        {"relation": "self", "age": 72, "income_month": 400},
        {"relation": "spouse", "age": 70, "income_month": 300, "disability_level": 2, "disability_kind": "physical"},
    ],
}  # fmt: skip


async def assess(storage: Storage, conversation_id: str, facts: dict[str, Any] = COUPLE) -> None:
    """Put `facts` into the conversation's state, as if the questions had been asked; `f:assess_told` tells the rest."""
    async with storage.read() as tx:
        row = await tx.conversations.get(conversation_id)
    assert row is not None
    state = DialogueState.model_validate(row.state or {})
    state.facts, state.assessment = dict(facts), {}
    async with storage.begin() as tx:
        await tx.conversations.save_state(
            conversation_id, state.model_dump(mode="json"), expected_version=row.state_version
        )
