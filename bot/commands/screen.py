"""`jzt screen`: the rules over a whole register, with results, problems and a report (政策找人)."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from bot.commands._packs import DEFAULT_PACK, packs_dir
from bot.screening import cluster, report
from bot.screening.run import Progress, Wish, headers_of, run, sources_of, whole_or_nothing
from bot.screening.source import SourceError
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.screening.whatif import UnknownFigure, what_if
from policies_kb.screening.words import ColumnsError, ColumnsFile
from policies_kb.yamlfile import load_model


@click.command(
    help="批量筛查(政策找人)：按名册找出可能符合各项救助的家庭。例：jzt screen --input 名册.csv --out 结果"
)
@click.option(
    "--input", "source", type=click.Path(path_type=Path), help="名册：CSV(UTF-8、GBK)或 Parquet，一行一个人"
)
@click.option(
    "--towns-dir",
    "towns",
    type=click.Path(path_type=Path),
    help="按乡镇分开的名册：一个文件夹，里面一个乡镇一个文件或一个文件夹",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="结果放在哪个文件夹(新建)")
@click.option("--overwrite", is_flag=True, help="文件夹已经有了，就换掉它")
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="政策包")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="按哪一天的规定判断，默认今天")
@click.option(
    "--columns", type=click.Path(dir_okay=False, path_type=Path), help="列对照表(YAML)：表头不一样时用"
)
@click.option(
    "--what-if",
    "changes",
    multiple=True,
    metavar="名称=数字",
    help="试算，例如 di_shouru.multiple=2；可写多次",
)
@click.option(
    "--only",
    "wanted",
    multiple=True,
    metavar="方案[,方案]",
    help="只看这几项，例如 dibao,tekun；可写多次",
)
@click.option("--with-names", is_flag=True, help="结果里带上姓名和身份证号(默认不带)")
@click.option(
    "--format",
    "kind",
    default="both",
    show_default=True,
    type=click.Choice(["both", "csv", "parquet"]),
    help="结果的格式",
)
@click.option(
    "--workers",
    default=min(8, os.cpu_count() or 1),
    show_default=True,
    type=click.IntRange(1, 256),
    help="几个进程",
)
@click.option(
    "--scheduler", metavar="地址", help="交给几台机器算：Dask 调度器的地址，例如 tcp://10.0.0.5:8786"
)
@click.option("--json", "as_json", is_flag=True, help="把报告的数字输出成 JSON")
def command(
    source: Path | None, towns: Path | None, out: Path, overwrite: bool, pack: str, today: datetime | None,
    columns: Path | None, changes: tuple[str, ...], wanted: tuple[str, ...], with_names: bool, kind: str, workers: int, scheduler: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Screen a register."""
    if (source is None) == (towns is None):
        raise click.UsageError("--input 和 --towns-dir 要写一个，而且只写一个。")
    if out.exists() and not overwrite:
        raise click.ClickException(f"{out}：已经有了。请换一个名字，或者加 --overwrite 换掉它。")
    if out.exists() and any(out.iterdir()) and not (out / "report.json").exists():
        raise click.ClickException(f"{out}：里面不是筛查结果，不能换掉。请换一个名字。")
    day = today.date() if today else datetime.now(ZoneInfo("Asia/Shanghai")).date()
    figures = tuple(_figure(change) for change in changes)
    try:
        own = load_model(columns, ColumnsFile).columns if columns is not None else {}
        wish = Wish(
            input=source or towns or Path(), out=out, pack=pack, packs_dir=packs_dir(), today=day, own_columns=own,
            figures=figures, only=_schemes(wanted), with_names=with_names, csv=kind != "parquet", parquet=kind != "csv", workers=workers,
        )  # fmt: skip
        found = screen(wish, scheduler)
    except (
        SourceError,
        ColumnsError,
        UnknownFigure,
        UnknownScheme,
        DataFileError,
        cluster.NoCluster,
    ) as error:
        raise click.ClickException(told(error)) from None
    except BrokenProcessPool:
        raise click.ClickException(
            "有一个进程半路停了(多半是内存不够)。没有留下半成品。请减少 --workers，或者按乡镇分开再筛查。"
        ) from None
    except KeyboardInterrupt:
        raise click.ClickException("已经停下，没有留下半成品。") from None
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo("\n".join([*report.lines(found), f"结果在 {out}：先打开 report.html 看。"]))


def screen(wish: Wish, scheduler: str | None) -> dict[str, object]:
    """Screen into the folder, whole or not at all; returns what the report tells."""
    pack = load_pack(wish.pack, wish.packs_dir)
    # A wrong name is said before an hour of work.
    what_if(pack, dict(wish.figures), wish.today)
    for scheme in wish.only:
        if scheme not in pack.schemes:
            raise UnknownScheme(scheme, pack)
    headers = headers_of(pack, sources_of(wish.input), wish.own_columns)
    with whole_or_nothing(wish.out) as work, _bar() as progress:
        with _executor(wish, scheduler) as executor:
            tally, processes = run(wish, headers, executor, progress, work)
        found = report.figures_of(
            pack,
            tally,
            wish.today,
            register=wish.input.name,
            headers=headers,
            changed=wish.figures,
            only=wish.only,
        )
        found["processes"] = processes
        (work / "report.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
        (work / "report.html").write_text(report.page(found), encoding="utf-8")
    return found


@contextmanager
def _executor(wish: Wish, scheduler: str | None) -> Iterator[Executor]:
    if scheduler is not None:
        with cluster.executor(scheduler) as found:
            yield found
        return
    # Spawned, not forked: Arrow's threads do not survive a fork.
    pool = ProcessPoolExecutor(wish.workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _bar() -> Iterator[Progress]:
    shown = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Bar(*shown, console=Console(stderr=True)) as bar:
        yield Progress(_task(bar, "读名册"), _task(bar, "筛查"))


def _task(bar: Bar, title: str) -> Callable[[int, int], None]:
    task = bar.add_task(title, total=None)

    def done(count: int, total: int) -> None:
        bar.update(task, completed=count, total=total)

    return done


class UnknownScheme(Exception):
    """A scheme asked for that the pack does not have; says what there is."""

    def __init__(self, scheme: str, pack: Pack) -> None:
        there = "、".join(f"{own.id}({own.name})" for own in pack.schemes.values())
        super().__init__(f"--only：{pack.title}没有“{scheme}”这一项。有：{there}。")


def _schemes(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Scheme ids, however many an option holds, each once."""
    parts = re.split(r"[,，、\s]+", ",".join(wanted))
    return tuple(dict.fromkeys(part for part in parts if part))


def _figure(change: str) -> tuple[str, str]:
    name, equals, value = change.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise click.ClickException(
            f"--what-if 要写成 名称=数字，例如 di_shouru.multiple=2，现在是“{change}”。"
        )
    return name.strip(), value.strip()
