"""Who lives in the household, as told in passing: 我和老伴,还有两个孙子; 俺老伴瘫了."""

from __future__ import annotations

import re

from pydantic import JsonValue

from nlu import lexicon, numerals
from nlu.text import clauses

_COUNT = re.compile(r"(?P<n>[两俩二三四仨\d]|一)(?:个|位|名)?$")
_SPEAKER = re.compile(r"[我俺咱]")
# Gone, or not of the household: nobody to be asked about.
_NOT_HERE = re.compile(
    r"去世|过世|不在了|走了|没了|死|离婚|离了|跑了|没有|没得|冇|莫得|分了?家|嫁|外地|不(?:跟|和)"
)
_CANNOT_WORK = re.compile(r"瘫|卧床|下不了?床|下唔到床|偏瘫|半身不遂|起不来床|动不了|植物人")
MOST = 8


def who_lives_here(text: str) -> list[str]:
    """Relations of those who live with the speaker, in order of mention; empty where it is not told plainly."""
    found: list[str] = []
    if not _SPEAKER.search(text):
        # 娘俩 does not say which of the two speaks.
        return []
    for clause in clauses(text):
        if _NOT_HERE.search(clause):
            return []
        end = 0
        for relation, start, stop in lexicon.relations().find(clause):
            if relation != "self":
                counted = _COUNT.search(clause[end:start])
                number = numerals.read(counted["n"]) if counted else 1
                found += [relation] * int(number or 1)
            end = stop
    return found if len(found) <= MOST else []


def spouse_told(text: str) -> dict[str, JsonValue]:
    """A spouse spoken of in a story, and that they cannot work where that is told."""
    for clause in clauses(text):
        if _NOT_HERE.search(clause):
            continue
        if any(relation == "spouse" for relation, _, _ in lexicon.relations().find(clause)):
            told: dict[str, JsonValue] = {"relation": "spouse"}
            if _CANNOT_WORK.search(clause):
                told["can_work"] = False
            return told
    return {}
