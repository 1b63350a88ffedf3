"""`jzt bench`: figures per stage and end to end, on this machine, now."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import psutil
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bot import logging
from bot.bench import peer_bot, questions, retrieval, screening, stages, web
from bot.bench.process import StartFailed, free_port, server
from bot.bench.script import MESSAGES
from bot.bench.stats import bands, growth
from bot.commands._packs import packs_dir
from nlu import train
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.loader import UnknownPack

# A single resident sends a thousand messages here, which the service would slow down in earnest.
_SERVICE_ENV = {
    "JZT_RATE_LIMIT": "1000000",
    "JZT_NEW_CONVERSATION_LIMIT": "1000000",
    "JZT_LOG_LEVEL": "warning",
}


@click.command(name="bench")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
@click.option("--pack", default="shifan-xian", show_default=True, help="政策包")
@click.option(
    "--messages", default=1000, show_default=True, type=click.IntRange(min=200), help="增长测试的消息数"
)
@click.option(
    "--residents", default=20, show_default=True, type=click.IntRange(min=1), help="同时在线的居民数"
)
@click.option("--each", default=20, show_default=True, type=click.IntRange(min=1), help="每人发几条")
@click.option("--peer/--no-peer", default=True, help="同场运行普通 Rasa 机器人作比较")
@click.option(
    "--only",
    type=click.Choice(["retrieval", "questions", "screen"]),
    help="只测这一项：retrieval 检索随条款数的变化，questions 自测要问几句，screen 批量筛查",
)
@click.option(
    "--households", default=200, show_default=True, type=click.IntRange(min=10), help="测问几句时用多少户"
)
@click.option(
    "--register",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(min=1000),
    help="测批量筛查时名册有多少户",
)
@click.option(
    "--clauses", "sizes", multiple=True, type=click.IntRange(min=100),
    help=f"检索测试的条款数，可写多次，默认 {'、'.join(map(str, retrieval.SIZES))}",
)  # fmt: skip
def command(
    as_json: bool, pack: str, messages: int, residents: int, each: int, peer: bool, only: str | None,
    households: int, register: int, sizes: tuple[int, ...],
) -> None:  # fmt: skip
    """测速：各环节、检索随条款数的变化、自测要问几句、批量筛查、网页渠道端到端、一段对话从第 1 条到第 1000 条的变化。"""
    logging.configure("console", "error")
    console = Console(stderr=True)
    try:
        with Progress(console=console) as progress:
            figures: dict[str, Any] = {"machine": _machine()}
            if only in {None, "retrieval"}:
                figures["retrieval_scale"] = _scale(progress, pack, sorted(set(sizes)) or retrieval.SIZES)
            if only in {None, "questions"}:
                figures["questions"] = _asked(progress, pack, households)
            if only in {None, "screen"}:
                figures["screen"] = _screened(progress, pack, register)
            if only is None:
                figures |= asyncio.run(_measure(progress, pack, messages, residents, each, peer))
    except (
        StartFailed, stages.NluDidNotStart, train.NluUnavailable, retrieval.BenchFailed, screening.BenchFailed,
        UnknownPack, DataFileError,
    ) as error:  # fmt: skip
        raise click.ClickException(told(error)) from None
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False, indent=1))
    else:
        _show(figures)


async def _measure(
    progress: Progress, pack: str, messages: int, residents: int, each: int, peer: bool
) -> dict[str, Any]:
    figures: dict[str, Any] = {"stages": {}, "script": list(MESSAGES)}
    with _task(progress, "规则理解", 1) as done:
        figures["stages"]["understanding_rules"] = await stages.rules(pack, 100)
        done(1)
    with _task(progress, "检索", 1) as done:
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        figures["stages"]["retrieval"] = stages.retrieval(pack, _questions(), today)
        done(1)
    with _task(progress, "NLU 服务", 1) as done:
        figures["stages"]["nlu_server"] = await stages.nlu(100, 20)
        done(1)
    with tempfile.TemporaryDirectory(prefix="jzt-bench-") as folder:
        work = Path(folder)
        port = free_port()
        command_line = [sys.executable, "-m", "bot", "serve", "--port", str(port)]
        base = f"http://127.0.0.1:{port}"
        env = {**_SERVICE_ENV, "JZT_VAR": str(work / "var"), "JZT_PACK": pack}
        async with server("jzt serve", command_line, f"{base}/readyz", work / "serve.log", env=env):
            with _task(progress, "网页渠道：吞吐", residents * each) as done:
                figures["web"] = await web.throughput(base, residents, each, done)
            with _task(progress, "网页渠道：一段长对话", messages) as done:
                ours = await web.conversation(base, messages, done)
        figures["conversation"] = {"ours": {"bands": bands(ours), "growth": growth(ours)}}
        python = train.RASA.parent / "python"
        if peer and peer_bot.available(python):
            with _task(progress, "普通 Rasa 机器人：一段长对话", messages) as done:
                theirs = await peer_bot.latencies(python, work, messages, done)
            figures["conversation"]["peer_rasa_3_6"] = {"bands": bands(theirs), "growth": growth(theirs)}
    return figures


def _scale(progress: Progress, pack: str, sizes: Sequence[int]) -> dict[str, Any]:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    with (
        tempfile.TemporaryDirectory(prefix="jzt-bench-index-") as folder,
        _task(progress, f"检索：{max(sizes)} 条", retrieval.STEPS * len(sizes)) as done,
    ):
        return retrieval.scale(pack, packs_dir(), Path(folder), sizes, today, lambda: done(1))


def _asked(progress: Progress, pack: str, count: int) -> dict[str, Any]:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    with _task(progress, f"自测要问几句：{count} 户", count) as done:
        return questions.measure(pack, packs_dir(), count, today, lambda: done(1))


def _screened(progress: Progress, pack: str, households: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="jzt-bench-register-") as folder,
        _task(progress, f"批量筛查：{households} 户", screening.STEPS) as done,
    ):
        workers = min(8, os.cpu_count() or 1)
        return screening.measure(pack, packs_dir(), households, workers, Path(folder), lambda: done(1))


@contextmanager
def _task(progress: Progress, name: str, total: int) -> Iterator[Callable[[int], None]]:
    task = progress.add_task(name, total=total)
    yield lambda count: progress.advance(task, count)


def _questions() -> list[str]:
    return [text for text in MESSAGES if "低保" in text or "救助" in text or "特困" in text] * 30


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _show(figures: dict[str, Any]) -> None:
    console = Console()
    machine = figures["machine"]
    console.print(f"机器：{machine['cores']} 核，{machine['memory_gib']} GiB，Python {machine['python']}")
    if "retrieval_scale" in figures:
        _show_scale(console, figures["retrieval_scale"])
    if "questions" in figures:
        _show_questions(console, figures["questions"])
    if "screen" in figures:
        _show_screen(console, figures["screen"])
    if "stages" in figures:
        _show_service(console, figures)


def _show_screen(console: Console, found: dict[str, Any]) -> None:
    table = Table(
        "怎么算",
        "秒",
        "其中处理器",
        "内存峰值 MiB",
        "户/秒",
        title=f"批量筛查：{found['households']:,} 户 {found['persons']:,} 人，{found['schemes']} 项救助",
    )
    own, engine = found["screen"], found["engine"]
    table.add_row(
        f"jzt screen，{found['workers']} 个进程，连读带写",
        str(own["seconds"]),
        str(own["cpu_seconds"]),
        str(own["peak_mib"]),
        f"{own['households_per_second']:,}",
    )
    table.add_row("只算规则，成批，一个核", "", "", "", f"{engine['columns_per_second']:,}")
    table.add_row(
        f"只算规则，一户一户，一个核(抽 {engine['loop_sample']:,} 户)",
        str(found["loop_would_take_s"]),
        "",
        "",
        f"{engine['loop_per_second']:,}",
    )
    if "pandas" in found:
        table.add_row(
            "手写 pandas，7 项，连读带写",
            str(found["pandas"]["seconds"]),
            str(found["pandas"]["cpu_seconds"]),
            str(found["pandas"]["peak_mib"]),
            "",
        )
    console.print(table)
    console.print(
        f"成批是一户一户的 {found['ratio_to_loop']:,} 倍；转给一户一户算的 {found['singly']:,} 户。"
    )


def _show_scale(console: Console, scale: dict[str, Any]) -> None:
    rows = scale["sizes"]
    for kind, name in (("by_words", "只看词"), ("by_sense", "带句向量")):
        if kind in scale["growth"]:
            _show_scale_of(console, scale, kind, name)
    table = Table("条款数", *(str(row["clauses"]) for row in rows), title="普通检索，同样的问题")
    table.add_row("BM25(词) p50 / p95 毫秒", *(_pair(row["peers"]["bm25_words"]) for row in rows))
    table.add_row("FTS5(三字) p50 / p95 毫秒", *(_pair(row["peers"]["fts5_trigram"]) for row in rows))
    console.print(table)


def _show_scale_of(console: Console, scale: dict[str, Any], kind: str, name: str) -> None:
    rows = scale["sizes"]
    table = Table("条款数", *(str(row["clauses"]) for row in rows), title=f"检索随条款数的变化：{name}")
    lines: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("建索引 秒", lambda row: str(row["build_s"])),
        ("其中处理器 秒", lambda row: str(row["build_cpu_s"])),
        ("磁盘 MiB", lambda row: str(round(row["bytes"] / 2**20, 1))),
        ("打开 毫秒", lambda row: str(row["open_ms"])),
        ("打开时又建了索引", lambda row: "是" if row["rebuilt"] else "否"),
        ("为它多占的内存 MiB", lambda row: str(row["memory_mib"]["added"])),
        ("其中不能共用的 MiB", lambda row: str(row["memory_mib"]["added_own"])),
        ("只检索 p50 / p95 毫秒", lambda row: _pair(row["search"])),
        ("只检索，处理器 p50 毫秒", lambda row: str(row["search"]["cpu_p50_ms"])),
        ("第一次回答 p50 / p95 毫秒", lambda row: _pair(row["answer"])),
        ("第一次回答，处理器 p50 毫秒", lambda row: str(row["answer"]["cpu_p50_ms"])),
        ("再次回答 p50 / p95 毫秒", lambda row: _pair(row["answer_again"])),
        ("再次回答，处理器 p50 毫秒", lambda row: str(row["answer_again"]["cpu_p50_ms"])),
        ("首条与全算一致", lambda row: str(row["same_best_as_thorough"])),
    ]
    if kind == "by_sense":
        lines[:0] = [
            ("要读的文字", lambda row: str(row["unread"])),
            ("读一句问法 / 一条条款 毫秒", lambda row: _each(row["reading"])),
            ("读完要 小时(按抽样推算)", lambda row: str(row["reading"]["hours"])),
            ("句向量占磁盘 MiB", lambda row: str(round(row["kept_bytes"] / 2**20, 1))),
        ]
    for title, cell in lines:
        table.add_row(title, *(cell(row[kind]) for row in rows))
    console.print(table)
    growth = scale["growth"][kind]
    console.print(
        f"条款多 {scale['growth']['clauses']:g} 倍：建索引 {growth['build']} 倍，磁盘 {growth['bytes']} 倍，打开 {growth['open']} 倍，"
        f"检索 {growth['search_p50']} 倍，回答 {growth['answer_p50']} 倍；"
        f"只算处理器时间，检索 {growth['search_cpu_p50']} 倍，回答 {growth['answer_cpu_p50']} 倍"
    )


def _each(reading: dict[str, Any]) -> str:
    return f"{reading['questions']['ms']} / {reading['passages']['ms']}"


def _show_questions(console: Console, asked: dict[str, Any]) -> None:
    title = f"自测要问几句：{asked['pack']}，{asked['schemes']} 项救助，{asked['households']} 户"
    table = Table("怎么问", "中位数", "九成户不超过", "平均", title=title)
    rows = {
        "我们，全部有结果": asked["ours"],
        **{f"我们，只看{name}": row for name, row in asked["of_interest"].items()},
        "固定表格": asked["form"],
        "全知的下界": asked["oracle_at_least"],
        "全知的上界": asked["oracle_at_most"],
    }
    for name, row in rows.items():
        table.add_row(name, *(f"{row[key]:g}" for key in ("median", "p90", "mean")))
    console.print(table)
    spent = asked["next_question"]
    console.print(
        f"和全部说清时结果一样的：{asked['same_outcomes_as_fully_told']:.1%}；上下界相等的：{asked['oracle_exact_share']:.1%}；"
        f"选一个问题 p50 {spent['p50_ms']} 毫秒，p95 {spent['p95_ms']} 毫秒"
    )


def _pair(row: dict[str, Any]) -> str:
    return f"{row['p50_ms']} / {row['p95_ms']}"


def _show_service(console: Console, figures: dict[str, Any]) -> None:
    table = Table("环节", "次数", "p50 毫秒", "p95 毫秒", "其他", title="各环节单独")
    for name, row in figures["stages"].items():
        more = {"parses_per_second": "次/秒", "open_ms": "毫秒载入"}
        rest = ",".join(f"{row[key]} {unit}" for key, unit in more.items() if key in row)
        table.add_row(name, str(row["n"]), str(row["p50_ms"]), str(row["p95_ms"]), rest)
    row = figures["web"]
    rest = f"{row['messages_per_second']} 条/秒,{row['residents']} 人同时"
    table.add_row("网页渠道端到端", str(row["n"]), str(row["p50_ms"]), str(row["p95_ms"]), rest)
    console.print(table)
    table = Table("谁", "第几条", "p50 毫秒", "p95 毫秒", title="一段对话越聊越长")
    for name, side in figures["conversation"].items():
        for band in side["bands"]:
            table.add_row(name, f"{band['from']}–{band['to']}", str(band["p50_ms"]), str(band["p95_ms"]))
        table.add_row(name, "末段 ÷ 首段", str(side["growth"]), "")
    console.print(table)
