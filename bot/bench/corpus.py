"""Very many plausible clauses: those of the real packs, varied in place, figures, order and title, always the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import product
from pathlib import Path
from random import Random
from typing import Final

from policies_kb.clauses import Clause, Document
from policies_kb.pack import Fact, Pack, Parameter, Place
from policies_kb.retrieval.vectors import MANIFEST

_SEED: Final = 20_261_123
# Two signs and a level make a place; none of them is meant to be a real one.
_FIRST: Final = "青云石河松柏桃柳金银玉宝龙凤福寿安康永兴东南西北上下大小新古长平高明清远"
_SECOND: Final = "山河川江湖溪泉岭坪坝台桥田林沙湾口关城阳阴原野岗丘洲浦渡井"
_LEVELS: Final = "县区"
# A sum, a number of days or persons; no year, month or day of a date.
_FIGURE: Final = re.compile(r"(?<![\d.])\d{2,6}(?![\d.]|年|月|日|个月)")
_SENTENCE: Final = re.compile(r"[^。；\n]+[。；\n]?")


def varied(clauses: Sequence[Clause], count: int, homes: Sequence[str]) -> Iterator[Clause]:
    """`count` clauses: first the given ones themselves, then variants of each in turn.

    Args:
        clauses: real clauses.
        count: how many.
        homes: names of the places the real clauses are about, which the variants replace by another's.
    """
    random = Random(_SEED)  # noqa: S311 - the same clauses at every run are what is wanted
    places = [f"{first}{second}{level}" for level, first, second in product(_LEVELS, _FIRST, _SECOND)]
    random.shuffle(places)
    home = re.compile("|".join(sorted(map(re.escape, homes), key=len, reverse=True)) or r"(?!)")
    for at in range(count):
        clause, turn = clauses[at % len(clauses)], at // len(clauses)
        yield _variant(clause, turn, places[(turn - 1) % len(places)], home, random) if turn else clause


def _variant(clause: Clause, turn: int, place: str, home: re.Pattern[str], random: Random) -> Clause:
    scale = random.uniform(0.6, 1.5)
    sentences = _SENTENCE.findall(
        _FIGURE.sub(lambda match: _figure(match[0], scale), home.sub(place, clause.text))
    )
    random.shuffle(sentences)
    asks = [f"{place}{ask}" if random.random() < 1 / 3 else home.sub(place, ask) for ask in clause.asks]
    random.shuffle(asks)
    return clause.model_copy(
        update={
            "document_id": f"{clause.document_id}-{turn}",
            "document_title": f"{place}{home.sub('', clause.document_title)}",
            "heading": home.sub(place, clause.heading),
            "text": "".join(one if one[-1] in "。；\n" else f"{one}。" for one in sentences).strip(),
            "asks": tuple(dict.fromkeys(asks)),
            "amends": (),
            "disagrees": (),
            "parameters": (),
            # Some rules are always no longer in force.
            "effective_to": date(2023, 12, 31) if random.random() < 0.05 else clause.effective_to,
            "effective_from": min(clause.effective_from, date(2023, 1, 1)),
        }
    )


def _figure(written: str, scale: float) -> str:
    value = int(written) * scale
    return str(round(value, -1) if value >= 100 else max(1, round(value)))


class VariedPack:
    """What the retriever needs of a pack, with varied clauses instead of its own.

    Its documents are made when asked for; an index found in the cache never asks.
    """

    def __init__(self, pack: Pack, count: int, folder: Path | None = None) -> None:
        """`folder`: where the sentence vectors of the variants are, if they were kept there."""
        self._pack = pack
        self._folder = folder
        self.name = pack.name
        self.title = pack.title
        self.version = f"{pack.version} varied {count} {_SEED}"
        self.texts: Mapping[str, str] = pack.texts
        self.parameters: Mapping[str, Parameter] = {}
        self.facts: Mapping[str, Fact] = {}
        self.places: Mapping[tuple[str, str], Place] = {}
        self._count = count
        self.made = False

    def files(self, name: str) -> tuple[Path, ...]:
        """The real pack's; of vectors those of the variants."""
        if name != MANIFEST:
            return self._pack.files(name)
        return (self._folder / name,) if self._folder and (self._folder / name).is_file() else ()

    @property
    def origins(self) -> list[Clause]:
        """The real pack's clauses, of which clause i is a variant of that at i modulo their number."""
        return [clause for document in self._pack.documents for clause in document.clauses]

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        """All clauses as one document."""
        self.made = True
        first = self._pack.documents[0]
        homes = [name for name in (self._pack.title, "全县", "全区", "本县", "本区", "我县", "我区") if name]
        return (first.model_copy(update={"clauses": tuple(varied(self.origins, self._count, homes))}),)
