"""Read one file of an office into lines. What it is, is told by its bytes; the name only breaks a tie."""

from __future__ import annotations

import hashlib
from pathlib import Path

from policies_kb.ingest.read.limits import MAX_BYTES, check_size
from policies_kb.ingest.read.text import read_text_file
from policies_kb.ingest.types import Ocr, Source, UnreadableSource


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
    lines, notes = read_text_file(path, data)
    return Source(path, "txt", hashlib.sha256(data).hexdigest(), lines, notes)
