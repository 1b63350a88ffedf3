"""A resident's words as the value of the question asked: text + AskedSlot -> typed value.

Shapes of values: int and number → int/float; money → yuan (int where whole); bool; choice → the choice's value;
date → ISO date; id_number, phone, bank_account → digits (and X), whatever their count, so that the validator can
say what is wrong with them; relation → contract value; person_name, address, text → the text itself.
None means: not an answer to this question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pydantic import JsonValue

from dialogues.ports import AskedSlot, SlotType
from nlu import lexicon, names, numerals, when
from nlu.text import bare, normalise

_NOTHING = re.compile(
    r"^(?:我|家里|俺|我们)?(?:现在|目前|基本上|几乎|啥|什么|一分钱?|半分钱?|一毛钱?|一点)?(?:都|也)?"
    r"(?:没有?|没得|莫得|冇|无|冒得|木有|么得|不曾有|没挣|没啥|没什么|莫|0元?|零元?)"
    r"(?:任何|啥|什么|一分|固定)?(?:收入|工资|钱|来源|存款|积蓄|进账|进项|欠债|外债|债|花|车子?|房子?|汽车|欠|存|挣|过|经济来源|了)*(?:了|的|啊|呢|哦|呀)*$"
)
_NOTHING_AT_ALL = re.compile(
    r"^(?:我|家里|俺|现在)*(?:啥|什么|任何|一点|半点)(?:子)?(?:收入|工资|钱|来源|存款|积蓄|进账)?(?:都|也)?(?:没有?|没得|莫得|冇)(?:了|的|啊)*$"
)
_NOT_ZERO = re.compile(r"没有?多少|没几|没有?多|不多|没数|没算")


@dataclass(frozen=True, slots=True)
class Found:
    """A value read from the text. `raw` is the text as the resident wrote it."""

    value: JsonValue
    raw: str


def extract(text: str, asked: AskedSlot, *, today: date | None = None) -> Found | None:
    """The value `text` gives for the asked slot, or None when it gives none (or more than one)."""
    plain = normalise(text)
    value = _value(plain, asked, today)
    return None if value is None else Found(value, text.strip())


def _value(text: str, asked: AskedSlot, today: date | None) -> JsonValue:
    if asked.name == "apply_schemes":
        offered = {item.value for item in asked.choices if isinstance(item.value, str)}
        wanted = dict.fromkeys(found for found, _, _ in lexicon.schemes().find(text) if found in offered)
        if len(wanted) > 1:
            return list(wanted)
    if asked.choices:
        chosen = choice(text, asked)
        if chosen is not None:
            return chosen.value
        if asked.type == "choice":
            # A grade that is none of those offered is refused kindly, not passed over.
            return _level(text) if _figures(asked) else None
    if asked.type == "int":
        return integer(text, asked.name, today)
    if asked.type == "money":
        return money(text, asked.name)
    reader = _READERS.get(asked.type)
    if reader is not None:
        return reader(text)
    if asked.type == "date":
        found = when.read_date(text, today)
        return found.isoformat() if found else when.no_such_day(text)
    return None


# --- numbers -------------------------------------------------------------------------------------------------

_PEOPLE_TOTAL = re.compile(
    r"(?:一共|总共|共|拢共|加起来|合计)\D{0,3}(?P<a>[一二两三四五六七八九十俩仨\d]+)|(?<![老小])(?!两口子)(?P<b>[一二两三四五六七八九十俩仨\d]+)\s*(?:口(?:子)?人?|张嘴)"
)
_PEOPLE_PART = re.compile(
    r"(?P<n>[一二两三四五六七八九十俩仨\d]+)个?(?P<who>大人|小孩子?|小的?|大的?|老人|老的|娃娃?|孩子|学生|劳力)"
)
_ALONE = re.compile(
    r"没(?:有)?(?:别人|其他人|旁人)|就(?:他|她)(?:自己|一个|一人)|就(?:剩)?我(?:自己|一个|一人|$)|只(?:有|剩)我|(?:就|只剩|单|光)?我?一个人(?:过|住|吃饭|生活)?$|孤身|独居|光棍|单身一人|单人|独自一个?人?|光杆|我自己$|自己一个"
)
_PAIR = re.compile(
    r"两口子|老两口|小两口|夫妻俩?|两公婆|(?:娘|爷|母子|母女|父子|父女|祖孙|姐妹|兄弟|婆孙|爷孙)(?:俩|两个)"
)
_TRIPLE = re.compile(r"(?:娘|爷|母子|母女|父子|父女|祖孙|姐妹|兄弟|婆孙|爷孙)(?:仨|三个)")


def people(text: str) -> int | None:
    """How many people a household has: 三口人, 俩, 就我一个, 我和老伴两个, 我、老婆还有两个娃, 两大一小."""
    total = _PEOPLE_TOTAL.search(text)
    if total:
        return _whole(numerals.read(total["a"] or total["b"]))
    parts = [_whole(numerals.read(part["n"])) for part in _PEOPLE_PART.finditer(text)]
    if len(parts) > 1 and None not in parts and not re.search(r"[我俺咱]", text):
        return sum(part for part in parts if part is not None)
    if _TRIPLE.search(text):
        return 3
    if _ALONE.search(text):
        return 1
    pair = _PAIR.search(text)
    separate = re.search(r"分开|分了?家|不(?:跟|和)", text)
    if pair is not None and not separate and (joined := _JOINED.match(text[pair.end() :])) is not None:
        # 老两口带一个孙子: two, and who is counted behind.
        return 2 + _others(text[pair.end() + joined.end() :])
    counted = _count_named(text)
    if counted is not None:
        return counted
    if pair is not None:
        return 2
    if re.search(r"[万元块]", text):
        return None
    # 我没有收入 is no number of people.
    return _whole_number(text) or None


_JOINED = re.compile(r"[,、]?(?:带着?|领着?|和|跟|同|加上?|还有|养着?|外加)(?=.{0,6}[一-鿿])")


def _others(text: str) -> int:
    """How many persons are named here: 一个孙子, 俩娃, 儿子、儿媳妇."""
    count, end = 0, 0
    for _, start, stop in lexicon.relations().find(text):
        quantity = _QUANTITY.search(text[end:start])
        count += (_whole(numerals.read(quantity["n"])) or 1) if quantity else 1
        end = stop
    return count


_QUANTITY = re.compile(r"(?P<n>[一二两三四五六七八九十俩仨\d]+)(?:个|位|名)?$")


def _count_named(text: str) -> int | None:
    """Persons named one by one (我、老伴、两个娃); a closing 两个 or 三个人 is the total and wins."""
    closing = re.search(r"(?P<n>[一二两三四五六七八九十俩仨\d]+)(?:个|口|位)?人?$", bare(text))
    mentions = lexicon.relations().find(text)
    if not mentions:
        return None
    if closing and closing.start() > 0:
        return _whole(numerals.read(closing["n"]))
    count, end = 0, 0
    seen_self = False
    for value, start, stop in mentions:
        if value == "self":
            # 我 before another relation word (我老伴) is a possessive, not a person, unless 和 follows.
            follows = text[stop : stop + 1]
            if not seen_self and (follows == "" or follows in "和跟、,与还加 同带"):
                count, seen_self = count + 1, True
            end = stop
            continue
        quantity = _QUANTITY.search(text[end:start])
        count += (_whole(numerals.read(quantity["n"])) or 1) if quantity else 1
        end = stop
    only_word = count == 1 and not seen_self
    return None if count == 0 or only_word else count


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and value == int(value) and 0 <= value < 10**9 else None


def _whole_number(text: str) -> int | None:
    found = numerals.find(text)
    if len(found) == 1:
        return -int(found[0].value) if _MINUS.search(text) else int(found[0].value)
    return 0 if not found and _NOTHING.match(bare(text)) and not _NOT_ZERO.search(text) else None


_NEARLY = re.compile(r"快|不到|差一点|差点|将近|马上|还没到|还差")
_BIRTH_YEAR = re.compile(r"(?P<year>\d{4}|\d{2}|[一二三四五六七八九零〇]{2,4})年?(?:的|生|出生|生人|年生)")


def age(text: str, today: date | None = None) -> int | None:
    """Age in years: 68岁, 六十八了, 快七十了 → 69, 58年的 (needs `today`)."""
    born = _BIRTH_YEAR.search(text)
    if born and "岁" not in text and today:
        year = when.year(born["year"], today)
        return today.year - year if year and year <= today.year else None
    found = numerals.find(text)
    if len(found) != 1:
        return None
    if "月" in text and "岁" not in text:
        return 0 if found[0].value < 12 else int(found[0].value // 12)
    value = int(found[0].value)
    if _MINUS.search(text):
        return -value
    # 快六十 is not yet sixty, and sixty is where a right begins.
    return value - 1 if _NEARLY.search(text[: found[0].start]) and value > 0 else value


def integer(text: str, name: str = "", today: date | None = None) -> int | None:
    """A whole number; the slot's name tells people, ages, years and months apart."""
    if re.search(r"household_size|member.*count|family_size|people|persons", name):
        return people(text)
    if re.search(r"(?:^|[._])age(?:$|_)", name):
        return age(text, today)
    if re.search(r"months?$|_months?_", name):
        return _duration(text, 12)
    if re.search(r"years?$|_years?_", name):
        return _duration(text, 1)
    if re.search(r"level", name):
        return _level(text)
    if re.search(r"(?:口|个)人|口子|就我|[我俺]和", text):
        return people(text)
    return _whole_number(text)


