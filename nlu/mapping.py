"""Readings and context to Commands: what a message means at this point of the conversation.

Order of precedence: danger; control words; corrections; a question or a new wish; the answer to the question asked.
The rules have the first word on control phrases, because "人工" or "算了" must never hang on a model's confidence;
the model decides what the rules leave open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, cast

from pydantic import JsonValue
from stdnum.cn import ric

from dialogues.commands import (
    ABOUT,
    AskPolicy,
    AskWhy,
    CancelFlow,
    CannotHandle,
    ChitChat,
    Clarify,
    Command,
    CorrectSlot,
    FinishInterview,
    HumanHandoff,
    Repeat,
    ResumeFlow,
    SetSlot,
    SkipQuestion,
    SpeakFor,
    StartFlow,
    UrgentDanger,
    WhatIf,
)
from dialogues.ports import AskedSlot, SlotType, UnderstandingContext, Understood
from nlu import lexicon, names, numerals, rules, whom
from nlu.extract import extract, id_number, integer, money, phone, yes_no
from nlu.reading import Reading
from nlu.spread import spread
from nlu.statements import Told, of_another, told_in_passing, told_of
from nlu.suppose import suppose
from nlu.text import MAX_CHARS, bare, clauses, has_words, normalise
from nlu.told import spouse_told, who_lives_here

Source = Literal["rasa", "rules"]
Danger = Literal["suicide", "violence", "child_alone", "no_food", "medical", "other"]

# Below this the model's word is not taken; between two readings closer than MARGIN the resident is asked.
SURE = 0.45
SURE_OF_WISH = 0.6
SURE_OF_TALK = 0.8
MARGIN = 0.12
# A model may only raise an alarm the patterns did not see when it is very sure.
SURE_OF_DANGER = 0.85
# "孩子在学校,我一个人在家" looks to a bag of characters like a child alone: that one is left to the patterns.
_MODEL_DANGERS = frozenset({"danger_suicide", "danger_violence", "danger_no_food", "danger_medical"})
MAX_QUESTIONS = 3
MOST_OF_A_NOD = 4
MOST_OF_NOISE = 2

# Of the whole household, said so.
_OF_ALL = re.compile(r"全家|家里|我们|俺们|咱们|我家|一共|总共|加起来|两口子|老两口")
# One scheme is all they want to look at.
_ONLY = re.compile(
    r"(?:只|就|单|光|仅)(?:是|单|要|先)?(?:我|俺)?(?:想|要|需)?(?:先|要)?(?:看|测|算|查|晓得|知道|了解)(?:看|测|算|查|一下|下|一看)?"
)
_CONTROL = frozenset(
    {"finish", "human", "cancel", "resume", "skip", "dont_know", "repeat", "simpler", "ask_why"}
)
_CHAT = {
    "greet": "greet", "thanks": "thanks", "goodbye": "bye", "bot_challenge": "bot_challenge", "abuse": "abuse",
    "distress": "distress", "affirm": "affirm", "deny": "deny", "out_of_scope": "out_of_scope",
    "needs_help": "needs_help", "satisfaction_good": "thanks", "satisfaction_bad": "satisfaction_bad",
}  # fmt: skip
_FLOWS = {
    "assess_others": "assess_others",
    "assess_paper": "assess_paper",
    "assess_told": "assess_told",
    "withdraw": "withdraw",
    "apply": "apply",
    "assess": "assess",
    "hardship": "assess",
    "case_status": "case_status",
}
# Things a resident may simply not have: 没有照片, 没有卡, 没有电话.
_HAS_IT_OR_NOT: frozenset[SlotType] = frozenset({"file", "id_number", "bank_account", "phone"})
# Things that can do without: 不用, 不要.
_MAY_DECLINE: frozenset[SlotType] = frozenset({"file", "bank_account", "id_number", "phone"})
# Questions answered in the resident's own words, which may well name somebody.
_OWN_WORDS: frozenset[SlotType] = frozenset({"text", "address"})
# Flows begun for another household in the same message.
_FOR_OTHERS = frozenset({"apply", "assess"})
_FREE_TEXT: frozenset[SlotType] = frozenset({"text"})
# What a message may be cleared up to, by intent (ids of flows or pattern options).
_OPTION = {"ask_policy": "ask", "apply": "apply", "assess": "assess", "case_status": "case_status", "human": "human", "cancel": "cancel", "resume": "resume", "repeat": "repeat", "simpler": "repeat"}  # fmt: skip

_CORRECTION = re.compile(
    r"^(?:哦|噢|哎呀?|啊|等等|等一下|等下|慢着|抱歉|对不起|不好意思|那个|我)*[,\s]*(?:"
    r"(?P<strong>(?:我)?(?:刚才|刚刚|前面|上面|之前|那个)?(?:我)?(?:的?(?:电话|手机|身份证|名字|姓名|地址|收入|人数|年龄|存款|银行卡|账号|卡号)(?:号码?)?)?(?:说|写|填|讲|弄|搞|输|打|选|点|报|记)(?:的)?(?:错|不对|反)了?|(?:我的?)?(?:电话|手机|身份证|名字|姓名|地址|住址|银行卡|账号|卡号)(?:号码?)?(?:是)?(?:错|不对)了?|错了|搞错了?|更正(?:一下)?|纠正(?:一下)?|(?:我(?:要|想))?改(?:一下|下|改)?(?!成|为|天|日|革|造|嫁|变)|不对头?(?:不对)?|不是不是|不不|唔啱|唔系)"
    r"|(?P<weak>不是的?|不))(?P<rest>.*)$",
    re.DOTALL,
)
_CHANGE_TO = re.compile(
    r"(?:改成|改为|更正为|换成|应该是|应该写|应为|其实是|实际(?:上)?是|准确(?:地)?说是|是写成)(?P<rest>.+)$",
    re.DOTALL,
)
_AM_I_ENTITLED = re.compile(
    r"(?:能不能|可不可以|可唔可以|能|可以|够不够|够|算不算|算|符不符合|符合)[^,。]{0,12}(?:不|吗|么|没|\?)*$"
)
# 帮张奶奶看看能申请啥: it is her case that is meant.
_ENTITLED = re.compile(
    r"(?:能|可以|够)[^,。怎]{0,8}(?:啥|什么|哪些|吗|不|没)|(?:有|算)(?:没有|不算)?.{0,6}(?:资格|条件)"
)
_PREAMBLE = re.compile(
    r"(?:我|俺)?(?:想|要|就是)*(?:请|先|再|还)?(?:问|咨询|打听|请教|了解)(?:一下|下|一哈|个|您|你)*(?:事|事情|问题)?"
)
_WHAT_TO_DO = re.compile(
    r"怎么办|咋办|咋个办|咋整|咋个整|咋搞|咋个搞|怎么整|怎么搞|咋弄|怎么过|咋过|怎么活|点办|怎么弄|点算|如何是好"
)
_APPLYING = frozenset({"apply", "household"})
_HAS_NONE = re.compile(
    r"^(?:我|现在|手边|这里)*(?:没有?(?!人|事|听|看|懂|明白|错|问题|关系|意见|完|想)|没得|不会(?!吧|是)|拍不|不能|不方便|发不|传不|弄不|没带|冇|不晓得怎么)"
)
_DECLINES = re.compile(
    r"(?:这个|这项|我|先|就|都|暂时|现在)*(?:不用|不要|不需要|不必|不想|甭|免|唔使|不填|不留|不给|不拍|不发|不传|不写|不弄)(?:照片|照|银行卡|卡|号码?|账号|电话|手机|这个|这|填|拍|发|写|弄|留|给|说)*(?:了|吧|嘛)*"
)
_PEOPLE_IN_STORY = re.compile(r"[我俺咱家].{0,6}?(?P<n>[一二两三四五六七八九十\d]{1,2})口人")
_WHOLE_ADDRESS = re.compile(r"[县区镇乡村](?!长|干部).*[村组路号巷弄栋楼屯寨]")
# Somebody is to be taken out of the household: 把儿媳妇删了, 我哥不算一家人.
_TAKE_OUT = re.compile(
    r"(?:删|去)(?:掉|了|除)|不(?:算|要)(?:他|她|进|在|一家)|分了?户|不(?:跟|和)我们?(?:一起)?(?:住|过)"
)
_SUBMIT = re.compile(r"(?:我|就|那|确认|可以|现在|要|帮我|请)*(?:提交|交)(?:申请|上去|了|吧)*")
_CONSENTS = frozenset({"apply_consent", "authorisation_ok"})
_CONSENTING = re.compile(
    r"(?:我|俺|们|家|都|也|完全|当然|肯定|可以|同意|统一|同义|同宜|愿意|好|的|了|行|是|对|嗯|恩|要得|得行|没问题|没意见|没得问题|没错|中|嘞|成|授权|委托|答应|确认|认可|呐|昂|系|係|ok|yes|y|1|吧|啊|呀|哦|哈|就|这样|你们?|查|核对|办|用|随便|呗|嘛|得|能|√|听你的|看着办|[,。! ])+",
    re.IGNORECASE,
)
# 她同意, 老人说同意: who speaks for another tells what they said.
_THEY = re.compile(r"^(?:他|她|本人|老人家?|人家|大娘|大爷|奶奶|爷爷)(?:自己|本人)?(?:说|讲|也|是)*(?:了)?")
_ONE_MORE = re.compile(
    r"(?:还有|漏了|忘了|少了|加上?|添)(?:说|写|算|填)?(?:我)?(?:一|两)?个?(?:老伴|老公|老婆|儿子|女儿|闺女|孩子|娃|孙子|孙女|外孙|爸|妈|爷爷|奶奶|哥|弟|姐|妹|家里?人)"
)
_ONE_OF_THEM = re.compile(
    r"^(?!我|申请人)[一-鿿·]{2,12}的(?:名字|姓名|身份证|号码|关系)(?:号码?)?.{0,3}(?:错|不对|要?改)"
)
_OUT_OF_POCKET = re.compile(r"自付|自费|自己(?:出|掏|花|拿|垫)|报(?:销|完|了).{0,6}(?:后|还|自己|掏|出)")
_MY_AGE = re.compile(
    r"(?:^|[,\s])(?:我|俺|本人)(?:今年|都|已经)?(?P<n>[1-9]\d|[二三四五六七八九]?十[一二三四五六七八九]?)(?:周?岁|虚岁)?(?:了)?(?=$|[,。\s])"
)
_NOT_BUT = re.compile(r"不是[^,。]{1,12}[,。]?\s*(?:而)?是(?P<rest>.+)$", re.DOTALL)
_REST = re.compile(
    r"^[\s,。!::了]*(?:叫做?|应该|其实|实际上|改成|改为|是|成|为|我是|我家是|就)*(?:是)?[\s,:]*"
)


def pieces(text: str) -> list[str]:
    """What a model is to read of a message: the whole, and its clauses where there are several (at most 6)."""
    plain = normalise(text)
    parts = clauses(plain)
    return list(dict.fromkeys([plain, *(parts[:6] if len(parts) > 1 else [])]))


def interpret(
    text: str, context: UnderstandingContext, model: Mapping[str, Reading] | None = None
) -> Understood:
    """Commands for a message.

    Args:
        text: as the resident sent it.
        context: what was asked, what is filled.
        model: a model's readings of `pieces(text)`; None where no model is at hand.
    """
    return _Message(text, context, model or {}).understood()


class _Message:
    """One message being understood."""

    def __init__(self, text: str, context: UnderstandingContext, model: Mapping[str, Reading]) -> None:
        self.raw = text
        self.context = context
        self.model = model
        self.plain = normalise(text)
        self.whole = self._read(self.plain)
        self.today: date | None = context.now.date() if context.now else None

    def understood(self) -> Understood:
        commands, intent, confidence = self._commands()
        source: Source = "rasa" if self.model else "rules"
        return Understood(tuple(commands), intent, confidence, source)

    # --- reading ---------------------------------------------------------------------------------------------

    def _read(self, piece: str) -> Reading:
        """The rules' reading, unless they are unsure and the model is not."""
        by_rule = rules.read(piece)
        by_model = self.model.get(piece)
        if by_model is None or by_model.intent is None or by_rule.confidence >= 0.9:
            return by_rule
        entities = {**by_model.entities, **by_rule.entities}
        guess = Reading(by_model.intent, by_model.confidence, entities, by_model.ranking, guessed=True)
        # Digits mean nothing to it; values and corrections are read by rules; an alarm has its own bar.
        usable = (
            re.search(r"[一-鿿]{2}", piece) is not None
            and by_model.intent not in {"inform", "correct"}
            and not by_model.intent.startswith("danger_")
        )
        if by_rule.intent is None:
            if usable and by_model.confidence >= SURE:
                return guess
            return Reading(None, 0.0, entities, by_model.ranking)
        # A question by its form: small talk only when the model is very sure, a plain wish when it is sure.
        wish = by_model.intent in {"case_status", "assess", "human"}
        bar = SURE_OF_WISH if wish else SURE_OF_TALK
        if by_rule.intent == "ask_policy" and usable and by_model.confidence >= bar:
            return guess if by_model.intent != "out_of_scope" else by_rule
        return Reading(by_rule.intent, by_rule.confidence, entities, by_model.ranking)

    def _danger(self) -> Danger | None:
        kind = rules.danger(self.plain)
        if kind is None:
            guess = self.model.get(self.plain)
            quiet = rules.is_question(self.plain) or self.whole.exact
            if guess and guess.intent in _MODEL_DANGERS and guess.confidence >= SURE_OF_DANGER and not quiet:
                kind = guess.intent.removeprefix("danger_")
        return cast("Danger | None", kind)

    # --- the whole message -----------------------------------------------------------------------------------

    def _commands(self) -> tuple[list[Command], str | None, float]:
        if not self.raw.strip():
            return [CannotHandle(reason="empty")], None, 1.0
        danger = self._danger()
        if danger is not None:
            return [UrgentDanger(danger=danger)], f"danger_{danger}", 1.0
        if len(self.raw) > MAX_CHARS:
            return [CannotHandle(reason="too_long")], None, 1.0
        if not has_words(self.plain):
            return self._without_words(), None, 1.0
        if (elsewhere := self._speaking()) is not None:
            return elsewhere, self.whole.intent, self.whole.confidence
        if about_assessing := self._of_the_assessment():
            return about_assessing, self.whole.intent, 1.0
        commands = self._answering(self.context.asked) if self.context.asked else self._free()
        return commands, self.whole.intent, self.whole.confidence

    def _speaking(self) -> list[Command] | None:
        """The message turns to another household than the one spoken of; None when it does not."""
        asked = self.context.asked
        if (asked is not None and asked.type in _OWN_WORDS) or self.whole.intent in {"human", "cancel"}:
            return None
        told = whom.read(self.plain)
        if told is None:
            return None
        only_role = told.role is not None and told.who is None and not (told.own or told.new)
        if only_role and asked is not None and extract(self.plain, asked, today=self.today) is not None:
            # 我是村干部 is the answer where that was asked.
            return None
        rest = interpret(told.rest, replace(self.context, asked=None)).commands if told.rest else ()
        wishes = [*self._command(self.whole, self.plain), *rest]
        begun = next((one for one in wishes if isinstance(one, StartFlow) and one.flow in _FOR_OTHERS), None)
        questions = [
            one for one in rest if isinstance(one, AskPolicy) and len(bare(one.question)) > MOST_OF_NOISE
        ]
        entitled = [one for one in questions if _ENTITLED.search(one.question)]
        if not told.turned and not told.asking and begun is None:
            # 给我妈买药花了三千, or a question about what holds for a mother: nobody else is spoken for.
            return None
        then = begun.flow if begun is not None else "assess" if entitled else None
        if told.new:
            then = "apply" if told.applying else then or "assess"
        slots = begun.slots if begun is not None else {}
        turn = SpeakFor(who=told.who, role=told.role, own=told.own, new=told.new, then=then, slots=slots)
        return [turn, *(questions if then is None else ())]

    def _of_the_assessment(self) -> list[Command]:
        """A supposition, or a wish about the self-assessment itself: its result now, one scheme only."""
        asked = self.context.asked
        assessing = self.context.active_flow == "assess" or (asked is not None and asked.flow == "assess")
        told = assessing or any(_is_fact(name) for name in self.context.filled)
        if told and (supposed := suppose(self.plain, self.today)) is not None:
            return [WhatIf(facts=supposed.facts, more=supposed.more)]
        if self.whole.intent == "finish" and (assessing or "结果" in self.plain) and told:
            return [FinishInterview()]
        only = _ONLY.search(self.plain)
        if only is None or rules.is_question(self.plain) or (asked is not None and asked.flow in _APPLYING):
            return []
        wanted = dict.fromkeys(value for value, _, _ in lexicon.schemes().find(self.plain[only.start() :]))
        return [StartFlow(flow="assess", slots={ABOUT: ",".join(wanted)})] if wanted else []

    def _without_words(self) -> list[Command]:
        if re.search(r"[?]{1,}$", self.plain) and self.context.asked:
            return [Repeat(simpler=True)]
        if self.context.asked and self.context.asked.type == "bool" and re.search("👌|👍|✅|🆗", self.raw):
            return [SetSlot(name=self.context.asked.name, value=True, raw=self.raw.strip())]
        return [CannotHandle(reason="no_text")]

    # --- a question stands in the chat ------------------------------------------------------------------------

    def _answering(self, asked: AskedSlot) -> list[Command]:
        if self._is_title(asked):
            return self._set(asked, self.plain) or self._invalid()
        if asked.name == "subject_who" and self.whole.intent in _FOR_OTHERS:
            # 测, before it was said whom: that is asked again.
            return self._invalid()
        if asked.name == "satisfaction" and self.whole.intent in {"satisfaction_good", "satisfaction_bad"}:
            value = self.whole.intent.removeprefix("satisfaction_")
            return [SetSlot(name=asked.name, value=value, raw=self.raw.strip())]
        if asked.name == "satisfaction" and _SUBMIT.fullmatch(bare(self.plain)):
            return [SetSlot(name="apply_confirm", value=True, raw=self.raw.strip())]
        if self.whole.exact and not self._closes(asked):
            control = self._command(self.whole, self.plain)
            if control and not self._answers_anyway(asked):
                return control
        if scheme := self._scheme_again(asked):
            return scheme
        if asked.name in {"has_members", "more_members"} and (told := self._member_told(asked)):
            return told
        if self._household_again(asked):
            return [CorrectSlot(name="household", raw=self.raw.strip())]
        if (
            asked.name == "apply_confirm"
            and _TAKE_OUT.search(self.plain)
            and not rules.is_question(self.plain)
        ):
            return [CorrectSlot(name="household", raw=self.raw.strip())]
        correction = self._correction(asked)
        if correction is not None:
            return [correction]
        if asked.type in _FREE_TEXT:
            return self._text(asked)
        if asked.type in _MAY_DECLINE and _DECLINES.fullmatch(bare(self.plain)):
            return [SkipQuestion()]
        if (
            asked.type in _HAS_IT_OR_NOT
            and _HAS_NONE.search(self.plain)
            and not rules.is_question(self.plain)
        ):
            return [SkipQuestion()]
        return self._typed(asked)

    def _is_title(self, asked: AskedSlot) -> bool:
        plain = bare(self.plain)
        return any(plain == bare(normalise(choice.title)) for choice in asked.choices)

    def _closes(self, asked: AskedSlot) -> bool:
        """“就这些了” answers "anyone else?" with no; “没有” forms likewise belong to the question."""
        return asked.type == "bool" and self.whole.intent == "goodbye" and "见" not in self.plain

    def _answers_anyway(self, asked: AskedSlot) -> bool:
        """A phrase that is a wish elsewhere and the answer here (开始 at a yes/no question)."""
        if asked.type == "text":
            return False
        if self.whole.intent == "apply" and asked.type == "choice":
            return extract(self.plain, asked, today=self.today) is not None
        return (
            self.whole.intent in {"satisfaction_good", "greet"}
            and asked.type == "bool"
            and yes_no(self.plain) is True
        )

    def _text(self, asked: AskedSlot) -> list[Command]:
        if asked.name == "subject_who":
            who = whom.called(self.plain)
            return (
                self._invalid()
                if who is None
                else [SetSlot(name=asked.name, value=who, raw=self.raw.strip())]
            )
        if asked.name == "policy_question":
            if self.whole.intent == "human":
                return [HumanHandoff()]
            if self.whole.intent in {"apply", "assess", "case_status"} and not rules.is_question(self.plain):
                return self._command(self.whole, self.plain)
            return [SetSlot(name=asked.name, value=self.raw.strip(), raw=self.raw.strip())]
        if self.whole.intent == "human" and len(self.plain) <= 20:
            return [HumanHandoff()]
        if rules.is_question(self.plain) and len(self.plain) <= 40:
            return [_policy(self.raw.strip())]
        return [SetSlot(name=asked.name, value=self.raw.strip(), raw=self.raw.strip())]

    def _typed(self, asked: AskedSlot) -> list[Command]:
        answers: list[str] = []
        others: list[Command] = []
        told: list[Command] = []
        for clause in clauses(self.plain):
            reading = self._read(clause)
            commands = self._interrupting(reading, clause, asked)
            if not commands and (elsewhere := self._elsewhere(clause, asked)):
                told.extend(elsewhere)
            elif commands:
                others.extend(command for command in commands if command not in others)
            elif self._beside(asked, clause):
                continue
            elif reading.intent not in {"greet", "thanks"} and not _PREAMBLE.fullmatch(bare(clause)):
                answers.append(clause)
        said = "".join(answers)
        found = self._set(asked, said) if said else []
        others = [*told, *others]
        if not found and not others and (instead := self._told_instead(asked)):
            return instead
        if not found and others and not any(isinstance(command, ChitChat) for command in others):
            # 我家有车,还能申请吗: what stands before a question belongs to it.
            return self._join_question(said, others)
        if found:
            return [
                *found,
                *(one for one in self._volunteered(said, asked) if one not in found),
                *(c for c in others if not isinstance(c, ChitChat | SkipQuestion)),
            ]
        if others:
            cancelled = any(isinstance(command, CancelFlow) for command in others)
            return [c for c in others if not (cancelled and isinstance(c, SkipQuestion))]
        if self.whole.intent in _CHAT and self.whole.intent not in {"affirm", "deny", "out_of_scope"}:
            return self._command(self.whole, self.plain)
        if asked.type == "file" and len(bare(self.plain)) <= 3 and yes_no(self.plain):
            # 好, and then the picture comes.
            return [ChitChat(topic="affirm")]
        if self.whole.intent in {"ask_policy", *_CONTROL} and self.whole.confidence < 0.9:
            return self._command(self.whole, self.plain)
        return self._invalid()

    def _beside(self, asked: AskedSlot, clause: str) -> bool:
        """没看过大病 is no 没有 to another question, though nothing certain is told by it."""
        free = asked.flow == "assess" and asked.type in {"bool", "choice"} and not self._is_title(asked)
        return free and len(bare(clause)) > MOST_OF_NOISE and of_another(asked.name, clause)

    def _elsewhere(self, clause: str, asked: AskedSlot) -> list[Command]:
        """A fact of the household that answers another question: 没车 is no answer to the income."""
        if asked.flow != "assess":
            return []
        mine = _topic_slots(asked.name)
        if told_of(asked.name, clause) is not None:
            return []
        facts = {
            name: value
            for name, value in self._facts(clause, passing=True).items()
            if name != asked.name and name not in mine and not self._size_again(name)
        }
        read = extract(clause, asked, today=self.today)
        # 就一间老瓦房 is no age of one, and 存款两万 none of 20000: the figure is the other fact's.
        taken = told_in_passing(clause) or (read is not None and read.value in facts.values())
        if facts and asked.type == "int" and asked.name != "household_size" and taken:
            return [SetSlot(name=name, value=value, raw=self.raw.strip()) for name, value in facts.items()]
        if not facts or (asked.type not in {"bool", "choice"} and read is not None and read.value != 0):
            return []
        return [SetSlot(name=name, value=value, raw=self.raw.strip()) for name, value in facts.items()]

    def _size_again(self, name: str) -> bool:
        """老两口 in a story of who earns what does not change how many people were told to live there."""
        return name == "household_size" and name in self.context.filled

    def _join_question(self, said: str, others: list[Command]) -> list[Command]:
        if not said or len(said) > 60:
            return others
        first = others[0]
        if isinstance(first, AskPolicy) and first.question in self.plain:
            start = self.plain.find(said.rstrip(",。!; ")[:8])
            if 0 <= start < self.plain.find(first.question):
                return [_policy(self.plain[start:].strip()), *others[1:]]
        return others

    def _interrupting(self, reading: Reading, clause: str, asked: AskedSlot) -> list[Command]:
        """Commands when the clause is something else than an answer to the question asked."""
        intent = reading.intent
        stated = told_of(asked.name, clause) is not None or bool(told_in_passing(clause))
        if asked.flow == "assess" and not reading.exact and stated:
            # 没出啥事 has the form of a question, and is none.
            return []
        if intent is None or intent in {
            "affirm",
            "deny",
            "out_of_scope",
            "distress",
            "hardship",
            "needs_help",
            "greet",
            "thanks",
        }:
            return []
        if intent == "goodbye" and asked.type == "bool" and "见" not in clause:
            return []
        by_model = reading.guessed and not rules.is_question(clause)
        if (
            by_model
            or (intent in _FLOWS and _FLOWS[intent] == self.context.active_flow)
            or self._resembles(asked, clause)
        ):
            # The model's guess, or a wish already being served, gives way to a readable answer.
            if extract(clause, asked, today=self.today) is not None:
                return []
            if intent in _FLOWS and _FLOWS[intent] == self.context.active_flow:
                return []
        if intent in {"dont_know", "skip"} and not reading.exact and extract(clause, asked, today=self.today):
            # 具体不清楚,大概八百: the figure counts.
            return []
        if reading.exact or intent in _CONTROL or intent in _FLOWS or intent == "ask_policy":
            return self._command(reading, clause)
        return [] if intent.startswith("satisfaction") else self._command(reading, clause)

    def _resembles(self, asked: AskedSlot, clause: str) -> bool:
        """Whether the clause names one of the choices (a scheme, say) and asks nothing."""
        return asked.type == "choice" and not rules.is_question(clause)

    def _set(self, asked: AskedSlot, said: str) -> list[Command]:
        if asked.name == "apply_confirm" and _SUBMIT.fullmatch(bare(said)):
            return [SetSlot(name=asked.name, value=True, raw=self.raw.strip())]
        if stated := self._stated(asked, said):
            return stated
        found = extract(said, asked, today=self.today)
        if found is None and asked.type == "person_name":
            # 我叫王五,身份证是…: the name stands in one of the clauses.
            each = (extract(clause, asked, today=self.today) for clause in clauses(said))
            found = next((name for name in each if name is not None), None)
        if found is None:
            return []
        agreed = _THEY.sub("", bare(said)) if asked.for_other else bare(said)
        if asked.name in _CONSENTS and found.value is True and not _CONSENTING.fullmatch(agreed):
            # 要, or 我要提交, is no consent: that has to be plain.
            return []
        value = found.value
        if asked.flow == "assess" and asked.type == "money" and not self._is_title(asked):
            bounds = spread(said, asked.name)
            if bounds is not None and value not in [choice.value for choice in asked.choices]:
                value = list(bounds)
        return [SetSlot(name=asked.name, value=value, raw=self.raw.strip())]

    def _stated(self, asked: AskedSlot, said: str) -> list[Command]:
        """What a statement says of the fact asked for, with the figure it holds of another; a sum told is a sum."""
        if asked.flow != "assess" or self._is_title(asked) or (told := told_of(asked.name, said)) is None:
            return []
        if asked.type == "money" and (money(said, asked.name) or 0) != 0:
            return []
        raw = self.raw.strip()
        return [
            SetSlot(name=asked.name, value=told.value, raw=raw),
            *(SetSlot(name=name, value=value, raw=raw) for name, value in self._number(told).items()),
        ]

    def _number(self, told: Told) -> dict[str, JsonValue]:
        """教了十二年: the years beside that somebody taught."""
        said = told.number and re.search("年|学期", told.clause)
        figure = integer(told.clause, told.number or "", self.today) if said else None
        return {told.number: figure} if told.number and figure else {}

    def _volunteered(self, said: str, asked: AskedSlot) -> list[Command]:
        mine = _topic_slots(asked.name)
        if asked.type == "person_name":
            return self._told_with_name(said, asked)
        if asked.flow not in {"assess", ""}:
            return []
        told = self._facts(said, passing=True)
        if asked.name == "household_size":
            # 我和老伴,还有孙子: who they are, so that they can be spoken of by it.
            told |= {
                f"household.{place}.relation": relation
                for place, relation in enumerate(who_lives_here(said), start=1)
            }
        return [
            SetSlot(name=name, value=value, raw=self.raw.strip())
            for name, value in told.items()
            if name != asked.name and name not in mine and not self._size_again(name)
        ]

    def _told_instead(self, asked: AskedSlot) -> list[Command]:
        """What answers another question than the one asked, where there is no doubt which: nothing told is lost."""
        raw = self.raw.strip()
        told: list[Command] = []
        mine = _topic_slots(asked.name)
        stem = asked.name.split("_")[0]
        owner = stem if stem == "member" else "applicant"
        if asked.flow in _APPLYING:
            digits = id_number(self.plain)
            if asked.type != "id_number" and digits and _is_identity(digits):
                told.append(SetSlot(name=f"{owner}_id_number", value=digits, raw=raw))
            number = phone(self.plain)
            if asked.type != "phone" and number and re.fullmatch(r"1[3-9]\d{9}", number):
                told.append(SetSlot(name="phone", value=number, raw=raw))
            if asked.type in {"file", "bank_account", "phone"} and _WHOLE_ADDRESS.search(self.plain):
                told.append(SetSlot(name="address", value=self.raw.strip(), raw=raw))
        told += [
            SetSlot(name=name, value=value, raw=raw)
            for name, value in self._facts(self.plain, passing=True).items()
            if asked.flow == "assess"
            and name != asked.name
            and name not in mine
            and not self._size_again(name)
        ]
        # A number given before is changed by saying so: another one may be somebody else's.
        own = {"phone", "applicant_id_number", "member_id_number"}
        return [
            one
            for one in told
            if isinstance(one, SetSlot) and not (one.name in own and one.name in self.context.filled)
        ]

    def _household_again(self, asked: AskedSlot) -> bool:
        """等一下,我还有个孙女, or 古丽娜尔的名字错了 at the summary: the members are to be changed."""
        if asked.flow != "apply" or "has_members" not in self.context.filled or rules.is_question(self.plain):
            return False
        if asked.name == "apply_confirm" and _ONE_OF_THEM.search(self.plain):
            return True
        return asked.name != "has_members" and _ONE_MORE.search(self.plain) is not None

    def _member_told(self, asked: AskedSlot) -> list[Command]:
        """孙子叫马小宝, when asked whether there is anybody: there is, and who it is."""
        plain = re.sub(r"^(?:还有|有)(?:一?个)?", "", bare(self.plain))
        who = next((value for value, _, _ in lexicon.relations().find(plain) if value != "self"), None)
        name = names.name_told_with_relation(plain)
        raw = self.raw.strip()
        if who is None or re.search(r"[没不冇莫]|死|过世|去世|走了", plain):
            return []
        if name is None:
            # 就我跟我老头: there is somebody.
            return [] if len(plain) > 15 else [SetSlot(name=asked.name, value=True, raw=raw)]
        return [
            SetSlot(name=asked.name, value=True, raw=raw),
            SetSlot(name="member_name", value=name, raw=raw),
            SetSlot(name="member_relation", value=who, raw=raw),
        ]

    def _scheme_again(self, asked: AskedSlot) -> list[Command]:
        """The bare name of a scheme while an application is filled in is what they want to apply for."""
        scheme = lexicon.schemes().exact(bare(self.plain))
        if scheme is None or asked.flow not in _APPLYING or "apply_schemes" not in self.context.filled:
            return []
        return [SetSlot(name="apply_schemes", value=scheme, raw=self.raw.strip())]

    def _told_with_name(self, said: str, asked: AskedSlot) -> list[Command]:
        """An ID number, and for a member the relation, given in the same breath as the name."""
        told: list[Command] = []
        stem = asked.name.removesuffix("name")
        member = stem.startswith("member")
        who = [value for value, _, _ in lexicon.relations().find(said) if value != "self"]
        if member and who:
            told.append(SetSlot(name=f"{stem}relation", value=who[0], raw=self.raw.strip()))
        digits = id_number(said)
        if digits and len(digits) == 18 and stem:
            told.append(SetSlot(name=f"{stem}id_number", value=digits, raw=self.raw.strip()))
        number = phone(said)
        if not member and stem and number and re.fullmatch(r"1[3-9]\d{9}", number):
            told.append(SetSlot(name="phone", value=number, raw=self.raw.strip()))
        return told

    def _invalid(self) -> list[Command]:
        return [CannotHandle(reason="invalid_answer", raw=self.raw.strip()[:200])]

    # --- corrections -----------------------------------------------------------------------------------------

    def _correction(self, asked: AskedSlot | None) -> CorrectSlot | None:
        if rules.is_question(self.plain) or not (self.context.filled or asked):
            return None
        match = _CORRECTION.match(self.plain)
        change = _CHANGE_TO.search(self.plain) or _NOT_BUT.search(self.plain)
        if match is None and change is None:
            return None
        strong = match is not None and match["strong"] is not None
        if asked is not None and asked.doubted and extract(self.plain, asked, today=self.today) is not None:
            # 不对,是一年三千 answers the doubt about what was said a moment ago.
            return None
        rest = change["rest"] if change else (match["rest"] if match else "")
        rest = _REST.sub("", rest).strip(" ,。!")
        while (again := _CORRECTION.match(rest)) and again["strong"] is not None and again["rest"] != rest:
            # 不对,名字错了,叫王大三: said twice before the new value comes.
            rest = _REST.sub("", again["rest"]).strip(" ,。!")
        if asked is not None and not strong and (change is None or _NOT_BUT.search(self.plain)):
            # 不是 and 不 answer a yes/no question; 不是,是农村的 answers a choice.
            if asked.type in {"bool", "choice", "relation"} and not self._topic_filled():
                return None
            if match is not None and change is None and (not rest or not numerals.find(rest)):
                return None
            if (
                change is None
                and extract(rest, asked, today=self.today) is not None
                and not self._topic_filled()
            ):
                # 不是,一个月一万二 answers the question that stands.
                return None
        if (
            asked is not None
            and asked.type == "bool"
            and bare(self.plain) in {"不对", "不对头", "不不", "不是不是", "唔系", "唔啱"}
        ):
            return None
        if not rest:
            return CorrectSlot(raw=self.raw.strip())
        if (scheme := lexicon.schemes().only(rest)) and "apply_schemes" in self.context.filled:
            return CorrectSlot(name="apply_schemes", value=scheme, raw=self.raw.strip())
        name, kind = self._resolve(self.plain, rest)
        if _is_label(rest):
            # 我要改电话 names what is to be changed and gives no new value.
            return CorrectSlot(name=name or _field(rest), raw=self.raw.strip())
        return CorrectSlot(name=name, value=self._value(rest, name, kind), raw=self.raw.strip())

    def _topic_filled(self) -> bool:
        slots = self._topic(self.plain) or ()
        return any(name in slots or name.rsplit(".", 1)[-1] in slots for name in self.context.filled)

    def _topic(self, text: str) -> tuple[str, ...] | None:
        return next((slots for slots, words in lexicon.topics() if words.search(text)), None)

    def _resolve(self, text: str, rest: str) -> tuple[str | None, SlotType | None]:
        """The filled slot meant, by the words around the value; (None, type guessed) when that is not certain."""
        slots = self._topic(rest) or self._topic(text)
        if slots is None:
            return None, None
        fitting = [name for name in self.context.filled if name in slots or name.rsplit(".", 1)[-1] in slots]
        if not fitting and self.context.asked is not None and self.context.asked.name in slots:
            return self.context.asked.name, self.context.asked.type
        own = next((name for name in slots if name in _OWN), None)
        if not fitting and own is not None and self.context.active_flow == "apply":
            # Its question has not come yet: what is told for it is kept.
            return own, _OWN[own]
        if len(fitting) == 1:
            return fitting[0], self.context.filled[fitting[0]]
        return None, self.context.filled[fitting[-1]] if fitting else None

    def _value(self, rest: str, name: str | None, kind: SlotType | None) -> JsonValue:
        if kind is not None:
            found = extract(rest, AskedSlot(name or "", kind), today=self.today)
            if found is None and kind == "person_name":
                each = (extract(part, AskedSlot(name or "", kind)) for part in clauses(rest))
                found = next((one for one in each if one is not None), None)
            if found is not None:
                return found.value
            if kind in _EXACT:
                return None
        topic = self._topic(rest) or self._topic(self.plain) or ("",)
        if topic[0] == "household_size":
            return integer(rest, "household_size")
        if topic[0].startswith(("household_income", "income", "savings", "medical", "rigid", "debt")):
            return money(rest, topic[0])
        digits = id_number(rest) or phone(rest)
        if digits is not None and len(digits) in {11, 18}:
            return digits
        if numerals.find(rest):
            return money(rest) if re.search(r"[块元毛]", rest) else integer(rest, topic[0])
        if relation := lexicon.relations().exact(bare(rest)):
            return relation
        meant = [
            value
            for value, words in lexicon.value_words().items()
            if words.exact(bare(rest).removesuffix("的"))
        ]
        if len(meant) == 1:
            return meant[0]
        answer = yes_no(rest) if len(rest) <= 4 else None
        return rest if answer is None else answer

    # --- nothing was asked -----------------------------------------------------------------------------------

    def _free(self) -> list[Command]:
        if self.whole.exact:
            return self._command(self.whole, self.plain)
        correction = self._correction(None)
        if correction is not None:
            return [correction]
        commands: list[Command] = []
        story: list[str] = []
        for clause in clauses(self.plain):
            reading = self._read(clause)
            if reading.intent is None or reading.intent in {
                "hardship",
                "distress",
                "out_of_scope",
                "affirm",
                "deny",
            }:
                story.append(clause)
                continue
            if reading.intent == "ask_policy" and not _PREAMBLE.fullmatch(bare(clause)):
                question = "".join([*story, clause])[-120:]
                commands.append(_policy(question.strip()))
                story = []
                continue
            commands.extend(self._command(reading, clause))
        return self._settled(commands) or self._from_story()

    def _settled(self, commands: Sequence[Command]) -> list[Command]:
        """Several wishes brought into order: no small talk beside a wish, a person before all, nothing twice."""
        wishes = [command for command in commands if not isinstance(command, ChitChat)]
        if not wishes:
            return list(commands[:1]) if commands and not self._story_matters() else []
        if any(isinstance(command, HumanHandoff) for command in wishes):
            return [HumanHandoff()]
        kept: list[Command] = []
        for command in wishes:
            same = isinstance(command, StartFlow) and any(
                isinstance(other, StartFlow) and other.flow == command.flow for other in kept
            )
            if command not in kept and not same:
                kept.append(command)
        flows = [command.flow for command in kept if isinstance(command, StartFlow)]
        if "assess" in flows and "apply" in flows:
            # The assessment ends by offering the application.
            kept = [c for c in kept if not (isinstance(c, StartFlow) and c.flow == "apply")]
        questions = [command for command in kept if isinstance(command, AskPolicy)]
        facts = self._facts(self.plain)
        if (
            len(kept) == 1
            and questions
            and self._story_matters()
            and _WHAT_TO_DO.search(questions[0].question)
        ):
            return [StartFlow(flow="assess", slots=facts)]
        if facts and len(kept) == 1 and questions and _AM_I_ENTITLED.search(questions[0].question):
            # The household described and 能吃低保不 asked: it is their own case they mean.
            return [StartFlow(flow="assess", slots=facts)]
        kept = [c for c in kept if not isinstance(c, AskPolicy)]
        return [*kept, *questions[:MAX_QUESTIONS]]

    def _story_matters(self) -> bool:
        return any(self._read(clause).intent == "hardship" for clause in clauses(self.plain))

    def _from_story(self) -> list[Command]:
        """No clause was a wish by itself: the whole message, then what can be guessed, then an honest question."""
        whole = self.whole
        if whole.intent is not None and whole.intent not in {"out_of_scope"}:
            return self._command(whole, self.plain)
        if self._story_matters():
            return [StartFlow(flow="assess", slots=self._facts(self.plain))]
        # 我没有手机 and 我不识字 are no answers where nothing was asked.
        answer = yes_no(self.plain, loose=False) if len(bare(self.plain)) <= MOST_OF_A_NOD else None
        if answer is not None:
            return [ChitChat(topic="affirm" if answer else "deny")]
        if lexicon.schemes().first(self.plain) and len(self.plain) <= 40:
            # 低保停了: no question by its form, and yet about a scheme.
            return [_policy(self.raw.strip())]
        if _SUBMIT.fullmatch(bare(self.plain)) and "交" in self.plain:
            # Told again that it is sent already, or that there is nothing to send.
            return [SetSlot(name="apply_confirm", value=True, raw=self.raw.strip())]
        options = self._close_options(whole)
        if options:
            return [Clarify(options=options)]
        if self._facts(self.plain):
            return [Clarify(options=("assess", "apply", "ask"))]
        if whole.intent == "out_of_scope":
            return [ChitChat(topic="out_of_scope")]
        return [CannotHandle(reason="not_understood", raw=self.raw.strip()[:200])]

    def _close_options(self, whole: Reading) -> tuple[str, ...]:
        ranked = [(intent, score) for intent, score in whole.ranking if intent in _OPTION and score >= 0.2]
        if len(ranked) < 2 or ranked[0][1] - ranked[1][1] > MARGIN:
            return ()
        return tuple(dict.fromkeys(_OPTION[intent] for intent, _ in ranked))[:3]

    # --- one intent ------------------------------------------------------------------------------------------

    def _command(self, reading: Reading, clause: str) -> list[Command]:
        intent = reading.intent
        match intent:
            case "human":
                return [HumanHandoff()]
            case "cancel":
                return [CancelFlow()]
            case "resume":
                return [ResumeFlow(flow=self._flow_named(clause))]
            case "skip":
                return [SkipQuestion()]
            case "dont_know":
                if self.context.asked is None:
                    return [Clarify(options=("ask", "assess", "human"))]
                return [SkipQuestion(reason="dont_know")]
            case "repeat":
                return [Repeat()]
            case "simpler":
                return [Repeat(simpler=True)]
            case "ask_why":
                return [AskWhy(name=self._fact_asked_about(clause))]
            case "finish":
                # Where nothing is being assessed, 先到这里 ends what is being done.
                return [CancelFlow()]
            case "ask_policy":
                # 我想问一下, is no question yet.
                return [] if _PREAMBLE.fullmatch(bare(clause)) else [_policy(clause.strip())]
        if intent in _FLOWS:
            return [StartFlow(flow=_FLOWS[intent], slots=self._slots(_FLOWS[intent], reading))]
        if intent in _CHAT:
            return [ChitChat(topic=_CHAT[intent])]
        return []

    def _fact_asked_about(self, clause: str) -> str | None:
        """The fact of 存款那一条有什么用; None for the question that stands."""
        asked = self.context.asked
        slots = self._topic(clause)
        if slots is None or (asked is not None and (asked.name in slots or asked.flow in _APPLYING)):
            return None
        told = {name.rsplit(".", 1)[-1] for name in self.context.filled if _is_fact(name)}
        return next((name for name in slots if name in told), None)

    def _flow_named(self, clause: str) -> str | None:
        if re.search(r"申请|办", clause):
            return "apply"
        return "assess" if re.search(r"自测|测|评估", clause) else None

    def _slots(self, flow: str, reading: Reading) -> dict[str, JsonValue]:
        if flow in {"case_status", "withdraw", "assess_others", "assess_paper", "assess_told"}:
            return {}
        slots: dict[str, JsonValue] = {}
        if flow == "apply":
            found = dict.fromkeys(value for value, _, _ in lexicon.schemes().find(self.plain))
            if scheme := reading.entities.get("scheme"):
                found.setdefault(scheme)
            if found:
                slots["apply_schemes"] = next(iter(found)) if len(found) == 1 else list[JsonValue](found)
        return slots | self._facts(self.plain, passing=True)

    def _facts(self, text: str, *, passing: bool = False) -> dict[str, JsonValue]:
        """Facts of the household told without being asked, under the contract's names. `passing`: statements too."""
        facts: dict[str, JsonValue] = {}
        for name, told in told_in_passing(text).items() if passing else ():
            facts |= {name: told.value, **self._number(told)}
        for clause in clauses(text):
            if own := _MY_AGE.search(clause):
                facts.setdefault("household.0.age", integer(own["n"], "age", self.today))
            if rules.is_question(clause):
                # Told without a breath, 我家三口人…能申请什么 holds the number all the same.
                if people := _PEOPLE_IN_STORY.search(clause):
                    facts.setdefault("household_size", integer(people["n"], "household_size"))
                continue
            slots = self._topic(clause)
            if slots is None or slots[0] not in VOLUNTEERED:
                continue
            if slots[0] == "medical_out_of_pocket_year" and not _OUT_OF_POCKET.search(clause):
                # 住院花了八万 says nothing of what the insurance paid.
                continue
            if (slots[0] != "household_size" or "一个人" in clause) and any(
                who != "self" for who, _, _ in lexicon.relations().find(clause)
            ):
                # 我儿子一个月挣三千 is the son's, not the household's.
                continue
            value = (
                integer(clause, slots[0], self.today)
                if VOLUNTEERED[slots[0]] == "int"
                else money(clause, slots[0])
            )
            if value is not None and (value != 0 or slots[0] in _MAY_BE_NONE):
                facts.setdefault(slots[0], value)
        if "household_size" not in self.context.filled and (spouse := spouse_told(text)):
            facts |= {f"household.1.{name}": value for name, value in spouse.items()}
            if "household_income_month" in facts and not _OF_ALL.search(text):
                # 俺老伴瘫了,我一个月就三百块: what the speaker has, not what both have.
                facts["household.0.income_month"] = facts.pop("household_income_month")
        return facts


