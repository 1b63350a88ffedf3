"""Result cards as a PDF in large type, for somebody who will print it or show it at the window.

Plain values in, bytes out. Typst sets the type (Chinese line breaking, one card kept together, tagged for screen
readers, only the glyphs used are embedded); the font comes with a Python package, so no font of the machine matters.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import typst
from pylopdf_fonts_zh_cn import sans_path

TEMPLATE = Path(__file__).with_name("cards.typ")
MIME = "application/pdf"


class CardsNotMade(Exception):
    """The PDF could not be made; operator text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One point of a section. `source`: document and clause it rests on, shown in brackets; empty: none."""

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its points."""

    heading: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PrintedCard:
    """One framed card, at most a page where its words allow it. Empty texts are left out.

    `shorter`: what may stand there instead; the first that fits on a page does, where the card itself does not.
    """

    title: str
    verdict: str
    amount: str
    sections: tuple[Section, ...]
    shorter: tuple[PrintedCard, ...] = ()


@dataclass(frozen=True, slots=True)
class PrintedCards:
    """The whole paper: `intro`, a list of the cards with their pages under the heading `overview`, `sections`, cards.

    `footer` stands under every page, beside its number. `made_on` is the file's date.
    """

    title: str
    intro: tuple[str, ...]
    overview: str
    sections: tuple[Section, ...]
    cards: tuple[PrintedCard, ...]
    footer: str
    made_on: date


def cards_pdf(cards: PrintedCards) -> bytes:
    """The PDF. The same cards give the same bytes. A character the font has not is printed as a crossed box.

    Takes milliseconds, the first call of a process half a second: call it in a thread.

    Raises:
        CardsNotMade: the typesetter refused.
    """
    values = asdict(cards)
    del values["made_on"]
    midnight = datetime(cards.made_on.year, cards.made_on.month, cards.made_on.day, tzinfo=UTC)
    try:
        return typst.compile(
            TEMPLATE,
            font_paths=_fonts(),
            sys_inputs={"cards": json.dumps(values, ensure_ascii=False)},
            timestamp=midnight,
        )
    except typst.TypstError as error:
        raise CardsNotMade(f"{TEMPLATE.name}: {error.message}") from error


@cache
def _fonts() -> typst.Fonts:
    # Neither the machine's fonts nor the compiler's own: the paper looks the same everywhere.
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[sans_path().parent]
    )
