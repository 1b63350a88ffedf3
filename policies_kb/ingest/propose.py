"""Proposals for a person to confirm: schemes, aspect, questions, figures; and what is hardly for residents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pypinyin import lazy_pinyin

from policies_kb.clauses import Aspect
from policies_kb.ingest.figures import Figure, FigureKind
from policies_kb.ingest.split import IN_FORCE
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
# A title that names more schemes than this speaks of social assistance as a whole.
_FEW_TITLED = 2
# Behind a scheme's name: who gets it, not the scheme (低保对象, 特困人员).
_RECIPIENTS = re.compile("对象|人员|家庭|成员|户|者")
# A heading longer than this, or with a figure, is a clause's first words and no name of what it settles.
_NAME = 12
# So long a clause may be and still be nothing but when a document holds.
_VALIDITY = 80
# Sides that nearly every heading has a word of: they count where no other is found.
_WEAK = frozenset({"service", "care"})


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

    `main` are the schemes told at least half as often as the first; `titled` those the title names, where they are
    few; `called` is what it is about where no scheme of the glossary is it; `core` its title without place and kind.
    """

    schemes: tuple[str, ...]
    main: tuple[str, ...]
    name: str
    residents: bool
    why: str
    called: str = ""
    titled: tuple[str, ...] = ()
    core: str = ""


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
        core = _core(title)
        name = self._name(order[0]) if order else ""
        if order and (named or share >= _SPARSE):
            listed = "、".join(self._name(scheme) for scheme in order)
            titled = tuple(named) if len(named) <= _FEW_TITLED else ()
            why = f"{touched}/{len(texts)} 条说到救助：{listed}"
            return Subject(order, main, name, True, why, titled=titled, core=core)
        # Headings say 补贴对象 too: each text comes with its own.
        offered = [word for word in words().offers.words if any(word in text for text in texts)]
        if len(offered) >= words().offers.least:
            why = f"说到{'、'.join(offered[:4])}，是给个人的待遇"
            return Subject((), (), "", True, why, core, core=core)
        why = f"{len(texts)} 条里只有 {touched} 条说到救助，居民多半不会问"
        return Subject(order, main, "", False, why, core=core)

    def clause(
        self, heading: str, path: Sequence[str], text: str, subject: Subject, figures: Sequence[Figure],
        asked: Collection[str] = (),
    ) -> Proposal:  # fmt: skip
        """Proposals for one clause of a plan about `subject`; `asked` are the questions other clauses of it have."""
        why: list[str] = []
        schemes, reason = self._clause_schemes(heading, path, text, subject)
        why.append(reason)
        aspect, reason = self._aspect(heading, path, text)
        why.append(reason)
        asks = self._asks(aspect, schemes, subject.core, heading, text, asked)
        if not asks:
            why.append("问法：想不出居民会怎么问，请写一句，或不收这一条")
        inside = next((word for word in words().inside.words if word in heading), None)
        if inside is None and path and not heading:
            inside = next((word for word in words().inside.words if word in path[-1]), None)
        telling = [figure for figure in figures if figure.kind in {"money", "multiple", "age", "percent"}]
        left_out = f"{words().inside.why}(标题有“{inside}”)" if inside and not telling else ""
        return Proposal(schemes, aspect, asks, left_out, tuple(why))

    def parameters(
        self, number: str, heading: str, text: str, figures: Sequence[Figure], taken: Counter[str]
    ) -> list[ProposedParameter]:
        """Entries proposed for the figures of one clause; `taken` counts how often a key was given out."""
        found: list[ProposedParameter] = []
        told: set[object] = set()
        for figure in figures:
            if figure.kind not in _PARAMETER_KINDS or figure.key in told:
                continue
            told.add(figure.key)
            base = "_".join(lazy_pinyin("".join(re.findall("[\u4e00-\u9fff]", heading))[:6])) or "shuzi"
            key = f"{base}_{figure.kind}"
            taken[key] += 1
            key += f"_{taken[key]}" if taken[key] > 1 else ""
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
        if subject.titled:
            named = self._schemes(heading)
            if named and len(heading) <= _NAME and not _RECIPIENTS.search(heading):
                schemes = tuple(scheme for scheme, _ in named.most_common(_MOST_SCHEMES))
                return schemes, f"方案：标题里说到{names(schemes)}"
            told = self._schemes(f"{heading} {text}")
            schemes = tuple(scheme for scheme in subject.titled if scheme in told) or subject.titled
            return schemes, f"方案：文件的标题说的是{names(schemes)}"
        for where, words_ in (("标题", heading), ("正文", text), ("上级标题", " ".join(path))):
            found = self._schemes(words_)
            if found:
                schemes = tuple(scheme for scheme, _ in found.most_common(_MOST_SCHEMES))
                return schemes, f"方案：{where}里说到{names(schemes)}"
        if subject.residents and subject.schemes:
            return subject.main, f"方案：整篇主要说{names(subject.main)}"
        return (), "方案：没有说到哪一项救助"

    def _aspect(self, heading: str, path: Sequence[str], text: str) -> tuple[Aspect, str]:
        own = (("标题", self._without_schemes(heading)),)
        above = tuple(("上级标题", self._without_schemes(one)) for one in reversed(path))
        named = len(heading) <= _NAME and not re.search("[0-9]", heading)
        if _is_validity(text):
            return "how_long", "方面：正文说的是从哪天起、到哪天止"
        if not named and words().gives.search(text):
            return "how_much", "方面：正文说给多少钱"
        whole = f"{heading}\n{text}"
        weak: tuple[Aspect, str] | None = None
        for where, place in (*own, *above) if named else (*above, *own):
            # What a Chinese heading is about stands at its end: 养老金待遇领取条件 is about conditions.
            found = [
                (place.rfind(word) + len(word), word, row)
                for row in words().aspects
                for word in row.words
                if word in place and _tells(row.aspect, whole)
            ]
            if not found:
                continue
            _, word, row = max(found, key=lambda one: (one[0], len(one[1])))
            if row.aspect not in _WEAK:
                return row.aspect, f"方面：{where}有“{word}”"
            weak = weak or (row.aspect, f"方面：{where}有“{word}”")
        if (weak is None or weak[0] == "service") and words().gives.search(text):
            return "how_much", "方面：正文说给多少钱"
        if weak:
            return weak
        told = Counter(
            concept.removeprefix("aspect:")
            for unit in self._reader.read(clean(text))
            for concept in unit.concepts
            if concept.startswith("aspect:")
        )
        for row in words().aspects:
            if told and told.most_common(1)[0][0] == row.aspect and _tells(row.aspect, whole):
                return row.aspect, "方面：按正文的词猜的，请核对"
        return "service", "方面：看不出来，先写“服务”，请核对"

    def _without_schemes(self, heading: str) -> str:
        """A heading without the names of schemes, whose own words (补贴, 护理, 救助) tell nothing of the side."""
        for unit in self._reader.read(clean(heading)):
            if len(unit.word) > _OFFICIAL and any(one.startswith("scheme:") for one in unit.concepts):
                heading = heading.replace(unit.word, " ")
        return heading

    def _asks(
        self, aspect: Aspect, schemes: Sequence[str], core: str, heading: str, text: str, asked: Collection[str]
    ) -> tuple[str, ...]:  # fmt: skip
        """Questions not in `asked`: one that several clauses list finds none of them for sure.

        None where only a whole sentence or an office's task could be asked for: nobody asks so.
        """
        names = [self._name(scheme) for scheme in schemes] or ([core] if core else [])
        if not names or not _tells(aspect, f"{heading}\n{text}"):
            return ()
        again = words().again
        shapes = again.validity if _is_validity(text) else words().asks.get(aspect, ())
        asks = [shape.format(s=name) for name in names[:2] for shape in shapes]
        left = [ask for ask in dict.fromkeys(asks) if ask not in asked][:_MOST_ASKS]
        if heading.endswith("的") and len(heading) <= _NAME:
            left = [again.case.format(s=names[0], h=heading.removesuffix("的"))]
        elif aspect == "service" or not left:
            # What help there is is asked of no single clause.
            named = self._nameable(heading, names[0])
            left = [again.names.get(aspect, again.name).format(s=names[0], h=named)] if named else []
        return tuple(ask for ask in left if ask not in asked)

    def _nameable(self, heading: str, scheme: str) -> str:
        """A heading as the name of what a resident could ask about; "" where it is none."""
        heading = heading.removeprefix(scheme).removeprefix("的")
        plain = re.fullmatch("[\u4e00-\u9fff]{2,10}", heading)
        again = words().again
        task = heading.startswith(again.verbs) or again.others.search(heading)
        return heading if plain and not task else ""


def _is_validity(text: str) -> bool:
    """Whether a text says nothing but from when, or until when, a document holds."""
    return len(text) <= _VALIDITY and IN_FORCE.match(text) is not None


def _tells(aspect: Aspect, text: str) -> bool:
    """Whether a text says anything of an aspect."""
    needed = words().needs.get(aspect)
    return needed is None or needed.search(text) is not None


def _core(title: str) -> str:
    """What a title is about, without the place and the kind of document: 困难残疾人水电补贴."""
    nouns = "|".join(map(re.escape, words().titles.nouns))
    found = re.fullmatch(
        f"(?:.{{1,8}}?[省市县区镇乡])?(?:关于)?(?P<core>.{{3,16}}?)的?(?:工作)?(?:实施|管理|暂行|试行)*(?:{nouns})(?:[((].*)?",
        title,
    )
    return found["core"] if found else ""
