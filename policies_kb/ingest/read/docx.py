"""Word files (.docx): paragraphs with their automatic numbers, tables as rows, headers and footers apart.

python-docx reads the parts; it does not work out automatic numbers, so numbering.xml is followed here: 一、(一) 1.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cn2an
import docx
from docx.document import Document
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from policies_kb.ingest.read.limits import MAX_LINES, MAX_RATIO, MAX_UNPACKED
from policies_kb.ingest.types import Part, SourceLine, UnreadableSource

_HEADING = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)
_TITLE = re.compile(r"^(?:title|标题)$", re.IGNORECASE)
_PLACE = re.compile(r"%(\d)")
_CHINESE = {
    "chineseCounting",
    "chineseCountingThousand",
    "ideographTraditional",
    "japaneseCounting",
    "taiwaneseCountingThousand",
    "taiwaneseCounting",
}
_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip


def read_docx(path: Path, data: bytes) -> tuple[tuple[SourceLine, ...], tuple[str, ...]]:
    """Lines and notes of a Word file.

    Raises:
        UnreadableSource: damaged, locked by a password, or unpacking to more than any document has.
    """
    _check_archive(path, data)
    try:
        document = docx.Document(io.BytesIO(data))
    except Exception as error:
        # python-docx lets lxml, zipfile and key errors of broken files through.
        raise _damaged(path) from error
    lines: list[SourceLine] = []
    numbers = _Numbers(document)

    def add(text: str, part: Part, level: int = 0) -> None:
        for piece in text.split("\n"):
            if len(lines) >= MAX_LINES:
                raise UnreadableSource(
                    path, f"文件超过 {MAX_LINES} 行。", "请把文件拆成几份\uff0c每份单独录入。"
                )
            lines.append(SourceLine(piece, len(lines) + 1, None, part, level))

    for text in _margins(document, "header"):
        add(text, "header")
    for block in _blocks(document):
        if isinstance(block, Paragraph):
            text = numbers.label(block) + _text(block)
            level = _level(block)
            add(text, "heading" if level else "body", level)
        else:
            for row in block.rows:
                cells = [_cell(cell) for cell in _distinct(row.cells)]
                if any(cells):
                    add(" | ".join(cells), "row")
    for text in _margins(document, "footer"):
        add(text, "footer")
    if not any(line.text.strip() for line in lines):
        raise UnreadableSource(
            path,
            "文件里没有文字\uff0c可能整页都是图片。",
            "请把图片另存为 jpg\uff0c当照片录入\uff1b或另存为 PDF 再录入。",
        )
    notes = ("文件带有修订记录\uff0c读的是接受修订以后的文字。",) if b"<w:del " in _main_part(data) else ()
    return tuple(lines), notes


def _check_archive(path: Path, data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
            if any(info.flag_bits & 1 for info in archive.infolist()):
                raise UnreadableSource(path, "文件有密码。", "请去掉密码再录入。")
            if unpacked > MAX_UNPACKED or (
                unpacked > 20_000_000 and unpacked > MAX_RATIO * max(1, len(data))
            ):
                raise UnreadableSource(
                    path,
                    "文件解开以后太大\uff0c不像正常的公文。",
                    "请用 WPS 或 Word 打开检查\uff0c去掉大图片\uff0c另存一份再录入。",
                )
            if "word/document.xml" not in archive.namelist():
                raise UnreadableSource(path, "这不是 Word 文件。", "请换成 txt、docx、pdf 或照片再录入。")
    except zipfile.BadZipFile as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> UnreadableSource:
    return UnreadableSource(
        path, "文件损坏了\uff0c读不出来。", "请用 WPS 或 Word 打开\uff0c另存为新的 docx 再录入。"
    )


def _main_part(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("word/document.xml")


def _blocks(document: Document) -> Iterator[Paragraph | Table]:
    """Paragraphs and tables in their order, also those inside content controls (w:sdt)."""

    def walk(parent: Any) -> Iterator[Paragraph | Table]:
        for child in parent.iterchildren():
            if child.tag == qn("w:p"):
                yield Paragraph(child, document._body)
            elif child.tag == qn("w:tbl"):
                yield Table(child, document._body)
            elif child.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:ins")):
                yield from walk(child)

    yield from walk(document.element.body)


def _text(paragraph: Paragraph) -> str:
    """The paragraph's text with inserted revisions, without deleted ones; line breaks as newlines."""
    pieces: list[str] = []
    for node in paragraph._p.iter():
        if node.tag == qn("w:t"):
            # Text boxes hold their own paragraphs and repeat them for old readers.
            if not any(parent.tag.endswith("}Fallback") for parent in node.iterancestors()):
                pieces.append(node.text or "")
        elif node.tag == qn("w:tab"):
            if node.getparent() is not None and node.getparent().tag == qn("w:r"):
                pieces.append(" ")
        elif node.tag in (qn("w:br"), qn("w:cr")):
            pieces.append("\n" if node.get(qn("w:type")) != "page" else "")
        elif node.tag == qn("w:noBreakHyphen"):
            pieces.append("-")
    return "".join(pieces)


