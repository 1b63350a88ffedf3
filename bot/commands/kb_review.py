"""`jzt kb review`: a person looks at drafts, settles what is doubtful, accepts or rejects."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.commands._kinds import KINDS
from bot.commands._packs import DEFAULT_PACK, packs_dir
from policies_kb.authoring.messages import told
from policies_kb.errors import DataFileError
from policies_kb.ingest import review
from policies_kb.ingest.draft import Draft, DraftClause, DraftMark
from policies_kb.ingest.versions import Change, Comparison, Kind

_STATES = {"open": "待审", "accepted": "已收", "rejected": "已退回"}
_CHANGES = {"unchanged": "没变", "changed": "改了", "new": "新增", "gone": "没有了"}
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def _pack(ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    """The pack named here, or before the sub-command, or the usual one."""
    return value or (ctx.parent.params.get("pack") if ctx.parent else None) or DEFAULT_PACK


_pack_option = click.option("--pack", callback=_pack, help="政策包")
_by_option = click.option("--by", required=True, metavar="姓名", help="谁办的，记在草稿里")


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be done is said in plain words."""
    try:
        yield
    except review.ReviewError as error:
        raise click.ClickException(error.message_zh) from error
    except DataFileError as error:
        raise click.ClickException(told(error)) from error


@click.group(invoke_without_command=True, help="审阅草稿：看原文和结果、处理疑点、收进政策包或退回")
@click.option("--pack", help="政策包")
@click.pass_context
def command(ctx: click.Context, pack: str | None) -> None:
    """Without a sub-command: the list of drafts."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, pack=pack or DEFAULT_PACK, everything=False, as_json=False)


@command.command(name="list", help="列出草稿：给居民的排前面")
@_pack_option
@click.option("--all", "everything", is_flag=True, help="已收的、已退回的也列出来")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def list_(pack: str, everything: bool, as_json: bool) -> None:
    """List drafts."""
    with _told():
        found = review.list_drafts(pack, packs_dir(), state=None if everything else "open")
    if as_json:
        rows = [
            {
                "id": one.id, "title": one.title, "state": one.state, "residents": one.residents,
                "residents_why": one.residents_why, "file": one.file, "plan": one.plan, "plans": one.plans,
                "clauses": one.clauses, "left_out": one.left_out, "open_marks": one.open_marks,
                "replaces": one.replaces, "made": one.made.isoformat(),
            }
            for one in found
        ]  # fmt: skip
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not found:
        click.echo(f"政策包 {pack} 没有{'' if everything else '待审的'}草稿。")
    for one in found:
        where = f"{one.file} 第 {one.plan}/{one.plans} 篇" if one.plans > 1 else one.file
        state = f"[{_STATES[one.state]}] " if everything else ""
        click.echo(f"{state}{one.id}《{one.title}》{one.clauses} 条，疑点 {one.open_marks} 处，来自 {where}")
        if one.replaces:
            click.echo(f"    接替 {one.replaces}")
        if not one.residents:
            click.echo(f"    看来不是给居民的：{one.residents_why}")


@command.command(help="看一份草稿：原文在左，结果在右，疑点、修复、建议逐条列出")
@click.argument("draft_id", metavar="草稿")
@_pack_option
@click.option("--clause", "number", help="只看这一条(编号或 #序号)")
@click.option("--repairs", is_flag=True, help="逐处列出修复")
@click.option("--parameters", is_flag=True, help="只列出建议写进 parameters.yml 的数字")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def show(
    draft_id: str, pack: str, number: str | None, repairs: bool, parameters: bool, as_json: bool
) -> None:
    """Show a draft beside its original."""
    with _told():
        draft = review.load_draft(pack, draft_id, packs_dir())
        comparison = review.compare_draft(pack, draft_id, packs_dir())
        chosen = (review.clause_of(draft, number),) if number else draft.file.clauses
    if as_json:
        data = {
            "draft": draft.file.model_dump(mode="json"),
            "document": draft.document.model_dump(mode="json"),
            "open_marks": [mark.id for mark in draft.open_marks],
            "changes": [_change_json(one) for one in comparison.changes] if comparison else None,
        }
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    if parameters:
        click.echo(_parameters(draft))
        return
    console = Console()
    if number is None:
        _show_head(draft, console)
    for clause in chosen:
        _show_clause(draft, clause, console, repairs=repairs or number is not None)
    if number is None:
        _show_dropped(draft, console)
        if comparison:
            _show_changes(comparison, console)


@command.command(help="处理疑点：不写 --as 是确认原样没错；写了就用它替换")
@click.argument("draft_id", metavar="草稿")
@click.argument("marks", nargs=-1, metavar="疑点…")
@_pack_option
@_by_option
@click.option("--as", "text", help="改成什么(日期写 年-月-日)")
@click.option("--kind", help="这一类疑点全部确认，例如 number_gap、missing_year")
def settle(
    draft_id: str, marks: tuple[str, ...], pack: str, by: str, text: str | None, kind: str | None
) -> None:
    """Settle marks, by id or all of one kind."""
    with _told():
        draft = review.load_draft(pack, draft_id, packs_dir())
        chosen = [*marks, *(mark.id for mark in draft.open_marks if kind and mark.kind == kind)]
        if not chosen:
            raise click.UsageError("请写疑点的编号(例如 m3)，或用 --kind 指一类。")
        if text is not None and len(chosen) > 1:
            raise click.UsageError("--as 一次只能改一处。")
        for mark in chosen:
            draft = review.settle_mark(pack, draft_id, mark, by=by, text=text, packs_dir=packs_dir())
    click.echo(f"处理了 {len(chosen)} 处，还有 {len(draft.open_marks)} 处疑点。")


@command.command(help="改草稿：标题、机关、日期，或某一条的标题、正文、方案、方面、问法；收或不收这一条")
@click.argument("draft_id", metavar="草稿")
@_pack_option
@_by_option
@click.option("--title", help="文件标题")
@click.option("--issuer", help="发文机关")
@click.option("--number", help="文号")
@click.option("--issued", metavar="年-月-日", help="成文日期")
@click.option("--effective-from", metavar="年-月-日", help="生效日期")
@click.option("--effective-to", metavar="年-月-日", help="失效日期")
@click.option("--clause", help="改哪一条：编号或 #序号")
@click.option("--heading", help="这一条的标题")
@click.option("--text", help="这一条的正文；写 @文件 就读那个文件")
@click.option("--schemes", help="方案代号，逗号隔开")
@click.option("--aspect", help="方面，例如 how_much")
@click.option("--ask", "asks", multiple=True, help="居民的问法，可写多次")
@click.option("--keep/--leave-out", "keep", default=None, help="收这一条，或不收")
def edit(
    draft_id: str, pack: str, by: str, clause: str | None, text: str | None, schemes: str | None,
    asks: tuple[str, ...], keep: bool | None, **fields: str | None,
) -> None:  # fmt: skip
    """Change the head of a draft, or one clause."""
    front = {
        key: value for key in ("title", "issuer", "number", "issued", "effective_from", "effective_to")
        if (value := fields.get(key)) is not None
    }  # fmt: skip
    content: dict[str, object] = {
        key: value for key in ("heading", "aspect") if (value := fields.get(key)) is not None
    }
    if text is not None:
        content["text"] = _text(text)
    if schemes is not None:
        content["schemes"] = tuple(one for one in schemes.replace("，", ",").split(",") if one.strip())
    if asks:
        content["asks"] = asks
    if not front and not content and keep is None:
        raise click.UsageError("没有写要改什么。")
    if clause is None and (content or keep is not None):
        raise click.UsageError("改条款要用 --clause 写明是哪一条。")
    with _told():
        draft = review.load_draft(pack, draft_id, packs_dir())
        if front:
            draft = review.edit_front(pack, draft_id, dict(front), by=by, packs_dir=packs_dir())
        if clause is not None:
            key = review.clause_of(draft, clause).key
            draft = review.edit_clause(pack, draft_id, key, content, by=by, keep=keep, packs_dir=packs_dir())
    click.echo(f"改好了。{len(draft.document.sections)} 条，还有 {len(draft.open_marks)} 处疑点。")


@command.command(help="说明这份草稿接替哪一份现行文件")
@click.argument("draft_id", metavar="草稿")
@click.argument("document_id", metavar="文件编号", required=False)
@_pack_option
@_by_option
def replaces(draft_id: str, document_id: str | None, pack: str, by: str) -> None:
    """Say which live document the draft replaces; without one: none."""
    with _told():
        review.set_replaces(pack, draft_id, document_id, by=by, packs_dir=packs_dir())
        comparison = review.compare_draft(pack, draft_id, packs_dir())
    click.echo(f"接替 {document_id}。" if document_id else "不接替别的文件。")
    if comparison:
        _show_changes(comparison, Console())


@command.command(help="收进政策包：下次启动起用来回答")
@click.argument("draft_id", metavar="草稿")
@_pack_option
@_by_option
@click.option(
    "--effective-from",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="年-月-日",
    help="生效日期，原文没写时必须给",
)
def accept(draft_id: str, pack: str, by: str, effective_from: datetime | None) -> None:
    """Accept a draft; refused while marks are open."""
    day: date | None = effective_from.date() if effective_from else None
    with _told():
        done = review.accept(pack, draft_id, by=by, effective_from=day, packs_dir=packs_dir())
    until = f"，到 {done.effective_to} 止" if done.effective_to else ""
    click.echo(
        f"收进来了：{done.path.name}，{done.effective_from} 起生效{until}。下次启动或重新加载后用来回答。"
    )
    if done.retired:
        click.echo(f"旧文件 {done.retired} 到 {done.retired_to} 为止，没有删。")
        for line in done.referring:
            click.echo(f"  还引用旧文件：{line}")


@command.command(help="不收这份草稿，写明理由；草稿留着，同一个文件不会再录一遍")
@click.argument("draft_id", metavar="草稿")
@_pack_option
@_by_option
@click.option("--why", required=True, help="理由")
def reject(draft_id: str, pack: str, by: str, why: str) -> None:
    """Reject a draft."""
    with _told():
        review.reject(pack, draft_id, by=by, why=why, packs_dir=packs_dir())
    click.echo("退回了。")


@command.command(help="把退回的草稿重新打开")
@click.argument("draft_id", metavar="草稿")
@_pack_option
@_by_option
def reopen(draft_id: str, pack: str, by: str) -> None:
    """Reopen a rejected draft."""
    with _told():
        review.reopen(pack, draft_id, by=by, packs_dir=packs_dir())
    click.echo("重新打开了。")


# --- showing ---------------------------------------------------------------------------------------------------------


def _text(given: str) -> str:
    if not given.startswith("@"):
        return given
    try:
        with click.open_file(given[1:], encoding="utf-8") as handle:
            return str(handle.read()).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"读不了 {given[1:]}：{error}") from error


def _show_head(draft: Draft, console: Console) -> None:
    file, front = draft.file, draft.document.front
    which = f"第 {file.source.plan}/{file.source.plans} 篇，" if file.source.plans > 1 else ""
    console.print(f"[bold]{escape(draft.id)}《{escape(front.title)}》[/] {_STATES[file.state]}")
    console.print(
        escape(f"来自 {file.source.file}，{which}第 {file.source.lines[0]} 至 {file.source.lines[1]} 行")
    )
    rows = {
        "发文机关": front.issuer, "文号": front.number, "成文日期": file.issued,
        "生效": front.effective_from, "失效": front.effective_to or (f"生效后 {file.valid_years} 年" if file.valid_years else None),
        "接替": f"{file.replaces}({file.replaces_why})" if file.replaces else None,
    }  # fmt: skip
    for name, value in rows.items():
        console.print(f"  {name}：{escape(str(value)) if value else '(原文没有)'}", highlight=False)
    for said in file.said:
        console.print(f"  [dim]{escape(said.why)}：“{escape(said.quote)}”[/]", highlight=False)
    console.print(
        ("  给居民：是，" if file.residents else "  给居民：看来不是，") + escape(file.residents_why),
        highlight=False,
    )
    for note in file.source.notes:
        console.print(f"  注意：{escape(note)}", highlight=False)
    for mark in draft.file.marks:
        if mark.clause is None:
            _show_mark(mark, console)


def _show_clause(draft: Draft, clause: DraftClause, console: Console, *, repairs: bool) -> None:
    section = draft.section_of(clause)
    pages = f"，第 {'、'.join(map(str, clause.pages))} 页" if clause.pages else ""
    title = f"#{clause.key} {clause.number} {clause.heading}"
    table = Table(title=escape(title), title_justify="left", expand=True, show_lines=False)
    table.add_column(f"原文(第 {clause.lines[0]} 至 {clause.lines[1]} 行{pages})", ratio=1, overflow="fold")
    table.add_column("结果" if section else f"建议不收：{clause.left_out}", ratio=1, overflow="fold")
    now = section or clause.proposed
    table.add_row(escape(clause.original), escape(now.text))
    console.print(table, highlight=False)
    if section is not None:
        console.print(
            escape(
                f"  方案 {'、'.join(now.schemes) or '无'}；方面 {now.aspect}；问法 {'、'.join(now.asks)}(建议)"
            ),
            highlight=False,
        )
    console.print(f"  [dim]{escape('；'.join(clause.why))}[/]", highlight=False)
    if repairs:
        for one in clause.repairs:
            console.print(
                f"  [dim]修复({KINDS.get(f'repair.{one.kind}', one.kind)}) {escape(one.before)} → {escape(one.after)}[/]",
                highlight=False,
            )
    elif clause.repairs:
        counts = Counter(KINDS.get(f"repair.{one.kind}", one.kind) for one in clause.repairs)
        console.print(
            f"  [dim]修复：{'、'.join(f'{kind} {count} 处' for kind, count in counts.items())}[/]",
            highlight=False,
        )
    for mark in draft.file.marks:
        if mark.clause == clause.key:
            _show_mark(mark, console)


def _show_mark(mark: DraftMark, console: Console) -> None:
    words = f"“{escape(mark.text)}” " if mark.text else ""
    if mark.settled is None:
        console.print(
            f"  [bold yellow]疑点 {mark.id}[/]({KINDS.get(f'mark.{mark.kind}', mark.kind)}) {words}{escape(mark.why)}",
            highlight=False,
        )
        return
    how = f"改为“{escape(mark.settled.text)}”" if mark.settled.text else "确认"
    console.print(f"  [dim]{mark.id} {words}{how}，{escape(mark.settled.by)}[/]", highlight=False)


def _show_dropped(draft: Draft, console: Console) -> None:
    for line in draft.file.dropped:
        console.print(
            f"[dim]略去第 {line.line} 行({escape(line.why)})：{escape(line.text.strip()[:60])}[/]",
            highlight=False,
        )


def _show_changes(comparison: Comparison, console: Console) -> None:
    counts = "，".join(f"{words} {comparison.count(kind)}" for kind, words in _KINDS)
    console.print(f"和现行的 {comparison.old} 比：{counts}", highlight=False)
    for change in comparison.changes:
        if change.kind == "unchanged" and not change.renumbered:
            continue
        console.print(_change_line(change), highlight=False)


_KINDS: tuple[tuple[Kind, str], ...] = (
    ("changed", "改了"),
    ("new", "新增"),
    ("gone", "没有了"),
    ("unchanged", "没变"),
)


def _change_line(change: Change) -> str:
    number = change.new_number or change.old_number or ""
    moved = f"(原 {change.old_number})" if change.renumbered else ""
    figures = ""
    if change.figures_changed:
        figures = f" [bold]数字：{escape('、'.join(change.figures_gone) or '无')} → {escape('、'.join(change.figures_new) or '无')}[/]"
    words = "".join(
        escape(text) if step == "equal" else f"[red]〔-{escape(text)}-〕[/]" if step == "delete" else f"[green]〔+{escape(text)}+〕[/]"
        for step, text in change.words
    )  # fmt: skip
    body = f"\n    {words}" if change.kind != "unchanged" else ""
    return f"  {_CHANGES[change.kind]} {escape(number)}{moved} {escape(change.heading)}{figures}{body}"


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind, "old_number": change.old_number, "new_number": change.new_number,
        "heading": change.heading, "words": [list(one) for one in change.words],
        "figures_gone": list(change.figures_gone), "figures_new": list(change.figures_new),
    }  # fmt: skip


def _parameters(draft: Draft) -> str:
    """Proposed entries in the form of parameters.yml, for the author to take over what is wanted."""
    day = draft.document.front.effective_from
    lines = ["# 建议写进 parameters.yml 的数字：请逐个核对、改名，不要的删掉。"]
    for one in draft.file.parameters:
        lines += [
            f"  {one.key}:", f"    name: {json.dumps(one.name, ensure_ascii=False)}",
            f"    unit: {json.dumps(one.unit, ensure_ascii=False)}", "    values:",
            f"      - value: {one.value or '(原文没有写明)'}  # {one.quote}",
            f"        effective_from: {day or '(待填)'}",
            f"        source: {{document: {draft.id}, clause: {one.clause}}}",
        ]  # fmt: skip
    return "\n".join(lines)
