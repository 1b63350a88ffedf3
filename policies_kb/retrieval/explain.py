"""Why an answer is what it is: how the question was read, which clauses were weighed and how, what decided."""

from __future__ import annotations

from pydantic import Field

from policies_kb.retrieval.confidence import THRESHOLD, weights_of
from policies_kb.retrieval.index import Hit
from policies_kb.retrieval.judge import Judgement, Outcome
from policies_kb.types import Answer, Frozen

_SHOWN = 6


class UnitRead(Frozen):
    """One word of the question, and the concepts the glossary gives it (`scheme:dibao`, `aspect:who`, `same:公示`)."""

    word: str
    concepts: tuple[str, ...]


class ScorePart(Frozen):
    """One addend of a clause's score (log-odds): `ask` (likeness to the likest question it lists), `second` (to the
    second likest), `bm25` (words), `pairs` (character pairs), `heading`, `scheme`, `clash` (about another scheme),
    `aspect`, `own` (own pack before the parent's), `sense_ask`, `sense_asks`, `sense_text` (likeness by sentence
    vectors, where there are any)."""

    name: str
    value: float


class ClauseWeighed(Frozen):
    """A clause among the likeliest. `score` is the sum of `parts`; `asked` the listed question likest to the one
    asked; `covered` the share of the question's meaning the clause speaks of, 0..1."""

    document_id: str
    document: str
    clause: str
    heading: str
    pack: str
    score: float
    parts: tuple[ScorePart, ...]
    asked: str
    likeness: float = Field(description="of `asked`, 0..1")
    covered: float


class Evidence(Frozen):
    """One feature of the confidence: its value times its weight is what it adds to the log-odds."""

    name: str
    value: float
    weight: float
    contribution: float


class PartExplained(Frozen):
    """One question of the message. `outcome` is `answered`, or why it was refused; `why` says it in Chinese."""

    text: str
    repaired: str = Field(description="wrong characters put right, completed from the conversation")
    units: tuple[UnitRead, ...]
    gists: tuple[str, ...] = Field(description="what else was tried as the question proper in a long message")
    schemes: tuple[str, ...]
    from_conversation: bool = Field(description="the scheme was not named but known from the conversation")
    aspects: tuple[str, ...]
    clauses: tuple[ClauseWeighed, ...]
    confidence: float
    threshold: float = THRESHOLD
    bias: float
    evidence: tuple[Evidence, ...]
    outcome: Outcome
    named: str = Field(description="the place, year or other office's topic a refusal names")
    why: str
    cure: str = Field(
        description="what a pack's author does where this is not what should be said; may be empty"
    )


class Explanation(Frozen):
    """The whole message. `cleaned` is the text after folding of width, case and traditional characters; `urgent` what
    of it could not wait, which `parts` need not tell of."""

    question: str
    cleaned: str
    scheme: str | None
    urgent: tuple[str, ...]
    parts: tuple[PartExplained, ...]
    answer: Answer


_WHY: dict[Outcome, str] = {
    "answered": "把握够大，按排在最前的条款回答。",
    "other_place": "问的是别处的规定，不用本地条款回答。",
    "other_year": "问的是别的年份的数字，不用现行条款回答。",
    "outside": "说的是别的部门的事，把握不够，说明去哪里问。",
    "not_in_force": "最像的条款今天不在有效期内，只说明它的日期。",
    "missing_scheme": "本地材料没有这一项救助的规定。",
    "unknown": "把握不够大，如实说不知道。",
    "which_scheme": "没有说是哪一种救助，反问一句。",
    "case_status": "问的是自己的申请，引到查进度。",
}

_CURE: dict[Outcome, str] = {
    "answered": "该由另一条回答的，把这句话写进那一条的 asks。",
    "unknown": "有条款答得上的，把这句话写进那一条的 asks；没有的，这样说就对了。",
    "outside": "有条款答得上的，把这句话写进那一条的 asks；没有的，这样说就对了。",
    "missing_scheme": "有条款说的就是它，在那一条的 schemes 里加上 {schemes}；没有的，这样说就对了。",
    "not_in_force": "已经有新规定的，录进来，写上生效日期。",
    "other_place": "说的就是本地的，把地名加进 glossary.yml 的 places.home。",
}


def explain_part(text: str, judged: Judgement) -> PartExplained:
    """The explanation of one judged part; `text` is what was written."""
    query, fitted = judged.query, weights_of(judged.features)
    return PartExplained(
        text=text,
        repaired=query.text,
        units=tuple(
            UnitRead(word=unit.word, concepts=(*unit.concepts, *(f"outside:{one}" for one in unit.outside)))
            for unit in query.units
        ),
        gists=tuple(gist for gist, _ in query.gists),
        schemes=tuple(sorted(judged.schemes)),
        from_conversation=bool(judged.schemes - query.schemes),
        aspects=tuple(sorted(query.aspects)),
        clauses=tuple(map(_weighed, judged.hits[:_SHOWN])),
        confidence=round(judged.confidence, 3),
        bias=fitted.bias,
        evidence=tuple(
            Evidence(
                name=name,
                value=round(value, 3),
                weight=fitted.confidence[name],
                contribution=round(value * fitted.confidence[name], 3),
            )
            for name, value in judged.features.items()
        ),
        outcome=judged.outcome,
        named=judged.named,
        why=_WHY[judged.outcome],
        cure=_CURE.get(judged.outcome, "").format(schemes="、".join(sorted(judged.schemes))),
    )


def _weighed(hit: Hit) -> ClauseWeighed:
    clause = hit.clause
    return ClauseWeighed(
        document_id=clause.document_id,
        document=clause.document_title,
        clause=clause.number,
        heading=clause.heading,
        pack=clause.pack,
        score=round(hit.score, 4),
        parts=tuple(ScorePart(name=name, value=round(value, 4)) for name, value in hit.parts),
        asked=clause.asks[hit.asked],
        likeness=round(hit.ask, 3),
        covered=round(hit.covered, 3),
    )
