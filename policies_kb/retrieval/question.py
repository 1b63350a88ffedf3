"""What a resident's message asks: its parts, the side of which scheme, told from the story around it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from policies_kb.retrieval.ages import oldest
from policies_kb.retrieval.glossary import Glossary, Urgent
from policies_kb.retrieval.homophones import Homophones
from policies_kb.retrieval.index import ASKED, Query
from policies_kb.retrieval.text import Reader, Unit, any_of, has_content

_SENTENCE: Final = re.compile(r"[^?？!！。;；\n]+[?？!！。;；\n]*")
_PIECE: Final = re.compile(r"[^,，。!！?？;；\s]+[,，。!！?？;；\s]*")
_ALSO: Final = re.compile(
    r"[,，]?(?:还有一个是|还有一个|还有就是|还有(?![吗嘛没不么呢份?？]|$)|另外|顺便问|顺便|再问|一个是|第[一二三]是)"
)
_GREETING: Final = re.compile(
    "(?:老师|领导|同志|师傅|大姐|大哥|姑娘|小伙子|闺女|医生|主任)?(?:您|你们?)好[呀啊哇]?[,，。!！\\s]*"
    "|(?:麻烦|打扰|打搅|辛苦)(?:您|你们?|大家)?(?:了|一下)[,，。!！\\s]*|(?:多谢|谢谢)(?:您|你们?|啦|了)*[,，。!！\\s]*"
)
_ENDS_ASKING: Final = re.compile(r"(?:[?？]|[吗呢么不没否]|没有)[!！。;；\s]*$")
ASKING: Final = re.compile(
    "能不能|可不可以|可以|会不会|要不要|有没有|是不是|怎么|怎样|如何|咋|能|该|谁|哪|什么|啥|多少|多久|几"
)
# Somebody's own income, with its sum; whether that is still little enough is what a self-assessment finds out.
_INCOME: Final = "工资|退休金|养老金|养老钱|收入|挣|赚|打工|月薪|进账|人均"
_SUM: Final = r"(?:\d{2,}|[一二两三四五六七八九几][百千万])"
_OWN_INCOME: Final = re.compile(
    f"(?:{_INCOME}|(?:一个?|每个?)月|月)[^,，。?？]{{0,6}}?{_SUM}|{_SUM}[^,，。?？]{{0,6}}?(?:{_INCOME}|一个?月)"
)
_IS_IT_ENOUGH: Final = re.compile(
    "能不能|可不可以|够不够|算不算|符不符合|中不中|行不行|得不得行|有没有资格"
    "|(?:能|可以|够|算|符合|资格|[吃评办享]得[上着下])[^,，。?？]{0,10}(?:吗|不|没|么|否|嘛|[?？])"
)
# Who has something already asks whether it goes on, which is another question.
_GOES_ON: Final = re.compile("还能|还给|还可以|还享受|继续|取消|停")
# Words that say nothing of which scheme is meant.
_SIDES: Final = ASKED | {"same:申请", "same:流程", "same:收费", "same:证明", "same:附件", "aspect:payment"}
# Steps every scheme has, and words that stand beside a side: they do not say of what is asked either.
_STEPS: Final = _SIDES | {
    "same:材料", "same:审核确认", "same:公示", "same:停发", "same:不予批准", "same:核查", "same:核对", "same:告知书", "same:理由", "same:异议",
    "same:网上", "same:补贴", "same:代为申请", "same:热线电话",
}  # fmt: skip
_OF_ANY: Final = frozenset(
    (
        "一个月", "每个月", "每月", "一年", "每年", "领", "发", "拿", "打", "交", "归", "下来", "钱", "本人", "好多", "还要", "啥样",
        "审核", "不要", "不能",
    )
)  # fmt: skip
_THIS: Final = re.compile("这个|那个|这种|那种|它|[?？!！。,，\\s]+")
# A follow-up that names only another person, place or scheme: 那农村呢, 五保户呢, 他呢.
_ANOTHER: Final = re.compile(
    r"^(?:那么|那|要是|如果|换成|像)?(?P<other>.{1,12}?)(?:的话)?(?:呢|嘞|咧|哩)[?？!！。\s]*$"
)
_BARE_ANOTHER: Final = re.compile(r"^(?:那么|那|要是|如果是|换成)(?P<other>.{1,8}?)(?:的话)?[?？!！。\s]*$")
# How a side of a scheme is asked for when the message leaves it to the conversation.
_SIDE_WORDS: Final[dict[str, str]] = {
    "who": "要什么条件", "how_much": "标准是多少钱", "documents": "要带什么材料", "where": "在哪里申请", "how_long": "申请要多久批下来",
    "steps": "怎么申请", "decision": "谁批", "notice": "公示", "objection": "不服怎么办", "payment": "钱怎么发",
    "check": "多久核查一次", "exit": "还能领多久", "duty": "有什么义务", "care": "谁来照料", "complaint": "去哪投诉",
    "service": "有什么服务",
}  # fmt: skip
_FIGURE: Final = re.compile("多少|多大|多久|几[天年月个岁倍次档块人级名]|好多|几多")
_OF_MONEY: Final = frozenset({"how_much", "payment"})
_MONEY: Final = re.compile("补贴|补助|津贴|钱|待遇")
_OF_ANYBODY: Final = _STEPS | {"same:老人", "same:年龄", "same:子女", "same:收费", "same:养老金", "same:困难"}
_SHORT: Final = 10
# Of two questions in one sentence the second mostly goes on with the first.
_MANY: Final = 3
_LEAST: Final = 5
MOST_PARTS: Final = 4
_END: Final = re.compile(r"[?？!！。;；\s]+$")


class Questions:
    """Reads cleaned messages with one pack's glossary. Deterministic; safe to share."""

    def __init__(self, glossary: Glossary, reader: Reader, homophones: Homophones) -> None:
        self._glossary = glossary
        self._reader = reader
        self._homophones = homophones
        rude = sorted(glossary.abuse, key=lambda word: (-len(word), word))
        self._rude = re.compile(
            f"你(?:们|个|这个?)*(?:{'|'.join(map(re.escape, rude))})+|{'|'.join(map(re.escape, rude))}"
            if rude
            else "(?!)"
        )
        self._needs = any_of(glossary.needs)
        self._of_a_case = any_of(glossary.case_status)
        self._urgent = [(one, any_of(one.signs), any_of(one.unless)) for one in glossary.urgent]

    def urgent(self, text: str) -> tuple[list[Urgent], str]:
        """What of a cleaned message cannot wait, and the rest of it: what was told of that is no part of a question."""
        pieces = _PIECE.findall(text)
        found: list[Urgent] = []
        for one, signs, unless in self._urgent:
            told = [piece for piece in pieces if signs.search(piece) and not unless.search(piece)]
            if told:
                found.append(one)
                pieces = [piece for piece in pieces if piece not in told or asks(piece)]
        rest = "".join(pieces)
        # “儿子打老娘,谁来管”: without it nothing would be asked.
        return found, text if rest and self.is_short_for_more(self.read(rest)) else rest

    def parts(self, text: str) -> list[str]:
        """The questions of a message, at most MOST_PARTS, each with the story told before it.

        Abuse is cut out and orders to the machine are left out; where there is nothing else there is no question.
        """
        text = self._rude.sub(" ", text).strip()
        sentences = _SENTENCE.findall(_GREETING.sub("", text))
        kept = [one for one in sentences if not self._is_order(one)]
        if not kept:
            kept = [one for one in re.split(r"[,，\s]", text) if not self._is_order(one) and asks(one)]
        pieces = [
            piece
            for one in kept
            for part in _ALSO.split(one)
            for piece in _asked_together(part)
            if len(piece) > 1 and has_content(piece)
        ]
        found: list[str] = []
        story: list[str] = []
        for piece in pieces:
            if asks(piece):
                found.append(",".join([*story, _END.sub("", piece)]))
                story = []
            elif any(unit.concepts for unit in self._reader.read(piece)):
                # Of a story only what the documents have words for helps to find a clause.
                story.append(_END.sub("", piece))
        # What follows the last question (thanks, a threat, an order) does not change what was asked.
        if found or not kept:
            return found[:MOST_PARTS]
        return [",".join(story) or ",".join(kept)]

    def _is_order(self, sentence: str) -> bool:
        return any(word in sentence for word in self._glossary.orders)

    def read(self, text: str) -> Query:
        """One part as the index sees it."""
        repaired = self._homophones.repair(self._reader.plain(text))
        units = self._reader.read(repaired)
        concepts = {token for unit in units for token in unit.concepts}
        schemes = tuple(unit for unit in units if any(token.startswith("scheme:") for token in unit.concepts))
        gists = []
        for gist in _gists(repaired):
            read = self._reader.read(gist)
            # The story names the scheme, the question proper says "it".
            carried = () if any(unit in read for unit in schemes) else schemes
            if len(read) > 1 or (read and carried):
                gists.append((gist, (*carried, *read)))
        named = _of_kind(concepts, "scheme:")
        if named & self._glossary.about_anything:
            # What the help is wanted for is not what is asked.
            units = tuple(replace(unit, outside=()) for unit in units)
        return Query(
            text=repaired,
            units=units,
            gists=tuple(gists),
            schemes=named,
            aspects=_of_kind(concepts, "aspect:"),
        )

    def in_context(self, text: str, schemes: frozenset[str], aspect: str | None) -> Query:
        """One part, completed from the conversation where it leaves the scheme or the side to it."""
        query = self.read(text)
        if not query.schemes and not schemes and (scheme := self._of_age(query)) is not None:
            return replace(query, schemes=frozenset({scheme}))
        if aspect in _SIDE_WORDS and not query.aspects and (other := _another(text)) is not None:
            return self.about(f"{other}{_SIDE_WORDS[aspect]}", () if query.schemes else schemes)
        if not query.schemes and schemes and query.units and all(map(_is_side, query.units)):
            return self.about(text, schemes)
        return query

    def said_of(self, query: Query, schemes: frozenset[str]) -> str:
        """The schemes as the question calls them, else by the name of the first."""
        tokens = {f"scheme:{scheme}" for scheme in schemes}
        said = next((unit.word for unit in query.units if not tokens.isdisjoint(unit.tokens)), None)
        known = [self._glossary.names[one] for one in sorted(schemes) if one in self._glossary.names]
        return said or (known[0] if known else "这一项")

    def _of_age(self, query: Query) -> str | None:
        """The scheme a very old person means who asks for money and does not say which."""
        age = oldest(query.text)
        if age is None or not (query.aspects & _OF_MONEY or _MONEY.search(query.text)):
            return None
        if not names_nothing_else(query):
            # An illness, a disability, a house: the money is for that.
            return None
        old_enough = [(least, scheme) for scheme, least in self._glossary.ages.items() if age >= least]
        return max(old_enough)[1] if old_enough else None

    def about(self, text: str, schemes: frozenset[str] | tuple[str, ...]) -> Query:
        """`text` as a question about a scheme the conversation is about."""
        names = [self._glossary.names[scheme] for scheme in sorted(schemes) if scheme in self._glossary.names]
        return self.read(f"{names[0]}{text}" if names else text)

    def what_is(self, query: Query) -> Query:
        """The question what the scheme is that `query` merely names."""
        known = [scheme for scheme in sorted(query.schemes) if scheme in self._glossary.names]
        return self.read(f"{self._glossary.names[known[0]] if known else query.text}是什么")

    def is_short_for_more(self, query: Query) -> bool:
        """Whether the question only says which side is asked for (“要带啥”), not of what."""
        if "救助" in query.text:
            return False
        # “每月补多少”: words beside the sum say nothing of whose it is.
        beside = _OF_ANY if "how_much" in query.aspects else frozenset()
        return all(
            _SIDES.issuperset(unit.concepts) if unit.concepts else unit.word in beside for unit in query.units
        )

    def is_personal(self, query: Query) -> bool:
        """Whether somebody asks of their own case whether they may have something."""
        return any(words in query.text for words in self._glossary.personal) or tells_income(query)

    def is_hardship(self, query: Query) -> bool:
        """Whether somebody tells of a need, whatever else they ask."""
        return bool(self._needs.search(query.text)) or any(
            not self._glossary.hardship.isdisjoint(unit.concepts) for unit in query.units
        )

    def is_of_a_case(self, query: Query) -> bool:
        """Whether somebody asks how far their application has come, and does not merely tell of it on the way to
        another question (“低保还没批下来,能先领点救急的吗”)."""
        ends = [found.end() for found in self._of_a_case.finditer(query.text)]
        if not ends:
            return False
        rest = query.text[ends[-1] :]
        return not (
            asks(rest)
            and any(
                unit.concepts and not _STEPS.issuperset(unit.concepts) for unit in self._reader.read(rest)
            )
        )


