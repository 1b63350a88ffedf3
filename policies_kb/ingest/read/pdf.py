"""PDF files: those with text by pdfplumber (positions, tables), scanned ones page by page through OCR.

A scan is told by its pages having almost no text. A file may hold both kinds; each page is read as what it is.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pdfplumber
import pypdfium2  # type: ignore[import-untyped]
from pdfminer.pdfdocument import PDFPasswordIncorrect
from pdfplumber.utils.exceptions import PdfminerException

from policies_kb.ingest.read.limits import MAX_OCR_PAGES, MAX_PAGES
from policies_kb.ingest.read.pages import Printed, paragraphs
from policies_kb.ingest.read.picture import doubt_headings, recognised
from policies_kb.ingest.types import Media, Ocr, SourceLine, UnreadableSource

# A page with fewer characters than this is a picture of a page.
_SPARSE = 12
# 200 dots an inch: Chinese at 10 points is then 28 pixels high, which the recogniser reads well.
_SCALE = 200 / 72
_LONGEST_SIDE = 4000

logging.getLogger("pdfminer").setLevel(logging.ERROR)


def read_pdf(
    path: Path, data: bytes, ocr: Ocr | None
) -> tuple[Media, tuple[SourceLine, ...], tuple[str, ...]]:
    """Media (pdf or pdf-scan), lines and notes of a PDF.

    Raises:
        UnreadableSource: damaged, locked, too many pages, or scanned with no OCR at hand.
    """
    try:
        with pdfplumber.open(io.BytesIO(data)) as document:
            count = len(document.pages)
            if count > MAX_PAGES:
                raise UnreadableSource(
                    path, f"文件有 {count} 页\uff0c最多 {MAX_PAGES} 页。", "请拆成几份\uff0c每份单独录入。"
                )
            texts = {number: _printed(page, number) for number, page in enumerate(document.pages, start=1)}
    except UnreadableSource:
        raise
    except Exception as error:
        # pdfminer raises many kinds on broken files; a password shows itself only as the cause.
        if isinstance(error, PDFPasswordIncorrect) or isinstance(
            error.__cause__ or _first(error), PDFPasswordIncorrect
        ):
            raise UnreadableSource(path, "PDF 有密码。", "请去掉密码\uff0c另存一份再录入。") from None
        raise UnreadableSource(
            path, "PDF 损坏了\uff0c读不出来。", "请重新导出 PDF\uff0c或打印出来拍照再录入。"
        ) from error
    for number in [number for number, lines in texts.items() if not lines]:
        # pdfminer knows fewer kinds of embedded fonts than pdfium; positions of lines are enough then.
        texts[number] = _by_pdfium(data, number)
    pictures = [number for number, lines in texts.items() if sum(len(line.text) for line in lines) < _SPARSE]
    scanned = [number for number in pictures if _has_picture(data, number)]
    if not scanned and not any(texts.values()):
        raise UnreadableSource(path, "PDF 里没有文字。", "请检查是不是选错了文件。")
    notes: tuple[str, ...] = ()
    if scanned:
        if len(scanned) > MAX_OCR_PAGES:
            raise UnreadableSource(
                path,
                f"扫描件有 {len(scanned)} 页\uff0c最多 {MAX_OCR_PAGES} 页。",
                "请拆成几份\uff0c每份单独录入。",
            )
        for number in scanned:
            texts[number] = recognised(path, _render(data, number), ocr, page=number)
        notes = (
            f"第 {'、'.join(map(str, scanned[:8]))}{' 等' if len(scanned) > 8 else ''} 页是扫描的\uff0c文字由机器识别。",
        )
    lines = paragraphs([line for number in sorted(texts) for line in texts[number]], count)
    lines = doubt_headings(lines) if scanned else lines
    if not lines:
        raise UnreadableSource(path, "扫描件里没有认出文字。", "请重新扫描\uff0c放平、放亮、对准再试。")
    return ("pdf-scan" if len(scanned) * 2 > count else "pdf"), lines, notes


def _first(error: BaseException) -> Any:
    return error.args[0] if isinstance(error, PdfminerException) and error.args else None


def _printed(page: Any, number: int) -> list[Printed]:
    """The lines of one page with its tables as rows, from top to bottom."""
    width, height = float(page.width) or 1.0, float(page.height) or 1.0
    found: list[Printed] = []
    tables = [table for table in page.find_tables() if len(table.rows) > 1 and len(table.columns) > 1]
    outside = page
    for table in tables:
        x0, top, x1, bottom = table.bbox
        box = (
            max(x0, page.bbox[0]),
            max(top, page.bbox[1]),
            min(x1, page.bbox[2]),
            min(bottom, page.bbox[3]),
        )
        outside = outside.outside_bbox(box)
        for at, row in enumerate(table.extract()):
            cells = [(cell or "").replace("\n", "").strip() for cell in row]
            if any(cells):
                step = (bottom - top) / max(1, len(table.rows))
                found.append(
                    Printed(
                        " | ".join(cells), number, x0 / width, x1 / width, (top + at * step) / height, "row"
                    )
                )
    found += [
        Printed(line["text"], number, line["x0"] / width, line["x1"] / width, line["top"] / height)
        for line in outside.extract_text_lines(return_chars=False, x_tolerance=3, y_tolerance=4)
    ]
    return sorted(found, key=lambda line: line.top)


def _by_pdfium(data: bytes, number: int) -> list[Printed]:
    """The lines of one page as pdfium reads them, without tables."""
    document = pypdfium2.PdfDocument(data)
    try:
        page = document[number - 1]
        width, height = page.get_size()
        content = page.get_textpage()
        found: list[Printed] = []
        start = 0
        for text in content.get_text_range().split("\r\n"):
            if text.strip():
                boxes = [content.get_charbox(start + at) for at, one in enumerate(text) if not one.isspace()]
                left, right = min(box[0] for box in boxes), max(box[2] for box in boxes)
                top = height - max(box[3] for box in boxes)
                found.append(Printed(text.strip(), number, left / width, right / width, top / height))
            start += len(text) + 2
        return found
    except pypdfium2.PdfiumError:
        return []
    finally:
        document.close()


def _has_picture(data: bytes, number: int) -> bool:
    document = pypdfium2.PdfDocument(data)
    try:
        return any(True for _ in _objects(document[number - 1]))
    finally:
        document.close()


def _objects(page: Any) -> Iterator[Any]:
    yield from page.get_objects(max_depth=4)


def _render(data: bytes, number: int) -> bytes:
    """One page as PNG."""
    document = pypdfium2.PdfDocument(data)
    try:
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(_SCALE, _LONGEST_SIDE / max(width, height, 1))
        picture = page.render(scale=scale, grayscale=True).to_pil()
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        return buffer.getvalue()
    finally:
        document.close()
