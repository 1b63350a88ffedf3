"""kill -9 at any point: nothing accepted is lost, nothing is doubled. A real process, really killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BEGUN = [
    "我要申请低保", "同意", "张秀英", "990101195403091247", "没有", "/button x:skip", "13800000000",
    "示范镇东村三组12号", "不填",
]  # fmt: skip
REST = ["我同意", "/button s:apply_confirm=1", "/button s:apply_confirm=1", "人工"]


def _lives(var: Path, kill_points: list[int], lines: list[str]) -> list[str]:
    """What the first life that was not killed printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bot.crash_child", str(var), ",".join(map(str, kill_points))],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application just before the authorisation."""
    var = tmp_path_factory.mktemp("begun") / "var"
    var.mkdir()
    _lives(var, [0], BEGUN)
    return var


@pytest.fixture(scope="module")
def undisturbed(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The conversation as it goes when nothing is killed."""
    var = tmp_path_factory.mktemp("undisturbed") / "var"
    shutil.copytree(begun, var)
    lines = _lives(var, [0], BEGUN + REST)
    assert lines[-1] == '{"cases": 1, "outbox": 1, "handoff": true}'
    return lines


# A life that starts with a fresh message touches: 1, 2 its acceptance; 3, 4 its turn; 5, 6 the next acceptance …;
# one that finds a message left behind: 1, 2 the counted attempt; 3, 4 its turn; and so on.
@pytest.mark.parametrize("kill_at", [5, 6, 7, 8])
def test_killed_again_and_again_the_conversation_ends_as_if_nothing_had_happened(
    kill_at: int, begun: Path, undisturbed: list[str], tmp_path: Path
) -> None:
    var = tmp_path / "var"
    shutil.copytree(begun, var)
    assert _lives(var, [kill_at] * 20, BEGUN + REST) == undisturbed


def test_a_message_that_kills_every_life_is_given_up_and_a_person_is_called(
    begun: Path, tmp_path: Path
) -> None:
    """Killed just before its turn commits, every time: it must not keep the whole service from living."""
    var = tmp_path / "var"
    shutil.copytree(begun, var)
    *history, owed = _lives(var, [3, 3, 3, 3, 0], BEGUN + REST[:1])
    assert "不怪您" in history[-1]
    assert owed == '{"cases": 0, "outbox": 0, "handoff": true}'