def asks(text: str) -> bool:
    """Whether anything in `text` asks."""
    return bool(ASKING.search(text) or _ENDS_ASKING.search(text))


def _asked_together(sentence: str) -> list[str]:
    """The questions of a sentence that is, after what is told at its head, nothing but questions (“…多少,哪些人”)."""
    clauses = [one for one in re.split("[,，]", sentence) if one.strip()]
    first = next((at for at, one in enumerate(clauses) if asks(one)), len(clauses))
    asked = clauses[first:]
    if len(asked) < _MANY or not all(asks(one) and len(one) >= _LEAST for one in asked):
        return [sentence]
    return [",".join([*clauses[:first], asked[0]]), *asked[1:]]


def tells_income(query: Query) -> bool:
    """Whether an income is told, and asked whether that is little enough (“退休金1200够低保不”)."""
    text = query.text
    return bool(_OWN_INCOME.search(text) and _IS_IT_ENOUGH.search(text) and not _GOES_ON.search(text))


def only_named(query: Query) -> bool:
    """Whether the question is no more than the name of a scheme."""
    return bool(query.schemes) and all(
        unit.concepts and all(token.startswith("scheme:") for token in unit.concepts) for unit in query.units
    )


def only_a_side(query: Query) -> bool:
    """Whether the question is no more than the name of a scheme and which side of it is asked for."""
    return bool(query.schemes) and all(_is_scheme(unit) or _is_side(unit) for unit in query.units)


