"""The words of a self-assessment's result: few in the result itself, the rest on a card or on request."""

from __future__ import annotations

from collections.abc import Sequence

from policies_kb.cards import Card, CardLine, ResultSheet, Verdict, cited_once

# Verdicts a resident can act upon today.
NOW: tuple[Verdict, ...] = ("likely", "borderline", "unclear")

# Told like a card in the result; more than these get a line each.
MOST_CARDS = 4

# Open schemes named in one line, and told with what is missing where nothing is likely.
MOST_NAMED = 5
MOST_OPEN = 3

# Reasons on a whole card, and schemes told at a time on request: a long message is not read.
MOST_REASONS = 5
MOST_LINES = 8

CARDS = "要带什么、到哪里办，点下面的名字看。"


def supports(sheet: ResultSheet) -> tuple[Card, ...]:
    """What can be acted upon, best first."""
    return sheet.of(*NOW, service=False)


def services(sheet: ResultSheet) -> tuple[Card, ...]:
    """What the household can use besides."""
    return sheet.of(*NOW, service=True)


def told_on_request(sheet: ResultSheet) -> tuple[Card, ...]:
    """What the result names at most: open schemes, then those the office will look at."""
    return sheet.of("unknown", "unlikely")


def result_text(sheet: ResultSheet, *, title: str, others: str) -> str:
    """The result in a few lines. `title`: the authorisation's; `others`: words of the button to the rest."""
    now = supports(sheet)
    full, still_open = now[:MOST_CARDS], sheet.of("unknown", service=False)
    parts = ["按您说的情况，看下来是这样："]
    parts += [_short(card) for card in full]
    parts += _more(now[len(full) :])
    if services(sheet):
        parts.append(f"还有这些服务也能用：{_names(services(sheet))}。")
    parts += _open(still_open, alone=not full)
    count = len(told_on_request(sheet)) - len(still_open if full else still_open[:MOST_OPEN])
    if count:
        parts.append(f"其他 {count} 项，办事处会再看；想知道为什么，点“{others}”。")
    if full or still_open:
        parts.append(f"申请先准备好身份证；再看一份《{title}》，您点头就行。")
    parts.append(f"{sheet.decides}不管哪一项，您都可以申请。")
    if full:
        # Last, above the buttons it speaks of.
        parts.append(CARDS)
    return "\n\n".join(parts)


def _short(card: Card) -> str:
    """Name, verdict, sum and the one reason that decides."""
    lines = [f"【{card.name}】{card.verdict}。{card.amount and card.amount + '。'}"]
    if card.deciding is not None:
        lines.append(f"因为：{_line(card.deciding)}")
    if card.urgent and card.next:
        # Who is in need must not have to press a button to read that help comes first and papers later.
        lines.append(f"{card.next.split('。')[0]}。")
    return "\n".join(lines)


def _more(cards: Sequence[Card]) -> list[str]:
    if not cards:
        return []
    lines = [f"还有 {len(cards)} 项也可以看看："]
    return ["\n".join([*lines, *(f"· {card.name}：{card.amount or card.verdict}" for card in cards)])]


def _open(cards: Sequence[Card], *, alone: bool) -> list[str]:
    """What cannot be said yet: names in one line; with what is missing where there is nothing better to tell."""
    if not cards:
        return []
    if alone:
        lines = ["下面这几项还说不准："]
        lines += [f"· {card.name}：{_missing(card)}" for card in cards[:MOST_OPEN]]
        return ["\n".join([*lines, "说不清也没关系，可以直接申请，由办事处帮您核实。"])]
    return [f"还说不准的有 {len(cards)} 项：{_names(cards)}。说清楚了就能判断，也可以直接申请。"]


def _names(cards: Sequence[Card]) -> str:
    # Some names hold a 、 themselves.
    names = "；".join(card.name for card in cards[:MOST_NAMED])
    return f"{names}等" if len(cards) > MOST_NAMED else names


def _missing(card: Card) -> str:
    """What is missing for it; the first sentence of `next` says so, the others are the same for all."""
    return f"{card.next.split('。')[0]}{_source(card.deciding)}"


def card_text(card: Card, decides: str) -> str:
    """A whole card: sum, reasons, what to bring, where, until when, how."""
    head = [f"【{card.name}】{card.verdict}。"]
    if card.amount:
        head.append(f"{card.amount}。")
    parts = ["\n".join(head)]
    for section in card.sections:
        lines = card.told(MOST_REASONS) if section.kind in {"reasons", "looked_at"} else section.lines
        said = "；".join(line.text.rstrip("。") for line in lines) if section.kind == "missing" else ""
        told = [f"· {said}"] if said else [f"· {_line(line)}" for line in cited_once(lines)]
        parts.append("\n".join([f"{section.heading}：", *told]))
    if card.next:
        parts.append(f"下一步：{card.next}")
    parts.append(decides)
    return "\n\n".join(parts)


def services_text(cards: Sequence[Card]) -> str:
    """The services the household can use, a line each with the reason."""
    lines = ["这些服务也能用，点名字看怎么用："]
    return "\n".join([*lines, *(f"· {card.name}{_why(card)}" for card in cards)])


def others_text(cards: Sequence[Card], start: int) -> str:
    """The others from `start` on, a line each: what is missing, or what the office will look at."""
    lines = ["这几项按现在说的情况是这样，最后以办事处核实为准："]
    lines += [f"· {card.name}{_why(card)}" for card in cards[start : start + MOST_LINES]]
    left = len(cards) - start - MOST_LINES
    lines += [f"后面还有 {left} 项。"] if left > 0 else []
    return "\n".join([*lines, "情况变了，或者觉得不对，随时可以再测，也可以直接申请。"])


def _why(card: Card) -> str:
    if card.kind == "unknown":
        return f"：{_missing(card)}"
    return f"：{_line(card.deciding)}" if card.deciding is not None else ""


def _line(line: CardLine) -> str:
    return f"{line.text}{_source(line)}"


def _source(line: CardLine | None) -> str:
    return f"（依据{line.source}）" if line is not None and line.source else ""
