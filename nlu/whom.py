"""Whose household a message is about: 帮隔壁王大娘问问, 替我妈测一下, 我是村干部, 换成李大爷家, 回到我自己家."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from dialogues.commands import Role
from nlu import lexicon, names
from nlu.text import bare
from policies_kb.yamlfile import load_model

# Longer is a story, not a name.
MOST_CALLED = 8
WHO = "{who}"
_ROLES: tuple[Role, ...] = ("cadre", "volunteer", "guardian", "neighbour")


class WhomWords(BaseModel):
    """lexicon/whom.yml; see its head."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    kin: dict[str, list[str]]
    titles: list[str]
    before: list[str]
    neighbour: list[str]
    cadre: list[str]
    volunteer: list[str]
    guardian: list[str]
    for_: list[str] = Field(alias="for")
    unnamed: list[str]
    asking: list[str]
    switch: list[str]
    own: list[str]
    another: list[str]
    another_apply: list[str]
    told: list[str]
    listed: list[str]


@dataclass(frozen=True, slots=True)
class Whom:
    """What a message says of it. `rest`: the message without those words; `asking`: 帮…问问, and no more wish yet.

    `turned`: the speaker turns to that household, whatever else is said or not.
    """

    who: str | None = None
    role: Role | None = None
    own: bool = False
    new: bool = False
    turned: bool = False
    asking: bool = False
    applying: bool = False
    rest: str = ""


@cache
def _words() -> WhomWords:
    return load_model(lexicon.FOLDER / "whom.yml", WhomWords)


def _any(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@cache
def _kin() -> dict[str, str]:
    return {word: shown for shown, words in _words().kin.items() for word in words}


def _name() -> str:
    """The expression {who} stands for."""
    words = _words()
    kin, titles, before = _any(list(_kin())), _any(words.titles), _any(words.before)
    return (
        rf"(?P<before>{before})?(?P<who>[一-鿿]{{1,2}}?(?:{titles})|(?:{kin})|(?:{titles})"
        rf"|[老小][一-鿿](?!人|师|伴|婆|公|汉|孩|百)|[一-鿿]{{2,3}}?(?=家|屋|问|测|算|申请|办|报|看|打听|咨询|$))"
    )


@cache
def _parts(kind: str) -> tuple[re.Pattern[str], ...]:
    """Each pattern of a kind by itself: two that name somebody cannot stand in one expression."""
    listed = getattr(_words(), "for_" if kind == "for" else kind)
    return tuple(re.compile(one.replace(WHO, _name())) for one in listed)


def _search(kind: str, text: str) -> re.Match[str] | None:
    return next((found for one in _parts(kind) if (found := one.search(text)) is not None), None)


def called(text: str) -> str | None:
    """How the family is to be called, from the answer to that question; a full name keeps its surname only.

    None where the answer is no name for anybody.
    """
    plain = re.sub(r"^(?:是|就是|叫|他叫|她叫|就叫|我叫他|我叫她)|(?:家|家的|家里)$", "", bare(text))
    plain = re.sub(rf"^(?:{_any(_words().before)})", "", plain) or plain
    if plain in _kin():
        return _kin()[plain]
    own = re.sub(r"^(?:我|俺|咱)们?(?:家)?的?", "", plain)
    if own in _kin():
        return _kin()[own]
    if not re.fullmatch(rf"[一-鿿A-Za-z0-9]{{1,{MOST_CALLED}}}", plain):
        return None
    return _short(plain)


def _short(who: str) -> str:
    """A full name is somebody's personal data: the surname is enough to tell families apart."""
    titled = any(who.endswith(title) for title in _words().titles) or who[:1] in "老小第"
    if titled or len(who) not in {2, 3} or names.person_name(who) is None:
        return who
    return f"{who[0]}某"


def read(text: str) -> Whom | None:
    """What a normalised message says of whose household it is about; None when it says nothing of it."""
    role: Role | None = None
    rest = text
    for kind in _ROLES:
        found = _search(kind, rest)
        if found is not None:
            role = kind
            if kind != "neighbour":
                rest = rest[: found.start()] + rest[found.end() :]
            break
    if _search("listed", bare(text)):
        return Whom(turned=True)
    if (own := _search("own", bare(text))) is not None:
        return Whom(own=True, turned=True, rest=rest.replace(own.group(), ""))
    for more in ("another_apply", "another"):
        if (found := _search(more, rest)) is not None:
            left = rest[: found.start()] + rest[found.end() :]
            for pattern in _parts("told"):
                # 再问一家,老李家的: another, and whose.
                if (named := pattern.search(left)) is not None and (who := _who(named)) is not None:
                    return Whom(who=who, role=role, turned=True, applying=more == "another_apply", rest=left)
            return Whom(role=role, new=True, turned=True, applying=more == "another_apply", rest=left)
    for how in ("switch", "for"):
        for pattern in _parts(how):
            if (found := pattern.search(rest)) is not None and (who := _who(found)) is not None:
                return _of(found, rest, who, role, turned=how == "switch")
    if (found := _search("unnamed", rest)) is not None:
        return _of(found, rest, None, role, turned=False)
    # 我是村干部, and nothing else: for which family is what comes next.
    return Whom(role=role, turned=True) if role is not None and not bare(rest) else None


def _who(named: re.Match[str]) -> str | None:
    word = named["who"]
    if word in _kin() and named["before"] is None:
        return _kin()[word]
    titled = any(word.endswith(title) for title in _words().titles)
    # 帮我看看 and 给孩子办 name nobody: a name without a title has to be one.
    if titled or word[0] in "老小" or names.person_name(word) is not None:
        return _short(word)
    return None


def _of(named: re.Match[str], text: str, who: str | None, role: Role | None, *, turned: bool) -> Whom:
    before, after = text[: named.start()], text[named.end() :]
    asking = next((found for one in _parts("asking") if (found := one.match(after)) is not None), None)
    if asking is not None:
        after = after[asking.end() :]
    if role is None and who is not None and who.startswith("您"):
        role = "family"
    # 我 of 我帮王大娘问问 is no part of what is asked.
    before = "" if re.fullmatch(r"(?:我|俺|咱|想|要|来|就|请|麻烦|您好|你好|[,。! ])*", before) else before
    rest = f"{before}{after}".strip(" ,。!?")
    return Whom(who=who, role=role, turned=turned, asking=asking is not None, rest=rest)
