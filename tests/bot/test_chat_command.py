"""`jzt chat`: the contract of its lines, through the real gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.commands.chat import command
from tests.bot.people import photo

Lines = list[dict[str, Any]]


def _chat(tmp_path: Path, *said: str) -> Lines:
    script = tmp_path / "script.txt"
    script.write_text("\n".join(said) + "\n", encoding="utf-8")
    result = CliRunner().invoke(command, ["--script", str(script), "--nlu", "rules", "--json"])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_shape_of_the_lines(tmp_path: Path) -> None:
    *said, last = _chat(tmp_path, "你好", "/button f:assess", "三口人")
    assert all(set(line) == {"turn", "text", "buttons", "files", "citations"} for line in said)
    assert [line["turn"] for line in said] == sorted(line["turn"] for line in said)
    assert {0, 1, 2, 3} == {line["turn"] for line in said}
    assert all(set(button) == {"title", "payload"} for line in said for button in line["buttons"])
    assert set(last) == {"state"}
    assert set(last["state"]) == {"stack", "slots", "case_id", "handoff"}
    assert last["state"]["stack"][0] == "assess"
    assert last["state"]["slots"]["household_size"] == 3
    assert (last["state"]["case_id"], last["state"]["handoff"]) == (None, False)


def test_a_file_of_the_bot_is_saved_and_its_path_told(tmp_path: Path) -> None:
    lines = ["/button f:assess", "两口人", "/button f:assess_told", "不知道", "不知道"]
    script = tmp_path / "script.txt"
    # Whatever is asked, nothing more is known: the result comes in the end.
    script.write_text(
        "\n".join([*lines, *["不知道"] * 60, "/button f:assess_paper", "再说一遍"]), encoding="utf-8"
    )
    saved = tmp_path / "kept"
    done = CliRunner().invoke(
        command, ["--script", str(script), "--nlu", "rules", "--json", "--files", str(saved)]
    )
    assert done.exit_code == 0, done.output
    paths = [Path(path) for line in done.stdout.splitlines() for path in json.loads(line).get("files", ())]
    assert len(paths) == len(set(paths)) == 2
    for path in paths:
        assert path.parent == saved
        assert path.read_bytes().startswith(b"%PDF-")
        assert path.stat().st_mode & 0o077 == 0


def test_an_application_to_its_receipt(tmp_path: Path) -> None:
    (tmp_path / "card.jpg").write_bytes(photo())
    *said, last = _chat(
        tmp_path, "我要申请低保", "同意", "张秀英", "990101195403091247", "没有", "/file card.jpg", "13800000000",
        "示范镇东村三组12号", "不填", "我同意", "/button s:apply_confirm=1", "/button s:apply_confirm=1",
    )  # fmt: skip
    receipt = last["state"]["case_id"]
    assert receipt.startswith("JZ-")
    assert any(receipt in line["text"] for line in said if line["turn"] == 11)
    assert any(receipt in line["text"] for line in said if line["turn"] == 12)


def test_days_pass_and_the_conversation_goes_on(tmp_path: Path) -> None:
    *said, last = _chat(tmp_path, "/button f:assess", "/wait 3d", "继续")
    asked = [line["text"].splitlines()[-1] for line in said if line["turn"] == 1][-1]
    assert any(asked in line["text"] for line in said if line["turn"] == 3)
    assert last["state"]["stack"] == ["assess"]


def test_a_shown_buttons_words_are_the_button(tmp_path: Path) -> None:
    pressed = _chat(tmp_path, "/button f:assess")
    typed = _chat(tmp_path, "看看能不能申请")
    assert [line["text"] for line in pressed[:-1]] == [line["text"] for line in typed[:-1]]


def test_a_person_is_called(tmp_path: Path) -> None:
    assert _chat(tmp_path, "人工")[-1]["state"]["handoff"] is True


@pytest.mark.parametrize("line", ["", "   ", "长" * 100_000, "\x00\x01", "/button " + "x" * 100])
def test_unusable_lines_are_answered_kindly(tmp_path: Path, line: str) -> None:
    said = _chat(tmp_path, line, "你好")
    assert [entry for entry in said[:-1] if entry["turn"] == 1]
    assert [entry for entry in said[:-1] if entry["turn"] == 2]


@pytest.mark.parametrize("line", ["/wait soon", "/wait", "/file nowhere.jpg"])
def test_a_script_that_cannot_be_carried_out_says_why(tmp_path: Path, line: str) -> None:
    script = tmp_path / "script.txt"
    script.write_text(line, encoding="utf-8")
    result = CliRunner().invoke(command, ["--script", str(script), "--nlu", "rules", "--json"])
    assert result.exit_code == 1
    assert line.split()[0] in result.output
    assert "Traceback" not in result.output