def _is_fact(name: str) -> bool:
    """Whether what was answered is a fact of the self-assessment: named as in the catalogue of facts."""
    return name.startswith("household.") or name in _FACTS


def _is_identity(digits: str) -> bool:
    return len(digits) == 18 and digits[:17].isdigit() and ric.calc_check_digit(digits) == digits[-1]


# What a correction may be about before its question came, and kinds whose value is read or asked again, never guessed.
_OWN: dict[str, SlotType] = {"phone": "phone", "address": "address", "bank_account": "bank_account"}
_EXACT: frozenset[SlotType] = frozenset({"person_name", "id_number", "phone", "bank_account", "address"})
_LABEL = re.compile(
    r"(?:一下|下)?(?:我的?|那个|这个)?(?:电话|手机|联系方式|身份证|证件|姓名|名字|住址|地址|银行卡?|银行账号|卡号|账号|帐号|收入|存款|照片|家人|家里人|成员|人口|人数|项目|申请项目|年龄|户口)(?:号码?)?(?:一下|吧|的)?"
)
_FIELDS = {
    "电话": "phone", "手机": "phone", "联系": "phone", "身份证": "applicant_id_number", "证件": "applicant_id_number",
    "名": "applicant_name", "址": "address", "银行": "bank_account", "卡": "bank_account", "账号": "bank_account",
    "照片": "id_photo", "家": "household", "成员": "household", "项目": "apply_schemes",
}  # fmt: skip


def _policy(question: str) -> AskPolicy:
    return AskPolicy(question=question, scheme=lexicon.schemes().only(question))


def _is_label(rest: str) -> bool:
    return _LABEL.fullmatch(rest) is not None


def _field(label: str) -> str | None:
    return next((name for word, name in _FIELDS.items() if word in label), None)


def _topic_slots(name: str) -> tuple[str, ...]:
    last = name.rsplit(".", 1)[-1]
    return next((slots for slots, _ in lexicon.topics() if name in slots or last in slots), ())


# Facts taken from a message that was not asked for them: only those whose words leave no doubt whom they concern.
VOLUNTEERED: dict[str, SlotType] = {
    "household_size": "int",
    "household_income_month": "money",
    "savings": "money",
    "cars": "int",
    "medical_out_of_pocket_year": "money",
}
# Facts any self-assessment has asked before much can be said of it.
_FACTS = frozenset(
    {
        "household_size",
        "area",
        "household_income_month",
        "savings",
        "homes",
        "cars",
        "emergency",
        "local_hukou",
    }
)
# 没车, 没存款: none of it is an answer too. 没收入 may be one person's only.
_MAY_BE_NONE = frozenset({"savings", "cars"})
