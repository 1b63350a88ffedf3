"""The recogniser on rendered scans: straight, askew with noise, upside down, two columns. Real models, no network."""

from __future__ import annotations

import io
import random
import socket
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

import integrations.documents.ocr as module
from integrations.documents.ocr import OcrUnavailable, RapidOcr, open_ocr
from policies_kb.ingest.read import read
from policies_kb.ingest.run import Ingest
from policies_kb.ingest.types import Ocr
from tests.policies_kb.ingest.making import NOW, PACK, make_pack

LINES = [
    "关于做好困难群众救助工作的通知",
    "二、救助标准",
    "每人每月补助730元，按月发放到户，不得拖欠。",
    "自受理之日起20个工作日内办结。",
]


def font(size: int) -> ImageFont.FreeTypeFont:
    for folder in (Path("/usr/share/fonts"), Path("/usr/local/share/fonts")):
        for name in ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc", "wqy-zenhei.ttc"):
            for found in folder.rglob(name):
                return ImageFont.truetype(str(found), size)
    pytest.skip("no Chinese font: apt-get install fonts-noto-cjk")


def sheet(lines: list[str], *, left: int = 90, width: int = 1100) -> Image.Image:
    image = Image.new("RGB", (width, 140 + 80 * len(lines)), "white")
    draw = ImageDraw.Draw(image)
    for at, text in enumerate(lines):
        draw.text((left, 60 + at * 80), text, font=font(34), fill=(25, 25, 25))
    return image


def noisy(image: Image.Image) -> Image.Image:
    dice = random.Random(3)  # noqa: S311
    for _ in range(4000):
        image.putpixel(
            (dice.randrange(image.width), dice.randrange(image.height)), (dice.randrange(220),) * 3
        )
    return image


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def ocr() -> RapidOcr:
    return open_ocr()


def plain(text: str) -> str:
    return text.replace(",", "，").replace(" ", "")


def test_it_fits_the_port_of_ingestion(ocr: RapidOcr) -> None:
    assert isinstance(ocr, Ocr)


def test_a_straight_page_is_read_without_any_network(ocr: RapidOcr, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("OCR must not open connections")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = ocr.lines(png(sheet(LINES)))
    assert [plain(line.text) for line in found] == LINES
    assert all(line.score > 0.9 for line in found)


def test_a_scan_askew_with_noise_keeps_its_figures(ocr: RapidOcr) -> None:
    askew = noisy(sheet(LINES).rotate(3, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC))
    text = "".join(plain(line.text) for line in ocr.lines(png(askew)))
    assert "每人每月补助730元" in text
    assert "20个工作日内办结" in text


def test_an_upside_down_page_is_read_from_its_top(ocr: RapidOcr) -> None:
    found = ocr.lines(png(sheet(LINES).rotate(180)))
    assert [plain(line.text) for line in found] == LINES


def test_two_columns_are_read_one_after_the_other(ocr: RapidOcr) -> None:
    left = [f"第{n}条申请人向乡镇提出申请" for n in "一二三四五"]
    right = [f"第{n}条乡镇在十日以内办结" for n in "六七八九十"]
    page = Image.new("RGB", (1240, 560), "white")
    page.paste(sheet(left, left=40, width=600), (0, 0))
    page.paste(sheet(right, left=40, width=600), (640, 0))
    found = [plain(line.text) for line in ocr.lines(png(page))]
    assert found == left + right


def test_an_empty_page_has_no_lines(ocr: RapidOcr) -> None:
    assert ocr.lines(png(Image.new("RGB", (600, 400), "white"))) == ()


def test_a_photograph_becomes_paragraphs(ocr: RapidOcr, tmp_path: Path) -> None:
    path = tmp_path / "通知.jpg"
    sheet(LINES).save(path, quality=60)
    source = read(path, ocr=ocr)
    assert source.media == "image"
    assert "每人每月补助730元" in "".join(line.text for line in source.lines)


def test_a_scanned_pdf_is_read_page_by_page(ocr: RapidOcr, tmp_path: Path) -> None:
    path = tmp_path / "扫描.pdf"
    sheet(LINES[:2]).save(path, "PDF", save_all=True, append_images=[sheet(LINES[2:])], resolution=150)
    source = read(path, ocr=ocr)
    assert source.media == "pdf-scan"
    assert {line.page for line in source.lines} == {1, 2}
    assert "730元" in "".join(line.text for line in source.lines if line.page == 2)


@pytest.mark.parametrize("lost", ["一", "二", "三"])
def test_a_heading_whose_number_was_not_recognised_is_an_open_mark_of_the_draft(
    ocr: RapidOcr, tmp_path: Path, lost: str
) -> None:
    numbered = [
        "示范县临时救助办法",
        "一、救助对象",
        "因火灾、重病等生活暂时困难的家庭。",
        "二、救助标准",
        "每户补助730元，一次发放。",
        "三、附则",
        "本办法自2025年7月1日起施行。",
    ]
    path = tmp_path / "扫描.pdf"
    printed = [text.removeprefix(f"{lost}、") for text in numbered]
    sheet(printed).save(path, "PDF", resolution=150)
    make_pack(tmp_path / "packs")
    (draft,) = Ingest(PACK, tmp_path / "packs", ocr=ocr).file(path, now=NOW).drafts
    assert {"number_gap", "ocr"} & {mark.kind for mark in draft.open_marks}


def test_a_machine_without_the_packages_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(OcrUnavailable, match="rapidocr"):
        open_ocr()
