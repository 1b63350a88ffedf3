"""The words ingestion works with, read from words.yml: data, not code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pydantic import Field

from policies_kb.clauses import Aspect
from policies_kb.types import Frozen
from policies_kb.yamlfile import load_model


class TitleWords(Frozen):
    """How official titles end and what web sites put around them."""

    nouns: tuple[str, ...] = Field(min_length=1)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    generic: tuple[str, ...] = ()
    small: tuple[str, ...] = ()


class IssuerWords(Frozen):
    """How names of issuing offices end."""

    ends: tuple[str, ...] = Field(min_length=1)


class AspectWords(Frozen):
    """Words in a heading that tell what its clause is about."""

    aspect: Aspect
    words: tuple[str, ...] = Field(min_length=1)


class InsideWords(Frozen):
    """Words in a heading that tell that a clause is about the office's own affairs."""

    words: tuple[str, ...]
    why: str


class OfferWords(Frozen):
    """Words of a document that offers something to a person; so many different ones tell it from others."""

    words: tuple[str, ...]
    least: int = Field(ge=1)


class AgainWords(Frozen):
    """How a clause is asked for whose side another clause has been asked for already.

    A clause that only says when the document holds is asked for by `validity`. `{h}` is its heading: a `case` (未按时认证的), or the name of what it settles, by aspect in `names` or else as in
    `name`. A heading that begins with one of `verbs` is an office's task and no name, nor is one with a word of `others`.
    """

    validity: tuple[str, ...]
    case: str
    names: dict[Aspect, str]
    name: str
    verbs: tuple[str, ...]
    others: re.Pattern[str]


class Words(Frozen):
    """`words.yml`. In `asks` the scheme's name stands for `{s}`; a text without `needs` tells nothing of an aspect;
    one with `gives` tells how much somebody gets."""

    titles: TitleWords
    issuers: IssuerWords
    aspects: tuple[AspectWords, ...]
    inside: InsideWords
    offers: OfferWords
    asks: dict[Aspect, tuple[str, ...]]
    again: AgainWords
    gives: re.Pattern[str]
    needs: dict[Aspect, re.Pattern[str]]


@cache
def words() -> Words:
    """The words shipped with the package."""
    return load_model(Path(__file__).with_name("words.yml"), Words)