def _duration(text: str, per_year: int) -> int | None:
    years = re.search(r"(?P<n>[\d.一二两三四五六七八九十百半]+)(?:个)?(?P<half>半)?年(?P<tail>半)?", text)
    months = re.search(r"(?P<n>[\d.一二两三四五六七八九十半]+)个?月", text)
    if not years and not months:
        return _whole_number(text)
    total = 0.0
    if years:
        value = 0.5 if years["n"] == "半" else numerals.read(years["n"].rstrip("半"))
        if value is None:
            return None
        total += (value + (0.5 if years["tail"] or years["n"][1:].endswith("半") else 0)) * per_year
    if months:
        value = 0.5 if months["n"] == "半" else numerals.read(months["n"])
        if value is None:
            return None
        total += value * per_year / 12
    return int(total)


def _level(text: str) -> int | None:
    found = numerals.find(text)
    return int(found[0].value) if len(found) == 1 else None


def _figures(asked: AskedSlot) -> bool:
    """Whether every choice is a whole number (grades of disability, tiers)."""
    return all(isinstance(item.value, int) and not isinstance(item.value, bool) for item in asked.choices)


# --- money ---------------------------------------------------------------------------------------------------

_SOURCES = r"低保金?|养老金|退休金|工资|打工|打零工|零工|种地|地里|种田|补贴|补助|高龄|卖菜|租金|房租|儿子给|女儿给|孩子给|娃给|土地|流转|赡养费|抚恤"
_TOTAL = re.compile(r"一共|总共|加起来|合计|拢共|统共|总的|共计|拢起来|全部")
_COINS = re.compile(rf"(?P<yuan>{numerals.NUMBER.pattern.replace('?P<core>', '?:').replace('?P<about>', '?:')})(?:块|元|塊)(?P<jiao>[一二两三四五六七八九\d])(?:毛|角)?(?!\d|[十百千万])")  # fmt: skip
_OWED = re.compile(r"(?<!不)(?<!没)欠|外债|贷款|借了")
# What a sum is said for, in months; the longest word first (半年 before 年).
_PERIODS = (
    (6, re.compile(r"半年|半个年头")),
    (3, re.compile(r"季度|每季|一季|/季")),
    (12, re.compile(r"一年|每年|全年|年收入|一整年|年底|一年到头|/年|年薪|按年|^年|(?<=[\d万千百])年")),
    (1, re.compile(r"一个月|每个?月|月收入|月薪|/月|按月|一月|月工资|个把月|月入")),
)
# A loss is no income, and minus three no number of people: the figure keeps its sign, so that it is asked about.
_MINUS = re.compile(
    r"(?:^|[^一-鿿\d])[-−]\s*(?=[\d一二两三四五六七八九十])|(?<![正背抱肩])负\s*(?=[\d一二两三四五六七八九十百千])"
)
_LOSS = re.compile(r"亏(?!待)|赔(?!偿)|倒贴")
_PER_DAY = re.compile(r"一天|每天|日结|/天|一日")
_NOT_MONEY = re.compile(
    r"^\s*(?:个?月|年|天|岁|口|个?人|号|级|组|村|队|社|巷|弄|单元|室|套|辆|亩|个(?!钱)|次|周|点|楼|栋|届|小时|%|月份|孩|娃|张|头)"
)


