"""What is cleaned, refused and hidden."""

from __future__ import annotations

import contextlib
import json
import logging as stdlib_logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot import logging
from bot.channels.base import Rejected
from bot.intake import check_client_id, check_payload, check_text, clean
from bot.masking import mask

ID_NUMBER = "990101195001011239"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("我想\x00申请\x07低保", "我想申请低保"),
        ("\u202e反过来\u202c", "反过来"),
        ("一行\r\n两行", "一行\n两行"),
        ("  \u3000 前后空白 ", "前后空白"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\x1b[31m红字", "[31m红字"),
    ],
)
def test_control_characters_are_taken_out_and_words_kept(raw: str, kept: str) -> None:
    assert check_text(raw, 2000) == kept


@pytest.mark.parametrize("raw", ["", "   ", "\x00\x01", "\u200b\u200d", "\n\t\n"])
def test_empty_is_refused_kindly(raw: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_text(raw, 2000)
    assert refused.value.code == "empty"
    assert "再发一次" in refused.value.message


def test_emoji_alone_is_a_message() -> None:
    assert check_text("😀👍", 2000) == "😀👍"


@pytest.mark.parametrize("length", [2001, 100_000, 1_000_000])
def test_too_long_is_refused_whole_and_never_cut(length: int) -> None:
    with pytest.raises(Rejected) as refused:
        check_text("长" * length, 2000)
    assert refused.value.code == "too_long"


@given(st.text(max_size=300))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text(max_size=100))
def test_a_payload_is_taken_as_it_is_or_refused(payload: str) -> None:
    fits = 0 < len(payload.encode()) <= 64 and clean(payload) == payload
    with contextlib.nullcontext() if fits else pytest.raises(Rejected):
        assert check_payload(payload) == payload


@pytest.mark.parametrize("client_id", ["", "x" * 129, "a\nb", "\x00"])
def test_unusable_client_ids_are_refused(client_id: str) -> None:
    with pytest.raises(Rejected):
        check_client_id(client_id)


@pytest.mark.parametrize(
    "text",
    [
        f"我的身份证{ID_NUMBER}",
        "身份证 990101 19500101 1239",
        "990101500101123",
        "电话13800001234",
        "138 0000 1234",
        "+86 138-0000-1234",
        "０１３８００００１２３４",
        "卡号6222020000001234567",
        "6222 0200 0000 1234 567",
        "座机 0571-87650000",
        "Authorization: Bearer abcDEF123._-x",
        "GET /ws?token=abcDEF123&after=1",
        "https://api.telegram.org/bot123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc/getMe",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_personal_figures_and_secrets_are_hidden(text: str) -> None:
    masked = mask(text)
    assert "****" in masked
    for secret in (
        ID_NUMBER,
        "0101195001",
        "00001234",
        "0000-1234",
        "020000001234",
        "8765",
        "DEF123",
        "AAEhBO",
        "MfKQ",
    ):
        assert secret not in masked.replace(" ", "")


@pytest.mark.parametrize(
    "text", ["每月540元", "2026-03-05T09:00:00.123456Z", "3e4a5b60-1234-4abc-8abc-123456789012", "第3条"]
)
def test_figures_that_are_nobodys_stay(text: str) -> None:
    assert mask(text) == text


def test_log_lines_carry_ids_but_no_words_of_the_resident(capsys: pytest.CaptureFixture[str]) -> None:
    root = stdlib_logging.getLogger()
    before = root.handlers[:], root.level
    logging.configure("json", "info")
    try:
        structlog.get_logger("test").info(
            "turn_failed",
            conversation_id="3e4a5b60-1234-4abc-8abc-123456789012",
            text="我叫张三",
            detail={"phone": "13800001234", "slots": {"name": "张三"}},
            error=ValueError(f"bad {ID_NUMBER}"),
            number=int(ID_NUMBER),
        )
        line = capsys.readouterr().err
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = before
    event = json.loads(line)
    assert event["conversation_id"] == "3e4a5b60-1234-4abc-8abc-123456789012"
    assert event["event"] == "turn_failed"
    for hidden in ("张三", "13800001234", ID_NUMBER):
        assert hidden not in line
