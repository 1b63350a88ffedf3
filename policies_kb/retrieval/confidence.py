"""How sure it is that the best clause answers the question: a logistic regression of a few plain features."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from policies_kb.clauses import Clause
from policies_kb.retrieval.details import mostly_told, told_in_so_many_words
from policies_kb.retrieval.index import Hit, Query
from policies_kb.retrieval.learned import learned
from policies_kb.retrieval.weights import Weights, weights

# Below this a question is refused: the confidence is calibrated so that even odds lie here.
THRESHOLD: Final = 0.5
_NUMBER: Final = re.compile(r"\d")
_PHONE: Final = re.compile("电话|热线|号码")
_FREE: Final = re.compile("免费|收费|不收钱|不要钱|减免")
_ASKS_SUM: Final = re.compile(
    "多少钱|多少元|多少块|几块|几百|几千|多少补贴|多少补助|好多钱|几多钱|给多少|发多少|领多少|补多少|拿多少|交多少|赔多少|几成|收费标准|标准是多少|(?:贵|便宜)"
)
_SUM: Final = re.compile(
    r"\d[\d.]*(?:元|万|%|倍|分之)|[一二三四五六七八九十百]+(?:元|成|倍)|百分之|免费|全额|差额|减免|不收|不用交|没有写|没有统一写|公布|标准由"
)
_ASKS_SPAN: Final = re.compile(
    "多久|几天|多少天|几个月|几年|多长时间|几号|什么时候|啥时候|何时|几个工作日|几点"
)
_SPAN: Final = re.compile(
    r"\d+(?::\d+)?(?:个)?(?:工作日|天|日|月|年|小时|周岁|岁|学期|点)?|每[天日周月季年]|次月|当月|下个月|及时|立即|马上|长期|随时|当[天日]"
)
_SENSES: Final = ("sense_ask", "sense_asks", "sense_text")
_SHORT: Final = 2
_WIDEST: Final = 2.0
_NEAR: Final = 3
# A clause this little behind the best (log-odds) may well be the one asked for: it is told too.
_BEHIND: Final = 1.2


def evidence(
    query: Query, hits: Sequence[Hit], schemes: frozenset[str], covered: frozenset[str]
) -> dict[str, float]:
    """What speaks for and against the best clause. `covered`: schemes any clause of the pack is about.

    Those of `_near` are of the likeliest of the first few. `share` is the likelihood the ranking gives the clause among the likeliest, sections of one number taken together;
    `margin` how far (in log-odds, 0 to 2) it leads the next; `settled…` are log-odds, `unsettled…` and `sense…`
    likenesses (`…_most` of the likest clause, `…_short` how far the best clause falls short of it, `…_lead` how far
    that one leads the next) and there only where there are sentence vectors; `unspoken` is a log-likelihood ratio above 0 and `listed` the logarithm of a number; the others lie within 0..1.
    """
    best = hits[0]
    own = best.clause.schemes
    same = (best.clause.document_id, best.clause.number)
    near = hits[:_NEAR]
    odds = [math.exp(hit.score - best.score) for hit in hits]
    alike = [
        one
        for one, hit in zip(odds, hits, strict=True)
        if (hit.clause.document_id, hit.clause.number) == same
    ]
    rest = [hit.score for hit in hits if (hit.clause.document_id, hit.clause.number) != same]
    return {
        "ask": best.ask,
        "ask_near": max(hit.ask for hit in near),
        "second": best.raw["second"],
        "listed": best.raw["listed"],
        "bm25": best.raw["bm25"],
        "pair_bm25": best.raw["pair_bm25"],
        "sound_bm25": best.raw["sound_bm25"],
        "heading": best.raw["heading"],
        "unspoken": best.raw["unspoken"],
        "covered": best.covered,
        "covered_near": max(hit.covered for hit in near),
        "wording": best.worded,
        "wording_near": max(hit.worded for hit in near),
        "strange": best.strange,
        "strange_near": min(hit.strange for hit in near),
        "share": sum(alike) / sum(odds),
        "margin": min(max(best.score - rest[0], 0.0), _WIDEST) if rest else _WIDEST,
        "aspect": float(best.aspect),
        "named": float(bool(query.schemes & set(own))),
        "clash": float(bool(query.schemes and own) and not best.mentioned),
        "figureless": float(_figureless(query, best.clause)),
        "sumless": float(_sumless(query, best.clause)),
        "detailless": float(not mostly_told(query.text, best.clause.text)),
        "untold": float(not told_in_so_many_words(query.text, best.clause.text)),
        "outside": float(bool(outside(query))),
        "outside_met": float(bool(outside(query)) and not best.outside),
        "outside_named": float(bool(outside(query)) and bool(query.schemes)),
        "missing_scheme": float(bool(schemes) and not schemes & covered),
        "short": float(len(query.units) <= _SHORT),
        "settled_wording": learned().settled_wording(query.text),
        **_by_sense(hits),
    }


def told(hits: Sequence[Hit]) -> list[Hit]:
    """The best clause, and the next where which of them was meant is nearly open."""
    return [hits[0], *(hit for hit in hits[1:2] if hits[0].score - hit.score <= _BEHIND)]


def confidence(features: Mapping[str, float], fitted: Weights | None = None) -> float:
    """0..1, by the shipped coefficients or by `fitted`."""
    fitted = fitted or weights_of(features)
    odds = fitted.bias + sum(fitted.confidence[name] * value for name, value in features.items())
    return 1.0 / (1.0 + math.exp(-odds))


def weights_of(features: Mapping[str, float]) -> Weights:
    """The shipped coefficients for these features."""
    return weights(by_sense="settled" in features)


def outside(query: Query) -> tuple[str, ...]:
    """Topics of other offices' business the question speaks of."""
    return tuple(dict.fromkeys(topic for unit in query.units for topic in unit.outside))


def _by_sense(hits: Sequence[Hit]) -> dict[str, float]:
    best = hits[0]
    if best.sense is None:
        return {}
    found = {name: sorted((hit.raw[name] for hit in hits), reverse=True) for name in _SENSES}
    every = found["sense_asks"]
    return {
        **{name: best.raw[name] for name in _SENSES},
        **{f"{name}_most": values[0] for name, values in found.items()},
        **{f"{name}_short": values[0] - best.raw[name] for name, values in found.items()},
        "sense_asks_lead": every[0] - every[1] if len(every) > 1 else 0.0,
        "settled": best.sense.settled,
        "unsettled": best.sense.unsettled,
        "unsettled_few": best.sense.unsettled_few,
    }


def _figureless(query: Query, clause: Clause) -> bool:
    """Whether a sum, a span, a charge or a telephone number is asked for and the clause gives none."""
    if any("same:收费" in unit.tokens for unit in query.units) and not _FREE.search(clause.text):
        return True
    if _PHONE.search(query.text) and not _PHONE.search(clause.text):
        return True
    asked = query.aspects & {"how_much", "how_long"}
    return bool(asked) and clause.aspect not in query.aspects and not _NUMBER.search(clause.text)


def _sumless(query: Query, clause: Clause) -> bool:
    """Whether a sum (or a span) is asked for in so many words and the clause tells no sum (or span) at all."""
    if clause.aspect in query.aspects - {"how_much", "how_long"}:
        # Another of several sides asked for in one breath.
        return False
    return bool(
        (_ASKS_SUM.search(query.text) and not _SUM.search(clause.text))
        or (_ASKS_SPAN.search(query.text) and not _SPAN.search(clause.text))
    )
