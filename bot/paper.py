"""The result of a self-assessment as a paper to keep: cards of the policy side put into the PDF of the integrations."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bot.clock import Clock
from dialogues.effects import Effect, Say
from integrations.documents.cards import (
    MIME,
    Entry,
    PrintedCard,
    PrintedCards,
    Section,
    cards_pdf,
)
from integrations.ports import DocumentRow, FileStore
from policies_kb.cards import Card, ResultSheet, cited_once

Text = Callable[[str], str]

# With more reasons a card outgrows its page; all the others are told in the chat and at the window.
MOST_REASONS = 5


class Papers:
    """Makes the files that replies carry, and keeps their bytes before the reply is stored."""

    def __init__(self, files: FileStore, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    async def made(
        self, conversation_id: str, effects: Sequence[Effect], text: Text
    ) -> tuple[tuple[Effect, ...], tuple[DocumentRow, ...]]:
        """The effects with their papers as files, and the records of these, to be stored together.

        Raises:
            CardsNotMade: the typesetter refused.
            StorageUnavailable: the disk does not take it now.
        """
        done: list[Effect] = []
        records: list[DocumentRow] = []
        for effect in effects:
            if isinstance(effect, Say) and effect.paper is not None:
                record = await self._kept(conversation_id, effect.paper, text)
                records.append(record)
                done.append(effect.model_copy(update={"paper": None, "files": (*effect.files, record.id)}))
            else:
                done.append(effect)
        return tuple(done), tuple(records)

    async def _kept(self, conversation_id: str, sheet: ResultSheet, text: Text) -> DocumentRow:
        data = await asyncio.to_thread(paper, sheet, text)
        return DocumentRow(
            id=str(uuid.uuid4()), conversation_id=conversation_id, sha256=await self._files.put(data),
            mime=MIME, size=len(data), filename=filename(sheet, text), created_at=self._clock(),
        )  # fmt: skip


def paper(sheet: ResultSheet, text: Text) -> bytes:
    """The PDF. `text`: the pack's texts by key. Takes milliseconds and no event loop: call it in a thread.

    Raises:
        CardsNotMade: the typesetter refused.
    """
    return cards_pdf(printed(sheet, text))


def filename(sheet: ResultSheet, text: Text) -> str:
    """What the file is called on the resident's telephone."""
    return f"{text('card.paper.title')}{sheet.assessed_on.isoformat()}.pdf"


def printed(sheet: ResultSheet, text: Text) -> PrintedCards:
    """What stands on the paper: a card for each likely scheme (services: a small one), the open ones, the others."""
    supports = sheet.of("likely", "borderline", "unclear", service=False)
    services = sheet.of("likely", "borderline", "unclear", service=True)
    day = sheet.assessed_on
    made = text("card.paper.made").format(pack=sheet.title, date=f"{day.year}年{day.month}月{day.day}日")
    return PrintedCards(
        title=f"{sheet.whose}{text('card.paper.title')}",
        intro=(
            f"{made}{text('card.paper.given')}{sheet.decides}",
            text("card.paper.apply"),
            text("card.paper.private"),
        ),
        overview=text("card.paper.likely"),
        sections=(*_open(sheet, text), *_others(sheet, text)),
        cards=(
            *(_card(card, text) for card in supports),
            *(_small(card) for card in services),
        ),
        footer=text("card.paper.footer").format(
            pack=sheet.title, version=sheet.version[:8], hotline=sheet.hotline
        ),
        made_on=day,
    )


def _open(sheet: ResultSheet, text: Text) -> Iterable[Section]:
    lines = [
        Entry(
            f"{card.name}：{'、'.join(line.text for line in card.section('missing'))}",
            card.deciding.source if card.deciding is not None else "",
        )
        for card in sheet.of("unknown", service=False)
    ]
    if lines:
        yield Section(text("card.paper.open"), tuple(lines))


def _others(sheet: ResultSheet, text: Text) -> Iterable[Section]:
    names = [card.name for card in sheet.of("unlikely", service=False)]
    if names:
        line = text("card.paper.others_line").format(count=len(names), names="；".join(names))
        yield Section(text("card.paper.others"), (Entry(line),))


def _card(card: Card, text: Text) -> PrintedCard:
    """The whole card, and with fewer reasons for where a page has no room for it."""
    whole, *shorter = (_with_reasons(card, text, count) for count in range(MOST_REASONS, 0, -1))
    return replace(whole, shorter=tuple(shorter))


def _small(card: Card) -> PrintedCard:
    """A service's card: what it rests on and where to ask; two fit on a page."""
    kept = {"reasons": card.told(1), "where": card.section("where")[:1], "steps": card.section("steps")}
    sections = [
        Section(section.heading, tuple(Entry(line.text, line.source) for line in kept[section.kind]))
        for section in card.sections
        if section.kind in kept
    ]
    return PrintedCard(title=card.name, verdict=card.verdict, amount=card.amount, sections=tuple(sections))


def _with_reasons(card: Card, text: Text, most: int) -> PrintedCard:
    sections = []
    for section in card.sections:
        lines = card.told(most) if section.kind == "reasons" else section.lines
        entries = [Entry(line.text, line.source) for line in cited_once(lines)]
        if len(lines) < len(section.lines):
            more = text("card.paper.more_reasons").format(count=len(section.lines) - len(lines))
            entries.append(Entry(more))
        if section.kind == "steps" and card.next:
            entries.append(Entry(card.next))
        sections.append(Section(section.heading, tuple(entries)))
    return PrintedCard(title=card.name, verdict=card.verdict, amount=card.amount, sections=tuple(sections))
