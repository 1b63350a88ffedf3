"""Understanding by rules alone: what a clause means, without a model.

It is the fallback when the model server is away, the first word on control phrases even when it is there, and what
quick tests and `jzt chat --nlu rules` use. The patterns are data: nlu/lexicon/*.yml.
"""

from __future__ import annotations

import re

from dialogues.ports import UnderstandingContext, Understood
from nlu import lexicon
from nlu.reading import Reading
from nlu.text import bare, normalise

_SENTENCE = re.compile(r"[^。!?;\n…]+")


def is_question(clause: str) -> bool:
    """Whether the clause asks something (of the office)."""
    rule = lexicon.question()
    assert rule.within is not None  # noqa: S101 - the data model requires marks
    left = rule.unless.sub("", clause.strip()) if rule.unless else clause
    return rule.within.search(left.rstrip(" 。!,;…~")) is not None


def danger(text: str) -> str | None:
    """The immediate danger the message tells of, or None."""
    for kind, rule in lexicon.dangers().items():
        for sentence in _SENTENCE.findall(normalise(text)):
            if (
                rule.within
                and rule.within.search(sentence)
                and not (rule.unless and rule.unless.search(sentence))
            ):
                return kind
    return None


def read(clause: str) -> Reading:
    """The intent of one clause by the rules; intent None when they do not know."""
    plain = bare(clause)
    entities = {}
    if scheme := lexicon.schemes().first(clause):
        entities["scheme"] = scheme
    for intent, rule in lexicon.intents().items():
        if rule.unless and rule.unless.search(clause):
            continue
        if rule.whole and (rule.whole.fullmatch(plain) or rule.whole.fullmatch(clause.strip(" 。!,;…~"))):
            return Reading(intent, 1.0, entities, exact=True)
        if rule.within and rule.within.search(clause):
            if intent == "apply" and is_question(clause):
                continue
            return Reading(intent, 0.9, entities)
    if is_question(clause):
        return Reading("ask_policy", 0.8, entities)
    for intent, rule in lexicon.intents().items():
        if rule.late and rule.late.search(clause) and not (rule.unless and rule.unless.search(clause)):
            return Reading(intent, 0.7, entities)
    if scheme and lexicon.schemes().exact(plain) is not None:
        # The bare name of a scheme: told what it is, with the way on to the self-assessment.
        return Reading("ask_policy", 0.7, entities)
    return Reading(None, 0.0, entities)


class RuleUnderstanding:
    """Understanding without a model. Never raises, needs no network, takes well under a millisecond."""

    async def understand(self, text: str, context: UnderstandingContext) -> Understood:
        """Commands for the message in its context."""
        from nlu.mapping import interpret

        return interpret(text, context)
