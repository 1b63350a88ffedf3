"""`jzt kb eval`: how good a pack's answers are, beside what usual searches would answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bot.commands._packs import DEFAULT_PACK, by_sense, index_dir, packs_dir
from bot.commands.ask import shanghai_today
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.loader import UnknownPack, load_pack
from policies_kb.pack import Pack
from policies_kb.retrieval.baselines import answering, baselines, best_threshold
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.evaluate import (
    STYLES,
    Figures,
    Judged,
    Question,
    Rate,
    Split,
    Style,
    by_scheme,
    by_style,
    chosen,
    figures,
    load_questions,
    measure,
)
from policies_kb.retrieval.glossary import load_glossary

_SPLITS: dict[str, Split | None] = {"test": "test", "dev": "dev", "all": None}
_STYLE_NAMES: dict[Style, str] = {
    "elderly": "老人",
    "young": "年轻人",
    "neighbour": "替邻居问",
    "traditional": "繁体字",
    "homophone": "同音错字",
    "voice": "语音转写",
    "dialect": "方言",
    "plain": "普通话",
}
_COLUMNS = {
    "answer_accuracy": "答对",
    "citation_recall_at_1": "首条依据对",
    "refusal_precision": "拒答准确",
    "refusal_recall": "该拒尽拒",
}
_ENGINE = {
    True: "本系统这次用了句向量。加 --words-only 可以看不用时的成绩。",
    False: "本系统这次没有用句向量，只看词。",
}


@dataclass(frozen=True, slots=True)
class _Compared:
    """A baseline's figures: as it comes, and refusing below the threshold that is best on the development part."""

    name: str
    never_refusing: Figures
    threshold: float
    with_threshold: Figures


@click.command(help="用 eval.yml 的问题测回答的质量，并和常用的检索办法比")
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="政策包")
@click.option(
    "--split", type=click.Choice(list(_SPLITS)), default="test", show_default=True,
    help="用哪一部分问题：test 测试，dev 开发，all 全部",
)  # fmt: skip
@click.option("--style", type=click.Choice(STYLES), help="只用这一种说法的问题")
@click.option("--words-only", is_flag=True, help="不用句向量，只看词(JZT_SENTENCE_VECTORS=false 就是这样)")
@click.option("--faults", is_flag=True, help="列出答得不对的问题")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
@click.option("--details", is_flag=True, help="JSON 里加上区间、分项和对照")
def command(
    pack: str, split: str, style: Style | None, words_only: bool, faults: bool, as_json: bool, details: bool
) -> None:  # fmt: skip
    """Print the figures of the answers with 95 % intervals, by style and scheme, and those of the baselines."""
    try:
        loaded = load_pack(pack, packs_dir())
        retriever = Retriever(loaded, cache=index_dir(), by_sense=by_sense() and not words_only)
    except (UnknownPack, DataFileError) as error:
        raise click.ClickException(told(error)) from error
    everything = _questions(loaded)
    questions = chosen(everything, _SPLITS[split], style)
    if not questions:
        raise click.ClickException(f"政策包 {pack} 的 eval.yml 里没有这样的问题，请换 --split 或 --style。")
    today = shanghai_today()
    titles = {document.id: document.title for document in loaded.documents}
    judged = measure(questions, lambda q: retriever.answer(q, today=today), titles)
    ours = figures(judged)
    if as_json and not details:
        click.echo(json.dumps(ours.plain()))
        return
    compared = _compare(loaded, questions, chosen(everything, "dev"), today)
    schemes = by_scheme(judged, _schemes_of_clauses(loaded))
    styles = by_style(judged)
    if as_json:
        found = _details(split, ours, styles, schemes, compared)
        report = {**ours.plain(), "details": {"sentence_vectors": retriever.reads_sense(today), **found}}
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    names = load_glossary(loaded.files("glossary.yml")).names
    console = Console(highlight=False)
    without = sum(not question.clause for question in questions)
    console.print(
        f"政策包 {pack}，{split} 部分：{ours.n} 个问题，其中 {without} 个材料里没有答案。", soft_wrap=True
    )
    console.print(_ENGINE[retriever.reads_sense(today)], soft_wrap=True)
    console.print("百分数后面是 95% 区间。对照的拒答门槛是在 dev 部分上找的最好的一个。", soft_wrap=True)
    fresh = [one for one in judged if not one.question.seen]
    console.print(_overall(ours, figures(fresh) if 0 < len(fresh) < len(judged) else None, compared))
    console.print(_by_style(styles))
    console.print(_by_scheme(schemes, names))
    for line in _faults(judged) if faults else ():
        click.echo(line)


