"""Packs in the running service: an office's own days and words, warming beside the event loop."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from bot.packs import Packs
from policies_kb.errors import DataFileError
from policies_kb.loader import PACKS_DIR

PACK = "shifan-xian"


@pytest.fixture(scope="module")
def packs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(PACKS_DIR, tmp_path_factory.mktemp("packs") / "packs"))


@pytest.fixture
def office(packs_dir: Path, tmp_path: Path) -> Path:
    """A folder of packs of its own."""
    return Path(shutil.copytree(packs_dir, tmp_path / "packs"))


def _due(packs: Packs, start: date, days: int) -> tuple[date, bool]:
    found = packs.desk(PACK).calendar.add_workdays(start, days)
    return found.day, found.provisional


def test_a_packs_own_days_move_its_due_dates(office: Path) -> None:
    thursday = date(2026, 3, 5)
    assert _due(Packs(office), thursday, 1) == (date(2026, 3, 6), False)
    (office / PACK / "calendar.yml").write_text(
        "source: 示范县赶集日放假通知\nholidays: [2026-03-06]\n", encoding="utf-8"
    )
    assert _due(Packs(office), thursday, 1) == (date(2026, 3, 9), False)


def test_the_nearest_file_is_right_about_a_day(office: Path, tmp_path: Path) -> None:
    friday = date(2026, 3, 6)
    (office / "guojia" / "calendar.yml").write_text(
        "source: 国家\nholidays: [2026-03-09, 2026-03-10]\n", encoding="utf-8"
    )
    (office / PACK / "calendar.yml").write_text("source: 示范县\nworkdays: [2026-03-09]\n", encoding="utf-8")
    assert _due(Packs(office), friday, 2) == (date(2026, 3, 11), False)
    own = tmp_path / "office.yml"
    own.write_text("source: 示范镇\nworkdays: [2026-03-07]\n", encoding="utf-8")
    assert _due(Packs(office, calendar=own), friday, 2) == (date(2026, 3, 9), False)


def test_a_wrong_day_is_named_with_file_and_line(office: Path) -> None:
    file = office / PACK / "calendar.yml"
    file.write_text("source: 示范县\nholidays: [2026-03-06]\nhollidays: []\n", encoding="utf-8")
    with pytest.raises(DataFileError) as caught:
        Packs(office).desk(PACK)
    assert f"{file}:3" in str(caught.value)


def test_a_packs_own_pattern_replaces_ours(office: Path) -> None:
    folder = office / PACK / "flows" / "patterns"
    folder.mkdir(parents=True)
    (folder / "internal_error.yml").write_text(
        "id: pattern_internal_error\ndescription: Our own words.\nsteps:\n"
        "  - id: told\n    say: 示范县的话：出错了。\n    next: END\n",
        encoding="utf-8",
    )
    packs = Packs(office)
    assert packs.trouble(PACK)["text"] == "示范县的话：出错了。"
    assert packs.trouble("shifan-qu")["text"] != packs.trouble(PACK)["text"]


async def test_warming_is_waited_for_and_told(packs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = Packs(packs_dir, warming=True)
    monkeypatch.setattr(packs, "warm", lambda _pack: None)
    await packs.prepare(PACK)
    assert not await packs.warmed()
    await packs.ready(PACK)
    assert await packs.warmed()
    await packs.close()


async def test_a_pack_that_cannot_be_warmed_still_serves(
    packs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_pack: str) -> None:
        raise RuntimeError("no index")

    packs = Packs(packs_dir, warming=True)
    monkeypatch.setattr(packs, "warm", broken)
    await packs.ready(PACK)
    assert packs.desk(PACK).knowledge.pack == PACK
    await packs.close()
