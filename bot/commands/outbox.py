"""`jzt outbox`: cases that did not reach the back office."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from bot.commands._records import Opened, echo_json, echo_table, on_screen, operator, run
from integrations.ports import NotFound, OutboxRow


@click.group(name="outbox")
def command() -> None:
    """待送件：查看停放的、重新投递。"""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def list_parked(as_json: bool) -> None:
    """各状态的件数，和停放的每一件（不含申请内容）。"""

    async def work(opened: Opened) -> tuple[Mapping[str, int], Sequence[OutboxRow]]:
        async with opened.storage.read() as tx:
            return await tx.outbox.counts(), await tx.outbox.parked()

    counts, parked = run(work)
    if as_json:
        echo_json(
            {
                "counts": dict(counts),
                "parked": [
                    {
                        "id": row.id,
                        "case_id": row.case_id,
                        "topic": row.topic,
                        "attempts": row.attempts,
                        "last_error": row.last_error,
                        "created_at": row.created_at.isoformat(),
                    }
                    for row in parked
                ],
            }
        )
        return
    click.echo(
        f"等待投递 {counts['pending']} 件，停放 {counts['parked']} 件，已送达 {counts['delivered']} 件。"
    )
    if parked:
        click.echo()
        echo_table(
            ["编号", "受理编号", "提交时间", "试过", "最近一次失败"],
            [
                [row.id, row.case_id, on_screen(row.created_at), f"{row.attempts} 次", row.last_error]
                for row in parked
            ],
        )
        click.echo("\n故障排除以后，用 jzt outbox retry 编号（或 --all）重新投递。")


@command.command()
@click.argument("outbox_id", metavar="[编号]", required=False)
@click.option("--all", "everything", is_flag=True, help="停放的全部重新投递")
def retry(outbox_id: str | None, everything: bool) -> None:
    """把停放的件放回投递队列。服务运行着，就会再去送。"""
    if everything == bool(outbox_id):
        raise click.UsageError("请写一个编号，或者写 --all。")

    async def work(opened: Opened) -> int:
        async with opened.storage.begin() as tx:
            wanted = [row.id for row in await tx.outbox.parked() if everything or row.id == outbox_id]
            if not wanted and not everything:
                raise NotFound(f"编号 {outbox_id}，或者它没有停放。用 jzt outbox list 查看")
            for found in wanted:
                await tx.outbox.unpark(found)
                await tx.records.access(operator(), "outbox_retry", found)
            return len(wanted)

    click.echo(f"已放回 {run(work)} 件。")
