"""Facts told as statements, without a yes, a no or a figure of their own: 我教书教了十二年, 存不下钱, 老伴有糖尿病."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import JsonValue

from nlu import lexicon
from nlu.lexicon import Statement
from nlu.text import clauses

# A yes turned round by what stands right before it: 没教过书, 不是老师, 没人得过大病.
_DENIED = re.compile(r"(?:没|不|未|冇|莫得|从没|木有)(?:有|人|谁|哪个|曾|是|得过?|什么|啥)*$")
# Of nobody in the household: a denial that holds for all of them.
_NOBODY = re.compile(r"(?:没|无|冇|莫得)(?:有)?(?:人|谁)|(?:谁|全家|家里|都|一个).{0,3}(?:没|不|无|冇)")
# Who asks tells nothing, nor who speaks of what may be one day.
_TELLS_NOT = re.compile(
    r"[?]|(?:吗|(?<!什)么|不)$|怎么|咋(?:办|整|弄|搞)|能不能|可不可以|是不是|有没有|多少钱|怎样|能申请|符合|明年|后年|以后|将来|打算|想着|准备"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a clause says of a fact. `number`: a further fact whose figure may stand in the same clause."""

    value: JsonValue
    clause: str
    number: str | None = None


def told_of(name: str, text: str) -> Told | None:
    """What the text says of this fact; None where it says nothing, or two things that do not agree.

    `name`: of the household or of a member. Any yes makes a question about the whole household a yes.
    """
    last = name.rsplit(".", 1)[-1]
    mine = [one for one in lexicon.statements() if last in one.rule.slots]
    each = [told for clause in clauses(text) if (told := _read(clause, mine)) is not None]
    if last.startswith("any_"):
        each.sort(key=lambda told: told.value is not True)
        return each[0] if each else None
    return each[0] if each and all(told.value == each[0].value for told in each) else None


def told_in_passing(text: str) -> dict[str, Told]:
    """Facts of the household a text tells that nobody asked for, where its words leave no doubt.

    A denial of one person is none of them: 老伴没有糖尿病 says nothing of the others.
    """
    found: dict[str, Told] = {}
    for clause in clauses(text):
        for one in lexicon.statements():
            told = _read(clause, [one]) if one.rule.passing else None
            if told is None:
                continue
            denied = told.value != one.rule.value
            for slot in one.rule.slots:
                if not (denied and slot.startswith("any_") and not _NOBODY.search(clause)):
                    found.setdefault(slot, told)
    return found


def of_another(name: str, clause: str) -> bool:
    """Whether a clause speaks of another fact and not of this one: its 有 or 没 is then no answer."""
    if told_of(name, clause) is not None:
        return False
    last = name.rsplit(".", 1)[-1]
    return any(last not in one.rule.slots and one.words.search(clause) for one in lexicon.statements())


def _read(clause: str, statements: list[Statement]) -> Told | None:
    if _TELLS_NOT.search(clause):
        return None
    for one in statements:
        match = one.words.search(clause)
        if match is None:
            continue
        if one.rule.value is True and _DENIED.search(clause[: match.start()]):
            return Told(False, clause)
        return Told(one.rule.value, clause, one.rule.number)
    return None
