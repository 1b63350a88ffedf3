"""Result cards: what a scheme's result means for the household, in sections ready to be told or printed.

A card says why, how much, what to bring, where to go and until when, each line with its clause. Its words are the
pack's texts `card.*`, so that another county says it in its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Literal

from policies_kb.pack import Line, Pack, Scheme
from policies_kb.types import Frozen, Outcome, ReasonKind, SchemeResult

SectionKind = Literal["reasons", "looked_at", "missing", "bring", "where", "deadline", "steps"]
Verdict = Literal["likely", "borderline", "unclear", "unknown", "unlikely"]

SECTIONS: tuple[SectionKind, ...] = (
    "reasons", "looked_at", "missing", "bring", "where", "deadline", "steps",
)  # fmt: skip
# Best first.
VERDICTS: tuple[Verdict, ...] = ("likely", "borderline", "unclear", "unknown", "unlikely")
SPANS = ("month", "once")
OFFICE = ("address", "hours", "phone")
# Every text of the pack that cards and their paper are made of, with the names its braces may hold.
CARD_TEXTS: Mapping[str, tuple[str, ...]] = {
    **{f"card.verdict.{verdict}": () for verdict in VERDICTS},
    **{f"card.amount.{span}": ("amount",) for span in SPANS},
    "card.amount.exact": ("amount",),
    "card.amount.range": ("low", "high"),
    "card.amount.up_to": ("high",),
    "card.amount.at_least": ("low",),
    **{f"card.heading.{kind}": () for kind in SECTIONS},
    **{f"card.office.{key}": () for key in OFFICE},
    **{f"card.paper.{key}": () for key in ("title", "likely", "open", "others", "apply", "given", "private")},
    "card.paper.made": ("pack", "date"),
    "card.paper.others_line": ("count", "names"),
    "card.paper.more_reasons": ("count",),
    "card.paper.footer": ("pack", "version", "hotline"),
}


class CardLine(Frozen):
    """One line of a card. `source`: 《document》clause it rests on; empty where the words are the office's own."""

    text: str
    source: str = ""
    kind: ReasonKind = "note"


class CardSection(Frozen):
    """One part of a card."""

    kind: SectionKind
    heading: str
    lines: tuple[CardLine, ...]


class Card(Frozen):
    """One scheme's result for the resident. `amount` holds figure, unit and period, or is empty.

    `next`: what to do that the sections do not say; empty where nothing needs to be added.
    """

    scheme: str
    name: str
    kind: Verdict
    outcome: Outcome
    verdict: str
    amount: str
    sections: tuple[CardSection, ...]
    next: str
    urgent: bool
    service: bool

    def section(self, kind: SectionKind) -> tuple[CardLine, ...]:
        """The lines of one part; none where the card has no such part."""
        return next((section.lines for section in self.sections if section.kind == kind), ())

    def told(self, most: int) -> tuple[CardLine, ...]:
        """At most this many reasons, in their order: how much is always among them, then what decides."""
        lines = self.section("reasons") or self.section("looked_at")
        first = sorted(lines, key=lambda line: ("amount", "condition", "note").index(line.kind))[:most]
        return tuple(line for line in lines if line in first)

    @property
    def deciding(self) -> CardLine | None:
        """The one reason told where there is room for one: of what does not fit and may do so yet, why it may."""
        lines = self.section("reasons") or self.section("looked_at")
        if self.kind == "unclear" and self.outcome == "unlikely":
            lines = tuple(sorted(lines, key=lambda line: line.kind != "note"))
        return lines[0] if lines else None


class ResultSheet(Frozen):
    """Every scheme's card, best first, and what stands over them all. `whose`: the household, where it has a name."""

    title: str
    version: str
    assessed_on: date
    hotline: str
    decides: str
    cards: tuple[Card, ...]
    whose: str = ""

    def of(self, *kinds: Verdict, service: bool | None = None) -> tuple[Card, ...]:
        """The cards of these verdicts, in order; `service`: only services, or none of them."""
        return tuple(card for card in self.cards if card.kind in kinds and service in (None, card.service))

    def card(self, scheme: str) -> Card | None:
        """The card of one scheme."""
        return next((card for card in self.cards if card.scheme == scheme), None)


