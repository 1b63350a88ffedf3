"""Answers to policy questions from a pack's clauses: the clause's own words with its citation, or an honest "I do
not know" that names a person to ask. Nothing here writes a sentence of policy of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Protocol

from policies_kb.clauses import Clause, Document
from policies_kb.retrieval.glossary import load_glossary
from policies_kb.retrieval.index import ASKED, Hit, Index, Query
from policies_kb.retrieval.scope import Places, other_year
from policies_kb.retrieval.text import LONGEST, Reader, clean, has_content
from policies_kb.types import Answer, Citation

# Below this a question is refused: the confidence is calibrated so that even odds lie here.
THRESHOLD: Final = 0.5
# Logistic regression on the questions of both packs' eval.yml, rounded.
WEIGHTS: Final = {
    "bias": -3.3, "ask": 2.8, "covered": 3.9, "margin": 3.3, "aspect": 0.8, "named": 0.5, "clash": -3.0,
    "figureless": -1.8, "outside": -5.4, "missing_scheme": -2.0,
}  # fmt: skip
_NUMBER: Final = re.compile(r"\d")
_PARTS: Final = re.compile(r"[?？!！。;；\n]+|(?:,|，)?(?:还有就是|还有|另外|顺便问|顺便|再问)")
_ASKING: Final = re.compile(
    "能不能|可不可以|可以|会不会|要不要|有没有|是不是|怎么|怎样|如何|咋|能|该|谁|哪|什么|啥|多少|多久|几"
)
# Words that say nothing of which scheme is meant.
_SIDES: Final = ASKED | {
    "same:申请",
    "same:流程",
    "same:收费",
    "same:证明",
    "same:附件",
    "aspect:payment",
}
# The schemes most often meant, when none is named.
_NEXT: Final = frozenset({"who", "how_much", "documents", "where", "how_long", "payment"})
_COMMON: Final = ("dibao", "tekun", "linshi_jinan")
# Sides residents often ask together, and how to ask for one alone.
_SIDE_ASKED: Final = {
    "where": "在哪里申请", "documents": "申请要带什么材料", "how_long": "申请要多久能批下来", "how_much": "一个月发多少钱",
}  # fmt: skip
_THIS: Final = re.compile("这个|那个|这种|那种|它|[?？!！。,，\\s]+")
_PHONE: Final = re.compile("电话|热线|号码")
_FREE: Final = re.compile("免费|收费|不收钱|不要钱|减免")
_SHORT: Final = 10
_LEAST: Final = 5
_MOST_PARTS: Final = 4
_SUGGESTIONS: Final = 3


class Corpus(Protocol):
    """What the retriever needs of a pack (`policies_kb.pack.Pack` has it)."""

    @property
    def name(self) -> str: ...

    @property
    def documents(self) -> tuple[Document, ...]: ...

    @property
    def texts(self) -> Mapping[str, str]: ...

    def files(self, name: str) -> tuple[Path, ...]:
        """Files of this name in the pack and its ancestors, the pack's own first."""
        ...


