"""Flow files are checked at load; whatever is wrong is named with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dialogues.catalogue import FLOWS, PATTERNS, REQUIRED, SLOTS, load_flows
from policies_kb.errors import DataFileError, Problem

SOUND = """\
id: extra
name: 试一试
description: A flow for this test.
steps:
  - id: first
    collect: phone
    next:
      - {if: slots.phone, then: second}
      - {else: END}
  - id: second
    say: 好的。
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FLOWS, tmp_path / "flows")
    return tmp_path / "flows"


def problems(folder: Path, *, slots: Path = SLOTS) -> tuple[Problem, ...]:
    with pytest.raises(DataFileError) as caught:
        load_flows(folder, slots=slots)
    return caught.value.problems


def test_what_comes_with_the_product_is_sound_and_complete() -> None:
    flows = load_flows()
    assert set(REQUIRED) <= set(flows.flows)
    assert all(name in flows.flows for name in PATTERNS)


def test_a_sound_flow_is_taken(folder: Path) -> None:
    (folder / "extra.yml").write_text(SOUND, encoding="utf-8")
    assert load_flows(folder).flows["extra"].first == "first"


@pytest.mark.parametrize(
    ("was", "becomes", "line", "what"),
    [
        ("collect: phone", "collect: fone", 6, "unknown slot 'fone'"),
        ("then: second", "then: secnd", 8, "unknown step 'secnd'"),
        ("if: slots.phone", "if: slots.fone", 8, "unknown slot 'fone'"),
        ("if: slots.phone", "if: slots.phone and", 8, "bad syntax"),
        ("if: slots.phone", "if: phone", 8, "unknown name 'phone'"),
        ("{else: END}", "{if: slots.phone, then: END}", 7, "last branch must be `else`"),
        ("say: 好的。", "say: '好的,{{ slots.fone }}'", 11, "unknown slot 'fone'"),
        ("say: 好的。", "say: '好的,{{ slots.phone '", 11, "bad syntax"),
        ("say: 好的。", "say: ''", 11, "at least 1 character"),
        ("say: 好的。", "action: apply.sumbit", 11, "unknown action"),
        ("say: 好的。", "call: nowhere", 11, "unknown flow 'nowhere'"),
        ("say: 好的。", "collect: phone\n    say: 好的。", 10, "a step does one thing"),
        ("say: 好的。", "says: 好的。", 11, "Extra inputs are not permitted"),
        ("name: 试一试\n", "", 1, "the name residents read is missing"),
        ("description: A flow for this test.\n", "", 1, "Field required"),
        ("id: second", "id: first", 10, "is taken"),
        ("{if: slots.phone, then: second}", "{if: slots.phone, then: END}", 10, "nothing leads to step 'second'"),
        ("say: 好的。", "say: {text: 好的。, buttons: [{title: 去, start: nowhere}]}", 11, "unknown flow 'nowhere'"),
        ("say: 好的。", "say: {text: 好的。, buttons: [{title: 去, do: fly}]}", 11, "unknown 'fly'"),
        ("say: 好的。", "say: {text: 好的。, buttons: [{title: 去}]}", 11, "exactly one of"),
        ("say: 好的。", "say: {text: 好的。, buttons_from: moon}", 11, "unknown source"),
        ("  - id: second", "  - id: second\n  bad", 11, "has no colon"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line(folder: Path, was: str, becomes: str, line: int, what: str) -> None:
    path = folder / "extra.yml"
    assert was in SOUND
    path.write_text(SOUND.replace(was, becomes, 1), encoding="utf-8")
    found = [problem for problem in problems(folder) if what in problem.what]
    assert found, [str(problem) for problem in problems(folder)]
    assert found[0].file == path
    assert found[0].line is not None
    assert abs(found[0].line - line) <= 1


def test_every_fault_is_reported_at_once(folder: Path) -> None:
    text = SOUND.replace("collect: phone", "collect: fone").replace("say: 好的。", "action: nothing")
    (folder / "extra.yml").write_text(text, encoding="utf-8")
    assert len(problems(folder)) >= 2


def test_a_missing_pattern_is_named(folder: Path) -> None:
    (folder / "patterns" / "cannot_handle.yml").unlink()
    assert any("pattern_cannot_handle" in problem.what for problem in problems(folder))


def test_two_files_of_one_id_are_refused(folder: Path) -> None:
    shutil.copy(folder / "ask.yml", folder / "ask_again.yml")
    assert any("already defined" in problem.what for problem in problems(folder))


@pytest.mark.parametrize(
    ("was", "becomes", "what"),
    [
        ("    simpler: 谁要申请？把身份证上的名字告诉我。\n", "", "the text 'simpler' is missing"),
        ("choices_from: schemes", "choices_from: moon", "unknown source"),
        ("depends_on: [has_members]", "depends_on: [has_membres]", "unknown slot 'has_membres'"),
        ("on_filled: apply.consent_answered", "on_filled: apply.nothing", "unknown action"),
        ("flow: household\n", "flow: nowhere\n", "unknown flow"),
        ("  not_text: ", "  not_a_text: ", "the text for 'not_text' is missing"),
        ("asked_if: slots.has_members", "asked_if: slots.has_membres", "unknown slot"),
        ("    mask: phone\n", "", "sensitive, but not masked"),
        ("    type: phone\n", "    type: telephone\n", "Input should be"),
    ],
)
def test_a_fault_of_the_questions_is_named(tmp_path: Path, was: str, becomes: str, what: str) -> None:
    text = SLOTS.read_text(encoding="utf-8")
    assert was in text
    path = tmp_path / "slots.yml"
    path.write_text(text.replace(was, becomes, 1), encoding="utf-8")
    found = [problem for problem in problems(FLOWS, slots=path) if what in problem.what]
    assert found
    assert found[0].file == path
    assert found[0].line is not None


def test_a_pattern_is_overridden_by_a_file_of_another_folder(tmp_path: Path) -> None:
    (tmp_path / "human.yml").write_text(
        "id: pattern_human_handoff\ndescription: Ours.\nsteps:\n  - id: one\n    say: 马上来人。\n",
        encoding="utf-8",
    )
    flows = load_flows(overrides=[tmp_path])
    assert flows.flows["pattern_human_handoff"].path == tmp_path / "human.yml"
    assert flows.flows["pattern_completed"].path.is_relative_to(FLOWS)
