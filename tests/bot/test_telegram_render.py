"""How a message is cut and dressed for Telegram."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram import render
from integrations.ports import MessageRow

texts = st.text(alphabet=st.sampled_from("低保申请\u3002\uff1f 😀👨‍👩‍👧\nab12"), max_size=400)


def message(author: str = "bot", **body: Any) -> MessageRow:
    return MessageRow(
        id="m1",
        conversation_id="c1",
        seq=1,
        direction="out",
        author=author,
        client_id=None,
        body=body,
        status="queued",
        created_at=datetime(2026, 3, 5, tzinfo=UTC),
    )


@given(texts, st.integers(min_value=4, max_value=60))
def test_every_part_fits_and_nothing_but_blanks_at_the_cuts_is_lost(text: str, limit: int) -> None:
    parts = render.split(text, limit)
    assert all(0 < render.units(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(texts)
def test_what_fits_is_left_whole(text: str) -> None:
    assert render.split(text, 2000) == ([text.strip()] if text.strip() else [])


def test_a_long_text_is_cut_at_the_end_of_a_line_or_sentence() -> None:
    sentence = "每户每月按差额发放\u3002"
    parts = render.split(sentence * 20, 95)
    assert len(parts) > 1
    assert all(part.endswith("\u3002") for part in parts)
    assert render.split("第一行很长很长\n第二行", 9) == ["第一行很长很长", "第二行"]


def test_clauses_follow_the_text_folded() -> None:
    cite = {"document": "社会救助暂行办法", "clause": "第十一条", "quote": "按照下列程序办理\u3002"}
    (piece,) = render.pieces(message(text="先到镇里申请\u3002😀", citations=[cite]))
    (entity,) = piece.entities
    quoted = piece.text.encode("utf-16-le")[entity.offset * 2 : (entity.offset + entity.length) * 2]
    assert quoted.decode("utf-16-le") == "《社会救助暂行办法》第十一条\n按照下列程序办理\u3002"
    assert entity.type == "expandable_blockquote"
    assert piece.text.startswith("先到镇里申请\u3002😀\n\n")


def test_clauses_that_no_longer_fit_go_in_a_message_of_their_own() -> None:
    cite = {"document": "方案", "clause": "一", "quote": "条文\u3002" * 10}
    first, second = render.pieces(message(text="答" * 4090, citations=[cite]))
    assert first.entities == []
    assert second.quote == (0, render.units(second.text))


def test_urgent_and_staff_are_named() -> None:
    assert "紧急求助" in render.pieces(message(text="请打 110", speech="urgent"))[0].text
    assert render.pieces(message("staff:wang", text="您好"))[0].text.startswith("工作人员")


@pytest.mark.parametrize("text", ["", "  "])
def test_a_message_without_words_is_no_text(text: str) -> None:
    assert render.pieces(message(text=text)) == []


def test_the_choice_is_left_out_where_it_would_not_fit() -> None:
    assert render.chosen("家里几口人\uff1f", "3 人").endswith("3 人")
    assert render.chosen("长" * 4096, "3 人") == "长" * 4096
