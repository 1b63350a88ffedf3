"""Bad input: whatever is sent, understanding answers with commands and never raises."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nlu.mapping import interpret
from nlu.text import clauses, normalise
from tests.nlu import table


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "cannot:empty"), (" \n\t ", "cannot:empty"), ("😀🎉", "cannot:no_text"), ("\x00\x01\x02", "cannot:no_text"),
        ("​‮", "cannot:no_text"), ("???", "cannot:no_text"), ("长" * 100_000, "cannot:too_long"),
        ("不想活了" + "啊" * 100_000, "danger:suicide"), ("人\x00工", "human"), ("ＯＫ", "chat:affirm"),
    ],
)  # fmt: skip
def test_bad_input(text: str, wanted: str) -> None:
    assert [table.short(command) for command in interpret(text, table.context()).commands] == [wanted]


@given(st.text(max_size=200), st.sampled_from([None, *table.ASKED]))
def test_there_is_always_a_command(text: str, asked: str | None) -> None:
    assert interpret(text, table.context(asked)).commands


@given(st.text(max_size=200))
@example("\u00af\x1f\u08f9")
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(max_size=200))
def test_no_word_is_lost_between_clauses(text: str) -> None:
    plain = normalise(text)
    kept = "".join(char for part in clauses(plain) for char in part if char.isalnum())
    assert kept == "".join(char for char in plain if char.isalnum())


def test_a_long_hostile_text_is_read_quickly() -> None:
    """No pattern backtracks without end: 2,000 characters of what patterns are made of."""
    for piece in (
        "我",
        "想",
        "我想",
        "是不是",
        "不",
        "一二三",
        "1,",
        "没有",
        "打我",
        "家里",
        "能不能",
        "1 ",
        "叫个",
    ):
        text = (piece * 2000)[:2000]
        for asked in (None, *table.ASKED):
            assert interpret(text, table.context(asked)).commands