class Retriever:
    """Answers questions over one pack. Deterministic; built in well under a second; safe to share.

    Raises on construction:
        DataFileError: the pack's glossary.yml is wrong.
    """

    def __init__(self, pack: Corpus) -> None:
        self._pack = pack.name
        self._texts = pack.texts
        self._glossary = load_glossary(pack.files("glossary.yml"))
        self._reader = Reader(self._glossary)
        self._clauses = tuple(clause for document in pack.documents for clause in document.clauses)
        self._covered_schemes = frozenset(scheme for clause in self._clauses for scheme in clause.schemes)
        self._amendments = {
            (reference.document, reference.clause): clause
            for clause in self._clauses
            for reference in clause.amends
        }
        self._places = Places(self._glossary.elsewhere, self._glossary.home)
        self._topics = "|".join(
            re.escape(word)
            for word, concepts in sorted(self._glossary.concepts.items())
            if any(concept.startswith("scheme:") for concept in concepts)
        )
        self._indexes: dict[tuple[bool, ...], Index] = {}
        self._suggestions: dict[tuple[str, int, date], str | None] = {}

    def answer(self, question: str, *, today: date, scheme: str | None = None) -> Answer:
        """Answer `question` by the clauses in force on `today`.

        `scheme` is what the conversation is about; it counts when the question names no scheme itself. Never
        raises: whatever cannot be answered is refused kindly, with `answered` false.
        """
        text = clean(question)
        if not has_content(text):
            return self._refuse(
                "我没有看清您的问题。请用一句话说说您想问什么，比如“低保怎么申请”。", 1.0, today
            )
        if len(question) > LONGEST:
            return self._refuse("您发的内容太长了，我一次看不完。请挑最要紧的一句话问我。", 1.0, today)
        parts = [part for part in _PARTS.split(text) if len(part) > 1 and has_content(part)][:_MOST_PARTS]
        found: list[Answer] = []
        context = frozenset({scheme}) if scheme else frozenset()
        for part in parts or [text]:
            query = self._query(part)
            if not query.schemes and context and self._is_short_for_more(query):
                query = self._about(part, context)
            context = query.schemes or context
            found.append(self._out_of_scope(part, context, today) or self._answer_one(query, context, today))
        return found[0] if len(found) == 1 else self._join(found)

    def warm(self, today: date) -> None:
        """Build what would else be built when first asked."""
        self._index(today, "in_force")
        self._index(today, "out_of_force")

    def baseline(self, question: str, *, today: date) -> Answer:
        """Plain BM25's best clause and never a refusal: what the evaluation compares with."""
        index = self._index(today, "in_force")
        scores = index.bm25(self._query(clean(question)))
        clause = index.clauses[int(scores.argmax())]
        return Answer(answered=True, answer=clause.text, citations=(_cite(clause),), confidence=1.0)

    def _query(self, text: str) -> Query:
        repaired = self._reader.repair(text)
        units = self._reader.read(repaired, repair=True)
        concepts = {token for unit in units for token in unit.concepts}
        schemes = tuple(unit for unit in units if any(token.startswith("scheme:") for token in unit.concepts))
        gists = []
        for gist in self._gists(repaired):
            read = self._reader.read(gist)
            # The story names the scheme, the question proper says "it".
            carried = () if any(unit in read for unit in schemes) else schemes
            if len(read) > 1 or (read and carried):
                gists.append((gist, (*carried, *read)))
        return Query(
            text=repaired,
            units=units,
            gists=tuple(gists),
            schemes=frozenset(
                token.removeprefix("scheme:") for token in concepts if token.startswith("scheme:")
            ),
            aspects=frozenset(
                token.removeprefix("aspect:") for token in concepts if token.startswith("aspect:")
            ),
        )

    def _is_short_for_more(self, query: Query) -> bool:
        """Whether the question only says which side is asked for (“要带啥”), not of what."""
        if "救助" in query.text:
            return False
        return all(unit.concepts and _SIDES.issuperset(unit.concepts) for unit in query.units)

    def _about(self, text: str, schemes: frozenset[str]) -> Query:
        """`text` as a question about a scheme the conversation is about."""
        names = [self._glossary.names[scheme] for scheme in sorted(schemes) if scheme in self._glossary.names]
        return self._query(f"{names[0]}{text}" if names else text)

    def _out_of_scope(self, text: str, schemes: frozenset[str], today: date) -> Answer | None:
        """A refusal, where another place's rules or another year's figures are asked for."""
        place = self._places.asked(text)
        if place is not None:
            home = self._glossary.home[0] if self._glossary.home else "本地"
            return self._refuse(
                f"您问的是{place}的规定。我手上只有{home}的材料，别处的不敢乱说。请打当地的12345问一问。",
                0.05, today, schemes=schemes,
            )  # fmt: skip
        year = other_year(text, today, self._topics)
        if year is not None:
            return self._refuse(
                f"您问的是{year}的数字。我手上只有现行的规定，别的年份没有依据，不敢乱说。{self._person()}",
                0.05, today, schemes=schemes,
            )  # fmt: skip
        return None

    @staticmethod
    def _gists(text: str) -> list[str]:
        """What may be the question proper in a long message: its clauses, and its end from the last asking word."""
        if len(text) < _SHORT:
            return []
        pieces = [piece for piece in re.split(r"[\s,，、:：]+", text) if len(piece) >= _LEAST]
        found = pieces if len(pieces) > 1 else []
        asking = [match.start() for match in _ASKING.finditer(text) if len(text) - match.start() >= _LEAST]
        if asking:
            found.append(text[asking[-1] :])
        return [piece for piece in dict.fromkeys(found) if piece != text]

    def _index(self, today: date, dated: str) -> Index:
        """The index over the clauses that are in force (or not) today; days with the same clauses share one."""
        mask = tuple((clause.dated(today) == "in_force") == (dated == "in_force") for clause in self._clauses)
        if mask not in self._indexes:
            kept = [clause for clause, keep in zip(self._clauses, mask, strict=True) if keep]
            self._indexes[mask] = Index(kept, self._reader, own_pack=self._pack)
        return self._indexes[mask]

    def _answer_one(self, query: Query, schemes: frozenset[str], today: date) -> Answer:
        personal = any(words in query.text for words in self._glossary.personal)
        status = any(words in query.text for words in self._glossary.case_status)
        if not schemes and not status and self._is_short_for_more(query):
            return self._which(query, today)
        hits = self._index(today, "in_force").search(query, schemes=schemes)
        if not hits:
            return self._unknown(query, 0.0, today, schemes)
        confidence = self.confidence(query, hits, schemes)
        if query.schemes and self._only_named(query):
            # Only the scheme was named: a short overview. What it is comes first.
            query = self._query(f"{self._name_in(query)}是什么")
            hits = self._index(today, "in_force").search(query, schemes=schemes)
            confidence = self.confidence(query, hits, schemes)
        best = hits[0]
        if confidence < THRESHOLD and status:
            return self._case_status(today)
        undated = self._index(today, "out_of_force").search(query, schemes=schemes)
        if undated and undated[0].ask > best.ask + 0.1 and undated[0].score > best.score:
            # What was asked stands in a clause that is not in force: another clause would be a wrong answer.
            confidence = min(confidence, 1.0 - self.confidence(query, undated, schemes))
        if confidence < THRESHOLD:
            return self._unknown(query, confidence, today, schemes)
        sides = self._other_sides(query, best.clause, schemes, today) if schemes else []
        chosen = [best, *(sides or self._also(query, hits))]
        clauses = [hit.clause for hit in chosen]
        amended = [
            amendment
            for clause in clauses
            if (amendment := self._amendments.get((clause.document_id, clause.number))) is not None
            and amendment.dated(today) == "in_force"
            and amendment not in clauses
        ]
        lines = [clause.text for clause in clauses]
        lines += [f"本地另有规定：{clause.text}" for clause in amended]
        clauses += amended
        leads_to = "case_status" if status else "assess" if personal and best.clause.schemes else None
        if status:
            lines.append("您自己的申请办到哪一步，要查办理记录。")
        elif leads_to == "assess":
            lines.append("能不能享受，要看全家的收入、财产等情况，由办事机关核实后决定。您可以先做个自测。")
        citations = tuple(_cite(clause) for clause in clauses)
        sources = "；".join(dict.fromkeys(f"《{one.document}》{one.clause}" for one in citations))
        return Answer(
            answered=True,
            answer="\n".join([*lines, f"依据：{sources}"]),
            citations=citations,
            confidence=round(confidence, 3),
            suggestions=self._suggest(clauses, hits, schemes, today),
            leads_to=leads_to,
            scheme=_one_scheme(schemes, best.clause),
        )

    def confidence(self, query: Query, hits: Sequence[Hit], schemes: frozenset[str]) -> float:
        """How sure it is that the best clause answers the question, 0..1."""
        features = self.evidence(query, hits, schemes)
        evidence = WEIGHTS["bias"] + sum(WEIGHTS[name] * value for name, value in features.items())
        return 1.0 / (1.0 + math.exp(-evidence))

    def evidence(self, query: Query, hits: Sequence[Hit], schemes: frozenset[str]) -> dict[str, float]:
        """What speaks for and against the best clause, each 0..1."""
        best = hits[0]
        outside = any(token.startswith("outside:") for unit in query.units for token in unit.concepts)
        own = best.clause.schemes
        return {
            "ask": best.ask,
            "covered": best.covered,
            "margin": min(best.score - hits[1].score, 0.2) if len(hits) > 1 else 0.0,
            "aspect": float(best.aspect),
            "named": float(bool(query.schemes & set(own))),
            "clash": float(bool(query.schemes and own) and not best.mentioned),
            "figureless": float(_figureless(query, best.clause)),
            "outside": float(outside),
            "missing_scheme": float(bool(schemes) and not schemes & self._covered_schemes),
        }

    @staticmethod
    def _only_named(query: Query) -> bool:
        """Whether the question is no more than the name of a scheme."""
        return all(
            unit.concepts and all(token.startswith("scheme:") for token in unit.concepts)
            for unit in query.units
        )

    def _name_in(self, query: Query) -> str:
        """The documents' name of the first scheme the question names."""
        return next(
            (
                self._glossary.names[scheme]
                for scheme in sorted(query.schemes)
                if scheme in self._glossary.names
            ),
            query.text,
        )

    def _which(self, query: Query, today: date) -> Answer:
        """Asks which scheme is meant, by questions that can be answered."""
        said = _THIS.sub("", query.text)
        near = [
            f"{self._glossary.names[scheme]}{said}"
            for scheme in _COMMON
            if scheme in self._glossary.names
            and self._is_answered(f"{self._glossary.names[scheme]}{said}", today)
        ]
        return Answer(
            answered=False,
            answer="您问的是哪一种救助？比如低保、特困(五保)、临时救助。请带上名字再问一次，我好查准。",
            confidence=0.3,
            suggestions=tuple(near) or self._common(today),
        )

    def _other_sides(self, query: Query, told: Clause, schemes: frozenset[str], today: date) -> list[Hit]:
        """For a message that asks several sides of one scheme in one breath: a clause for each of the others."""
        asked = [aspect for aspect in _SIDE_ASKED if aspect in query.aspects and aspect != told.aspect]
        if len(query.aspects & set(_SIDE_ASKED)) < 2 or len(_ASKING.findall(query.text)) < 2:
            return []
        found: list[Hit] = []
        for aspect in asked[: _MOST_PARTS - 1]:
            side = self._about(_SIDE_ASKED[aspect], schemes)
            hits = self._index(today, "in_force").search(side, schemes=schemes)
            fits = bool(hits) and hits[0].clause.aspect == aspect and hits[0].clause != told
            if fits and self.confidence(side, hits, schemes) >= THRESHOLD:
                found.append(hits[0])
        return found

    def _also(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        """A second clause, where it answers nearly as well and settles another side that was asked for."""
        best = hits[0]
        for hit in hits[1:4]:
            close = hit.score >= 0.9 * best.score
            if close and hit.clause.aspect != best.clause.aspect and hit.aspect and hit.covered >= 0.5:
                return [hit]
        return []

    def _unknown(self, query: Query, confidence: float, today: date, schemes: frozenset[str]) -> Answer:
        confidence = round(confidence, 3)
        for unit in query.units:
            for token in unit.concepts:
                other = self._glossary.outside.get(token.removeprefix("outside:"))
                if other is not None:
                    where = f"请问{other.where}。" if other.where else ""
                    return self._refuse(
                        f"您问的是{other.topic}方面的事，不归社会救助管，我这里没有材料，不敢乱说。{where}",
                        confidence,
                        today,
                    )
        undated = self._index(today, "out_of_force").search(query, schemes=schemes)
        if undated and self.confidence(query, undated, schemes) >= THRESHOLD:
            clause = undated[0].clause
            if clause.dated(today) == "expired" and clause.effective_to is not None:
                what = f"已在{chinese_date(clause.effective_to)}到期，现在不能再按它办"
            else:
                what = f"要到{chinese_date(clause.effective_from)}才开始施行"
            return self._refuse(
                f"《{clause.document_title}》里有这方面的规定，但它{what}。{self._person()}",
                confidence,
                today,
            )
        gone = [
            self._glossary.names[one]
            for one in sorted(schemes - self._covered_schemes)
            if one in self._glossary.names
        ]
        if gone and not schemes & self._covered_schemes:
            return self._refuse(
                f"我手上的本地材料没有写{gone[0]}的规定，不敢乱说。{self._person()}", confidence, today
            )
        return self._refuse(
            f"这个问题，我手上的政策材料里没有找到依据，不敢乱说。{self._person()}",
            confidence,
            today,
            schemes=schemes,
        )

    def _person(self) -> str:
        phone = self._texts.get("hotline", "")
        call = f"，或者打{phone}" if phone else "，或者打当地公布的社会救助热线"
        return f"您可以发“人工”找工作人员{call}。"

    def _case_status(self, today: date) -> Answer:
        return Answer(
            answered=False, answer="您自己的申请办到哪一步，要查办理记录。我可以帮您查进度，也可以发“人工”找工作人员。",
            confidence=0.0, leads_to="case_status", suggestions=self._common(today),
        )  # fmt: skip

    def _refuse(
        self,
        text: str,
        confidence: float,
        today: date,
        *,
        schemes: frozenset[str] = frozenset(),
    ) -> Answer:
        near: list[str] = []
        for clause in self._clauses:
            if len(near) < _SUGGESTIONS and clause.aspect in _NEXT and schemes & set(clause.schemes):
                near += [ask for ask in [self._suggestion(clause, today)] if ask and ask not in near]
        return Answer(
            answered=False, answer=text, confidence=confidence, suggestions=tuple(near) or self._common(today)
        )

    def _suggestion(self, clause: Clause, today: date) -> str | None:
        """The first question the clause lists that, asked alone, is answered by it; None when there is none."""
        key = (clause.document_id, clause.line, today)
        if key not in self._suggestions:
            self._suggestions[key] = next(
                (ask for ask in clause.asks if self._leads(ask, clause, today)), None
            )
        return self._suggestions[key]

    def _leads(self, ask: str, clause: Clause, today: date) -> bool:
        query = self._query(clean(ask))
        if clause.dated(today) != "in_force" or self._is_short_for_more(query):
            return False
        hits = self._index(today, "in_force").search(query, schemes=query.schemes)
        told = hits[0].clause
        same = (told.document_id, told.number) == (clause.document_id, clause.number)
        return same and self.confidence(query, hits, query.schemes) >= THRESHOLD

    def _is_answered(self, ask: str, today: date) -> bool:
        query = self._query(clean(ask))
        hits = self._index(today, "in_force").search(query, schemes=query.schemes)
        return bool(hits) and self.confidence(query, hits, query.schemes) >= THRESHOLD

    def _common(self, today: date) -> tuple[str, ...]:
        """Questions residents ask most, as far as the pack answers them."""
        wanted = (("where", "dibao"), ("documents", None), ("who", "linshi_jinan"))
        found: list[str] = []
        for aspect, scheme in wanted:
            for clause in self._clauses:
                fits = scheme in clause.schemes if scheme else not clause.schemes
                ask = self._suggestion(clause, today) if clause.aspect == aspect and fits else None
                if ask and ask not in found:
                    found.append(ask)
                    break
        return tuple(found)

    def _suggest(
        self, told: Sequence[Clause], hits: Sequence[Hit], schemes: frozenset[str], today: date
    ) -> tuple[str, ...]:
        """Next questions on the same scheme, of other sides than those just told."""
        about = (schemes & set(told[0].schemes)) or set(told[0].schemes)
        aspects = {clause.aspect for clause in told}
        found: list[str] = []
        for clause in (*(hit.clause for hit in hits), *self._clauses):
            same = bool(about & set(clause.schemes)) or (not about and not clause.schemes)
            if same and clause.aspect in _NEXT and clause.aspect not in aspects and clause not in told:
                ask = self._suggestion(clause, today)
                if ask and ask not in found:
                    found.append(ask)
                    aspects.add(clause.aspect)
            if len(found) == _SUGGESTIONS:
                break
        return tuple(found)

    def _join(self, found: Sequence[Answer]) -> Answer:
        """One answer of several; what could not be answered is said once, at the end."""
        answered = [one for one in found if one.answered]
        if not answered:
            return found[0]
        kept: list[Answer] = []
        for one in answered:
            if one.answer not in [other.answer for other in kept]:
                kept.append(one)
        refused = len(answered) < len(found)
        text = "\n\n".join(one.answer for one in kept)
        if refused:
            text += f"\n\n您问的另外一点，我手上的材料里没有找到依据，不敢乱说。{self._person()}"
        leads = [one.leads_to for one in found if one.leads_to]
        return Answer(
            answered=True,
            answer=text,
            citations=tuple(dict.fromkeys(citation for one in kept for citation in one.citations)),
            confidence=min(one.confidence for one in answered),
            suggestions=kept[-1].suggestions,
            leads_to=leads[0] if leads else None,
            scheme=kept[0].scheme,
        )


def _figureless(query: Query, clause: Clause) -> bool:
    """Whether a sum, a span, a charge or a telephone number is asked for and the clause gives none."""
    if any("same:收费" in unit.tokens for unit in query.units) and not _FREE.search(clause.text):
        return True
    if _PHONE.search(query.text) and not _PHONE.search(clause.text):
        return True
    asked = query.aspects & {"how_much", "how_long"}
    return bool(asked) and clause.aspect not in asked and not _NUMBER.search(clause.text)


def chinese_date(day: date) -> str:
    """`2026年3月5日`."""
    return f"{day.year}年{day.month}月{day.day}日"


def _cite(clause: Clause) -> Citation:
    return Citation(
        document=clause.document_title, clause=clause.number, scheme=clause.schemes[0] if clause.schemes else None,
        quote=clause.text, pack=clause.pack,
    )  # fmt: skip


def _one_scheme(schemes: frozenset[str], clause: Clause) -> str | None:
    """The scheme a follow-up question will be about."""
    both = [scheme for scheme in clause.schemes if scheme in schemes]
    if both:
        return both[0]
    return clause.schemes[0] if len(clause.schemes) == 1 else None
