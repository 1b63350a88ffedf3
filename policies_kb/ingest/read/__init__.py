"""Read one file of an office into lines. What it is, is told by its bytes; the name only breaks a tie."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import filetype

from policies_kb.ingest.read.docx import read_docx
from policies_kb.ingest.read.html import read_html
from policies_kb.ingest.read.limits import MAX_BYTES, check_size
from policies_kb.ingest.read.pdf import read_pdf
from policies_kb.ingest.read.picture import read_picture
from policies_kb.ingest.read.text import read_text_file
from policies_kb.ingest.types import Media, Ocr, Source, SourceLine, UnreadableSource

# The container of .doc, .wps, .xls and of locked .docx files.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".heic")
_SAVE_AS_DOCX = "请用 WPS 或 Word 打开\uff0c另存为 docx\uff08有密码的先去掉密码\uff09\uff0c再录入。"


def read(path: Path, *, ocr: Ocr | None = None) -> Source:
    """Read `path` into lines.

    Raises:
        UnreadableSource: the file cannot be read; says in Chinese why and what to do.
    """
    try:
        size = path.stat().st_size
        check_size(path, size, MAX_BYTES)
        data = path.read_bytes()
    except FileNotFoundError:
        raise UnreadableSource(path, "没有这个文件。", "请检查文件名和所在的文件夹。") from None
    except IsADirectoryError:
        raise UnreadableSource(path, "这是文件夹。", "请给出里面的文件。") from None
    except OSError:
        raise UnreadableSource(path, "文件打不开。", "请检查文件的权限\uff0c或先复制到本机再录入。") from None
    if not data.strip():
        raise UnreadableSource(path, "文件是空的。", "请检查是不是选错了文件。")
    media, lines, notes = _read(path, data, ocr)
    return Source(path, media, hashlib.sha256(data).hexdigest(), lines, notes)


def _read(path: Path, data: bytes, ocr: Ocr | None) -> tuple[Media, tuple[SourceLine, ...], tuple[str, ...]]:
    suffix = path.suffix.lower()
    if data.startswith(_OLE):
        raise UnreadableSource(path, "这是旧格式的 Word 或 WPS 文件\uff08.doc、.wps\uff09。", _SAVE_AS_DOCX)
    if data.startswith(b"{\\rtf"):
        raise UnreadableSource(path, "这是 RTF 文件。", _SAVE_AS_DOCX)
    if b"%PDF-" in data[:1024]:
        return read_pdf(path, data, ocr)
    if data.startswith(b"PK\x03\x04"):
        if suffix in (".xlsx", ".et", ".pptx", ".zip", ".ofd", ".odt"):
            raise UnreadableSource(path, f"还不能读 {suffix} 文件。", "请另存为 docx 或 PDF 再录入。")
        return ("docx", *read_docx(path, data))
    kind = filetype.guess(data)
    if kind is not None and kind.mime.startswith("image/"):
        return ("image", *read_picture(path, data, ocr))
    if kind is not None and suffix not in (".txt", ".text", ".md", ".htm", ".html"):
        raise UnreadableSource(path, "这种文件还不能读。", "请换成 txt、docx、pdf 或照片再录入。")
    if suffix in (".htm", ".html", ".mht", ".shtml") or _HTML.search(data[:4096]):
        return ("html", *read_html(path, data))
    lines, notes = read_text_file(path, data)
    if suffix in (".docx", ".pdf", *_PICTURES):
        notes = (*notes, f"文件名是 {suffix}\uff0c里面却是纯文字\uff0c请看看是不是选错了文件。")
    return "txt", lines, notes
