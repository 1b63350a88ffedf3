"""`jzt kb`: what a pack's author works with."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from bot.commands._lazy import LazyGroup
from bot.commands._packs import DEFAULT_PACK, packs_dir
from bot.commands.ask import open_retriever, shanghai_today
from policies_kb.errors import DataFileError
from policies_kb.loader import load_pack
from policies_kb.retrieval.evaluate import Figures, Split, chosen, load_questions, measure

_SPLITS: dict[str, Split | None] = {"test": "test", "dev": "dev", "all": None}


# name -> (place, one-line help)
MEMBERS = {
    "new-pack": ("bot.commands.kb_author:new_pack", "新建一个政策包"),
    "schema": ("bot.commands.kb_author:schema", "写出编辑器用的 JSON Schema"),
    "check": ("bot.commands.kb_check", "检查政策包；列出原文哪些条款已收、哪些没收"),
}


@click.group(cls=LazyGroup, members=MEMBERS, help="政策包：新建、录入文件、审阅、检查、评测")
def command() -> None:
    """Group of the pack author's commands."""


@command.command(name="eval", help="用 eval.yml 的问题测回答的质量")
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="政策包")
@click.option(
    "--split", type=click.Choice(list(_SPLITS)), default="test", show_default=True, help="用哪一半问题"
)
@click.option("--baseline", is_flag=True, help="改测对照：单用 BM25，从不拒答")
@click.option("--faults", is_flag=True, help="列出答得不对的问题")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def evaluate(pack: str, split: str, baseline: bool, faults: bool, as_json: bool) -> None:
    """Print the figures of the answers, with plain BM25 beside them in the readable form."""
    retriever = open_retriever(pack)
    loaded = load_pack(pack, packs_dir())
    paths = loaded.files("eval.yml")
    if not paths:
        raise click.ClickException(f"pack {pack!r} has no eval.yml")
    try:
        questions = chosen(load_questions(paths[0]), _SPLITS[split])
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    today = shanghai_today()
    titles = {document.id: document.title for document in loaded.documents}
    ours, wrong = measure(questions, lambda q: retriever.answer(q, today=today), titles)
    plain, _ = measure(questions, lambda q: retriever.baseline(q, today=today), titles)
    if as_json:
        click.echo(json.dumps(asdict(plain if baseline else ours)))
        return
    click.echo(f"政策包 {pack}，{split} 部分，{ours.n} 个问题")
    click.echo(_row("本系统", ours))
    click.echo(_row("对照(单用 BM25)", plain))
    for fault in wrong if faults else ():
        cited = "、".join(f"{one.document}{one.clause}" for one in fault.answer.citations) or "没有回答"
        click.echo(
            f"· {fault.question.q} → {cited}(应为 {'、'.join(fault.question.clause) or '不知道'};{fault.why})"
        )


def _row(name: str, figures: Figures) -> str:
    return (
        f"{name}：答对 {figures.answer_accuracy:.1%}，首条依据对 {figures.citation_recall_at_1:.1%}，"
        f"拒答准确 {figures.refusal_precision:.1%}，该拒尽拒 {figures.refusal_recall:.1%}"
    )
