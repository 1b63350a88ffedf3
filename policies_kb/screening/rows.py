"""Rows of a register (a person each, all text) → a chunk of households with what is wrong in them.

Nothing is dropped: a cell that cannot be used counts as not known and is listed, with its row and its cure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from policies_kb.pack import Fact, Pack
from policies_kb.rules.facts import MOST_MEMBERS, SIZE
from policies_kb.screening import people
from policies_kb.screening.cells import LEFT_OUT, CellReader, Read, Wrong, read_date
from policies_kb.screening.columns import Cells, Chunk, Column, Ints, cell_of, unit_of
from policies_kb.screening.numbers import Bools
from policies_kb.screening.problems import Problems
from policies_kb.screening.words import (
    BIRTH,
    HOUSEHOLD,
    IDENTITY,
    NAME,
    RECEIVING,
    TOWN,
    Header,
    Headers,
    scheme_words,
    tidy,
    words,
)

ROW = "__row"  # number of a person's row in the register, its first data row being 2
_PLAIN_NUMBER, _PLAIN_INT = r"^[0-9]{1,9}(\.[0-9]{1,2})?$", r"^[0-9]{1,9}$"
_PARTS = re.compile(r"[、,，;；/\s]+")
_MOST_KEPT = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """A part of a register. Households stand in the order of their first row, members in the order of theirs.

    `rows`: each member's row number; `born`: birth dates (NaT: not known); `receiving`: scheme → households listed as
    receiving it, for the schemes the register tells of.
    """

    chunk: Chunk
    households: pa.Array
    towns: pa.Array
    rows: Ints
    names: pa.Array | None
    identities: pa.Array | None
    born: people.Days
    receiving: Mapping[str, Bools]
    problems: Problems


class RegisterReader:
    """Reads parts of one register. `repeated`: keys of identity numbers that stand in it more than once; `town`: of
    every row, where the register has no such column."""

    def __init__(self, pack: Pack, headers: Headers, today: date, repeated: Ints, town: str = "") -> None:
        self.town = town
        self.pack = pack
        self.headers = headers
        self.today = today
        self.repeated = repeated
        self.schemes = scheme_words(pack)
        self.columns = {
            header.name: FactColumn(header, pack.facts[header.name])
            for header in headers.used
            if header.name in pack.facts
        }

    def read(self, table: pa.Table) -> Register:
        """Rows of whole households (all text, with their row numbers as ROW) → a chunk."""
        header = self.headers.of(HOUSEHOLD)
        keys = pc.dictionary_encode(text_of(table, header.header if header is not None else HOUSEHOLD))
        numbers = keys.indices.to_numpy()
        order = np.argsort(numbers, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=len(keys.dictionary)))])
        return _Part(self, table.take(pa.array(order)), starts.astype(np.int64), keys.dictionary).register()


def text_of(table: pa.Table, name: str) -> pa.Array:
    """A column as one array of text without nulls."""
    column = table.column(name).combine_chunks()
    return pc.fill_null(column, "") if column.null_count else column


class _Part:
    """One part being read."""

    def __init__(self, reader: RegisterReader, table: pa.Table, starts: Ints, households: pa.Array) -> None:
        self._reader = reader
        self._table = table
        self._starts = starts
        self._firsts = starts[:-1]
        self._households = households
        home = np.repeat(np.arange(len(households)), np.diff(starts))
        self._rows: Ints = table.column(ROW).to_numpy()
        self._problems = Problems(households, home, self._rows)

    def register(self) -> Register:
        """Read every column."""
        pack = self._reader.pack
        read = {name: self._cells(column) for name, column in self._reader.columns.items()}
        born = self._born(read)
        members = {name: found for name, found in read.items() if pack.facts[name].scope != "household"}
        household = {
            name: self._of_household(name, found)
            for name, found in read.items()
            if pack.facts[name].scope == "household"
        }
        receiving = self._receiving(household)
        sizes = household.pop(SIZE, None)
        told_size = (
            {} if sizes is None else {int(at): int(sizes.values[at]) for at in np.flatnonzero(sizes.told)}
        )
        self._heads(members.get("relation"))
        self._crowds()
        return Register(
            Chunk(self._starts, household, members, told_size),
            self._households,
            self._towns(),
            self._rows,
            self._own(NAME),
            self._own(IDENTITY),
            born,
            receiving,
            self._problems,
        )

    def _own(self, name: str) -> pa.Array | None:
        header = self._reader.headers.of(name)
        return None if header is None else text_of(self._table, header.header)

    def _towns(self) -> pa.Array:
        """The first town written in each household's rows."""
        towns = self._own(TOWN)
        if towns is None:
            return pa.repeat(pa.scalar(self._reader.town, pa.string()), len(self._households))
        written = np.asarray(pc.not_equal(towns, ""))
        last = len(written)
        first = np.minimum.reduceat(np.where(written, np.arange(last), last), self._firsts)
        return towns.take(pa.array(np.where(first == last, self._firsts, first)))

    def _cells(self, column: FactColumn) -> Column:
        """A fact's column, a row a person; what cannot be used counts as not known and is listed."""
        found, wrongs = column.read(text_of(self._table, column.header.header))
        for at, text, wrong in wrongs:
            self._problems.add(at, column.header.header, text, wrong.what, wrong.cure)
        return found

    def _of_household(self, name: str, found: Column) -> Column:
        """A household's fact from its members' rows: written once or alike; rows that differ are not believed."""
        values = found.values
        low = np.minimum.reduceat(np.where(found.told, values, np.inf), self._firsts)
        high = np.maximum.reduceat(np.where(found.told, values, -np.inf), self._firsts)
        told = np.isfinite(low) & (low == high)
        differ = low < high
        header = self._reader.columns[name].header.header
        for at in np.flatnonzero(differ):
            first, last = self._starts[at], self._starts[at + 1]
            rows = first + np.flatnonzero(found.told[first:last])
            text = text_of(self._table, header).take(pa.array(rows)).to_pylist()
            self._problems.add(
                rows[:1],
                header,
                "、".join(dict.fromkeys(text)),
                "同一户的几行写得不一样",
                "核对后只留一个；核对前当作不知道",
            )
        null = (np.logical_or.reduceat(found.null, self._firsts) & ~told) | differ
        home = np.searchsorted(self._starts, list(found.odd), side="right") - 1
        odd = {int(at): value for at, value in zip(home, found.odd.values(), strict=True) if told[at]}
        return Column(np.where(told, low, 0.0), told, null, odd)

    def _born(self, read: dict[str, Column]) -> people.Days:
        """Birth dates from identity numbers or written ones; age and sex are taken from them."""
        born: people.Days = np.full(len(self._rows), people.NO_DAY)
        written = self._reader.headers.of(BIRTH)
        if written is not None:
            born = self._written_births(written.header)
        numbers, header = self._own(IDENTITY), self._reader.headers.of(IDENTITY)
        if numbers is None or header is None:
            return self._aged(read, born)
        text = np.char.strip(np.asarray(numbers.to_numpy(zero_copy_only=False), np.str_))
        found = people.read_identities(text, self._reader.today)
        given = text != ""
        self._identity_problems(header.header, text, found, given)
        born = np.where(np.isnat(found.born), born, found.born)
        self._sexed(read, found)
        return self._aged(read, born)

    def _identity_problems(
        self, field: str, text: NDArray[np.str_], found: people.Identities, given: Bools
    ) -> None:
        def hidden(at: Ints) -> pa.Array:
            return pa.array([people.masked(number) for number in text[at].tolist()], pa.string())

        unsound = np.flatnonzero(given & ~found.sound)
        self._problems.add(
            unsound,
            field,
            hidden(unsound),
            "身份证号不对：位数、日期或者最后一位对不上",
            "对照身份证改正；改正前按写的年龄算",
        )
        repeated = np.flatnonzero(np.isin(found.key, self._reader.repeated) & found.sound)
        self._problems.add(
            repeated,
            field,
            hidden(repeated),
            "这个身份证号在名册里出现了不止一次",
            "核对是不是同一个人登记了两次，或者号码抄错",
        )

    def _written_births(self, header: str) -> people.Days:
        encoded = pc.dictionary_encode(text_of(self._table, header))
        codes = encoded.indices.to_numpy()
        days = np.full(len(encoded.dictionary), people.NO_DAY)
        for at, text in enumerate(encoded.dictionary.to_pylist()):
            read = read_date(tidy(text)) if tidy(text) else LEFT_OUT
            wrong = read.wrong
            if isinstance(read.value, str):
                day = np.datetime64(read.value, "D")
                if day <= np.datetime64(self._reader.today, "D"):
                    days[at] = day
                else:
                    wrong = Wrong("出生日期还没有到", "请核对年份")
            if wrong is not None:
                self._problems.add(np.flatnonzero(codes == at), header, text, wrong.what, wrong.cure)
        found: people.Days = days[codes]
        return found

    def _aged(self, read: dict[str, Column], born: people.Days) -> people.Days:
        """Ages from birth dates where there are any, else as written."""
        fact = self._reader.pack.facts["age"]
        known = people.ages(born, self._reader.today)
        most = int(fact.maximum) if fact.maximum is not None else 130
        sure = (known >= 0) & (known <= most)
        told = read.get("age")
        if told is not None:
            # 虚岁 counts a year more.
            apart = np.flatnonzero(sure & told.told & (np.abs(told.values - known) > 1))
            header = self._reader.columns["age"].header.header
            self._problems.add(
                apart, header, pa.array([f"{int(value)}" for value in told.values[apart]], pa.string()),
                "和身份证号(出生日期)算出来的年龄差得多", "核对是哪一个写错了；这里按身份证号(出生日期)算",
            )  # fmt: skip
            values = np.where(sure, known, told.values)
            read["age"] = Column(values.astype(np.float64), sure | told.told, told.null & ~sure)
        elif sure.any():
            none = np.zeros(len(known), np.bool_)
            read["age"] = Column(np.where(sure, known, 0).astype(np.float64), sure, none)
        return np.where(sure, born, people.NO_DAY)

    def _sexed(self, read: dict[str, Column], found: people.Identities) -> None:
        fact = self._reader.pack.facts.get("sex")
        if fact is None:
            return
        male, female = (cell_of(fact, word)[0] for word in ("male", "female"))
        own = np.where(found.male, male, female)
        told = read.get("sex")
        if told is None:
            read["sex"] = Column(own, found.sound, np.zeros(len(own), np.bool_))
            return
        apart = np.flatnonzero(found.sound & told.told & (told.values != own))
        header = self._reader.columns["sex"].header.header
        text = text_of(self._table, header).take(pa.array(apart))
        self._problems.add(
            apart, header, text, "和身份证号里的性别不一样", "核对是哪一个写错了；这里按身份证号算"
        )
        values = np.where(found.sound, own, told.values)
        read["sex"] = Column(values, found.sound | told.told, told.null & ~found.sound)

    def _receiving(self, household: dict[str, Column]) -> dict[str, Bools]:
        """Households the register lists as receiving each scheme: of all where it has a column for it."""
        rows = len(self._households)
        found: dict[str, Bools] = {}
        texts, header = self._own(RECEIVING), self._reader.headers.of(RECEIVING)
        if texts is not None and header is not None:
            found = {scheme: np.zeros(rows, np.bool_) for scheme in self._reader.pack.schemes}
            encoded = pc.dictionary_encode(texts)
            codes = encoded.indices.to_numpy()
            for at, text in enumerate(encoded.dictionary.to_pylist()):
                own = np.flatnonzero(codes == at)
                for word in filter(None, (tidy(part) for part in _PARTS.split(text))):
                    scheme = self._reader.schemes.get(word)
                    if scheme is not None:
                        found[scheme][np.searchsorted(self._starts, own, side="right") - 1] = True
                    elif word not in words().nothing:
                        cure = "写方案的名称或者代号，几项之间用顿号隔开"
                        self._problems.add(own, header.header, word, "没有叫这个名字的救助", cure)
        dibao, column = words().receiving_dibao, household.get("receiving_dibao")
        if column is not None:
            told = column.told & (column.values == 1)
            found[dibao] = found[dibao] | told if dibao in found else told
        elif dibao in found and "receiving_dibao" in self._reader.pack.facts:
            told = found[dibao]
            household["receiving_dibao"] = Column(told.astype(np.float64), told, np.zeros(rows, np.bool_))
        return found

    def _heads(self, relation: Column | None) -> None:
        if relation is None:
            return
        own = cell_of(self._reader.pack.facts["relation"], "self")[0]
        heads = np.add.reduceat((relation.told & (relation.values == own)).astype(np.int64), self._firsts)
        header = self._reader.columns["relation"].header.header
        self._problems.add(
            self._firsts[heads == 0], header, "", "这一户没有写户主", "写明谁是户主；这里把第一个人当作户主"
        )

    def _crowds(self) -> None:
        counts = np.diff(self._starts)
        crowded = self._firsts[counts > MOST_MEMBERS]
        header = self._reader.headers.of(HOUSEHOLD)
        self._problems.add(
            crowded, header.header if header is not None else "", "", f"一户超过{MOST_MEMBERS}个人",
            "核对户编号是不是写成了村或者单位的编号；这里照样筛查",
        )  # fmt: skip


