"""Page numbers that stand inside a sentence: 应当- 12 -及时 → 应当及时.

A page number on a line of its own is page furniture and dropped by `boilerplate`.
"""

from __future__ import annotations

import re

from policies_kb.ingest.repair.edit import substitute
from policies_kb.ingest.types import RepairedLine

_DASH = "[-‐‑–—―－﹣]"
# The number stands between two dashes of its own; digits or letters outside would make it a range or a code.
_INSIDE = re.compile(
    rf"(?<![-‐‑–—―－﹣0-9A-Za-z年月日元岁至到])\s*{_DASH}\s*\d{{1,3}}\s*{_DASH}\s*(?![0-9]+[年月日元%]|{_DASH})"
)
_OF = re.compile(r"\s*第\s*\d{1,3}\s*页\s*[,\uff0c/]?\s*共\s*\d{1,3}\s*页\s*")
_HAN = re.compile(r"[\u3400-\u9fff]")


def repair_page_numbers(line: RepairedLine) -> RepairedLine:
    """Take page numbers out of the line. A line that holds nothing else stays for the next step to drop."""
    if not _HAN.search(_OF.sub("", _INSIDE.sub("", line.text))):
        return line
    return substitute(substitute(line, _INSIDE, "", "page_number"), _OF, "", "page_number")
