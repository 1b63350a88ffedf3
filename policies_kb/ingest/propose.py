"""Proposals for a person to confirm: schemes, aspect, questions, figures; and what is hardly for residents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pypinyin import lazy_pinyin

from policies_kb.clauses import Aspect
from policies_kb.ingest.figures import Figure, FigureKind
from policies_kb.ingest.words import words
from policies_kb.retrieval.glossary import Glossary
from policies_kb.retrieval.text import Reader, clean

_MOST_SCHEMES = 3
_MOST_ASKS = 4
_FEW_MENTIONS = 3
_SPARSE = 0.15
_NAMES: Mapping[FigureKind, str] = {
    "money": "金额", "percent": "比例", "multiple": "倍数", "age": "年龄", "duration": "时限", "times": "次数",
    "count": "数量",
}  # fmt: skip
# Figures residents ask about; mere counts of offices and people stay in the clause.
_PARAMETER_KINDS = frozenset({"money", "percent", "multiple", "age", "duration"})
_OFFICIAL = 2


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for one clause, each with its reason in plain Chinese."""

    schemes: tuple[str, ...]
    aspect: Aspect
    asks: tuple[str, ...]
    left_out: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a whole plan is about: its schemes, most told first, and whether a resident could ask about it.

    `main` are the schemes told at least half as often as the first; `called` is what it is about
    where no scheme of the glossary is it.
    """

    schemes: tuple[str, ...]
    main: tuple[str, ...]
    name: str
    residents: bool
    why: str
    called: str = ""


@dataclass(frozen=True, slots=True)
class ProposedParameter:
    """A figure as an entry of parameters.yml might hold it. `value` as printed in digits; None: masked in the original."""

    key: str
    name: str
    unit: str
    value: str | None
    clause: str
    quote: str


@dataclass
class Proposer:
    """Makes proposals with one pack's glossary."""

    glossary: Glossary
    _reader: Reader = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._reader = Reader(self.glossary)

    def subject(self, title: str, texts: Sequence[str]) -> Subject:
        """What the plan called `title` with these clause texts is about."""
        told: Counter[str] = Counter()
        touched = 0
        for text in texts:
            found = self._schemes(text)
            told.update(found)
            touched += bool(found)
        named = self._schemes(title)
        for scheme, count in named.items():
            told[scheme] += 5 * count
        order = tuple(
            scheme
            for scheme, count in told.most_common(_MOST_SCHEMES)
            if count >= _FEW_MENTIONS or scheme in named
        )
        main = tuple(scheme for scheme in order if 2 * told[scheme] >= told[order[0]])
        share = touched / len(texts) if texts else 0.0
        name = self._name(order[0]) if order else ""
        if order and (named or share >= _SPARSE):
            listed = "、".join(self._name(scheme) for scheme in order)
            return Subject(order, main, name, True, f"{touched}/{len(texts)} 条说到救助：{listed}")
        # Headings say 补贴对象 too: each text comes with its own.
        offered = [word for word in words().offers.words if any(word in text for text in texts)]
        if len(offered) >= words().offers.least:
            why = f"说到{'、'.join(offered[:4])}，是给个人的待遇"
            return Subject((), (), "", True, why, _core(title))
        return Subject(order, main, "", False, f"{len(texts)} 条里只有 {touched} 条说到救助，居民多半不会问")

    def clause(
        self, heading: str, path: Sequence[str], text: str, subject: Subject, figures: Sequence[Figure]
    ) -> Proposal:
        """Proposals for one clause of a plan about `subject`."""
        why: list[str] = []
        schemes, reason = self._clause_schemes(heading, path, text, subject)
        why.append(reason)
        aspect, reason = self._aspect(heading, path, text)
        why.append(reason)
        asks = self._asks(aspect, schemes, subject.called)
        inside = next((word for word in words().inside.words if word in heading), None)
        if inside is None and path and not heading:
            inside = next((word for word in words().inside.words if word in path[-1]), None)
        telling = [figure for figure in figures if figure.kind in {"money", "multiple", "age", "percent"}]
        left_out = f"{words().inside.why}(标题有“{inside}”)" if inside and not telling else ""
        return Proposal(schemes, aspect, asks, left_out, tuple(why))

    def parameters(
        self, number: str, heading: str, text: str, figures: Sequence[Figure], taken: set[str]
    ) -> list[ProposedParameter]:
        """Entries proposed for the figures of one clause; `taken` collects the keys given out."""
        found: list[ProposedParameter] = []
        told: set[object] = set()
        for figure in figures:
            if figure.kind not in _PARAMETER_KINDS or figure.key in told:
                continue
            told.add(figure.key)
            base = "_".join(lazy_pinyin("".join(re.findall("[\u4e00-\u9fff]", heading))[:6])) or "shuzi"
            key, count = f"{base}_{figure.kind}", 2
            while key in taken:
                key, count = f"{base}_{figure.kind}_{count}", count + 1
            taken.add(key)
            low, high = figure.low, figure.high
            value = (
                None if low is None or high is None else (f"{low:f}" if low == high else f"{low:f}-{high:f}")
            )
            quote = text[max(0, figure.start - 16) : figure.end + 8].replace("\n", " ")
            unit = f"个{figure.unit}" if figure.unit == "工作日" else figure.unit
            found.append(
                ProposedParameter(key, f"{heading}：{_NAMES[figure.kind]}", unit, value, number, quote)
            )
        return found

    def _name(self, scheme: str) -> str:
        return self.glossary.names.get(scheme, scheme)

    def _schemes(self, text: str) -> Counter[str]:
        return Counter(
            concept.removeprefix("scheme:")
            for unit in self._reader.read(clean(text))
            if len(unit.word) >= _OFFICIAL
            for concept in unit.concepts
            if concept.startswith("scheme:")
        )

    def _clause_schemes(
        self, heading: str, path: Sequence[str], text: str, subject: Subject
    ) -> tuple[tuple[str, ...], str]:
        def names(schemes: Sequence[str]) -> str:
            return "、".join(self._name(scheme) for scheme in schemes)

        if subject.called:
            # Whom else it names (低保家庭的残疾人) is not what it is about.
            return (), f"方案：整篇说的是{subject.called}，不在方案表里"
        for where, words_ in (("标题", heading), ("正文", text), ("上级标题", " ".join(path))):
            found = self._schemes(words_)
            if found:
                schemes = tuple(scheme for scheme, _ in found.most_common(_MOST_SCHEMES))
                return schemes, f"方案：{where}里说到{names(schemes)}"
        if subject.residents and subject.schemes:
            return subject.main, f"方案：整篇主要说{names(subject.main)}"
        return (), "方案：没有说到哪一项救助"

    def _aspect(self, heading: str, path: Sequence[str], text: str) -> tuple[Aspect, str]:
        for where, place in (("标题", heading), ("上级标题", path[-1] if path else "")):
            # What a Chinese heading is about stands at its end: 养老金待遇领取条件 is about conditions.
            found = [
                (place.rfind(word) + len(word), word, row)
                for row in words().aspects
                for word in row.words
                if word in place
            ]
            if found:
                _, word, row = max(found, key=lambda one: (one[0], len(one[1])))
                return row.aspect, f"方面：{where}有“{word}”"
        told = Counter(
            concept.removeprefix("aspect:")
            for unit in self._reader.read(clean(text))
            for concept in unit.concepts
            if concept.startswith("aspect:")
        )
        for row in words().aspects:
            if told and told.most_common(1)[0][0] == row.aspect:
                return row.aspect, "方面：按正文的词猜的，请核对"
        return "service", "方面：看不出来，先写“服务”，请核对"

    def _asks(self, aspect: Aspect, schemes: Sequence[str], called: str) -> tuple[str, ...]:
        names = [self._name(scheme) for scheme in schemes] or [called or words().nobody]
        asks = [shape.format(s=name) for name in names[:2] for shape in words().asks.get(aspect, ())]
        return tuple(dict.fromkeys(asks))[:_MOST_ASKS]


def _core(title: str) -> str:
    """What a title is about, without the place and the kind of document: 困难残疾人水电补贴."""
    nouns = "|".join(map(re.escape, words().titles.nouns))
    found = re.fullmatch(
        f"(?:.{{1,8}}?[省市县区镇乡])?(?:关于)?(?P<core>.{{3,16}}?)的?(?:工作)?(?:实施|管理|暂行|试行)*(?:{nouns})(?:[((].*)?",
        title,
    )
    return found["core"] if found else ""