def _questions(pack: Pack) -> tuple[Question, ...]:
    paths = pack.files("eval.yml")
    if not paths:
        raise click.ClickException(
            f"政策包 {pack.name} 没有 eval.yml。请先写评测问题，写法见 docs/pack-author.md。"
        )
    try:
        return load_questions(paths[0])
    except DataFileError as error:
        raise click.ClickException(told(error)) from error


def _compare(
    pack: Pack, questions: Sequence[Question], development: Sequence[Question], today: date
) -> list[_Compared]:
    clauses = [
        clause
        for document in pack.documents
        for clause in document.clauses
        if clause.dated(today) == "in_force"
    ]
    titles = {document.id: document.title for document in pack.documents}
    compared = []
    for baseline in baselines(clauses) if clauses else ():
        threshold = best_threshold(baseline, development, titles)
        always = measure(questions, answering(baseline), titles)
        sometimes = measure(questions, answering(baseline, threshold), titles)
        compared.append(_Compared(baseline.name, figures(always), threshold, figures(sometimes)))
    return compared


def _schemes_of_clauses(pack: Pack) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for document in pack.documents:
        for clause in document.clauses:
            reference = f"{document.id} {clause.number}"
            found[reference] = found.get(reference, frozenset()) | frozenset(clause.schemes)
    return found


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _overall(ours: Figures, fresh: Figures | None, compared: Iterable[_Compared]) -> Table:
    table = _table("总的，和常用的检索比", "", "拒答门槛", *_COLUMNS.values())
    table.add_row("本系统", "", *map(_cell, ours.rates().values()), style="bold")
    if fresh is not None:
        table.add_row("其中新问题", "", *map(_cell, fresh.rates().values()))
    for one in compared:
        table.add_row(one.name, "不拒答", *map(_cell, one.never_refusing.rates().values()))
        threshold = "不拒最好" if one.threshold == float("-inf") else f"{one.threshold:.2f}"
        table.add_row("", threshold, *map(_cell, one.with_threshold.rates().values()))
    return table


def _by_style(styles: Mapping[Style, Figures]) -> Table:
    table = _table("按说法", "", "问题", *_COLUMNS.values())
    for style, found in styles.items():
        table.add_row(_STYLE_NAMES[style], str(found.n), *map(_cell, found.rates().values()))
    return table


def _by_scheme(schemes: Mapping[str, Figures], names: Mapping[str, str]) -> Table:
    table = _table("按救助方案(只算有答案的问题；一个问题可以属于几个方案)", "", "问题", "答对", "首条依据对")
    for scheme, found in schemes.items():
        table.add_row(
            names.get(scheme, scheme) if scheme else "(不属于哪一个方案)",
            str(found.n),
            _cell(found.answer_accuracy),
            _cell(found.citation_recall_at_1),
        )
    return table


def _cell(rate: Rate) -> str:
    if not rate.cases:
        return "—"
    low, high = rate.interval()
    return f"{rate.share:.1%} {low * 100:.0f}–{high * 100:.0f}"


def _faults(judged: Iterable[Judged]) -> Iterable[str]:
    for one in judged:
        if one.fault is not None:
            cited = "、".join(f"{citation.document}{citation.clause}" for citation in one.answer.citations)
            expected = "、".join(one.question.clause) or "不知道"
            yield f"· {one.question.q} → {cited or '没有回答'}(应为 {expected}；{one.fault})"


def _details(
    split: str,
    ours: Figures,
    styles: Mapping[Style, Figures],
    schemes: Mapping[str, Figures],
    compared: Iterable[_Compared],
) -> dict[str, Any]:
    return {
        "split": split,
        "interval": 0.95,
        "ours": _with_intervals(ours),
        "by_style": {style: _with_intervals(found) for style, found in styles.items()},
        "by_scheme": {scheme: _with_intervals(found) for scheme, found in schemes.items()},
        "baselines": [
            {
                "name": one.name,
                "never_refusing": _with_intervals(one.never_refusing),
                # JSON has no infinity: null is a threshold that refuses nothing.
                "threshold": None if one.threshold == float("-inf") else one.threshold,
                "with_threshold": _with_intervals(one.with_threshold),
            }
            for one in compared
        ],
    }


def _with_intervals(found: Figures) -> dict[str, Any]:
    return {
        "n": found.n,
        **{
            name: {"share": rate.share, "interval": list(rate.interval()), "cases": rate.cases}
            for name, rate in found.rates().items()
        },
    }