def money(text: str, name: str = "") -> int | float | None:
    """Yuan, whole where it is whole. A sum per year is brought to the month (and back) when the slot's name
    says which is meant; a sum per day, or several sums that may or may not add up, is None: better asked again
    than guessed."""
    if _OWED.search(text) and not re.search(r"debt", name):
        # 欠了十几万 is nobody's savings and nobody's income.
        return None
    text = apart(text)
    sums = amounts(text)
    if not sums:
        plain = bare(text)
        parts = [bare(part) for part in re.split(r"[,。!;]", plain)]
        nothing = any(_NOTHING.match(part) or _NOTHING_AT_ALL.match(part) for part in parts)
        if nothing and not _NOT_ZERO.search(plain):
            return 0
        return None
    total = _TOTAL.search(text)
    if len(sums) == 1:
        value = sums[0].value
    elif total and _after(sums, total.end()) >= max(amount.value for amount in sums):
        value = next(amount.value for amount in sums if amount.start >= total.end())
    elif len({source.group() for source in re.finditer(_SOURCES, text)}) >= len(sums):
        value = sum(amount.value for amount in sums)
    else:
        return None
    if _PER_DAY.search(text) and re.search(r"_(?:month|year)(?:$|[._])", name):
        return None
    wanted = next(
        (months for word, months in (("_month", 1), ("_year", 12)) if _names_period(word, name)), None
    )
    said = _months(text)
    if wanted is not None and said is not None:
        value = value * wanted / said
    loss = "income" in name and _LOSS.search(text)
    value = round(-value if loss or _MINUS.search(text) else value, 2)
    return int(value) if value == int(value) else value


