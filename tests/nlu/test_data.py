"""The training data: whole, without leaks into the held-out messages, and in step with the word lists."""

from __future__ import annotations

import re
from collections import Counter

from ruamel.yaml import YAML

from nlu import train
from nlu.evaluate import HELD_OUT, messages

DATA = sorted((train.HERE / "data").glob("*.yml"))
TRAINING = [row for path in DATA for row in messages(path)]
HELD = messages(HELD_OUT)


def plain(text: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).strip()


def test_every_intent_of_the_domain_has_enough_messages() -> None:
    domain = YAML(typ="safe").load((train.HERE / "domain.yml").read_text("utf-8"))
    counted = Counter(intent for intent, _ in TRAINING)
    held = Counter(intent for intent, _ in HELD)
    assert set(domain["intents"]) == set(counted)
    assert min(counted.values()) >= 20
    assert set(held) == set(counted)
    assert min(held.values()) >= 5


def test_no_message_stands_under_two_intents() -> None:
    where: dict[str, set[str]] = {}
    for intent, text in TRAINING:
        where.setdefault(plain(text), set()).add(intent)
    assert {text: found for text, found in where.items() if len(found) > 1} == {}


def test_held_out_messages_are_not_trained_on() -> None:
    trained = {plain(text) for _, text in TRAINING}
    assert [text for _, text in HELD if plain(text) in trained] == []


def test_lookup_tables_are_the_lexicons() -> None:
    written = (train.HERE / "data" / "lookups.yml").read_text("utf-8")
    assert written == train.lookups(), "run: .venv/bin/python -m nlu.train --lookups"


def test_the_model_is_named_by_its_sources() -> None:
    assert train.model_path().name == f"nlu-{train.content_hash()}.tar.gz"
    assert {path.name for path in train.sources()} >= {"config.yml", "domain.yml", "uv.lock", "tasks.yml"}
