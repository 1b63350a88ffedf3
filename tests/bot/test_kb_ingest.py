"""`jzt kb ingest` and `jzt kb review`, as an operator uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from tests.policies_kb.ingest.making import METHOD, PACK, make_pack

Jzt = Callable[..., Result]
MASKED = [*METHOD[:14], "本办法自20xx年3月1日起施行，有效期5年。", *METHOD[15:]]


@pytest.fixture
def jzt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jzt:
    make_pack(tmp_path / "packs")
    monkeypatch.setenv("JZT_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *words: runner.invoke(main, ["kb", *words], catch_exceptions=False)


@pytest.fixture
def office_file(tmp_path: Path) -> Path:
    path = tmp_path / "高龄津贴.txt"
    path.write_text("\n".join(METHOD), encoding="utf-8")
    return path


def ingested(jzt: Jzt, path: Path) -> str:
    done = jzt("ingest", str(path), "--pack", PACK, "--json")
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout)["files"][0]["drafts"][0]["id"])


def test_a_file_is_ingested_reviewed_accepted_and_answers(
    jzt: Jzt, office_file: Path, tmp_path: Path
) -> None:
    draft = ingested(jzt, office_file)
    listed = jzt("review", "--pack", PACK)
    assert draft in listed.output
    assert "示范县高龄津贴发放办法" in listed.output
    shown = jzt("review", "show", draft, "--pack", PACK)
    assert "原文" in shown.output
    assert "示民发〔2022〕12号" in shown.output
    done = jzt("review", "accept", draft, "--pack", PACK, "--by", "李科员")
    assert done.exit_code == 0, done.output
    assert "2022-03-01 起生效" in done.output
    assert (tmp_path / "packs" / PACK / "documents" / f"{draft}.md").is_file()
    assert jzt("check", "--pack", PACK).exit_code == 0


def test_a_file_that_fails_does_not_stop_the_others(jzt: Jzt, office_file: Path, tmp_path: Path) -> None:
    empty = tmp_path / "空.txt"
    empty.write_bytes(b"")
    done = jzt("ingest", str(tmp_path / "没有.txt"), str(empty), str(office_file), "--pack", PACK)
    assert done.exit_code == 1
    assert "✗ 没有.txt" in done.output
    assert "✗ 空.txt" in done.output
    assert "共新录 1 份草稿" in done.output


def test_the_same_file_again_says_so_and_changes_nothing(jzt: Jzt, office_file: Path) -> None:
    draft = ingested(jzt, office_file)
    again = jzt("ingest", str(office_file), "--pack", PACK)
    assert again.exit_code == 0
    assert f"以前录过，没有改动：{draft}(待审)" in again.output


def test_json_says_what_became_of_each_file(jzt: Jzt, office_file: Path, tmp_path: Path) -> None:
    done = jzt("ingest", str(office_file), str(tmp_path / "没有.txt"), "--pack", PACK, "--json")
    good, bad = json.loads(done.stdout)["files"]
    assert (good["ok"], good["lines"], len(good["drafts"])) == (True, len(METHOD), 1)
    assert good["drafts"][0]["clauses"] == 6
    assert not bad["ok"]
    assert bad["error"]
    assert bad["cure"]


def test_open_doubts_are_named_settled_and_then_it_is_accepted(jzt: Jzt, tmp_path: Path) -> None:
    path = tmp_path / "办法.txt"
    path.write_text("\n".join(MASKED), encoding="utf-8")
    draft = ingested(jzt, path)
    refused = jzt("review", "accept", draft, "--pack", PACK, "--by", "李科员")
    assert refused.exit_code == 1
    assert "疑点" in refused.output
    assert "Traceback" not in refused.output
    settled = jzt("review", "settle", draft, "--pack", PACK, "--by", "李科员", "--kind", "missing_year")
    assert settled.exit_code == 0, settled.output
    done = jzt("review", "accept", draft, "--pack", PACK, "--by", "李科员", "--effective-from", "2022-03-01")
    assert done.exit_code == 0, done.output
    assert "到 2027-02-28 止" in done.output


def test_a_draft_is_edited_from_the_command_line(jzt: Jzt, office_file: Path, tmp_path: Path) -> None:
    draft = ingested(jzt, office_file)
    edited = jzt(
        "review", "edit", draft, "--pack", PACK, "--by", "李科员", "--title", "高龄津贴办法", "--clause", "二(一)",
        "--text", "80周岁以上每人每月50元。", "--ask", "八十岁给多少钱",
    )  # fmt: skip
    assert edited.exit_code == 0, edited.output
    shown = json.loads(jzt("review", "show", draft, "--pack", PACK, "--json").stdout)
    section = next(one for one in shown["document"]["sections"] if one["number"] == "二(一)")
    assert (section["text"], section["asks"]) == ("80周岁以上每人每月50元。", ["八十岁给多少钱"])
    assert shown["document"]["front"]["title"] == "高龄津贴办法"
    nothing = jzt("review", "edit", draft, "--pack", PACK, "--by", "李科员", "--clause", "九", "--text", "x")
    assert nothing.exit_code == 1
    assert "没有条款 九" in nothing.output


def test_a_newer_version_shows_what_changed_and_retires_the_old(
    jzt: Jzt, office_file: Path, tmp_path: Path
) -> None:
    old = ingested(jzt, office_file)
    jzt("review", "accept", old, "--pack", PACK, "--by", "李科员")
    newer = tmp_path / "新.txt"
    text = (
        "\n".join(METHOD)
        .replace("50元", "80元")
        .replace("自2022年3月1日", "自2026年4月1日")
        .replace("〔2022〕12", "〔2026〕3")
    )
    newer.write_text(text, encoding="utf-8")
    draft = ingested(jzt, newer)
    shown = jzt("review", "show", draft, "--pack", PACK)
    assert f"和现行的 {old} 比" in shown.output
    assert "50元 → 80元" in shown.output
    done = jzt("review", "accept", draft, "--pack", PACK, "--by", "李科员")
    assert f"旧文件 {old} 到 2026-03-31 为止，没有删" in done.output


def test_proposed_parameters_are_printed_ready_to_take_over(jzt: Jzt, office_file: Path) -> None:
    draft = ingested(jzt, office_file)
    printed = jzt("review", "show", draft, "--pack", PACK, "--parameters").output
    assert "value: 100" in printed
    assert f"source: {{document: {draft}, clause: 二(二)}}" in printed


def test_a_rejected_draft_can_be_reopened(jzt: Jzt, office_file: Path) -> None:
    draft = ingested(jzt, office_file)
    jzt("review", "reject", draft, "--pack", PACK, "--by", "李科员", "--why", "已废止")
    assert "没有待审的草稿" in jzt("review", "list", "--pack", PACK).output
    assert "[已退回]" in jzt("review", "list", "--pack", PACK, "--all").output
    jzt("review", "reopen", draft, "--pack", PACK, "--by", "李科员")
    assert draft in jzt("review", "list", "--pack", PACK).output


def test_an_unknown_pack_or_draft_is_said_kindly(jzt: Jzt, office_file: Path) -> None:
    wrong = jzt("ingest", str(office_file), "--pack", "nothing")
    assert wrong.exit_code == 1
    assert "nothing" in wrong.output
    missing = jzt("review", "show", "nothing", "--pack", PACK)
    assert missing.exit_code == 1
    assert "没有草稿“nothing”" in missing.output


def test_a_long_file_tells_how_far_it_is(jzt: Jzt, tmp_path: Path) -> None:
    path = tmp_path / "长.txt"
    lines = [f"{at % 99 + 1}. 每人每月{at}元。" if at % 30 == 0 else "按规定办理。" for at in range(4100)]
    path.write_text("\n".join(["高龄津贴办法", *lines]), encoding="utf-8")
    done = jzt("ingest", str(path), "--pack", PACK)
    assert done.exit_code == 0, done.output
    assert "长.txt：修复，2000/4101 行" in done.stderr
    assert "长.txt：修复，4000/4101 行" in done.stderr
    assert "修复，" not in done.stdout.split("●")[0]
