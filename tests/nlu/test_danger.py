"""Immediate danger, both sides: what may never be missed, and what only sounds like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nlu.mapping import interpret
from tests.nlu import table

LISTS: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("danger.yml").read_text("utf-8"))
MUST = [(kind, text) for kind, texts in LISTS["must"].items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), MUST)
@pytest.mark.parametrize("asked", [None, "size", "name", "question", "yesno", "file"])
def test_danger_is_seen_whatever_was_asked(kind: str, text: str, asked: str | None) -> None:
    commands = interpret(text, table.context(asked)).commands
    assert [command.kind for command in commands] == ["urgent_danger"]
    assert table.short(commands[0]) == f"danger:{kind}"


@pytest.mark.parametrize("text", LISTS["must_not"])
@pytest.mark.parametrize("asked", [None, "size"])
def test_what_only_sounds_like_danger(text: str, asked: str | None) -> None:
    commands = interpret(text, table.context(asked)).commands
    assert "urgent_danger" not in [command.kind for command in commands]
