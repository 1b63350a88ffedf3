"""The message table by the rules alone: what stays usable with the model server away."""

from __future__ import annotations

import pytest

from nlu.rules import RuleUnderstanding
from tests.nlu import table

ROWS = list(table.rows("rules.yml"))


def test_the_table_is_broad() -> None:
    assert len(ROWS) >= 150


@pytest.mark.parametrize(
    ("message", "asked", "wanted"),
    [(message, asked, wanted) for _, message, asked, wanted in ROWS],
    ids=[f"{group}: {message}" for group, message, _, _ in ROWS],
)
async def test_message_becomes_commands(message: str, asked: str | None, wanted: list[str]) -> None:
    understood = await RuleUnderstanding().understand(message, table.context(asked))
    got = [table.short(command) for command in understood.commands]
    assert table.matches(got, wanted), f"{message!r}: wanted {wanted}, got {got}"
    assert understood.source == "rules"
