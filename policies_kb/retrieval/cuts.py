"""Where two questions in one breath may be cut apart (“能去救助站吗要不要钱的”)."""

from __future__ import annotations

import re
from typing import Final

from policies_kb.retrieval.question import ASKING, asks

# Where two questions in one breath may be cut: at a mark or space, or after what ends a question.
_BETWEEN: Final = re.compile(r"[,，\s]+")
_SAID: Final = re.compile(
    "(?:(?<=吗)|(?<=多少)|(?<=多少钱)|(?<=什么)|(?<=啥)|(?<=几天)|(?<=多久)|(?<=谁))"
    "(?=要不要|有没有|能不能|可不可以|怎么|去哪|在哪|找谁|什么时候|啥时候|多久|几天|还[要得]|和怎么|顺便|另外)"
)
_ENDS_IN_ASKING: Final = re.compile(
    "(?:(?<!没)(?:谁|哪[里儿个些]?|是什么|什么|是啥|多少钱?|多久|怎么.{0,2}|[吗呢])|几[\u4e00-\u9fff]{1,2})$"
)
_AND: Final = re.compile("^(?:和|还有|顺便问一?下?|顺便)(?=.)")
_HALF: Final = 3
_CUTS: Final = 6


def cuts(part: str) -> list[tuple[str, str]]:
    """Where one part may be two questions: both halves ask, and the cut is at a mark, a space or where an asking word has
    been said and the next begins."""
    places = {match.end() for match in _BETWEEN.finditer(part)}
    places |= {match.end() for match in _SAID.finditer(part)}
    found = []
    for at in sorted(places):
        first, second = part[:at].strip(" ,，"), _AND.sub("", part[at:].strip(" ,，"))
        if min(len(first), len(second)) >= _HALF and ASKING.search(first) and asks(second):
            found.append((first, second))
    return found[:_CUTS]


def is_a_question(text: str) -> bool:
    """Whether `text` ends in what it asks (“…给谁”, “…多少钱”), and does not merely have an asking word in it."""
    return bool(_ENDS_IN_ASKING.search(text))
