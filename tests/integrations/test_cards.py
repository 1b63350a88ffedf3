"""The paper: what was written can be read, copied and found on it, in large type, whatever the words."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pdfplumber
import pypdfium2
import pytest
from pypdf import PdfReader

from integrations.documents.cards import Entry, PrintedCard, PrintedCards, Section, cards_pdf

CARD = PrintedCard(
    "最低生活保障（低保）", "很可能符合", "每月大约280元",
    (
        Section("为什么", (Entry("您家平均每人每月收入400元，低于540元。", "《社会救助暂行办法》第九条"),)),
        Section("要带什么", (Entry("居民身份证（一证）"),)),
    ),
)  # fmt: skip
PAPER = PrintedCards(
    "救助自测结果",
    ("示范县，2026年3月5日测的。",),
    "很可能符合的",
    (),
    (CARD,),
    "政策版本c25d2dfd",
    date(2026, 3, 5),
)


def with_cards(*cards: PrintedCard) -> PrintedCards:
    return replace(PAPER, cards=cards)


def long_card(lines: int) -> PrintedCard:
    reasons = tuple(Entry(f"第{number}条理由，{'话很长' * 12}。", "《办法》一") for number in range(lines))
    return replace(CARD, sections=(Section("为什么", reasons),))


def pages(data: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


def test_words_figures_and_clauses_can_be_found() -> None:
    text = "".join(pages(cards_pdf(PAPER))).replace("\n", "")
    for words in (
        "救助自测结果",
        "2026年3月5日",
        "每月大约280元",
        "《社会救助暂行办法》第九条",
        "居民身份证（一证）",
        "第1页",
    ):
        assert words in text


def test_the_type_is_large_and_the_font_comes_along() -> None:
    with pdfplumber.open(io.BytesIO(cards_pdf(PAPER))) as document:
        characters = [char for page in document.pages for char in page.chars if char["text"].strip(" ●")]
        footer = document.pages[0].height - 60
        sizes = {round(char["size"]) for char in characters if char["top"] < footer}
        assert {char["fontname"].partition("+")[2] for char in characters} == {"NotoSansSC-Regular"}
        assert {char["non_stroking_color"] for char in characters} == {(0.0,)}
        page = document.pages[0]
        assert (round(page.width), round(page.height)) == (595, 842)
    assert min(sizes) >= 16  # a source in brackets; everything else is 18 or more
    assert {round(char["size"]) for char in characters if char["text"] in "您家平均居民身份证"} == {18}


def test_a_paper_is_small_and_the_same_every_time() -> None:
    cards = with_cards(*[replace(CARD, title=f"第{number}项救助") for number in range(12)])
    first = cards_pdf(cards)
    assert len(first) < 300_000
    assert cards_pdf(cards) == first


def test_a_card_stays_on_one_page_where_it_fits() -> None:
    found = pages(cards_pdf(with_cards(long_card(3), long_card(7), long_card(8))))
    for number, lines in enumerate((3, 7, 8)):
        whole = [page for page in found if f"第{lines - 1}条理由" in page and "第0条理由" in page]
        assert whole, f"card {number} was broken"


def test_a_card_longer_than_a_page_begins_at_the_top_of_one() -> None:
    found = pages(cards_pdf(with_cards(CARD, long_card(30))))
    first = next(page for page in found if "第0条理由" in page)
    assert "居民身份证" not in first
    assert all(any(f"第{number}条理由" in page for page in found) for number in range(30))


def test_a_card_that_does_not_fit_gives_way_to_the_first_shorter_one_that_does() -> None:
    shorter = tuple(replace(long_card(lines), amount=f"短到{lines}") for lines in (25, 7, 3))
    found = pages(cards_pdf(with_cards(replace(long_card(30), amount="太长", shorter=shorter))))
    assert len(found) == 2
    assert "短到7" in found[1]
    assert not any(words in page for page in found[1:] for words in ("太长", "短到25", "短到3"))
    # Where none fits, the shortest is broken rather than cut.
    broken = pages(
        cards_pdf(with_cards(replace(long_card(30), shorter=(replace(long_card(25), amount="还长"),))))
    )
    assert "第24条理由" in broken[-1]
    assert "第29条理由" not in "".join(broken)


def test_every_card_is_named_with_its_page_on_the_first() -> None:
    cards = [replace(long_card(8), title=f"救助{number}") for number in range(3)]
    found = pages(cards_pdf(with_cards(*cards)))
    for number in range(3):
        page = next(at for at, text in enumerate(found[1:], start=2) if f"救助{number}\n" in text)
        assert f"救助{number}：每月大约280元（第{page}页）" in found[0]


@pytest.mark.parametrize("rare", ["𠮷", "😀", "\U000323af", "\ue000", "𪚥"])
def test_a_character_the_font_lacks_shows_as_a_box(rare: str) -> None:
    def ink(title: str) -> int:
        page = pypdfium2.PdfDocument(cards_pdf(with_cards(replace(CARD, title=title))))[0]
        picture = page.render(scale=1).to_pil().convert("L")
        return sum(picture.histogram()[:128])

    assert ink(f"王{rare}田") > ink("王田") + 20


@pytest.mark.parametrize("words", ["#panic()", "*粗* _斜_ $x$", "```", "= 标题", "<label> @ref", "\\u{1}", '"', "// 注", "{name}"])  # fmt: skip
def test_words_are_words_and_never_markup(words: str) -> None:
    card = replace(CARD, title=words, sections=(Section(words, (Entry(words, words),)),))
    found = "".join(pages(cards_pdf(with_cards(card)))).replace("\n", "")
    assert found.count(words) >= 3


def test_no_cards_at_all_is_a_paper_too() -> None:
    open_ones = Section("还说不准的", (Entry("低收入家庭：存款"),))
    found = pages(cards_pdf(replace(PAPER, cards=(), sections=(open_ones,))))
    assert len(found) == 1
    assert "很可能符合的" not in found[0]
    assert "低收入家庭：存款" in found[0]


def test_many_at_once_do_not_mix() -> None:
    papers = [with_cards(replace(CARD, amount=f"每月大约{number}元")) for number in range(100, 116)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(cards_pdf, papers))
    for number, data in zip(range(100, 116), made, strict=True):
        assert f"每月大约{number}元" in "".join(pages(data))