def result_sheet(pack: Pack, results: Sequence[SchemeResult], today: date) -> ResultSheet:
    """The results as cards: likely ones first, urgent help before the rest, money before services."""
    order = {scheme: place for place, scheme in enumerate(pack.schemes)}

    def rank(found: SchemeResult) -> tuple[int, bool, bool, bool, int]:
        return (
            VERDICTS.index(_verdict(found)),
            pack.schemes[found.scheme].service,
            not pack.schemes[found.scheme].urgent,
            not _amount(pack, found),
            order[found.scheme],
        )

    return ResultSheet(
        title=pack.title, version=pack.version, assessed_on=today, hotline=pack.texts["hotline"],
        decides=pack.texts["assess.decides"],
        cards=tuple(_card(pack, found) for found in sorted(results, key=rank)),
    )  # fmt: skip


def _card(pack: Pack, found: SchemeResult) -> Card:
    scheme, verdict = pack.schemes[found.scheme], _verdict(found)
    lines: dict[SectionKind, Iterable[CardLine]] = {
        "looked_at" if found.outcome == "unlikely" else "reasons": [
            CardLine(text=reason.text, source=_source(reason.document, reason.clause), kind=reason.kind)
            for reason in found.reasons
        ],
        "missing": [_own(label) for label in fact_labels(pack, found.missing)],
        "bring": _cited(pack, scheme.documents_needed),
        "where": _where(pack, scheme),
        "deadline": _cited(pack, scheme.deadline),
        "steps": _cited(pack, scheme.how_to_apply),
    }
    sections = (
        CardSection(kind=kind, heading=pack.texts[f"card.heading.{kind}"], lines=tuple(lines.get(kind, ())))
        for kind in SECTIONS
    )
    return Card(
        scheme=found.scheme, name=scheme.name, kind=verdict, outcome=found.outcome,
        verdict=pack.texts[f"card.verdict.{verdict}"], amount=_amount(pack, found),
        sections=tuple(section for section in sections if section.lines),
        # That a likely scheme may be applied for stands over all the cards.
        urgent=scheme.urgent, service=scheme.service,
        next="" if verdict == "likely" and not scheme.next.likely else found.next,
    )  # fmt: skip


def _verdict(found: SchemeResult) -> Verdict:
    if found.borderline:
        return "borderline" if found.outcome == "likely" else "unclear"
    return found.outcome


def _amount(pack: Pack, found: SchemeResult) -> str:
    """Figures with unit and period; a range where the answers leave one."""
    exact = (found.amount_month, found.amount_once)
    spans = (found.amount_month_range, found.amount_once_range)
    said = []
    for name, amount, span in zip(SPANS, exact, spans, strict=True):
        if amount:
            figure = pack.texts["card.amount.exact"].format(amount=_yuan(amount))
        elif span is not None:
            figure = _span(pack, *span)
        else:
            continue
        said.append(pack.texts[f"card.amount.{name}"].format(amount=figure))
    return "，".join(said)


def _span(pack: Pack, least: float, most: float | None) -> str:
    if most is None:
        # Rounded, it could be more than what is certain.
        return pack.texts["card.amount.at_least"].format(low=_yuan(least))
    # Bounds of a band lie a fen beside a round figure.
    low, high = round(least), round(most)
    return pack.texts[f"card.amount.{'range' if low else 'up_to'}"].format(low=low, high=high)


def _yuan(amount: float) -> str:
    return f"{amount:.2f}".rstrip("0").rstrip(".")


def _where(pack: Pack, scheme: Scheme) -> list[CardLine]:
    """Where the scheme says, else the pack's office."""
    if scheme.where:
        return _cited(pack, scheme.where)
    words = ((pack.texts[f"card.office.{key}"], pack.texts[f"office.{key}"]) for key in OFFICE)
    return [_own(pack.texts["office.name"]), *(_own(f"{word}：{text}") for word, text in words)]


def _cited(pack: Pack, lines: Iterable[Line]) -> list[CardLine]:
    return [CardLine(text=line.text, source=_source(*pack.cite(line.source))) for line in lines]


def _own(text: str) -> CardLine:
    return CardLine(text=text)


def _source(document: str, clause: str) -> str:
    return f"《{document}》{clause}"


def cited_once(lines: Iterable[CardLine]) -> list[CardLine]:
    """Lines in a row that rest on the same clause name it once, at the last of them."""
    told: list[CardLine] = []
    for _, together in groupby(lines, key=lambda line: line.source):
        *first, last = together
        told += [line.model_copy(update={"source": ""}) for line in first]
        told.append(last)
    return told


def fact_labels(pack: Pack, missing: Iterable[str]) -> list[str]:
    """Missing facts by what residents call them."""
    labels = {fact.reported_as or name: fact.label for name, fact in reversed(list(pack.facts.items()))}
    return [labels[name] for name in missing]
