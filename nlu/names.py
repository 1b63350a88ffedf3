"""Names and addresses out of free text, told apart from ordinary words."""

from __future__ import annotations

import logging
import re
from functools import cache

import jieba

from nlu import lexicon
from nlu.text import bare

_COMPOUND = [
    "欧阳",
    "太史",
    "端木",
    "上官",
    "司马",
    "东方",
    "独孤",
    "南宫",
    "夏侯",
    "诸葛",
    "尉迟",
    "公孙",
    "慕容",
    "长孙",
    "宇文",
    "司徒",
    "司空",
    "皇甫",
    "令狐",
    "澹台",
    "轩辕",
    "呼延",
    "闻人",
    "申屠",
    "淳于",
    "单于",
    "百里",
    "东郭",
    "南门",
    "拓跋",
]
_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公覃佟涂肖闫仝代付阳麦区岳帅亢况郇佘"
)
# Characters of grammar, not of names.
_GRAMMAR = re.compile(
    r"[不没吗呢呀吧啊么咋啥谁哪怎你您我他她它们这那的了着给把被]|什么|多少|几个|申请|低保|救助"
)
_PREFIX = re.compile(
    r"^(?:我的?(?:名字|姓名)?(?:是|叫做?)|(?:我)?姓名?(?:是|叫)?[::]?|(?:他|她|娃|孩子|老伴|老公|老婆)?(?:的)?(?:名字|大名|全名)?(?:是|叫做?|叫)[::]?|名字[::]?|本人|申请人|我(?=[^是叫]{2,4}$))\s*"
)
_SUFFIX = re.compile(r"(?:[,。.]?(?:男|女)|先生|女士)$")
_ETHNIC = re.compile(r"[一-鿿]{1,10}(?:[·•・][一-鿿]{1,10})+")


def _relation_words() -> list[str]:
    return [
        re.escape(word)
        for word in lexicon.relations().words
        if word not in {"我", "姑", "叔", "伯", "舅", "姨"}
    ]


@cache
def _dictionary() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba.dt


@cache
def _tags() -> dict[str, str]:
    # The same dictionary file as the segmenter's, read for its part-of-speech column.
    with _dictionary().get_dict_file() as lines:
        parts = (line.decode("utf-8").split() for line in lines)
        return {part[0]: part[2] for part in parts if len(part) == 3 and len(part[0]) <= 4}


# 我老伴李大山, 他叫李大山, 我儿子名叫王小宝: whose name it is, told along.
_TOLD = re.compile(
    rf"(?:是)?(?:我们?|俺|咱)?家?的?(?P<who>{'|'.join(sorted(_relation_words(), key=len, reverse=True))}|他|她)(?:的?(?:大名|名字|姓名))?(?:是|叫做?|名叫)?(?P<name>[一-鿿·]{{2,10}})$"
)


# Who says 我叫 tells a name, however much it looks like a word.
_CALLED = re.compile(
    r"^(?:我|他|她|娃|孩子)?(?:的)?(?:名字|大名|姓名)?(?:就)?(?:叫做?|是叫)(?P<name>[一-鿿㐀-䶿]{2,4})$"
)


def warm_up() -> None:
    """Load the dictionary now (1.2 s) rather than at the first name a resident gives."""
    _dictionary()
    _tags()


def person_name(text: str) -> str | None:
    """A person's name (2-4 characters, or with · longer), or None for anything else.

    A word of the dictionary, a family word, or a phrase with grammar in it is no name.
    """
    plain = re.sub(r"\s+", "", bare(text))
    for candidate in dict.fromkeys((_SUFFIX.sub("", _PREFIX.sub("", plain)), _SUFFIX.sub("", plain))):
        if _is_name(candidate):
            return candidate
    called = _CALLED.match(plain)
    if (
        called
        and not _GRAMMAR.search(called["name"])
        and called["name"] not in lexicon.name_words()["not_a_name"]
    ):
        return called["name"]
    return name_told_with_relation(plain)


def name_told_with_relation(text: str) -> str | None:
    """The name in 我老伴李大山 or 孙子叫马小宝; None where no relation is told along."""
    told = _TOLD.match(re.sub(r"\s+", "", text))
    return told["name"] if told and _is_name(told["name"]) else None


def _is_name(text: str) -> bool:
    if _ETHNIC.fullmatch(text):
        return len(text) <= 25
    words = lexicon.name_words()
    if len(text) > 2 and len(text) <= 6 and set(text) <= words["transcription"]:
        return True
    if not re.fullmatch(r"[一-鿿㐀-䶿]{2,4}", text) or _GRAMMAR.search(text):
        return False
    if lexicon.relations().exact(text) or lexicon.schemes().exact(text) or text in words["not_a_name"]:
        return False
    if any(text.endswith(title) and len(text) - len(title) <= 1 for title in words["title"]):
        return False
    if text[:2] in _COMPOUND and len(text) > 2:
        return True
    known = int(_dictionary().FREQ.get(text) or 0)
    tag = _tags().get(text, "")
    if text[0] in _SURNAMES:
        return _may_be_called(tag, known) and not (
            text[0] in words["weak_surname"] and _grammatical(text[1:])
        )
    if tag.startswith("nr") and len(text) > 2:
        return True
    return known < 3 and not _made_of_words(text)


def _may_be_called(tag: str, known: int) -> bool:
    """Whether a word that starts with a surname may be a name: 田野, 向阳 and 李娜 may, 应该 and 高兴 are not meant."""
    if tag.startswith(("nr", "ns", "nz")):
        return True
    return known < (1500 if tag.startswith(("n", "a", "b", "z", "i", "j", "l")) else 300)


def _grammatical(rest: str) -> bool:
    """Whether what follows is a common word of grammar: 可以 in 都可以, 是 in 全是. 为民 and 阳 are not."""
    if len(rest) == 1:
        return rest in "是有行好要能去来在会前后上下面对用还不"
    tag = _tags().get(rest, "")
    return tag[:1] in set("vcdpruftm") and int(_dictionary().FREQ.get(rest) or 0) > 1000


def _made_of_words(text: str) -> bool:
    words = list(_dictionary().cut(text, HMM=False))
    return any(len(word) > 1 for word in words) or len(text) == 2


_PLACE = re.compile(
    r"[省市县区镇乡村组队路街巷弄号院楼栋幢座单元室庄屯寨湾坝沟坪岭园屋场社]|小区|公寓|花园|大道|\d"
)
_LIVES = re.compile(
    r"^(?:我们?|俺|咱|我家|家里|现在|目前|一直|就|是|都)*(?:家住|住在|住址是?|地址是?|现住|住|家在|在)(?:了)?[::]?\s*"
)


def address(text: str) -> str | None:
    """An address: free text with a place word or a number in it, at least four characters."""
    plain = text.strip(" ,。!;…~\"'“”")
    cut = _LIVES.sub("", plain)
    plain = cut if len(cut) >= 3 else plain
    if len(plain) < 4 or len(plain) > 120:
        return None
    return plain if _PLACE.search(plain) else None
