"""Button payloads: what is built is read back; what is not ours is refused; nothing raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogues import payloads
from dialogues.commands import AskPolicy, CorrectSlot, ResumeFlow, SetSlot, StartFlow

NAMES = st.from_regex(r"[a-z_]{1,12}(\.[0-9]\.[a-z]{1,8})?", fullmatch=True)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.none(),
)


@given(NAMES, VALUES)
def test_an_answer_comes_back(slot: str, value: bool | int | float | str | None) -> None:
    try:
        payload = payloads.answer(slot, value)
    except payloads.PayloadTooLong:
        return
    assert len(payload.encode()) <= payloads.MAX_BYTES
    assert payloads.parse(payload) == SetSlot(name=slot, value=value)


@given(st.text(max_size=100))
def test_any_text_is_read_without_raising(text: str) -> None:
    payloads.parse(text)


@pytest.mark.parametrize(
    "payload",
    ["", ":", "s:", "s:=1", "s:a", "s:a=", "s:a=NaN", "s:a=[", "f:", "f:!", "x:fly", "q:", "z:1", "低保", "s:a=" + "1" * 80],
)  # fmt: skip
def test_what_is_not_ours_is_none(payload: str) -> None:
    assert payloads.parse(payload) is None


def test_the_other_builders() -> None:
    assert payloads.parse(payloads.start("apply")) == StartFlow(flow="apply")
    assert payloads.parse(payloads.start("assess", restart=True)) == StartFlow(
        flow="assess", slots={payloads.RESTART: True}
    )
    assert payloads.parse(payloads.edit("phone")) == CorrectSlot(name="phone")
    assert payloads.parse(payloads.ask("低保怎么申请")) == AskPolicy(question="低保怎么申请")
    assert payloads.parse(payloads.resume("apply")) == ResumeFlow(flow="apply")
    for name, command in payloads.WORDS.items():
        assert payloads.parse(payloads.word(name)) == command


def test_too_long_is_refused_when_it_is_built() -> None:
    with pytest.raises(payloads.PayloadTooLong):
        payloads.ask("这个问题长得没有道理，一个按钮怎么也放不下它，所以不能做成按钮")
