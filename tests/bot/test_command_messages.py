"""What the command line says by itself when a command is written wrongly: Chinese, with what to do."""

import gettext
import os
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from click.testing import CliRunner

from bot import cli

LOCALE = Path(cli.__file__).parent / "commands" / "locale"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kb review accept x", "请补上选项 '--by'"),
        ("kb review accept x y --by z", "多写了：y"),
        ("kb review replaces", "请补上参数 '草稿'"),
        ("kb review nope", "没有命令 nope"),
        ("kb review list --nope", "没有选项 --nope"),
        ("kb ingest", "请补上参数"),
        ("kb ingest --pack", "选项 --pack 后面要写值"),
        ("serve --port abc", "abc 不是数，请写数字"),
        ("nix", "没有命令 nix"),
    ],
)
def test_a_command_written_wrongly_is_told_in_chinese(line: str, said: str) -> None:
    result = CliRunner().invoke(cli.main, line.split(), prog_name="jzt")

    assert result.exit_code == 2
    assert f"办不了：{said}" in result.output or f"办不了：'--port' 写得不对，请改：{said}" in result.output
    assert not re.search("Usage|Error|Missing|Invalid|Try|No such", result.output)


def test_the_help_of_every_command_has_chinese_headings() -> None:
    result = CliRunner().invoke(cli.main, ["kb", "--help"], prog_name="jzt")

    assert "用法：" in result.output
    assert "选项:" in result.output
    assert "命令:" in result.output


def test_the_language_of_the_process_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PostgreSQL started next would speak Chinese."""
    monkeypatch.delenv("LANGUAGE", raising=False)
    CliRunner().invoke(cli.main, ["nix"], prog_name="jzt")
    assert "LANGUAGE" not in os.environ
    monkeypatch.setenv("LANGUAGE", "fr")
    CliRunner().invoke(cli.main, ["nix"], prog_name="jzt")
    assert os.environ["LANGUAGE"] == "fr"


def test_the_compiled_catalogue_is_the_written_one() -> None:
    folder = LOCALE / "zh_CN" / "LC_MESSAGES"
    with (folder / "messages.po").open(encoding="utf-8") as file:
        written = read_po(file, locale="zh_CN")
    compiled = gettext.translation("messages", LOCALE, languages=["zh_CN"])

    for message in written:
        if not message.id:
            continue
        if isinstance(message.id, tuple):
            assert compiled.ngettext(*message.id, 2) == message.string[0]
        else:
            assert compiled.gettext(message.id) == message.string