def apart(text: str) -> str:
    """The sum kept apart from its period: 三千一个月 is three thousand a month, not 3100; 80块一天 is no 80.1."""
    return re.sub(r"(?<=[二两三四五六七八九十百千万块元])(?=一(?:年|个?月|天|季))", ",", text)


def _names_period(word: str, name: str) -> bool:
    return re.search(rf"{word}(?:$|[._])", name) is not None


def _months(text: str) -> int | None:
    """For how many months the sum is said; None where nothing, or two different things, are said."""
    said: list[int] = []
    for months, words in _PERIODS:
        text, found = words.subn("", text)
        if found:
            said.append(months)
    return said[0] if len(said) == 1 else None


def _after(amounts: list[numerals.Number], place: int) -> float:
    """The first sum said after the word for a total: 养老金一共400 beside 打工4000 is none of both."""
    return next((amount.value for amount in amounts if amount.start >= place), -1.0)


def amounts(text: str) -> list[numerals.Number]:
    """Every figure in the text that can be a sum of money, in order."""
    found = []
    coins = [
        numerals.Number(value + tenth / 10, match.start(), match.end())
        for match in _COINS.finditer(text)
        if (value := numerals.read(re.sub(r"[多来几余]$", "", match["yuan"]))) is not None
        and (tenth := numerals.read(match["jiao"])) is not None
    ]
    for number in numerals.find(text):
        if any(coin.start <= number.start < coin.end for coin in coins):
            continue
        after = text[number.end :]
        if _NOT_MONEY.match(after) and not re.match(r"\s*个(?:块|元)", after):
            continue
        if number.value < 1 and not re.match(r"\s*(?:元|块|万)", after) and number.value != 0:
            continue
        value = number.value
        if re.match(r"\s*(?:毛|角)", after):
            value /= 10
        elif re.match(r"\s*分(?!钱也|钱都|都|也)", after):
            value /= 100
        # 一 of 一分钱都没有, 一般 and 一直 is no sum.
        if text[number.start : number.end] == "一" and not re.match(r"\s*(?:块|元|毛|角)", after):
            continue
        found.append(numerals.Number(value, number.start, number.end, number.about))
    return sorted(found + coins, key=lambda number: number.start)


