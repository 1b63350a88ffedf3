"""`jzt cases`: submitted applications, for those who look after the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import click

from bot.commands._records import (
    Opened,
    applicant_of,
    echo_json,
    echo_table,
    json_text,
    on_screen,
    operator,
    run,
    schemes_of,
)
from dialogues.receipt import canonical
from integrations.ports import CaseRow, Json, NotFound, Transaction

_PAGE = 500
_ERASED = "erased"
_DELIVERY = {"pending": "等待投递", "delivered": "已送达", "parked": "停放，等人处理"}


@click.group(name="cases")
def command() -> None:
    """查看、导出已提交的申请。看过哪一件、导出过哪一件，都有记录。"""


@command.command(name="list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="最多列几件")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def list_cases(limit: int, as_json: bool) -> None:
    """列出申请，最新的在前。姓名只显示姓。"""

    async def work(opened: Opened) -> list[CaseRow]:
        async with opened.storage.read() as tx:
            return list(await tx.cases.list(limit=limit))

    rows = run(work)
    if as_json:
        echo_json([_line(row) for row in rows])
    elif not rows:
        click.echo("还没有申请。")
    else:
        echo_table(
            ["受理编号", "提交时间", "状态", "申请人", "申请事项"],
            [
                [row.id, on_screen(row.created_at), row.status, applicant_of(row.payload), "、".join(schemes_of(row.payload))]
                for row in rows
            ],
        )  # fmt: skip


@command.command()
@click.argument("case_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def show(case_id: str, as_json: bool) -> None:
    """显示一件申请的全部内容和办理经过。"""

    async def work(opened: Opened) -> Json:
        async with opened.storage.begin() as tx:
            # As it is told on the telephone: in lower case, with blanks or without hyphens.
            row = await tx.cases.get(case_id) or await tx.cases.get(canonical(case_id) or case_id)
            if row is None:
                raise NotFound(f"受理编号 {case_id}")
            await tx.records.access(operator(), "view_case", row.conversation_id, row.id)
            return {
                **_line(row),
                "delivery": [
                    {"status": entry.status, "attempts": entry.attempts, "last_error": entry.last_error}
                    for entry in await tx.outbox.for_case(row.id)
                ],
                "events": list(await tx.cases.events(row.id)),
                "case": row.payload,
            }

    found = run(work)
    if as_json:
        echo_json(found)
        return
    click.echo(f"受理编号  {found['id']}")
    click.echo(f"提交时间  {on_screen(datetime.fromisoformat(found['created_at']))}")
    click.echo(f"状态      {found['status']}")
    for delivery in found["delivery"]:
        last_error = f"  最近一次失败：{delivery['last_error']}" if delivery["last_error"] else ""
        click.echo(f"投递      {_DELIVERY[delivery['status']]}，试过 {delivery['attempts']} 次{last_error}")
    for event in found["events"]:
        click.echo(f"经过      {on_screen(datetime.fromisoformat(event['at']))}  {event['status']}")
    if found["status"] == _ERASED:
        click.echo("申请内容  已按居民要求删除。")
    else:
        echo_json(found["case"])


@command.command()
@click.option("--json", "as_json", is_flag=True, help="一个 JSON 数组；不写则一行一件（JSON Lines）")
def export(as_json: bool) -> None:
    """导出全部申请，每件是一份符合 case.schema.json 的 JSON。已删除的不在内。"""

    async def work(opened: Opened) -> int:
        number = 0
        async with opened.storage.begin() as tx:
            async for row in _every_case(tx):
                if row.status == _ERASED:
                    continue
                await tx.records.access(operator(), "export_case", row.conversation_id, row.id)
                if as_json:
                    click.echo("[" if number == 0 else ",")
                click.echo(json_text(row.payload, indent=None))
                number += 1
        if as_json:
            click.echo("]" if number else "[]")
        return number

    number = run(work)
    click.echo(f"导出 {number} 件。", err=True)


async def _every_case(tx: Transaction) -> AsyncIterator[CaseRow]:
    """All cases, newest first, a page at a time."""
    before: datetime | None = None
    size = _PAGE
    while page := await tx.cases.list(limit=size, before=before):
        # The page may end amid cases of one instant: those wait for the next page, which begins with them.
        whole = page if len(page) < size else [row for row in page if row.created_at > page[-1].created_at]
        if not whole:
            size *= 2
            continue
        for row in whole:
            yield row
        if len(page) < size:
            return
        before = whole[-1].created_at


def _line(row: CaseRow) -> Json:
    return {
        "id": row.id,
        "conversation_id": row.conversation_id,
        "status": row.status,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "applicant": applicant_of(row.payload),
        "schemes": schemes_of(row.payload),
    }
