"""Answers brought into their stored form. All people are made up; their area code 990101 is not assigned."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from dialogues.masking import mask
from dialogues.receipt import ALPHABET, idempotency_key, is_receipt, receipt_number
from dialogues.validators import PROBLEMS, Expected, Problem, check, read_id_number, sex_of_words
from policies_kb.types import Choice

TODAY = date(2026, 3, 5)
HERE = Expected(today=TODAY)


def number(born: str, order: str = "123") -> str:
    body = f"990101{born}{order}"
    return body + ric.calc_check_digit(body + "0")


@given(st.dates(date(1905, 1, 1), TODAY), st.integers(1, 999))
def test_a_right_identity_number_is_read(born: date, order: int) -> None:
    found = read_id_number(number(f"{born:%Y%m%d}", f"{order:03}"), today=TODAY)
    assert found.birth_date == born
    assert found.sex == ("male" if order % 2 else "female")
    assert found.age(TODAY) == TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))


@given(st.dates(date(1905, 1, 1), TODAY), st.integers(0, 17), st.integers(1, 9))
def test_one_misread_digit_never_passes(born: date, place: int, off: int) -> None:
    right = number(f"{born:%Y%m%d}")
    if right[place] == "X":
        return
    wrong = right[:place] + str((int(right[place]) + off) % 10) + right[place + 1 :]
    with pytest.raises(Problem):
        read_id_number(wrong, today=TODAY)


@given(st.dates(date(1905, 1, 1), TODAY), st.integers(0, 16))
def test_two_neighbours_swapped_never_pass(born: date, place: int) -> None:
    right = number(f"{born:%Y%m%d}")
    swapped = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    if swapped != right:
        with pytest.raises(Problem):
            read_id_number(swapped, today=TODAY)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("9901011954030912", "id_length"),
        ("990101540309123", "id_old"),
        ("9901011954030912A7", "id_characters"),
        ("990101195402301234", "id_birth_date"),
        ("990101202612311234", "id_future"),
        ("990101188002011234", "id_too_old"),
        (number("19540309")[:-1] + ("1" if number("19540309")[-1] != "1" else "2"), "id_check_digit"),
    ],
)
def test_what_is_wrong_with_a_number_is_said(text: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        read_id_number(text, today=TODAY)
    assert caught.value.code == code


def test_spaces_full_width_digits_and_small_x_are_forgiven() -> None:
    ending_in_x = next(
        number("19540309", f"{order:03}")
        for order in range(1, 99)
        if number("19540309", f"{order:03}").endswith("X")
    )
    spaced = f"{ending_in_x[:6]} {ending_in_x[6:14]} {ending_in_x[14:]}".lower()
    wide = "".join(chr(ord(char) + 0xFEE0) if char.isdigit() else char for char in spaced)
    assert check("id_number", wide, HERE) == ending_in_x


def test_age_and_sex_have_to_agree() -> None:
    woman = number("19540309", "124")
    with pytest.raises(Problem, match="id_sex"):
        check("id_number", woman, Expected(today=TODAY, sex="male", sex_said="儿子"))
    with pytest.raises(Problem, match="id_age"):
        check("id_number", woman, Expected(today=TODAY, age=60))
    # 虚岁 counts one more: nobody is asked about that.
    assert check("id_number", woman, Expected(today=TODAY, age=72)) == woman
    with pytest.raises(Problem, match="id_same"):
        check("id_number", woman, Expected(today=TODAY, taken={woman: "李大山"}))


@pytest.mark.parametrize(
    ("words", "sex"),
    [
        ("我女儿", "female"), ("女婿", "male"), ("儿媳妇", "female"), ("老伴", None), ("外孙女", "female"), ("外孙", "male"),
        ("外婆", "female"), ("公公", "male"), ("父母", None), ("", None), ("孩子", None), ("我妈", "female"),
    ],
)  # fmt: skip
def test_words_of_kinship(words: str, sex: str | None) -> None:
    assert sex_of_words(words) == sex


@pytest.mark.parametrize(
    ("type_", "value", "stored"),
    [
        ("person_name", " 张 秀英。", "张秀英"),
        ("person_name", "阿依古丽•买买提", "阿依古丽·买买提"),
        ("person_name", "𠮷田", "𠮷田"),
        ("phone", "138 0000 0000", "13800000000"),
        ("phone", "+86 138-0000-0000", "13800000000"),
        ("phone", "0371 12345678", "037112345678"),
        ("phone", "010-12345678", "01012345678"),
        ("bank_account", "6222 0000 0000 0001 234", "6222000000000001234"),
        ("address", "示范镇\u200b东村三组", "示范镇东村三组"),
        ("int", "3", 3),
        ("int", 3.0, 3),
        ("money", 0, 0),
        ("bool", True, True),
        ("date", "2026-03-05", "2026-03-05"),
    ],
)
def test_what_is_stored(type_: str, value: object, stored: object) -> None:
    assert check(type_, value, HERE) == stored  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type_", "value", "code"),
    [
        ("person_name", "王", "not_a_name"),
        ("person_name", "13800000000", "not_a_name"),
        ("person_name", "😀😀", "not_a_name"),
        ("person_name", "\u200b", "not_text"),
        ("phone", "1380000", "not_a_phone"),
        ("bank_account", "密码123456", "not_an_account"),
        ("address", "东村", "too_short_address"),
        ("address", "13900000000", "too_short_address"),
        ("address", "长" * 201, "too_long"),
        ("text", "长" * 501, "too_long"),
        ("int", 2.5, "not_a_number"),
        ("int", True, "not_a_number"),
        ("money", -1, "out_of_range"),
        ("money", float("nan"), "not_a_number"),
        ("money", 1e300, "out_of_range"),
        ("int", 10**400, "not_a_number"),
        ("bool", 1, "not_yes_no"),
        ("choice", "x", "not_a_choice"),
        ("relation", "self", "not_a_choice"),
        ("relation", "boss", "not_a_choice"),
        ("relation", ["spouse"], "not_a_choice"),
        ("date", "2026-02-30", "no_such_day"),
        ("date", "2月30日", "no_such_day"),
        ("date", "不晓得", "not_a_date"),
        ("file", "x", "not_a_file"),
    ],
)
def test_what_is_not_taken(type_: str, value: object, code: str) -> None:
    with pytest.raises(Problem) as caught:
        check(type_, value, HERE)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_one_is_not_true() -> None:
    choices = (Choice(value=1, title="1套"), Choice(value=True, title="有"))
    assert check("choice", True, Expected(today=TODAY, choices=choices)) is True
    assert check("choice", 1, Expected(today=TODAY, choices=choices[:1])) == 1
    with pytest.raises(Problem):
        check("choice", True, Expected(today=TODAY, choices=choices[:1]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TYPES = ["text", "int", "money", "number", "bool", "choice", "date", "person_name", "id_number", "phone",
         "bank_account", "address", "relation", "file"]  # fmt: skip


@given(st.sampled_from(TYPES), JSON)
def test_anything_at_all_is_taken_or_refused_with_a_known_code(type_: str, value: object) -> None:
    code = None
    try:
        check(type_, value, HERE)  # type: ignore[arg-type]
    except Problem as problem:
        code = problem.code
    assert code is None or code in PROBLEMS


@given(st.text(min_size=1, max_size=40), st.integers(1, 999), st.dates(date(2026, 1, 1), date(2099, 1, 1)))
def test_receipts(conversation: str, application: int, day: date) -> None:
    receipt = receipt_number(conversation, application, day)
    assert receipt == receipt_number(conversation, application, day)
    assert receipt != receipt_number(conversation, application + 1, day)
    assert is_receipt(receipt)
    assert is_receipt(receipt.replace("-", "").lower())
    assert not set("BILOSZ") & set(receipt.removeprefix("JZ-"))
    assert idempotency_key(conversation, application) != idempotency_key(conversation, application + 1)


@given(st.integers(0, 14), st.integers(1, 29))
def test_one_misheard_character_of_a_receipt_is_noticed(place: int, off: int) -> None:
    plain = receipt_number("c-1", 1, TODAY).removeprefix("JZ-").replace("-", "")
    wrong = ALPHABET[(ALPHABET.index(plain[place]) + off) % len(ALPHABET)]
    heard = plain[:place] + wrong + plain[place + 1 :]
    assert not is_receipt(f"JZ-{heard[:8]}-{heard[8:12]}-{heard[12:]}")


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("990101195403091247", "id_number", "990101********1247"),
        ("13800001234", "phone", "138****1234"),
        ("6222000000000001234", "bank_account", "尾号 1234"),
        ("张秀英", "name", "张*英"),
        ("王明", "name", "王*"),
        ("东村三组12号", "address", "东村*组**号"),
        (None, "phone", ""),
        ({"document_id": "1"}, "file", "已收到"),
    ],
)
def test_masks(value: object, kind: str, shown: str) -> None:
    assert mask(value, kind) == shown  # type: ignore[arg-type]