# --- yes, no, choices ----------------------------------------------------------------------------------------

_YES = re.compile(
    r"^(?:没错|没问题|没意见|没得错|不错|必须的?|当然|肯定|绝对|可不是|就是|正是|系啊?|係|中$|中嘞|要得|得行|能行|晓得|晓得了|知道了|好(?!像|几|多|难)|好的|行|可以|嗯|恩|唔$|嗯呐|昂|哎$|欸$|对|是(?!不是)|有(?!没有)|要(?!不)|能(?!不)|会(?!不)|得$|同意|愿意|确认|确定|授权|答应|在(?!外|别)|属于|符合|领(?:了|过|着)|交(?:了|过|着)|统一$|还在|住(?:了|着|这|在这)|y|yes|ok|okay|1$|√)",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^(?:先不|没|不(?!错|是不是)|無|无|冇|莫|冒得|未|唔(?!$)|否|别|木有|非$|拒绝|从来没|从没|都没|啥都没|一直没|早就没|就这(?:些|样|几)|就(?:我|俺)(?:一个|自己|一人)|哪有|哪里有|还没|暂时没|算不上|n$|no|2$|×|x$)",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"^(?:我|俺|咱|家里|我家|我们家?|他|她|以前|现在|目前|应该|好像|大概|可能|估计|基本|确实|真的|真|也|都|倒|还|这个|这|那个|那|我想|我觉得|反正|全部|全|一直|本来|暂时|算|户口)+"
)


def yes_no(text: str, *, loose: bool = True) -> bool | None:
    """Yes or no, in the words and dialects residents use. `loose`: 有 or 没有 anywhere in a short answer counts."""
    plain = bare(text)
    for candidate in (plain, _HEDGE.sub("", plain)):
        yes, no = _YES.match(candidate), _NO.match(candidate)
        # Where nothing was asked, 要 of 要投诉 is no yes.
        if yes and (loose or len(candidate) - yes.end() <= 1):
            return True
        if no and (loose or len(candidate) - no.end() <= 3):
            return False
    if loose and len(plain) <= 20 and (mixed := re.search(r"没有|没得|冇|莫得|有", plain)):
        return mixed.group() == "有"
    return None


_ORDINAL = re.compile(
    r"^(?:我?选|选择|按|就|要)?(?:第)?(?P<n>\d{1,2}|[一二两三四五六七八九十]|[A-Ha-h①-⑨])(?:个|项|号|条|种|样)?(?:吧|选项)?[.、。]?$"
)
_TITLE_RANGE = re.compile(r"(?P<low>[\d.,万]+)\s*(?:元)?\s*(?:-|—|–|~|到|至)\s*(?P<high>[\d.,万]+)")
_TITLE_BELOW = re.compile(
    r"(?:不到|低于|少于|不超过)\s*(?P<a>[\d.,万]+)|(?P<b>[\d.,万]+)\s*元?(?:以下|以内|及以下)"
)
_TITLE_ABOVE = re.compile(r"(?:超过|高于|多于)\s*(?P<a>[\d.,万]+)|(?P<b>[\d.,万]+)\s*元?(?:以上|及以上|多)")


