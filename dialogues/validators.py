"""Answers checked and brought into their stored form, by slot type.

`check` returns the stored value or raises `Problem` with a code; the words for each code are in slots.yml
(`problems`), so that a pack can say them its own way. Nothing here is said to the resident.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, cast, get_args

from pydantic import JsonValue
from stdnum.cn import ric

from dialogues.ports import SlotType
from policies_kb.types import Choice

Sex = Literal["male", "female"]
Relation = Literal["self", "spouse", "child", "parent", "grandparent", "grandchild", "sibling", "other"]
RELATIONS: tuple[str, ...] = get_args(Relation)

PROBLEMS: frozenset[str] = frozenset(
    {
        "not_text", "too_long", "not_a_name", "not_a_number", "out_of_range", "not_yes_no", "not_a_choice",
        "id_length", "id_old", "id_characters", "id_birth_date", "id_future", "id_too_old", "id_check_digit",
        "id_sex", "id_age", "id_same", "not_a_date", "not_a_phone", "not_an_account", "too_short_address",
        "not_a_file", "beyond", "no_such_day",
    }
)  # fmt: skip

TEXT_LIMIT = 500
NAME_LIMIT = 30
ADDRESS_LIMIT = 200
SHORT = 20
OLDEST = 125  # years; nobody in China has reached it, so a number that says so was misread

_FEMALE = [
    "女儿",
    "闺女",
    "妻",
    "老婆",
    "媳妇",
    "母",
    "妈",
    "娘",
    "奶奶",
    "姥姥",
    "外婆",
    "外祖母",
    "孙女",
    "姐",
    "妹",
    "姑",
    "姨",
    "婶",
    "嫂",
]
_MALE = [
    "儿子",
    "丈夫",
    "老公",
    "父",
    "爸",
    "爹",
    "爷爷",
    "姥爷",
    "外公",
    "外祖父",
    "孙子",
    "外孙",
    "哥",
    "弟",
    "叔",
    "伯",
    "舅",
    "公公",
    "岳父",
    "女婿",
]


class Problem(Exception):
    """An answer that cannot be taken; `code` is one of PROBLEMS, `detail` fills the words said."""

    def __init__(self, code: str, *, number: str | None = None, **detail: JsonValue) -> None:
        super().__init__(code)
        self.code = code
        # A well-formed identity number that only disagrees with what was said before.
        self.number = number
        self.detail: dict[str, JsonValue] = {
            "limit": None, "minimum": None, "maximum": None, "count": None, "part": None, "found": None, "said": None,
        } | detail  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """What else an answer has to agree with. Ages in full years; `taken` maps ID numbers to whose they are."""

    today: date
    choices: Sequence[Choice] = ()
    minimum: float | None = None
    maximum: float | None = None
    sex: Sex | None = None
    sex_said: str = ""
    age: int | None = None
    taken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IdNumber:
    """The parts of an 18-character identity number that a conversation needs."""

    number: str
    birth_date: date
    sex: Sex

    def age(self, today: date) -> int:
        """Full years on `today`."""
        born = self.birth_date
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def read_id_number(text: str, *, today: date) -> IdNumber:
    """Read and check an identity number: length, characters, date of birth, check digit.

    The area code is not looked up: real cards carry codes withdrawn long ago, and a list would refuse their owners.

    Raises:
        Problem: id_length, id_old, id_characters, id_birth_date, id_future, id_too_old or id_check_digit.
    """
    number = re.sub(r"[\s\-_.·,,。]", "", unicodedata.normalize("NFKC", text)).upper()
    # In an old number the 7th to 12th digits are the date of birth; otherwise three digits of a new one are missing.
    if re.fullmatch(r"\d{15}", number) and _is_date(f"19{number[6:12]}"):
        raise Problem("id_old")
    if len(number) != 18:
        raise Problem("id_length", count=len(number))
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise Problem("id_characters")
    part = number[6:14]
    try:
        born = date(int(part[:4]), int(part[4:6]), int(part[6:]))
    except ValueError:
        raise Problem("id_birth_date", part=part) from None
    if born > today:
        raise Problem("id_future", part=part)
    found = IdNumber(number, born, "male" if int(number[16]) % 2 else "female")
    if found.age(today) > OLDEST:
        raise Problem("id_too_old", part=part[:4], limit=OLDEST)
    if ric.calc_check_digit(number) != number[-1]:
        raise Problem("id_check_digit")
    return found


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return True


def sex_of_words(words: str) -> Sex | None:
    """The sex a word of kinship tells (女儿 → female), or None when it tells none or both."""
    # 女婿 and 公公 hold a word of the other list; 外孙女 holds 外孙: the longer word decides.
    female = max((len(word) for word in _FEMALE if word in words), default=0)
    male = max((len(word) for word in _MALE if word in words), default=0)
    if "孙女" in words:
        return "female"
    if female == male:
        return None
    return "female" if female > male else "male"


def check(type_: SlotType, value: JsonValue, expected: Expected) -> JsonValue:
    """The stored form of an answer of the given type.

    Raises:
        Problem: it cannot be taken; the code says why.
    """
    match type_:
        case "int" | "number" | "money":
            return _number(type_, value, expected)
        case "bool":
            return _yes_no(value)
        case "choice":
            return _choice(value, expected.choices)
        case "relation":
            if value not in RELATIONS or value == "self":
                raise Problem("not_a_choice")
            return value
        case "date":
            return _date(value)
        case "file":
            if not isinstance(value, dict) or not {"document_id", "sha256"} <= set(value):
                raise Problem("not_a_file")
            return value
        case "person_name":
            return _name(_text(value))
        case "id_number":
            return _id_number(_text(value), expected)
        case "phone":
            return _phone(_text(value))
        case "bank_account":
            return _account(_text(value))
        case "address":
            return _address(_text(value))
        case "text":
            text = _text(value)
            if len(text) > TEXT_LIMIT:
                raise Problem("too_long", limit=TEXT_LIMIT)
            return text


def _text(value: JsonValue) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Problem("not_text")
    # Cc: control characters, Cf: invisible formatting such as zero-width joiners pasted from elsewhere, Cs: halves
    # of surrogate pairs, which no store can write.
    text = "".join(
        " " if char in "\n\t\r" else char
        for char in unicodedata.normalize("NFC", str(value))
        if char in "\n\t\r" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
    )
    text = re.sub(r"\s+", " ", text).strip()
    if not text:
        raise Problem("not_text")
    return text


def _number(type_: SlotType, value: JsonValue, expected: Expected) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Problem("not_a_number")
    try:
        number = float(unicodedata.normalize("NFKC", value)) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        raise Problem("not_a_number") from None
    if number != number or abs(number) == float("inf"):
        raise Problem("not_a_number")
    if type_ == "int" and not number.is_integer():
        raise Problem("not_a_number")
    low = expected.minimum if expected.minimum is not None else (0 if type_ in {"int", "money"} else None)
    high = expected.maximum if expected.maximum is not None else (1e9 if type_ == "money" else None)
    if (low is not None and number < low) or (high is not None and number > high):
        raise Problem("out_of_range", minimum=_short(low), maximum=_short(high))
    return int(number) if number.is_integer() else number


def _short(limit: float | None) -> JsonValue:
    if limit is None:
        return None
    return int(limit) if float(limit).is_integer() else limit


def _yes_no(value: JsonValue) -> bool:
    if not isinstance(value, bool):
        raise Problem("not_yes_no")
    return value


def _choice(value: JsonValue, choices: Collection[Choice]) -> JsonValue:
    for choice in choices:
        # 1 == True in Python, not for us.
        if choice.value == value and isinstance(choice.value, bool) == isinstance(value, bool):
            return choice.value
    raise Problem("not_a_choice")


def _date(value: JsonValue) -> str:
    try:
        return date.fromisoformat(cast("str", value)).isoformat()
    except (ValueError, TypeError):
        # 2月30日: read as a date and on no calendar.
        if isinstance(value, str) and re.search(r"\d|[一二三四五六七八九十][月日号]", value):
            raise Problem("no_such_day", part=value[:SHORT]) from None
        raise Problem("not_a_date") from None


def _name(text: str) -> str:
    name = re.sub(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])", "", text).strip(" .!\u3002\uff0c\uff01")
    if len(name) > NAME_LIMIT:
        raise Problem("not_a_name")
    # Letters of any script, the dots of transcribed names, rare characters of the extension planes.
    if len(name) < 2 or not all(char.isalpha() or char in "·•.' -" for char in name):
        raise Problem("not_a_name")
    return name.replace("•", "·")


def _id_number(text: str, expected: Expected) -> str:
    found = read_id_number(text, today=expected.today)
    if found.number in expected.taken:
        raise Problem("id_same", said=expected.taken[found.number])
    if expected.sex is not None and expected.sex != found.sex:
        raise Problem(
            "id_sex",
            number=found.number,
            part=found.number[16],
            found="男" if found.sex == "male" else "女",
            said=expected.sex_said,
        )
    # One year of difference is the difference between full years and years counted from birth (虚岁).
    if expected.age is not None and abs(found.age(expected.today) - expected.age) > 1:
        raise Problem("id_age", number=found.number, found=found.age(expected.today), said=expected.age)
    return found.number


def _phone(text: str) -> str:
    digits = re.sub(r"[^0-9]", "", unicodedata.normalize("NFKC", text))
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if re.fullmatch(r"1[3-9]\d{9}", digits):
        return digits
    # Landline with area code (0 + 2 or 3 digits) and a number of 7 or 8.
    if re.fullmatch(r"0(10|2\d|[3-9]\d{2})\d{7,8}", digits):
        return digits
    raise Problem("not_a_phone")


def _account(text: str) -> str:
    digits = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text))
    # Cards carry a Luhn digit, passbooks do not: only the length can be held against it.
    if not re.fullmatch(r"\d{12,21}", digits):
        raise Problem("not_an_account")
    return digits


def _address(text: str) -> str:
    if len(text) < 4 or not any(char.isalpha() for char in text):
        raise Problem("too_short_address")
    if len(text) > ADDRESS_LIMIT:
        raise Problem("too_long", limit=ADDRESS_LIMIT)
    return text