def names_nothing_else(query: Query) -> bool:
    """Whether the question names schemes, sides of them, old people and hardship, and no illness, house or calling."""
    return all(
        _is_scheme(unit)
        or all(token.startswith("aspect:") or token in _OF_ANYBODY for token in unit.concepts)
        for unit in query.units
    )


def _is_scheme(unit: Unit) -> bool:
    return any(token.startswith("scheme:") for token in unit.concepts)


def _is_side(unit: Unit) -> bool:
    """Whether a word of a question only says which side, or which step, of any scheme is meant."""
    if not unit.concepts:
        return unit.word in _OF_ANY
    return all(token.startswith("aspect:") or token in _STEPS for token in unit.concepts)


def without_pronouns(text: str) -> str:
    """`text` fit to stand behind a scheme's name."""
    return _THIS.sub("", text)


def _another(text: str) -> str | None:
    """Whom or what an elliptic follow-up names, else None."""
    match = _ANOTHER.match(text) or _BARE_ANOTHER.match(text)
    if match is None or ASKING.search(match["other"]):
        return None
    return match["other"]


def _gists(text: str) -> list[str]:
    """What may be the question proper in a long message: its clauses, and its end from the last asking word."""
    if len(text) < _SHORT:
        return []
    pieces = [piece for piece in re.split(r"[\s,，、:：]+", text) if len(piece) >= _LEAST]
    found = pieces if len(pieces) > 1 else []
    asking = [match.start() for match in ASKING.finditer(text) if len(text) - match.start() >= _LEAST]
    if asking:
        found.append(text[asking[-1] :])
    return [piece for piece in dict.fromkeys(found) if piece != text]


def _of_kind(concepts: set[str], prefix: str) -> frozenset[str]:
    return frozenset(token.removeprefix(prefix) for token in concepts if token.startswith(prefix))


def asks_a_figure(query: Query) -> bool:
    """Whether a sum, a number or a span is asked for."""
    return bool(query.aspects & {"how_much", "how_long"}) or bool(_FIGURE.search(query.text))
