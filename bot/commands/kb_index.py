"""`jzt kb index`: reads every text of a pack once and builds its index, so that no start has to."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.commands._packs import by_sense, index_dir, packs_dir
from bot.commands.ask import shanghai_today
from bot.settings import Settings
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.loader import UnknownPack, load_pack, pack_names
from policies_kb.pack import Pack
from policies_kb.retrieval.encoder import Encoder
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.senses import Senses
from policies_kb.retrieval.store import Store
from policies_kb.retrieval.vectors import FOLDER, Busy, Text, keep

# From so many clauses on it is worth starting several processes to read them.
_WORTH_PROCESSES: Final = 5000
_BY_WORDS: Final = "没有用句向量：JZT_SENTENCE_VECTORS 写的是 false"


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done for a pack: numbers of clauses and texts, seconds, folders."""

    clauses: int
    asks: int
    read: int
    kept: int
    vectors: bool
    seconds_reading: float
    seconds_building: float
    folders: list[str]


@click.command(help="把一个政策包的索引和句向量一次建好(问法上千的包要先做这一步)；中断了再运行会接着做")
@click.option("--pack", help="只建这一个；不写就建全部")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def command(pack: str | None, as_json: bool) -> None:
    """Read what has no sentence vector yet, build the index where commands and the service look for it, say what was
    done."""
    found = {}
    for name in (pack,) if pack else pack_names(packs_dir()):
        try:
            found[name] = _index(load_pack(name, packs_dir()))
        except (UnknownPack, DataFileError) as error:
            raise click.ClickException(told(error)) from error
        if not as_json:
            _show(name, found[name])
    if as_json:
        click.echo(json.dumps({name: asdict(one) for name, one in found.items()}, ensure_ascii=False))


def _index(pack: Pack) -> _Done:
    clauses = [clause for document in pack.documents for clause in document.clauses]
    senses = Senses.open() if by_sense() else None
    began = time.perf_counter()
    texts = senses.unread(clauses) if senses else []
    read = _read(pack, senses.encoder, texts) if senses and texts else 0
    reading = time.perf_counter() - began
    began = time.perf_counter()
    vectors = _build(pack, len(clauses))
    return _Done(
        clauses=len(clauses), asks=sum(len(clause.asks) for clause in clauses), read=read, kept=len(texts) - read,
        vectors=vectors, seconds_reading=round(reading, 1),
        seconds_building=round(time.perf_counter() - began, 1), folders=[str(folder) for folder in _folders()],
    )  # fmt: skip


def _read(pack: Pack, by: Encoder, texts: list[Text]) -> int:
    folder = pack.folders[0] / FOLDER
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{pack.name}：读问法和条款", total=len(texts))
        try:
            return keep(folder, by, texts, lambda count: bar.advance(task, count))
        except Busy:
            raise click.ClickException(f"另一个 jzt kb index 正在读 {pack.name}，等它做完再运行。") from None
        except OSError as error:
            said = error.strerror or str(error)
            raise click.ClickException(
                f"{folder} 写不进去：{said}。改法：让当前用户能写这个文件夹，或者空出磁盘；已经读好的不会丢，再运行一次就接着做。"
            ) from None
        except KeyboardInterrupt:
            raise click.ClickException("停下了。已经读好的都留着，再运行一次就接着做。") from None


def _build(pack: Pack, clauses: int) -> bool:
    """Build the index in every folder somebody looks in; whether it has sentence vectors."""
    today = shanghai_today()
    vectors = False
    first, *others = _folders()
    stores = [Store(first), *(Store(folder, like=first) for folder in others)]
    workers = (os.cpu_count() or 1) if clauses > _WORTH_PROCESSES else 1
    for store in stores:
        retriever = Retriever(pack, cache=store, by_sense=by_sense(), workers=workers)
        retriever.warm(today)
        vectors = retriever.reads_sense(today)
    return vectors


def _folders() -> tuple[Path, ...]:
    """Where the commands look, and the service, if there is one here."""
    settings = Settings()
    return (index_dir(), *((settings.index_dir,) if settings.var.is_dir() else ()))


def _show(name: str, done: _Done) -> None:
    click.echo(f"{name}：{done.clauses} 条条款，{done.asks} 句问法")
    if not done.vectors:
        click.echo(f"  {_BY_WORDS}")
    elif done.read or done.kept:
        click.echo(
            f"  句向量：以前读好的 {done.kept} 条，这次读了 {done.read} 条，用了 {done.seconds_reading} 秒，"
            f"放在政策包的 {FOLDER}/ 里"
        )
    else:
        click.echo("  句向量：程序自带的已经够用，不用再读")
    click.echo(f"  索引：用了 {done.seconds_building} 秒，放在 {' 和 '.join(done.folders)}")