def _cell(cell: Any) -> str:
    return " ".join(
        text for paragraph in cell.paragraphs if (text := _text(paragraph).replace("\n", " ").strip())
    )


def _distinct(cells: Any) -> Iterator[Any]:
    """Merged cells come once for each column they cover."""
    last = None
    for cell in cells:
        if cell._tc is not last:
            yield cell
        last = cell._tc


def _margins(document: Document, which: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for section in document.sections:
        names = (which, f"first_page_{which}", f"even_page_{which}")
        for margin in (getattr(section, name) for name in names):
            if not margin.is_linked_to_previous:
                for paragraph in margin.paragraphs:
                    text = _text(paragraph).replace("\n", " ").strip()
                    if text:
                        found[text] = None
    return tuple(found)


def _level(paragraph: Paragraph) -> int:
    style = paragraph.style
    while style is not None:
        name = style.name or ""
        match = _HEADING.search(name)
        if match:
            return int(match.group(1))
        if _TITLE.match(name):
            return 1
        style = style.base_style
    return 0


class _Numbers:
    """Automatic numbers: each list counts for itself, a deeper level begins anew after a shallower one."""

    def __init__(self, document: Document) -> None:
        self._counts: dict[tuple[str, int], int] = {}
        self._levels: dict[str, dict[int, tuple[str, str, int]]] = {}
        self._abstract: dict[str, str] = {}
        try:
            root = document.part.numbering_part.element
        except (KeyError, NotImplementedError, AttributeError):
            return
        for abstract in root.iterchildren(qn("w:abstractNum")):
            levels = {}
            for level in abstract.iterchildren(qn("w:lvl")):
                levels[int(level.get(qn("w:ilvl"), "0"))] = (
                    _value(level, "w:numFmt") or "decimal",
                    _value(level, "w:lvlText") or "",
                    int(_value(level, "w:start") or "1"),
                )
            self._levels[abstract.get(qn("w:abstractNumId"), "")] = levels
        for number in root.iterchildren(qn("w:num")):
            self._abstract[number.get(qn("w:numId"), "")] = _value(number, "w:abstractNumId") or ""

    def label(self, paragraph: Paragraph) -> str:
        """The number printed before the paragraph, or nothing."""
        properties = _numbering(paragraph)
        if properties is None:
            return ""
        number, depth = properties
        abstract = self._abstract.get(number)
        levels = self._levels.get(abstract or "", {})
        if abstract is None or depth not in levels:
            return ""
        for deeper in [key for key in self._counts if key[0] == abstract and key[1] > depth]:
            del self._counts[deeper]
        start = levels[depth][2]
        self._counts[abstract, depth] = self._counts.get((abstract, depth), start - 1) + 1

        def one(match: re.Match[str]) -> str:
            at = int(match.group(1)) - 1
            form, _, begins = levels.get(at, ("decimal", "", 1))
            return _numeral(self._counts.get((abstract, at), begins), form)

        form, pattern, _ = levels[depth]
        if form in ("bullet", "none"):
            return ""
        return _PLACE.sub(one, pattern)


def _numbering(paragraph: Paragraph) -> tuple[str, int] | None:
    """numId and level, from the paragraph or its styles; numId 0 takes a style's number away."""
    elements: list[Any] = [paragraph._p.pPr]
    style = paragraph.style
    while style is not None:
        elements.append(style.element.pPr)
        style = style.base_style
    for element in elements:
        found = element.numPr if element is not None else None
        if found is not None and found.numId is not None:
            depth = found.ilvl.val if found.ilvl is not None else 0
            return None if found.numId.val == 0 else (str(found.numId.val), int(depth))
    return None


def _value(element: Any, tag: str) -> str | None:
    child = element.find(qn(tag))
    return None if child is None else child.get(qn("w:val"))


def _numeral(value: int, form: str) -> str:
    if form in _CHINESE:
        text = str(cn2an.an2cn(value))
        return text.removeprefix("一") if 10 <= value < 20 else text
    if form in ("decimalEnclosedCircle", "decimalEnclosedCircleChinese") and 1 <= value <= 20:
        return chr(0x2460 + value - 1)
    if form in ("lowerLetter", "upperLetter") and 1 <= value <= 26:
        return chr((97 if form == "lowerLetter" else 65) + value - 1)
    if form in ("lowerRoman", "upperRoman"):
        text = ""
        for size, letters in _ROMAN:
            text += letters * (value // size)
            value %= size
        return text.lower() if form == "lowerRoman" else text
    return str(value)
