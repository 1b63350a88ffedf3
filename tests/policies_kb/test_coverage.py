"""What of the source collections stands in the packs: the file is checked against the documents, both ways."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from policies_kb.coverage import CoveredPlan, coverage
from policies_kb.loader import PACKS_DIR, load_pack

# Every scheme id of the design.
SCHEMES = frozenset(
    [
        "dibao",
        "dan_ren_bao",
        "tekun",
        "di_shouru",
        "zhichuxing",
        "linshi_jinan",
        "linshi_zhichu",
        "yiliao",
        "jiaoyu",
        "zhufang",
        "jiuye",
        "shouzai",
        "liulang",
        "canji_shenghuo",
        "canji_huli",
        "guer",
        "kunjing_ertong",
        "xinnongbao",
        "gaoling",
        "changshou",
        "yiyang_jiehe",
        "kunnan_jiaoshi",
        "minban_daike",
        "jieri_bangfu",
        "sangao",
        "falv_yuanzhu",
        "liangai",
        "huimin_binzang",
        "jinlin",
        "yezhu_buchang",
        "jiaozheng_bangfu",
        "song_wennuan",
        "xuetuzhi",
        "chuangye_jidi",
        "huiqi",
    ]
)
COLLECTIONS = {"000", "001", "002", "003", "004"}


def test_both_packs_together_have_clauses_of_every_scheme() -> None:
    found = {scheme for name in ("shifan-xian", "shifan-qu") for scheme in coverage(load_pack(name)).schemes}
    assert found >= SCHEMES, f"without a clause: {sorted(SCHEMES - found)}"


def test_the_shipped_coverage_names_every_collection_and_has_no_fault() -> None:
    plans: list[CoveredPlan] = []
    for name in ("shifan-xian", "shifan-qu"):
        found = coverage(load_pack(name))
        assert found.problems == ()
        plans += found.plans
    assert {plan.collection for plan in plans} == COLLECTIONS
    assert all(clause.as_ or clause.left_out for plan in plans for clause in plan.clauses)


@pytest.fixture
def packs_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKS_DIR, tmp_path / "packs"))


def problems(packs_dir: Path, text: str) -> list[str]:
    path = packs_dir / "shifan-qu/coverage.yml"
    path.write_text(text, encoding="utf-8")
    return [str(problem) for problem in coverage(load_pack("shifan-qu", packs_dir)).problems]


HEAD = """sources:
  - collection: "002"
    plan: 某方案
    residents: true
"""


@pytest.mark.parametrize(
    ("rest", "line", "says"),
    [
        ("    document: meiyou\n    clauses: [{number: 一, as: [一]}]\n", 5, "no document 'meiyou'"),
        ("    document: huiqi\n    clauses:\n      - {number: 一, as: [九九]}\n", 7, "no section 九九"),
        ("    document: huiqi\n    clauses:\n      - {number: 一}\n", 7, "either as"),
        (
            "    document: huiqi\n    clauses:\n      - {number: 一, as: [一], left_out: 空话}\n",
            7,
            "either as",
        ),
        ("    document: huiqi\n", 2, "lists its clauses"),
        ("    residents: false\n", 5, "duplicate key"),
    ],
)
def test_a_fault_names_file_line_and_cure(rest: str, line: int, says: str, packs_dir: Path) -> None:
    found = problems(packs_dir, HEAD + rest)
    assert any(f"coverage.yml:{line}:" in one and says in one for one in found), found


def test_a_plan_that_concerns_nobody_needs_a_reason(packs_dir: Path) -> None:
    text = HEAD.replace("residents: true", "residents: false")
    assert any("say why" in one for one in problems(packs_dir, text))
    assert problems(packs_dir, f"{text}    why: 讲机关内部的事\n") == []


def test_a_section_no_clause_stands_behind_is_found(packs_dir: Path) -> None:
    document = load_pack("shifan-qu", packs_dir).document("huiqi")
    assert document is not None
    first, *others = sorted({clause.number for clause in document.clauses})
    listed = "".join(f"      - {{number: {number}, as: [{number}]}}\n" for number in others)
    found = problems(packs_dir, f"{HEAD}    document: huiqi\n    clauses:\n{listed}")
    assert found
    assert all("huiqi.md:" in one and f" {first}:" in one for one in found)


def test_kb_check_lists_what_was_taken_what_was_left_out_and_why(packs_dir: Path) -> None:
    document = load_pack("shifan-qu", packs_dir).document("huiqi")
    assert document is not None
    numbers = sorted({clause.number for clause in document.clauses})
    listed = "".join(f"      - {{number: {number}, as: [{number}]}}\n" for number in numbers)
    text = (
        f"{HEAD}    document: huiqi\n    clauses:\n{listed}      - {{number: 九, left_out: 只讲组织领导}}\n"
    )
    (packs_dir / "shifan-qu/coverage.yml").write_text(text, encoding="utf-8")
    env = {"JZT_PACKS_DIR": str(packs_dir)}
    plain = CliRunner().invoke(main, ["kb", "check", "--pack", "shifan-qu"], env=env)
    assert plain.exit_code == 0, plain.output
    assert f"{len(numbers) + 1} 条收了 {len(numbers)} 条" in plain.output
    assert "没有收 九：只讲组织领导" in plain.output
    told = CliRunner().invoke(main, ["kb", "check", "--pack", "shifan-qu", "--json"], env=env)
    assert json.loads(told.stdout)["shifan-qu"]["coverage"][0]["clauses"][-1]["left_out"] == "只讲组织领导"
    quiet = CliRunner().invoke(main, ["kb", "check", "--pack", "shifan-qu", "--quiet"], env=env)
    assert "没有收" not in quiet.output
