"""Details a question may ask for, by how it asks and by what a clause says that tells them.

A clause may be the right one for the matter and still leave open what was asked of it: on which day, how many, by post.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# That it is not written down is told too.
_LEFT_OPEN: Final = "没有写|没有统一写|没有说"


def _compiled(kinds: Sequence[tuple[str, str]]) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((re.compile(asks), re.compile(f"{tells}|{_LEFT_OPEN}")) for asks, tells in kinds)


# Kinds that a clause sometimes tells in other words.
_MOSTLY: Final = _compiled(
    (
        ("几岁|多少岁|多大(?:年纪|岁数|年龄|的)|岁数|年龄", r"岁|年龄|成年|大学|退休|\d{4}年"),
        (
            "多久一(?:次|回|趟)|几个月一(?:次|回)|几年一(?:次|回)|几次|几回|几趟|多少次|隔多久",
            "每|次|回|趟|定期|长期|随时|一年",
        ),
        ("几点|上班时间|开门|关门|下班", r"\d点|\d:\d|小时|上午|下午|全天|工作日|窗口时间"),
        ("报名", "报名|报到|申请|登记|咨询|报"),
        ("工资|报酬|工钱", "工资|报酬|劳务|补贴|津贴|无偿|志愿|元"),
    )
)
# Kinds that are told in one of these words or not at all.
_ONLY: Final = _compiled(
    (
        # On which day.
        (
            r"几号(?!线|楼|附件)|星期几|周几|礼拜几|几月份|哪个月|固定哪|哪(?:一)?天(?=[发打到来查付]|$)",
            r"\d+[日号]|\d+月|[一二三四五六七八九十]月|星期|下个?月|次月|当月|月底|年底|节|工作日|\d+天",
        ),
        # At night.
        (
            "(?:半夜|夜里|夜间|晚上)[^,。?？]{0,4}(?:有人|接|开|上班|能|可以|来[吗不么]|办)|24小时|二十四小时",
            "夜|24小时|全天|随时|急|抢救",
        ),
        # Which share.
        (
            r"百分之(?:几|多少)|几成|几折|报销(?:多少|几)|能报(?:多少|几)|抵扣(?:掉)?多少|减多少|免多少",
            r"%|百分之|\d成|\d元|全额|全部|免费|一半|倍|公布|标准",
        ),
        # Which sum.
        (
            r"(?:一个?月|每月|每年|一年|一次|一次性|一户|一人|一亩|一天|最高|最低|全护理|补贴|补助|护理费|工钱|工资|奖金|罚款?)(?:能|可以|是|给|补|发|领|拿|有|开|赔|交|要)?(?:多少|几多|几万|几千|几百|好多)(?!次|天|人|年|岁|回|趟|户|小时)|[补赔给发领交拿涨](?:到|了)?几[万千百]",
            r"\d[\d.]*(?:元|万|%|倍|分之)|[一二三四五六七八九十百]+(?:元|成|倍)|百分之|免费|全额|差额|减免|不收|不用交|公布|标准|无偿",
        ),
        # How it looks.
        (
            r"颜色|红皮|绿皮|黑笔|蓝笔|什么牌子|啥牌子|几寸|硬座|卧铺|长什么样|长啥样|穿什么",
            r"皮|笔|牌|寸|座|铺|样",
        ),
        # By post, on paper.
        (
            r"邮寄|寄(?:过去|过来|来|去|给|到)|快递|传真|电子版|下载|打印|发邮件",
            r"邮|寄|快递|传真|电子|下载|打印|网",
        ),
        # In cash, by which bank.
        (
            r"(?:发|给|交|打|领|换)(?:的)?现金|存折还是|还是(?:打)?存折|支付宝|微信(?:交|缴|付|支付)|刷卡|哪个银行|哪家银行|什么银行",
            r"现金|存折|账户|卡|微信|银行|信用社|直接发|物资",
        ),
        # Whether one may choose, change, pass it on.
        (
            r"自己(?:挑|选|指定)|能不能(?:挑|选|换|转)|可以(?:挑|选|换)(?!个地方住)|换一个|换个人|换人|转给|转让|让给",
            r"选|挑|自愿|自主|自己定|换|调整|转让|转给|继承|不得",
        ),
        # Whether it stays secret.
        (
            r"(?:会不会|能不能|怕)[^,。]{0,6}(?:晓得|知道)(?:是谁|是我)?|名字[^,。]{0,6}(?:晓得|知道)|保密|匿名|泄露|打击报复",
            r"保密|隐私|不得公开|泄露|匿名",
        ),
        # A reward.
        (r"奖金|有奖|奖励|给奖|发奖", r"奖"),
        # Whether one is told before.
        (r"提前(?:说|打|通知|讲)|先打(?:个|一个)?电话|事先|先通知", r"提前|事先|预约|通知|先"),
        # Which hospital, shop, bank.
        (
            r"哪家(?:医院|超市|店|银行)|哪个(?:医院|超市|商店|药店)|去[^,。]{1,6}医院还是",
            r"医院|卫生院|超市|商店|银行|信用社|药店",
        ),
        # House rules.
        (r"宠物|带狗|带猫|抽烟|喝酒|wifi|WiFi|空调|电梯|过夜", r"宠物|狗|猫|烟|酒|网|空调|电梯|夜"),
        # Whether it costs.
        (
            r"收费不|收不收(?:费|钱)|要不要交钱|收(?:钱|费)(?:吗|么|不)|收多少|收几",
            r"免费|收费|不收|减免|低偿|有偿|无偿|元|付费|不要钱",
        ),
        # To what it will rise.
        (r"(?:涨|提高|加)到(?:多少|几)", r"\d"),
    )
)
# How many of what: asked with 几 or 多少 and a measure word, told by a number with one of its kind.
_NUMBER: Final = r"(?:\d[\d.:至到~-]*|[一二两三四五六七八九十百半]+)"
_SPANS: Final = "年|月|天|日|周|星期|小时|分钟|钟头|工作日|学期|季|岁"
_MEASURES: Final = tuple(
    (re.compile(asked), re.compile(f"{_NUMBER}(?:个)?(?:{told})"))
    for asked, told in (
        ("年|月|天|日|星期|周|小时|钟头|分钟|工作日|学期", _SPANS),
        ("人|名|位|户", "人|名|位|户"),
        ("次|回|趟|遍", "次|回|趟|遍"),
        ("周?岁", "周?岁"),
    )
)
_OWN_MEASURES: Final = (
    "章|门|斤|套|间|层|楼|份|张|页|台|件|只|碗|顿|瓶|袋|桶|盒|寸|堂|节|倍|成|折|亩|平方|块钱"
)
_HOW_MANY: Final = re.compile(
    f"(?<![好了这那过十老前])(?:几|多少)十?个?({_OWN_MEASURES}|{_SPANS}|人|名|位|户|次|回|趟|遍|周岁)(?!线|乎|时)"
)
_WITHOUT_NUMBER: Final = re.compile(
    f"每|定期|长期|随时|及时|立即|马上|当月|次月|下个?月|公布|规定|标准|{_LEFT_OPEN}"
)
# Hours of another place than the counter, or of a visit, are told by a clause that speaks of it.
_HOURS: Final = re.compile(
    "(?<!便民)(?<!政务)(?<!为民)(?<!便民服务)(?<!政务服务)(?<!为民服务)(站|院|中心|学校|司法所|派出所|卫生所|12349|热线|学习|讲座|调查|培训)"
    "[^,。?？]{0,9}?(?:几点|上班|下班|开门|关门|周末|周六|周日|星期[六天日]|礼拜[六天日]|晚上|半夜)"
)


def mostly_told(question: str, clause: str) -> bool:
    """Whether no age, no rhythm, no opening hours, no way to sign up and no wage is asked for, or the clause tells it."""
    return _tells(_MOSTLY, question, clause)


def told_in_so_many_words(question: str, clause: str) -> bool:
    """Whether none of the other details is asked for, or the clause tells it."""
    return (
        _tells(_ONLY, question, clause)
        and _counted(question, clause)
        and all(place in clause for place in _HOURS.findall(question))
    )


def _counted(question: str, clause: str) -> bool:
    """Whether the clause has a number of whatever the question asks how many there are, or says why not."""
    asked = _HOW_MANY.findall(question)
    return (
        not asked or bool(_WITHOUT_NUMBER.search(clause)) or all(_number(of).search(clause) for of in asked)
    )


def _number(of: str) -> re.Pattern[str]:
    for asked, told in _MEASURES:
        if asked.fullmatch(of):
            return told
    return re.compile(f"{_NUMBER}个?{of}")


def _tells(kinds: Sequence[tuple[re.Pattern[str], re.Pattern[str]]], question: str, clause: str) -> bool:
    return all(tells.search(clause) for asks, tells in kinds if asks.search(question))
