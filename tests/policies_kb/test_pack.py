"""The shipped packs hold together; a pack with a fault says where it is and how it is cured; children overlay parents."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from policies_kb.errors import DataFileError, Problem
from policies_kb.knowledge import PackKnowledge, UnknownText, open_pack
from policies_kb.loader import PACKS_DIR, UnknownPack, check_references, load_pack, pack_names, sources
from policies_kb.pack import EXAMPLE
from policies_kb.rules.check import REQUIRED_TEXTS

TODAY = date(2026, 3, 5)
CORE = {"dibao", "tekun", "di_shouru", "zhichuxing", "linshi_jinan", "linshi_zhichu"}


@pytest.mark.parametrize("name", pack_names())
def test_every_shipped_pack_loads_and_every_citation_stands(name: str) -> None:
    pack = load_pack(name)
    assert list(check_references(pack)) == []
    assert len(list(sources(pack))) > 20
    for key in REQUIRED_TEXTS:
        assert pack.texts[key]


def test_the_core_schemes_are_there() -> None:
    assert set(load_pack("shifan-xian").schemes) >= CORE | {"dan_ren_bao"}
    assert set(load_pack("shifan-qu").schemes) >= CORE


def test_every_figure_has_a_date_and_a_source() -> None:
    for name in ("shifan-xian", "shifan-qu"):
        for key, parameter in load_pack(name).parameters.items():
            assert parameter.values, f"{name}: {key} has no value"
            assert all(value.source for value in parameter.values)
            # Help that has ended keeps its figures, so that it can be said when it ended.
            ended = all(value.effective_to and value.effective_to < TODAY for value in parameter.values)
            assert ended or parameter.on(TODAY), f"{name}: {key} has no value in force"


def test_the_example_values_are_marked() -> None:
    for name, expected in (
        ("shifan-xian", {"urban": 730, "rural": 540}),
        ("shifan-qu", {"urban": 850, "rural": 850}),
    ):
        value = load_pack(name).parameters["dibao_standard"].on(TODAY)
        assert value is not None
        assert value.value == expected
        assert value.source == EXAMPLE


def test_a_child_overlays_its_parent_and_a_value_says_whose_it_is() -> None:
    xian, qu = load_pack("shifan-xian"), load_pack("shifan-qu")
    assert xian.places["parameter", "minor_age"].pack == "guojia"
    assert qu.places["parameter", "minor_age"].pack == "shifan-qu"
    inherited, own = xian.parameters["minor_age"].on(TODAY), qu.parameters["minor_age"].on(TODAY)
    assert inherited is not None
    assert own is not None
    assert (inherited.value, own.value) == (Decimal(16), Decimal(18))
    assert xian.places["condition", "dibao.income"].pack == "guojia"
    assert xian.places["condition", "dibao.savings"].pack == "shifan-xian"
    assert xian.texts["emergency.police"] == "110"
    assert xian.texts["office.name"] != qu.texts["office.name"]
    assert [folder.name for folder in xian.folders] == ["shifan-xian", "guojia"]


def test_a_child_keeps_its_parents_names_for_what_if_unless_it_gives_its_own(packs_dir: Path) -> None:
    assert load_pack("shifan-xian", packs_dir).parameters["low_income_multiple"].what_if == (
        "di_shouru.multiple",
    )
    path = packs_dir / "shifan-xian/parameters.yml"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = lines.index("  low_income_multiple:")
    lines.insert(at + 1, "    what_if: [di_shouru.bei]")
    path.write_text("\n".join(lines), encoding="utf-8")
    assert load_pack("shifan-xian", packs_dir).parameters["low_income_multiple"].what_if == ("di_shouru.bei",)


@pytest.fixture
def packs_dir(tmp_path: Path) -> Path:
    """A copy of the shipped packs that a test may spoil."""
    root = tmp_path / "packs"
    shutil.copytree(PACKS_DIR, root)
    return root


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def problems(root: Path, name: str = "shifan-xian") -> tuple[Problem, ...]:
    with pytest.raises(DataFileError) as caught:
        load_pack(name, root)
    return caught.value.problems


def line_with(path: Path, text: str) -> int:
    return next(
        at for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line
    )


Spoil = Callable[[Path], None]
DIBAO = Path("guojia/schemes/dibao.yml")
FAULTS: list[tuple[str, Path, str, str, str, str]] = [
    # what, file, old text, new text, text on the line of the problem, part of the message
    ("unknown name in a condition", DIBAO, "when: local_hukou", "when: local_hukuo", "- id: hukou", "local_hukuo"),
    ("unknown name in braces", DIBAO, "每月收入{income_per_head}元，低于", "每月收入{income}元，低于", "- id: income", "income is no fact"),
    ("braces left open", DIBAO, "本地低保标准{dibao_standard}元。\n    no", "本地低保标准{dibao_standard元。\n    no", "- id: income", "braces"),
    ("a figure where a statement is wanted", DIBAO, "when: local_hukou", "when: members + 1", "- id: hukou", "a truth is wanted"),
    ("a member's fact outside a member", DIBAO, "when: local_hukou", "when: age > 3", "- id: hukou", "any_member"),
    ("a call that is not of the language", DIBAO, "when: local_hukou", "when: open('x')", "- id: hukou", "no function open"),
    ("python that is not of the language", DIBAO, "when: local_hukou", "when: local_hukou.__class__", "- id: hukou", "no fact"),
    ("an answer that is not allowed", Path("guojia/schemes/linshi_jinan.yml"), 'emergency != "none"', 'emergency != "non"', "- id: event", "no answer"),
    ("a clause that is not there", DIBAO, "clause: 第十一条", "clause: 第九百条", "- id: hukou", "第九百条"),
    ("a document that is not there", DIBAO, "document: zanxing-banfa, clause: 第十一条", "document: zanxing, clause: 第十一条", "- id: hukou", "zanxing"),
    ("a misspelt field", DIBAO, "    unknown: 还要看", "    unknow: 还要看", "    unknow: 还", "unknow"),
    ("a field of the wrong type", Path("shifan-xian/workflow.yml"), "workdays: 3", "workdays: three", "workdays: three", "integer"),
    ("an unknown form", Path("shifan-xian/workflow.yml"), "forms: [shenqingshu]", "forms: [shenqing]", "- id: accept", "shenqing"),
    ("an unknown scheme in the workflow", Path("shifan-xian/workflow.yml"), "schemes: [linshi_jinan, linshi_zhichu]", "schemes: [linshi]", "- id: emergency_accept", "linshi"),
    ("a value for an area that is none", Path("shifan-xian/parameters.yml"), "{urban: 730, rural: 540}", "{city: 730, rural: 540}", "dibao_standard:", "city"),
    ("dates the wrong way round", Path("shifan-xian/parameters.yml"), "effective_from: 2022-01-23", "effective_from: 2022-01-23\n        effective_to: 2021-01-01", "- value: {urban", "effective_to"),
    ("a fact without its question", Path("guojia/facts.yml"), "    question: 您家平时住在本地吗？\n", "", "residence_here:", "question"),
    ("a check of no fact", Path("guojia/facts.yml"), "    about: savings\n    when: 0 < told.savings", "    about: saving\n    when: 0 < told.savings", "savings_without_unit:", "saving"),
    ("a check with a wrong name", Path("guojia/facts.yml"), "when: told.homes > 5", "when: told.houses > 5", "homes_many:", "houses"),
    ("a scheme asks what was told", DIBAO, "when: local_hukou", "when: told.local_hukou", "- id: hukou", "told.local_hukou"),
    ("no YAML at all", DIBAO, "conditions:", "conditions: [", "", "bracket is not closed"),
    ("a form of another name", Path("shifan-xian/forms/shenqingshu.yml"), "id: shenqingshu", "id: other", "id: other", "shenqingshu"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "file", "old", "new", "at", "says"), FAULTS, ids=[fault[0] for fault in FAULTS]
)
def test_a_fault_is_reported_with_file_line_and_cure(
    what: str, file: Path, old: str, new: str, at: str, says: str, packs_dir: Path
) -> None:
    path = packs_dir / file
    spoil(path, old, new)
    found = [problem for problem in problems(packs_dir) if problem.file == path]
    assert found, what
    assert any(says in str(problem) for problem in found), [str(problem) for problem in found]
    lines = [problem.line for problem in found]
    assert all(lines), [str(problem) for problem in found]
    if at:
        line = line_with(path, at)
        assert any(abs(found_line - line) <= 1 for found_line in lines if found_line), (lines, line)


def test_every_fault_is_reported_at_once(packs_dir: Path) -> None:
    spoil(packs_dir / DIBAO, "when: local_hukou", "when: nonsense")
    spoil(packs_dir / "guojia/schemes/tekun.yml", "when: not can_work", "when: not can_wrok")
    said = "\n".join(str(problem) for problem in problems(packs_dir))
    assert "nonsense" in said
    assert "can_wrok" in said


def test_schemes_that_refer_to_each_other_in_a_circle(packs_dir: Path) -> None:
    spoil(packs_dir / DIBAO, "when: local_hukou", 'when: scheme("di_shouru")')
    spoil(packs_dir / "shifan-xian/schemes/di_shouru.yml", "when: local_hukou", 'when: scheme("dibao")')
    assert any("refers to itself" in str(problem) for problem in problems(packs_dir))


def test_a_quantity_defined_by_itself(packs_dir: Path) -> None:
    spoil(packs_dir / "guojia/facts.yml", "value: net_income / members", "value: income_per_head / members")
    assert any("defined by itself" in str(problem) for problem in problems(packs_dir))


def test_packs_that_inherit_in_a_circle(packs_dir: Path) -> None:
    spoil(packs_dir / "guojia/pack.yml", "level: national", "level: national\nparent: shifan-xian")
    assert "circle" in str(problems(packs_dir)[0])


def test_a_parent_that_is_missing(packs_dir: Path) -> None:
    spoil(packs_dir / "shifan-xian/pack.yml", "parent: guojia", "parent: nowhere")
    found = problems(packs_dir)[0]
    # The line to correct is the child's.
    assert (found.file, found.field) == (packs_dir / "shifan-xian/pack.yml", "parent")
    assert "nowhere" in found.what
    assert "guojia" in found.cure


def test_an_unknown_pack_names_those_there_are() -> None:
    with pytest.raises(UnknownPack, match="shifan-xian"):
        load_pack("atlantis")


def test_the_version_follows_the_content(packs_dir: Path) -> None:
    before = load_pack("shifan-xian", packs_dir).version
    assert before == load_pack("shifan-xian").version
    spoil(packs_dir / "guojia/parameters.yml", "value: 16", "value: 17")
    assert load_pack("shifan-xian", packs_dir).version != before


def test_another_county_is_a_folder(packs_dir: Path) -> None:
    folder = packs_dir / "ling-xian"
    folder.mkdir()
    (folder / "pack.yml").write_text(
        "name: ling-xian\ntitle: 另一个县\nlevel: county\nparent: shifan-xian\n", encoding="utf-8"
    )
    (folder / "parameters.yml").write_text(
        "parameters:\n  low_income_multiple:\n    name: 倍数\n    values:\n"
        "      - {value: 1.2, effective_from: 2020-01-01, effective_to: 2025-12-31, source: 示例}\n"
        "      - {value: 2, effective_from: 2026-01-01, source: 示例}\n",
        encoding="utf-8",
    )
    knowledge = open_pack("ling-xian", packs_dir)
    facts = {
        "household": [{"relation": "self", "age": 40, "income_month": 1000}], "area": "urban", "local_hukou": True,
        "savings": 0, "homes": 1, "cars": 0,
    }  # fmt: skip

    def low_income(day: date) -> str:
        return next(r.outcome for r in knowledge.assess(facts, today=day) if r.scheme == "di_shouru")

    # The figure of the day counts: 1.2 times is 876 yuan, twice is 1460.
    assert low_income(date(2025, 12, 31)) == "unlikely"
    assert low_income(date(2026, 1, 1)) == "likely"


def test_a_scheme_out_of_force_is_unlikely_and_says_so(packs_dir: Path) -> None:
    spoil(
        packs_dir / "shifan-xian/schemes/di_shouru.yml",
        "per: household",
        "per: household\neffective_to: 2025-12-31",
    )
    knowledge = open_pack("shifan-xian", packs_dir)
    facts = {"household": [{"relation": "self", "age": 40, "income_month": 800}], "area": "urban"}
    result = next(r for r in knowledge.assess(facts, today=TODAY) if r.scheme == "di_shouru")
    assert result.outcome == "unlikely"
    assert "执行期" in result.reasons[0].text


@pytest.fixture(scope="module")
def xian() -> PackKnowledge:
    return open_pack("shifan-xian")


def test_the_workflow_follows_the_delegation_document(xian: PackKnowledge) -> None:
    steps = {step.id: step for step in xian.workflow(["dibao"])}
    assert [
        steps[key].workdays for key in ("request_check", "check_report", "survey", "review", "confirm")
    ] == [3, 5, 3, 3, 3]
    assert steps["public_notice"].calendar_days == 7
    assert steps["application_notice"].workdays == 5
    assert (steps["whole"].workdays, steps["whole"].after) == (20, "submission")
    assert "30个工作日" in steps["whole"].notice
    assert (steps["survey"].document, steps["survey"].clause) == (
        "县社会救助审核确认权下放乡镇工作方案",
        "三(二)3",
    )
    assert "emergency_decide" not in steps


def test_the_workflow_of_temporary_relief_and_of_nothing_chosen(xian: PackKnowledge) -> None:
    assert [step.id for step in xian.workflow(["linshi_jinan"])] == ["emergency_accept", "emergency_decide"]
    assert xian.workflow(["unsure"]) == xian.workflow(["dibao"]) == xian.workflow([])


def test_the_nine_forms_of_the_delegation_document() -> None:
    forms = load_pack("shifan-xian").forms.values()
    assert sorted(form.number for form in forms if form.number) == list(range(1, 10))


def test_texts_and_names(xian: PackKnowledge) -> None:
    assert xian.text("authorisation.title") == "家庭经济状况核查授权委托书"
    assert xian.text("emergency.crisis").startswith("12356")
    assert xian.scheme_name("dibao").startswith("最低生活保障")
    assert xian.scheme_name("nothing") == "nothing"
    with pytest.raises(UnknownText):
        xian.text("no.such.key")


def test_a_folder_of_packs_may_hold_one_county_and_inherit_from_the_shipped_ones(tmp_path: Path) -> None:
    shutil.copytree(PACKS_DIR / "shifan-qu", tmp_path / "shifan-qu")
    assert pack_names(tmp_path) == ("shifan-qu",)
    assert [folder.name for folder in load_pack("shifan-qu", tmp_path).folders] == ["shifan-qu", "guojia"]


def test_a_draft_changes_neither_the_pack_nor_its_version(packs_dir: Path) -> None:
    before = load_pack("shifan-qu", packs_dir)
    draft = packs_dir / "shifan-qu/drafts/xin-banfa/draft.md"
    draft.parent.mkdir(parents=True)
    draft.write_text("---\n", encoding="utf-8")
    after = load_pack("shifan-qu", packs_dir)
    assert after.version == before.version
    assert len(after.documents) == len(before.documents)
