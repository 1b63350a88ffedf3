"""`jzt ask`: a policy question, answered from the pack with its clauses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from bot.commands._packs import DEFAULT_PACK, by_sense, index_dir, packs_dir
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.loader import UnknownPack, load_pack
from policies_kb.retrieval.engine import Retriever
from policies_kb.types import Answer

# The contract's keys, in its order; what else an Answer carries is for the dialogue.
CONTRACT = ("answered", "answer", "citations", "confidence", "suggestions")


def shanghai_today() -> date:
    """The day it is where the offices are."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def open_retriever(pack: str) -> Retriever:
    """The retriever of a pack.

    Raises:
        click.ClickException: no such pack, or its files are wrong; the message names file, line and cure.
    """
    try:
        return Retriever(load_pack(pack, packs_dir()), cache=index_dir(), by_sense=by_sense())
    except (UnknownPack, DataFileError) as error:
        raise click.ClickException(told(error)) from error


@click.command(help='问政策。例：jzt ask "低保怎么申请"')
@click.argument("question", required=False)
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="政策包")
@click.option(
    "--batch", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="每行一个问题的文件"
)
@click.option("--scheme", help="正在谈的救助方案(代号)，追问时用")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="按哪一天的规定回答，默认今天")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON，每个问题一行")
def command(
    question: str | None,
    pack: str,
    batch: Path | None,
    scheme: str | None,
    today: datetime | None,
    as_json: bool,
) -> None:
    """Answer one question, or each line of a file."""
    if (question is None) == (batch is None):
        raise click.UsageError("请给一个问题，或者用 --batch 给一个文件(二者选一)。")
    retriever = open_retriever(pack)
    day = today.date() if today else shanghai_today()
    for asked in _lines(batch) if batch else iter([question or ""]):
        answer = retriever.answer(asked, today=day, scheme=scheme)
        if as_json:
            click.echo(answer.model_dump_json(include=set(CONTRACT)))
        else:
            click.echo(_readable(answer, asked if batch else None))
    sys.stdout.flush()


def _lines(path: Path) -> Iterator[str]:
    # Not splitlines(): it also breaks at separators that may stand inside a question. Bad bytes must not stop a batch.
    for line in path.read_text(encoding="utf-8-sig", errors="replace").split("\n"):
        if line.strip():
            yield line.rstrip("\r")


def _readable(answer: Answer, asked: str | None) -> str:
    lines = [f"问：{asked}"] if asked is not None else []
    lines.append(answer.answer)
    if answer.suggestions:
        lines += ["", "您还可以问：", *(f"· {suggestion}" for suggestion in answer.suggestions)]
    if asked is not None:
        lines.append("")
    return "\n".join(lines)
