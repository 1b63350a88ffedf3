"""The `assess` flow's actions: what the rules say, put for somebody who will not read a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dialogues import households, payloads, speaking
from dialogues.commands import ABOUT
from dialogues.effects import Button, Say
from dialogues.explaining import EVERYTHING, limited_to, unknowns
from dialogues.from_draft import tell_assessment
from dialogues.result_text import (
    MOST_LINES,
    card_text,
    others_text,
    result_text,
    services,
    services_text,
    supports,
    told_on_request,
)
from policies_kb.cards import Card, ResultSheet

if TYPE_CHECKING:
    from dialogues.run import Run

OTHERS = "看其他几项"
MORE = "再看几项"
SERVICES = "services"
GO_ON = "接着问"
REST = "别的救助也看看"

APPLY = Button(title="申请救助", payload=payloads.start("apply"))
PAPER = Button(title="把结果存成文件（大字）", payload=payloads.start("assess_paper"))
TOLD = Button(title="回到全部结果", payload=payloads.start("assess_told"))
AGAIN = Button(title="重新测一遍", payload=payloads.start("assess", restart=True))
PERSON = Button(title="找工作人员", payload=payloads.word("human"))

PAPER_SAID = "结果存成文件了，字是大的。可以打印出来带到窗口，也可以给家里人看。里面有家里的情况，请收好。"


def begin(run: Run) -> None:
    """Take what an application knows; note whether a result was told before, then it is not introduced again."""
    tell_assessment(run)
    if run.top is not None:
        only = limited_to(run)
        run.top.data["only"] = "、".join(map(run.knowledge.scheme_name, only))
        run.top.data["known"] = run.state.assessment is not None and not only


def result(run: Run) -> None:
    """Say what is likely and why, in a few lines, with a button to each card; keep a snapshot."""
    results = run.knowledge.assess(run.state.facts, today=run.today, interview=True)
    run.state.assessment = {
        "pack": run.knowledge.pack,
        "pack_version": run.knowledge.version,
        "assessed_on": run.today.isoformat(),
        "facts": dict(run.state.facts),
        "results": [found.model_dump(mode="json") for found in results],
    }
    only = limited_to(run)
    shown = [found for found in results if not only or found.scheme in only]
    sheet = run.knowledge.sheet(shown, today=run.today)
    likely = sheet.of("likely", "borderline")
    if len(likely) == 1:
        run.state.last_scheme = likely[0].scheme
    others = (
        (Button(title=OTHERS, payload=payloads.start("assess_others")),) if told_on_request(sheet) else ()
    )
    use = (
        (Button(title="看能用的服务", payload=payloads.start("assess_others", about=SERVICES)),)
        if services(sheet)
        else ()
    )
    ways = (*_onward(run, only), APPLY, PAPER, *others, *speaking.onward(run), AGAIN, PERSON)
    buttons = (*_buttons(supports(sheet)), *use, *ways)
    title = run.knowledge.text("authorisation.title")
    text = result_text(sheet, title=title, others=OTHERS)
    if open_ := unknowns(run):
        sentences = "".join(sentence for _, sentence in open_)
        text = f"{text}\n\n{sentences}问清楚了，随时告诉我。"
        add = (Button(title=f"补上：{run.label_of(key)}", payload=payloads.edit(key)) for key, _ in open_)
        buttons = (*add, *buttons)
    run.say(Say(text=text, buttons=buttons))


def _onward(run: Run, only: Sequence[str]) -> tuple[Button, ...]:
    """A way on where the result came before everything was asked, or was limited to some schemes."""
    if only:
        return (Button(title=REST, payload=payloads.start("assess", about=EVERYTHING)),)
    left = run.knowledge.next_question(run.state.facts, skipped=run.state.skipped, today=run.today)
    return (Button(title=GO_ON, payload=payloads.start("assess")),) if left is not None else ()


def card(run: Run) -> None:
    """Say one scheme's whole card, with a button to the next."""
    sheet = _sheet(run)
    about = run.top.data.get(ABOUT) if run.top is not None else None
    found = sheet.card(str(about))
    if found is None:
        result(run)
        return
    run.state.last_scheme = found.scheme
    buttons = (*_next_card(sheet, found), APPLY, PAPER, TOLD, PERSON)
    run.say(Say(text=card_text(found, sheet.decides), buttons=buttons))


def paper(run: Run) -> None:
    """Have the whole result made into a file."""
    whose = households.label(run.state) if run.state.who else ""
    sheet = _sheet(run).model_copy(update={"whose": whose})
    run.say(Say(text=f"{PAPER_SAID}\n{sheet.decides}", paper=sheet, buttons=(APPLY, TOLD, PERSON)))


def others(run: Run) -> None:
    """Say the schemes the result did not tell of, a few at a time, each with its reason and clause."""
    sheet = _sheet(run)
    about = str(run.top.data.get(ABOUT, "")) if run.top is not None else ""
    if about == SERVICES and services(sheet):
        found = services(sheet)
        run.say(Say(text=services_text(found), buttons=(*_buttons(found), TOLD, PERSON)))
        return
    # `about` comes from a button: the place in the list from which to go on.
    start = int(about) if about.isdecimal() and len(about) < 4 else 0
    rest = told_on_request(sheet)
    more = start + MOST_LINES
    onward = (
        (Button(title=MORE, payload=payloads.start("assess_others", about=str(more))),)
        if more < len(rest)
        else ()
    )
    run.say(Say(text=others_text(rest, start), buttons=(*onward, APPLY, TOLD, PERSON)))


def _sheet(run: Run) -> ResultSheet:
    results = run.knowledge.assess(run.state.facts, today=run.today, interview=True)
    return run.knowledge.sheet(results, today=run.today)


def _buttons(cards: Sequence[Card]) -> list[Button]:
    return [_button(f"看{card.name}", card) for card in cards]


def _next_card(sheet: ResultSheet, shown: Card) -> list[Button]:
    cards = [*supports(sheet), *services(sheet)]
    place = cards.index(shown) + 1 if shown in cards else len(cards)
    return [_button(f"看下一项：{card.name}", card) for card in cards[place : place + 1]]


def _button(title: str, card: Card) -> Button:
    return Button(title=title, payload=payloads.start("assess_card", about=card.scheme))
