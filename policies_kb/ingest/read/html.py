"""Web pages saved by an office: headings, paragraphs, list items with their numbers, tables as rows.

selectolax (lexbor) parses as browsers do. Nothing is left out here but scripts and styles: what is navigation is for
the repair step to say, where it can be seen and taken back. (trafilatura drops what it takes for boilerplate unseen.)
"""

from __future__ import annotations

import re
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from policies_kb.ingest.read.limits import MAX_LINES, MAX_TEXT_BYTES, check_size
from policies_kb.ingest.read.text import decode
from policies_kb.ingest.types import Part, SourceLine, UnreadableSource

_SKIPPED = {"script", "style", "noscript", "template", "svg", "iframe", "head", "select", "button"}
_INLINE = {
    "a", "abbr", "b", "bdi", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "label", "mark", "q",
    "rp", "s", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "ruby", "rb",
}  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_NUMBERED = re.compile(r"^\s*[(\uff08]?[一二三四五六七八九十\d]{1,3}[)\uff09、.\uff0e]")
_DEEPEST = 400


def read_html(path: Path, data: bytes) -> tuple[tuple[SourceLine, ...], tuple[str, ...]]:
    """Lines and notes of a web page.

    Raises:
        UnreadableSource: too large, unreadable encoding, or no text in it.
    """
    check_size(path, len(data), MAX_TEXT_BYTES)
    text = _text(path, data)
    tree = LexborHTMLParser(text)
    body = tree.body or tree.root
    page = _Page()
    if body is not None:
        page.block(body, "body", 0, 0)
        page.end()
    if not page.lines:
        raise UnreadableSource(
            path,
            "这个网页里没有文字\uff0c可能是图片或要登录的页面。",
            "请在浏览器里打开\uff0c复制正文存成 txt\uff0c或截图后当照片录入。",
        )
    if len(page.lines) > MAX_LINES:
        raise UnreadableSource(path, f"文件超过 {MAX_LINES} 行。", "请把文件拆成几份\uff0c每份单独录入。")
    return tuple(page.lines), ()


def _text(path: Path, data: bytes) -> str:
    named = _CHARSET.search(data[:4096])
    if named:
        name = named.group(1).decode("ascii").lower()
        try:
            # gb2312 in a page means the larger set in practice, as in browsers.
            return data.decode("gb18030" if name in ("gb2312", "gbk") else name)
        except (LookupError, UnicodeDecodeError):
            pass
    try:
        return decode(data)[0]
    except UnicodeError:
        raise UnreadableSource(
            path, "认不出这个网页的文字编码。", "请在浏览器里打开\uff0c复制正文存成 UTF-8 编码的 txt 再录入。"
        ) from None


class _Page:
    """Collects the lines of one page in reading order."""

    def __init__(self) -> None:
        self.lines: list[SourceLine] = []
        self._buffer: list[str] = []
        self._part: Part = "body"
        self._level = 0

    def end(self) -> None:
        """End the line that is being collected."""
        text = _BLANKS.sub(" ", "".join(self._buffer)).strip(" ")
        self._buffer.clear()
        if text:
            self.lines.append(SourceLine(text, len(self.lines) + 1, None, self._part, self._level))

    def block(self, node: LexborNode, part: Part, level: int, depth: int) -> None:
        """Take in a node and everything below it."""
        if depth > _DEEPEST:
            self._buffer.append(node.text(deep=True) or "")
            return
        number = 0
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if tag == "-text":
                self._part, self._level = part, level
                self._buffer.append(child.text(deep=False) or "")
            elif tag in _SKIPPED or tag.startswith(("-comment", "!")):
                continue
            elif tag == "br":
                self.end()
            elif tag == "rt":
                # A reading printed above its character is not part of the text.
                continue
            elif tag in _INLINE:
                self.block(child, part, level, depth + 1)
            elif tag == "tr":
                self._row(child)
            elif tag == "li":
                self.end()
                number += 1
                self._part, self._level = part, level
                if node.tag == "ol" and not _NUMBERED.match(child.text(deep=True) or ""):
                    start = (node.attributes.get("start") or "1").strip()
                    self._buffer.append(f"{(int(start) if start.isdigit() else 1) + number - 1}.")
                self.block(child, part, level, depth + 1)
                self.end()
            else:
                self.end()
                depth_of_heading = _HEADINGS.get(tag, level)
                inner: Part = "heading" if tag in _HEADINGS else "footer" if tag == "footer" else part
                self.block(child, inner, depth_of_heading, depth + 1)
                self.end()

    def _row(self, row: LexborNode) -> None:
        self.end()
        cells = [
            _BLANKS.sub(" ", cell.text(deep=True, separator=" ") or "").strip()
            for cell in row.iter()
            if cell.tag in ("td", "th")
        ]
        if len(cells) > 1 and any(cells):
            self.lines.append(SourceLine(" | ".join(cells), len(self.lines) + 1, None, "row"))
        else:
            # One cell across the page is layout and not a table.
            for cell in row.iter():
                self.block(cell, "body", 0, 0)
                self.end()
