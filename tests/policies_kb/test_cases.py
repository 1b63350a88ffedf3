"""Worked cases of the packs: every shipped one holds, and one that fails or cannot be read says where and why."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from policies_kb.loader import PACKS_DIR, load_pack, pack_names, pack_version
from policies_kb.pack import Pack
from policies_kb.rules.cases import CaseFile, WorkedCase, case_files, check_cases, differences
from policies_kb.yamlfile import load_model

pack_of = cache(load_pack)
SHIPPED = [
    pytest.param(name, file, case, id=f"{name}/{file.scheme}/{case.name}")
    for name in pack_names()
    for path in case_files(pack_of(name))
    for file in (load_model(path, CaseFile),)
    for case in file.cases
]


@pytest.mark.parametrize(("pack", "file", "case"), SHIPPED)
def test_every_shipped_case_holds(pack: str, file: CaseFile, case: WorkedCase) -> None:
    assert differences(pack_of(pack), file, case) == []


HEAD = """scheme: dibao
today: 2026-03-05
base:
  area: urban
  local_hukou: true
  savings: 0
  homes: 1
  cars: 0
  household: [{relation: self, age: 45, income_month: 700, can_work: true}]
cases:
"""


@pytest.fixture
def packs_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKS_DIR, tmp_path / "packs"))


@pytest.fixture
def pack(packs_dir: Path) -> Pack:
    return load_pack("shifan-xian", packs_dir)


def faults(pack: Pack, cases: str, name: str = "dibao") -> list[str]:
    for path in case_files(pack):
        path.unlink()
    path = pack.folders[0] / f"cases/{name}.yml"
    path.write_text(HEAD + cases, encoding="utf-8")
    return [str(problem) for problem in check_cases(pack).problems]


def test_cases_that_hold_are_counted_and_no_fault(pack: Pack) -> None:
    cases = """\
  - {name: 收入七百, expect: {outcome: likely, amount_month: 30, missing: []}}
  - {name: 差一点, expect: {outcome: likely, amount_month: 30.5, margin: 0.5}}
  - {name: 到了标准, self: {income_month: 730}, expect: {outcome: unlikely, amount_month: null, borderline: true}}
  - {name: 收入不知道, self: {income_month: null}, expect: {outcome: unknown, missing: [income_month]}}
  - {name: 户口没有说, without: [local_hukou], expect: {outcome: unknown, missing: [local_hukou]}}
  - {name: 收入没有说, without: [household.0.income_month], expect: {outcome: unknown}}
"""
    assert faults(pack, cases) == []
    assert check_cases(pack).count == 6


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("expect: {outcome: unlikely}", "outcome: expected unlikely, found likely"),
        ("expect: {outcome: likely, amount_month: 31}", "amount_month: expected 31, found 30"),
        ("expect: {outcome: likely, amount_month: 31.5, margin: 1}", "amount_month: expected 31.5, found 30"),
        ("expect: {outcome: likely, amount_month: null}", "amount_month: expected no sum, found 30"),
        ("expect: {outcome: likely, amount_once: 5}", "amount_once: expected 5, found no sum"),
        ("expect: {outcome: likely, amount_month_range: [1, 2]}", "expected 1-2, found no range"),
        ("expect: {outcome: likely, missing: [cars]}", "missing: expected ['cars'], found []"),
        ("expect: {outcome: likely, borderline: false}", "borderline: expected False, found True"),
        ("expect: {outcome: likely, says: [天上]}", "says: '天上' is not said"),
        ("expect: {outcome: likely, silent: [差额]}", "silent: '差额' is said"),
        ("facts: {savngs: 5}, expect: {outcome: likely}", "savngs(是不是 savings?)：没有这一项"),
        ("self: {age: 200}, expect: {outcome: likely}", "太大"),
        ("expect: {outcome: maybe}", "Input should be"),
    ],
)
def test_a_case_that_fails_names_file_line_and_both_values(pack: Pack, case: str, says: str) -> None:
    sound = "  - {name: 好的, expect: {outcome: likely}}\n"
    found = faults(pack, f"{sound}  - {{name: 坏的, {case}}}\n")
    assert len(found) == 1
    assert "cases/dibao.yml:12:" in found[0]
    assert says in found[0]


@pytest.mark.parametrize(("name", "says"), [("tekun", "is 'dibao' in tekun.yml"), ("dibao", "stands twice")])
def test_a_file_of_another_scheme_and_a_name_that_stands_twice(pack: Pack, name: str, says: str) -> None:
    case = "  - {name: 同名, expect: {outcome: likely}}\n"
    assert any(says in one for one in faults(pack, case * 2, name))


def test_kb_check_counts_cases_and_fails_on_one(packs_dir: Path, pack: Pack) -> None:
    def check() -> tuple[int, str]:
        env = {"JZT_PACKS_DIR": str(packs_dir)}
        done = CliRunner().invoke(main, ["kb", "check", "--pack", "shifan-xian", "--quiet"], env=env)
        return done.exit_code, done.output

    faults(pack, "  - {name: 好的, expect: {outcome: likely}}\n")
    assert check() == (0, "shifan-xian：没有发现问题，算例 1 个\n")
    faults(pack, "  - {name: 坏的, expect: {outcome: unlikely}}\n")
    code, said = check()
    assert code == 1
    assert "结果应当是 unlikely，算出来是 likely" in said


def test_cases_are_not_part_of_the_version(packs_dir: Path, pack: Pack) -> None:
    before = pack_version("shifan-xian", packs_dir)
    faults(pack, "  - {name: 好的, expect: {outcome: likely}}\n")
    assert pack_version("shifan-xian", packs_dir) == before
