"""The resident's messages both sides are asked, so that the comparison is of the same work."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

# Each is understood by both bots, needs an answer, and never piles up failures (three in a row call a person, after
# which a bot is silent by design and there is nothing left to measure).
MESSAGES = (
    "你好",
    "低保怎么申请",
    "特困供养要什么条件",
    "谢谢",
    "办低保要多少天",
    "临时救助是什么",
    "再说一遍",
)


def messages(count: int) -> Iterator[str]:
    """The first `count` messages of the endlessly repeated script."""
    return islice(cycle(MESSAGES), count)
