"""`jzt kb ingest`: files of offices into drafts of a pack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from bot.commands._kinds import KINDS
from bot.commands._packs import DEFAULT_PACK, packs_dir
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.ingest.draft import Draft
from policies_kb.ingest.run import Ingest, Ingested
from policies_kb.ingest.types import OcrLine, Progress, UnreadableSource

if TYPE_CHECKING:
    from integrations.documents.ocr import RapidOcr


@dataclass(frozen=True, slots=True)
class _Failed:
    path: Path
    message: str
    cure: str


class _LazyOcr:
    """The recogniser of integrations as ingestion wants it, imported only when a file really holds pictures."""

    def __init__(self) -> None:
        self._ocr: RapidOcr | None = None

    def lines(self, picture: bytes) -> tuple[OcrLine, ...]:
        if self._ocr is None:
            # Imported here: most files hold text, and the recogniser's libraries take a second to load.
            from integrations.documents.ocr import OcrUnavailable, open_ocr

            try:
                self._ocr = open_ocr()
            except OcrUnavailable as error:
                raise _NoOcr(error.message) from error
        return tuple(OcrLine(line.text, line.score, line.box) for line in self._ocr.lines(picture))


class _NoOcr(Exception):
    """Pictures cannot be read on this machine."""


@click.command(help="把文件(txt、html、docx、pdf、扫描件、照片)录成草稿，供人审阅；不会直接生效")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="录到哪个政策包")
@click.option("--replaces", metavar="文件编号", help="这是哪一份现行文件的新版本")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def command(files: tuple[Path, ...], pack: str, replaces: str | None, as_json: bool) -> None:
    """Ingest files one after another; a file that fails does not stop the others. Exit status 1 when one failed."""
    try:
        ingest = Ingest(pack, packs_dir(), ocr=_LazyOcr())
    except DataFileError as error:
        raise click.ClickException(told(error)) from error
    done: list[Ingested | _Failed] = []
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("录入", total=len(files))
        for path in files:

            def tell(step: str, name: str = path.name) -> None:
                bar.update(task, description=f"{name}：{step}")
                # Only of a long file are figures told; without a terminal they are all there is to see.
                if not console.is_terminal and "/" in step:
                    click.echo(f"{name}：{step}", err=True)

            done.append(_one(ingest, path, replaces, tell))
            bar.advance(task)
    if as_json:
        click.echo(json.dumps({"pack": pack, "files": [_as_json(one) for one in done]}, ensure_ascii=False))
    else:
        for one in done:
            _show(one)
        made = sum(len(one.drafts) for one in done if isinstance(one, Ingested))
        if made:
            click.echo(f"共新录 {made} 份草稿，都还没有生效。下一步：jzt kb review --pack {pack} list")
    if any(isinstance(one, _Failed) for one in done):
        raise SystemExit(1)


def _one(ingest: Ingest, path: Path, replaces: str | None, tell: Progress) -> Ingested | _Failed:
    try:
        return ingest.file(
            path, now=datetime.now(ZoneInfo("Asia/Shanghai")), replaces=replaces, progress=tell
        )
    except UnreadableSource as error:
        return _Failed(path, error.message_zh, error.cure_zh)
    except _NoOcr as error:
        return _Failed(path, str(error), "")
    except DataFileError as error:
        return _Failed(path, "政策包里已有的草稿读不出来。", told(error))
    except OSError as error:
        return _Failed(
            path, f"写不进草稿文件夹：{error.strerror or error}。", "看看磁盘是否满了、文件夹能不能写。"
        )


def _show(one: Ingested | _Failed) -> None:
    if isinstance(one, _Failed):
        click.echo(f"✗ {one.path.name}：{one.message} {one.cure}")
        return
    found = one.repairs
    click.echo(
        f"● {one.path.name}：{found.lines} 行，修复 {found.repaired_share:.1%}，"
        f"要人看 {found.marked_share:.1%}，略去 {found.dropped_share:.1%}"
    )
    for prefix, words in (("repair.", "修复"), ("mark.", "要人看"), ("dropped.", "略去")):
        kinds = [
            f"{KINDS.get(kind, kind.removeprefix(prefix))} {count} 处"
            for kind, count in found.by_kind.items()
            if kind.startswith(prefix)
        ]
        if kinds:
            click.echo(f"  {words}：{'、'.join(kinds)}")
    for note in one.notes:
        click.echo(f"  注意：{note}")
    if one.known and not one.drafts:
        states = {"open": "待审", "accepted": "已收", "rejected": "已退回"}
        listed = "、".join(f"{file.id}({states[file.state]})" for file in one.known)
        click.echo(f"  这个文件以前录过，没有改动：{listed}")
        return
    click.echo(f"  {len(one.drafts)} 篇：")
    for draft in sorted(one.drafts, key=lambda draft: not draft.file.residents):
        click.echo(f"    {_line(draft)}")


def _line(draft: Draft) -> str:
    kept = len(draft.document.sections)
    left = len(draft.file.clauses) - kept
    parts = [f"{draft.id}《{draft.document.front.title}》{kept} 条"]
    if left:
        parts.append(f"另有 {left} 条建议不收")
    parts.append(f"疑点 {len(draft.open_marks)} 处")
    if draft.file.replaces:
        parts.append(f"接替 {draft.file.replaces}({draft.file.replaces_why})")
    if not draft.file.residents:
        parts.append(f"看来不是给居民的：{draft.file.residents_why}")
    return "，".join(parts)


def _as_json(one: Ingested | _Failed) -> dict[str, Any]:
    if isinstance(one, _Failed):
        return {"file": str(one.path), "ok": False, "error": one.message, "cure": one.cure}
    found = one.repairs
    return {
        "file": str(one.path),
        "ok": True,
        "sha256": one.sha256,
        "known": [file.id for file in one.known],
        "lines": found.lines,
        "repaired": found.repaired_share,
        "marked": found.marked_share,
        "dropped": found.dropped_share,
        "by_kind": dict(found.by_kind),
        "notes": list(one.notes),
        "drafts": [_draft_json(draft) for draft in one.drafts],
    }


def _draft_json(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "plan": draft.file.source.plan,
        "title": draft.document.front.title,
        "residents": draft.file.residents,
        "residents_why": draft.file.residents_why,
        "clauses": len(draft.document.sections),
        "left_out": len(draft.file.clauses) - len(draft.document.sections),
        "open_marks": len(draft.open_marks),
        "replaces": draft.file.replaces,
    }