class FactColumn:
    """Reads one fact's column of a register, part after part."""

    def __init__(self, header: Header, fact: Fact) -> None:
        self.header = header
        self._fact = fact
        self._reader = CellReader(header.name, fact, header.factor)
        self._kept: dict[str, Read] = {}

    def read(self, texts: pa.Array) -> tuple[Column, list[tuple[Ints, str, Wrong]]]:
        """(the column; rows, text and fault of what cannot be used)."""
        encoded = pc.dictionary_encode(texts)
        codes: Ints = encoded.indices.to_numpy()
        values, told = self._plain(encoded.dictionary)
        null = np.zeros(len(values), np.bool_)
        odd: dict[int, Fraction] = {}
        wrongs: list[tuple[Ints, str, Wrong]] = []
        slow = np.flatnonzero(~told)
        for at, text in zip(slow.tolist(), encoded.dictionary.take(pa.array(slow)).to_pylist(), strict=True):
            read = self._one(text)
            if read.wrong is not None:
                wrongs.append((np.flatnonzero(codes == at), text, read.wrong))
            null[at] = read.wrong is not None or (read.told and read.value is None)
            if read.value is not None:
                told[at] = True
                values[at], exact = cell_of(self._fact, read.value)
                if exact is not None:
                    values[at] = float(exact / unit_of(self._fact))
                    odd |= dict.fromkeys(np.flatnonzero(codes == at).tolist(), exact)
        return Column(values[codes], told[codes], null[codes], odd), wrongs

    def _one(self, text: str) -> Read:
        read = self._kept.get(text)
        if read is None:
            if len(self._kept) > _MOST_KEPT:
                self._kept.clear()
            read = self._kept[text] = self._reader.read(text)
        return read

    def _plain(self, texts: pa.Array) -> tuple[Cells, Bools]:
        """(cells, those read) of figures written plainly and within the fact's bounds; the rest is read one by one."""
        fact, none = self._fact, np.zeros(len(texts), np.bool_)
        if fact.type not in {"int", "money", "number"}:
            return np.zeros(len(texts)), none
        plain = np.asarray(
            pc.match_substring_regex(texts, _PLAIN_INT if fact.type == "int" else _PLAIN_NUMBER)
        )
        figures = pc.cast(pc.if_else(pa.array(plain), texts, "0"), pa.float64()).to_numpy()
        cells = np.rint(figures * float(1 / unit_of(fact))) * self.header.factor
        least = 0.0 if fact.minimum is None else float(Fraction(fact.minimum) / unit_of(fact))
        most = np.inf if fact.maximum is None else float(Fraction(fact.maximum) / unit_of(fact))
        return cells, plain & (cells >= least) & (cells <= most)