_FIGURES: frozenset[SlotType] = frozenset({"int", "money", "number"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of the choice meant (which may itself be null)."""

    value: JsonValue


def choice(text: str, asked: AskedSlot) -> Chosen | None:
    """The choice meant: by its title, its number, a word for it, or a figure inside its range."""
    plain = bare(text)
    titles = [bare(normalise(item.title)) for item in asked.choices]
    if plain in titles:
        return Chosen(asked.choices[titles.index(plain)].value)
    ordinal = _ORDINAL.match(plain)
    # Where figures are asked for, a bare 2 is a figure; with 第 or 个 it is a place in the list.
    figures = asked.type in _FIGURES or _figures(asked)
    figure = figures and re.fullmatch(r"\d+|[一二两三四五六七八九十]", plain)
    if figure and asked.type == "choice":
        meant = _whole_number(plain)
        return Chosen(meant) if meant in [item.value for item in asked.choices] else None
    if ordinal and not figure:
        index = _place(ordinal["n"])
        if index is not None and index < len(titles):
            return Chosen(asked.choices[index].value)
    if plain in {"最后一个", "最后一项", "最后那个", "最下面那个", "最底下"}:
        return Chosen(asked.choices[-1].value)
    starting = [i for i, title in enumerate(titles) if plain and title.startswith(plain)]
    if len(starting) == 1 and not (figure or plain.isascii()):
        # 提交 and 删: the beginning of one button alone.
        return Chosen(asked.choices[starting[0]].value)
    inside = [i for i, title in enumerate(titles) if len(title) >= 2 and title in plain]
    # 农村 is inside 不在农村: a choice that is denied was not chosen.
    inside = [
        i
        for i in inside
        if not re.search(rf"(?:不是|不在|没有?|非)\s*{re.escape(titles[i])}", plain)
        or titles[i].startswith("没")
    ]
    if asked.type in _FIGURES:
        # 一个月三千 is a figure, and not the button 一个月.
        inside = [i for i in inside if not numerals.find(plain.replace(titles[i], ""))]
    if inside:
        longest = max(inside, key=lambda i: len(titles[i]))
        rivals = [i for i in inside if titles[i] not in titles[longest]]
        return None if rivals else Chosen(asked.choices[longest].value)
    if asked.type in _FIGURES and yes_no(plain, loose=False) is True:
        sure = [i for i, title in enumerate(titles) if yes_no(title, loose=False) is True]
        return Chosen(asked.choices[sure[0]].value) if len(sure) == 1 else None
    if asked.type in {"choice", "relation"}:
        return _by_meaning(plain, titles, asked)
    if asked.type == "bool" and {item.value for item in asked.choices} <= {True, False}:
        answer = yes_no(plain)
        if answer is not None:
            return Chosen(answer)
        partly = _partly(plain, titles)
        return Chosen(asked.choices[partly[0]].value) if len(partly) == 1 else None
    return None


def _place(numeral: str) -> int | None:
    if numeral.isascii() and numeral.isalpha():
        return ord(numeral.upper()) - ord("A")
    value = numerals.read(normalise(numeral))
    return int(value) - 1 if value and value >= 1 else None


def _by_meaning(plain: str, titles: list[str], asked: AskedSlot) -> Chosen | None:
    values = [item.value for item in asked.choices]
    hits: list[int] = []
    for index, value in enumerate(values):
        words = lexicon.value_words().get(str(value)) if isinstance(value, str) else None
        if words and words.first(plain):
            hits.append(index)
    if hits:
        # 没有 beside a real kind ("没有火灾,就是病了"): the kind counts.
        if len(hits) > 1:
            hits = [index for index in hits if values[index] not in {"none", "other"}]
        return Chosen(values[hits[0]]) if len(hits) == 1 else None
    relation = lexicon.relations().first(re.sub(r"^我的?(?=.)", "", plain))
    if relation in values and len(plain) <= 12:
        return Chosen(relation)
    scheme = lexicon.schemes().only(plain)
    if scheme in values:
        return Chosen(scheme)
    ranged = _in_range(plain, titles)
    if ranged is not None:
        return Chosen(values[ranged])
    shorter = _partly(plain, titles)
    if len(shorter) == 1:
        return Chosen(values[shorter[0]])
    if {True, False} & set(map(_hashable, values)):
        answer = yes_no(plain)
        if answer is not None and answer in values:
            return Chosen(answer)
    starts = [
        index
        for index, title in enumerate(titles)
        if yes_no(title) is not None and yes_no(title) == yes_no(plain)
    ]
    return Chosen(values[starts[0]]) if len(starts) == 1 and len(titles) <= 3 else None


def _partly(plain: str, titles: list[str]) -> list[int]:
    """Titles a part of which was said. 本地的 and 城里的 are a title said as a thing's property."""
    said = re.sub(r"(?<=..)的$", "", plain)
    found = [
        index
        for index, title in enumerate(titles)
        if (len(said) >= 2 or len(title) <= 3) and said and said in title
    ]
    # 本地 stands in 在本地 and in 不在本地: who means the second says 不.
    affirmed = [index for index in found if not titles[index].startswith(("不", "没"))]
    return affirmed if len(found) == 2 and len(affirmed) == 1 else found


def _hashable(value: JsonValue) -> object:
    return value if isinstance(value, str | int | float | bool) or value is None else repr(value)


def _in_range(plain: str, titles: list[str]) -> int | None:
    found = numerals.find(plain)
    if len(found) != 1:
        if not found and _NOTHING.match(plain):
            return next((i for i, title in enumerate(titles) if title.startswith(("没", "无", "0"))), None)
        return None
    value = found[0].value
    for index, title in enumerate(titles):
        between = _TITLE_RANGE.search(title)
        if between:
            low, high = numerals.read(between["low"]), numerals.read(between["high"])
            if low is not None and high is not None and low <= value <= high:
                return index
            continue
        below = _TITLE_BELOW.search(title)
        if below and (limit := numerals.read(below["a"] or below["b"])) is not None:
            if value <= limit:
                return index
            continue
        above = _TITLE_ABOVE.search(title)
        if above and (limit := numerals.read(above["a"] or above["b"])) is not None and value >= limit:
            return index
    return None


# --- identifiers ---------------------------------------------------------------------------------------------

_ID = re.compile(r"(?:\d[ \-.]*){14,20}(?:\d|[xX×*叉])?")
_DIGIT_WORDS = str.maketrans("零〇一二三四五六七八九幺", "001234567891")


def id_number(text: str) -> str | None:
    """The digits (and X) of an ID number, however it was spaced; not yet validated."""
    text = re.sub(r"\s*(?:叉|×|艾克斯|埃克斯)", "X", text)
    if re.fullmatch(r"[零〇一二三四五六七八九幺\sXx]{15,40}", bare(text)):
        text = text.translate(_DIGIT_WORDS)
    for match in re.finditer(r"\d(?:[ \-.,]*\d){8,24}[ \-.]*[xX]?", text):
        digits = re.sub(r"[^\dXx]", "", match.group()).upper()
        if len(digits) >= 12:
            return digits
    return None


def phone(text: str) -> str | None:
    """The digits of a phone number, without +86; not yet validated."""
    if re.fullmatch(r"[零〇一二三四五六七八九幺\s]{7,30}", bare(text)):
        text = text.translate(_DIGIT_WORDS)
    for match in re.finditer(r"(?:\+|00)?\d(?:[ \-.()]*\d){5,15}", text):
        digits = re.sub(r"\D", "", match.group())
        stripped = re.sub(r"^(?:00)?86(?=1\d{10}$)", "", digits)
        if 7 <= len(stripped) <= 14:
            return stripped
    return None


def bank_account(text: str) -> str | None:
    """The digits of a bank account or card number; not yet validated."""
    for match in re.finditer(r"\d(?:[ \-.]*\d){6,27}", text):
        return re.sub(r"\D", "", match.group())
    return None


def relation(text: str) -> str | None:
    """The contract's relation value of the person spoken of."""
    plain = bare(text)
    if exact := lexicon.relations().exact(plain):
        return exact
    plain = re.sub(
        r"^(?:是|就是|这是|他是|她是)?(?:我们?|俺|咱)?家?的?(?:另?一个|大|二|三|小|亲|老)?(?=[^\s]{1,})",
        lambda match: (
            match.group() if lexicon.relations().exact(plain[match.start() :]) else _keep(match.group())
        ),
        plain,
    )
    return lexicon.relations().first(plain) if len(plain) <= 12 else None


def _keep(prefix: str) -> str:
    # 老伴, 大姐, 小孩 keep their first character; only the possessive goes.
    return re.sub(r"^(?:是|就是|这是|他是|她是)?(?:我们?|俺|咱)?家?的?(?:另?一个)?", "", prefix)


def number(text: str) -> int | float | None:
    """The one number in the text."""
    found = numerals.find(text)
    if len(found) != 1:
        return None
    value = found[0].value
    return int(value) if value == int(value) else value


def free_text(text: str) -> str | None:
    """The text itself, if there is any."""
    return text.strip() or None


_READERS: dict[SlotType, Callable[[str], JsonValue]] = {
    "bool": yes_no,
    "number": number,
    "id_number": id_number,
    "phone": phone,
    "bank_account": bank_account,
    "relation": relation,
    "person_name": names.person_name,
    "address": names.address,
    "text": free_text,
}
