"""The tables with the real model: its own, and the rules' once more, for a model may not undo what the rules know."""

from __future__ import annotations

import pytest

from nlu.understanding import ModelUnderstanding, build_understanding
from tests.nlu import table

pytestmark = pytest.mark.rasa


@pytest.mark.parametrize("name", ["rasa.yml", "rules.yml"])
async def test_table(name: str, nlu_url: str) -> None:
    understanding = build_understanding(nlu_url, timeout=30)
    assert isinstance(understanding, ModelUnderstanding)
    wrong = []
    try:
        for group, message, asked, wanted in table.rows(name):
            understood = await understanding.understand(message, table.context(asked))
            got = [table.short(command) for command in understood.commands]
            # What the rules refuse as not understood, the model may understand.
            if not table.matches(got, wanted) and wanted != ["cannot:not_understood"]:
                wrong.append(f"{group} | {message} | wanted {wanted} | got {got}")
    finally:
        await understanding.close()
    assert wrong == []
