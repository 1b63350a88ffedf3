"""The age of a very old person as it is told: 八十三岁, 今年91了, 九旬, 一百零二周岁."""

from __future__ import annotations

import re
from typing import Final

_HAN: Final = {digit: at for at, digit in enumerate("零一二三四五六七八九")}
_NUMBER: Final = r"(?P<{0}>(?<!\d)(?:[89]\d|1[01]\d)(?!\d)|一百(?:零[一二三四五六七八九]|一?十[一二三四五六七八九]?)?|[八九]十[一二三四五六七八九]?|[八九](?=旬))"
_AS_AGE: Final = re.compile(
    _NUMBER.format("told") + r"(?:多|几|来)?(?:周岁|岁|高龄|高寿|出头|旬|有[一二三四五六七八九](?![年月个]))"
)
# Without the word 岁 it is an age where it is said of somebody, and that is all that is said.
_OF_SOMEBODY: Final = re.compile(
    r"(?:今年|虚岁|都|快|已经|我|俺|咱|妈|娘|爸|爹|奶|爷|婆|公|姥|父|母|亲|老人|老伴|他|她)"
    + _NUMBER.format("told")
    + r"(?:多|几|来)?(?:了|啦|喽|咯|哒|[,，。!！?？\s]|$)"
)


def oldest(text: str) -> int | None:
    """The greatest age of 80 to 119 told in cleaned text, the lowest it can be (九十多岁: 90); None where none is."""
    told = [_value(match["told"]) for one in (_AS_AGE, _OF_SOMEBODY) for match in one.finditer(text)]
    return max(told, default=None)


def _value(written: str) -> int:
    if written.isdigit():
        return int(written)
    if written in _HAN:
        return _HAN[written] * 10
    hundred, _, rest = written.rpartition("百")
    tens, ten, ones = rest.lstrip("零").rpartition("十")
    return 100 * bool(hundred) + 10 * (_HAN.get(tens, 1) if ten else 0) + _HAN.get(ones, 0)
