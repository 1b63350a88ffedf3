"""How large a file may be. Everything read is bounded before it is unpacked."""

from __future__ import annotations

from pathlib import Path

from policies_kb.ingest.types import UnreadableSource

MAX_BYTES = 60 * 1024 * 1024
MAX_TEXT_BYTES = 12 * 1024 * 1024
MAX_LINES = 100_000
MAX_PAGES = 300
# OCR takes about a second a page on an office computer.
MAX_OCR_PAGES = 80
MAX_PIXELS = 60_000_000
# What a .docx may unpack to, and how many times its packed size.
MAX_UNPACKED = 200 * 1024 * 1024
MAX_RATIO = 200


def check_size(path: Path, size: int, limit: int) -> None:
    """Refuse a file above `limit` bytes.

    Raises:
        UnreadableSource: naming both sizes and the cure.
    """
    if size > limit:
        raise UnreadableSource(
            path,
            f"文件太大\uff08{size / 1048576:.0f} MB\uff09\uff0c最多 {limit // 1048576} MB。",
            "请把文件拆成几份\uff0c每份单独录入。",
        )
