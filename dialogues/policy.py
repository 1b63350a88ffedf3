"""The `ask` flow's action: a policy question put to the pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogues import application, payloads
from dialogues.effects import Button, NoteUnanswered, Say
from policies_kb.types import Answer

if TYPE_CHECKING:
    from dialogues.run import Run

MOST_SUGGESTIONS = 3


def answer(run: Run) -> None:
    """Answer the frame's question, or say honestly that the pack does not know, and note it for its author."""
    frame = run.top
    given = frame.data.get("question_text") if frame is not None else None
    question = str(given or run.state.slots.get("policy_question") or "")
    named = frame.data.get("scheme") if frame is not None else None
    if isinstance(named, str):
        # What was named last is what 要带啥 will be about, also where the clause holds for every scheme.
        run.state.last_scheme = named
    scheme = run.state.last_scheme or _applied_for(run)
    found = run.knowledge.answer(question, today=run.today, scheme=scheme, aspect=run.state.last_aspect)
    if found.scheme is not None:
        run.state.last_scheme = found.scheme
    if found.aspect is not None:
        run.state.last_aspect = found.aspect
    text = found.answer
    if found.answered:
        sources = dict.fromkeys(f"《{citation.document}》{citation.clause}" for citation in found.citations)
        if sources and not all(source in text for source in sources):
            text = f"{text}\n依据：{'；'.join(sources)}"
    else:
        run.effects.append(NoteUnanswered(question=question))
        if any(said.text.endswith(text) for said in run.said):
            # Two questions of one message that come to the same refusal (要带啥 找哪个): it is said once.
            return
    run.say(Say(text=text, buttons=_buttons(run, found), citations=found.citations))


def _applied_for(run: Run) -> str | None:
    chosen = run.state.slots.get("apply_schemes")
    first = chosen[0] if isinstance(chosen, list) and chosen else None
    return first if isinstance(first, str) and first != application.UNSURE else None


def _buttons(run: Run, found: Answer) -> tuple[Button, ...]:
    # Inside another flow the pending question follows at once: more buttons would only lead away from it.
    if sum(1 for _ in run.roots()) > 1:
        return ()
    buttons = []
    if not found.answered and found.leads_to is None:
        # Whoever told of hardship in words no clause speaks of is helped further by being asked than by a refusal.
        buttons.append(Button(title=run.flow_name("assess"), payload=payloads.start("assess")))
    for suggestion in found.suggestions[:MOST_SUGGESTIONS]:
        try:
            buttons.append(Button(title=suggestion, payload=payloads.ask(suggestion)))
        except payloads.PayloadTooLong:
            # Too long for a button on Telegram; the other suggestions still help.
            continue
    if found.leads_to is not None:
        buttons.append(Button(title=run.flow_name(found.leads_to), payload=payloads.start(found.leads_to)))
    if not found.answered:
        buttons.append(Button(title="找工作人员", payload=payloads.word("human")))
    return tuple(buttons)
