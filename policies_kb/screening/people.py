"""Identity numbers, birth dates and ages of many people at once.

The check digit is ISO 7064 MOD 11-2, as python-stdnum computes it for one number (cn.ric); a test holds both equal.
A register has millions of them, so the same sum is done on columns here. Area codes are not looked at: cards keep
withdrawn ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from policies_kb.screening.numbers import Bools

Days = NDArray[np.datetime64]
Ints = NDArray[np.int64]
_LENGTH = 18
# Powers of two modulo 11, from the first digit to the last but one.
_WEIGHTS = np.array([pow(2, _LENGTH - 1 - at, 11) for at in range(_LENGTH - 1)])
NO_DAY = np.datetime64("NaT", "D")
NO_KEY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """What identity numbers say, row by row: whether each is sound, the birth date, the sex digit, a key to compare by.

    Unsound numbers have no birth date (NaT) and no key.
    """

    sound: Bools
    born: Days
    male: Bools
    key: Ints


def read_identities(numbers: NDArray[np.str_], today: date) -> Identities:
    """Read many numbers; lower-case x is taken for X. Texts of another length are unsound."""
    rows = len(numbers)
    right = np.char.str_len(numbers) == _LENGTH
    codes = numbers.astype(f"<U{_LENGTH}").view(np.uint32).reshape(rows, _LENGTH).astype(np.int64) - ord("0")
    last = np.where(np.isin(codes[:, -1], (ord("X") - ord("0"), ord("x") - ord("0"))), 10, codes[:, -1])
    digits = codes[:, :-1]
    right &= ((digits >= 0) & (digits <= 9)).all(axis=1) & (last >= 0) & (last <= 10)
    right &= ((digits * _WEIGHTS).sum(axis=1) + last) % 11 == 1
    born = days_of(_number(digits, 6, 10), _number(digits, 10, 12), _number(digits, 12, 14), right)
    right &= ~np.isnat(born) & (born <= np.datetime64(today, "D"))
    key = np.where(right, _number(np.where(right[:, None], digits, 0), 0, _LENGTH - 1), NO_KEY)
    return Identities(right, np.where(right, born, NO_DAY), digits[:, 16] % 2 == 1, key)


def _number(digits: Ints, first: int, last: int) -> Ints:
    found = np.zeros(len(digits), np.int64)
    for at in range(first, last):
        found = found * 10 + digits[:, at]
    return found


def days_of(year: Ints, month: Ints, day: Ints, rows: Bools) -> Days:
    """Dates from their parts in `rows`; NaT where there is no such day, and elsewhere."""
    whole = rows & (year >= 1850) & (year <= 2200) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (np.where(whole, year, 1970) - 1970) * 12 + np.where(whole, month, 1) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    found: Days = first + (np.where(whole, day, 1) - 1).astype("timedelta64[D]")
    same_month = found.astype("datetime64[M]") == months.astype("datetime64[M]")
    return np.where(whole & same_month, found, NO_DAY)


def ages(born: Days, today: date) -> Ints:
    """Full years on `today`; -1 where the birth date is not known."""
    known = ~np.isnat(born)
    days = np.where(known, born, np.datetime64(today, "D"))
    months = days.astype("datetime64[M]").astype(np.int64)
    day = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    whole = (today.year - 1970) * 12 + today.month - 1 - months - (day > today.day)
    return np.where(known, whole // 12, -1)


def masked(number: str) -> str:
    """An identity number as problems are listed: its length and its ends only."""
    return f"{number[:2]}…{number[-2:]}({len(number)}位)" if len(number) > 8 else "…"
