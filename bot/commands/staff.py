"""`jzt staff`: accounts of those who sign in at /staff."""

from __future__ import annotations

import re
import sys
from typing import Literal, cast

import click

from bot.commands._records import Opened, echo_json, echo_table, operator, run
from bot.handoff.accounts import MIN_PASSWORD, PasswordTooWeak, hash_password
from integrations.ports import NotFound, StaffRow, Transaction

_NAME = re.compile(r"[\w.-]{1,32}")
_ROLES = {"worker": "工作人员", "admin": "管理员"}


@click.group(name="staff")
def command() -> None:
    """工作人员账号：添加、查看、改密码、停用。"""


@command.command()
@click.argument("name", metavar="账号")
@click.option("--display-name", help="居民看到的称呼，例如 李工；不写就用账号")
@click.option("--role", type=click.Choice(sorted(_ROLES)), default="worker", show_default=True)
@click.option("--password-stdin", is_flag=True, help="从标准输入读密码（一行）")
def add(name: str, display_name: str | None, role: str, password_stdin: bool) -> None:
    """添加账号。"""
    if not _NAME.fullmatch(name):
        raise click.BadParameter("账号用 1 到 32 个字母、数字、汉字或 . _ -，不要空格。", param_hint="账号")
    row = StaffRow(
        name,
        display_name or name,
        _hashed(password_stdin),
        cast("Literal['worker', 'admin']", role),
        active=True,
    )

    async def work(opened: Opened) -> None:
        async with opened.storage.begin() as tx:
            if await tx.staff.get(name) is not None:
                raise click.ClickException(f"账号 {name} 已经有了。改密码用 jzt staff set-password {name}")
            await tx.staff.add(row)
            await tx.records.access(operator(), "staff_add", name, role)

    run(work)
    click.echo(f"已添加 {_ROLES[role]}账号 {name}。")


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def list_staff(as_json: bool) -> None:
    """列出账号。"""

    async def work(opened: Opened) -> list[StaffRow]:
        async with opened.storage.read() as tx:
            return list(await tx.staff.list())

    rows = run(work)
    if as_json:
        echo_json(
            [
                {"name": row.name, "display_name": row.display_name, "role": row.role, "active": row.active}
                for row in rows
            ]
        )
    elif not rows:
        click.echo("还没有账号。用 jzt staff add 账号 添加。")
    else:
        echo_table(
            ["账号", "称呼", "角色", "状态"],
            [
                [row.name, row.display_name, _ROLES[row.role], "在用" if row.active else "已停用"]
                for row in rows
            ],
        )


@command.command(name="set-password")
@click.argument("name", metavar="账号")
@click.option("--password-stdin", is_flag=True, help="从标准输入读密码（一行）")
def set_password(name: str, password_stdin: bool) -> None:
    """改密码。原来登录着的都会退出。"""
    password_hash = _hashed(password_stdin)

    async def work(opened: Opened) -> None:
        async with opened.storage.begin() as tx:
            await _known(tx, name)
            await tx.staff.set_password(name, password_hash)
            await tx.records.access(operator(), "staff_set_password", name)

    run(work)
    click.echo(f"{name} 的密码已改。")


@command.command()
@click.argument("name", metavar="账号")
def deactivate(name: str) -> None:
    """停用账号。手上的对话回到等候名单。"""

    async def work(opened: Opened) -> int:
        async with opened.storage.begin() as tx:
            row = await _known(tx, name)
            admins = [other for other in await tx.staff.list() if other.role == "admin" and other.active]
            if row.role == "admin" and row.active and len(admins) == 1:
                raise click.ClickException(f"{name} 是唯一在用的管理员。请先添加另一个管理员，再停用它。")
            await tx.staff.set_active(name, active=False)
            await tx.records.access(operator(), "staff_deactivate", name)
            # Nobody may be left waiting for somebody who will not come.
            held = await tx.handoffs.taken_by(name)
            for handoff in held:
                await tx.handoffs.release(handoff.id, by=operator())
            return len(held)

    released = run(work)
    click.echo(f"{name} 已停用。" + (f"{released} 段对话回到了等候名单。" if released else ""))


@command.command()
@click.argument("name", metavar="账号")
def activate(name: str) -> None:
    """重新启用账号。"""

    async def work(opened: Opened) -> None:
        async with opened.storage.begin() as tx:
            await _known(tx, name)
            await tx.staff.set_active(name, active=True)
            await tx.records.access(operator(), "staff_activate", name)

    run(work)
    click.echo(f"{name} 已启用。")


async def _known(tx: Transaction, name: str) -> StaffRow:
    row = await tx.staff.get(name)
    if row is None:
        raise NotFound(f"账号 {name}。用 jzt staff list 查看")
    return row


def _hashed(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt(
            f"密码（至少 {MIN_PASSWORD} 位）", hide_input=True, confirmation_prompt="再输一次", err=True
        )
    try:
        return hash_password(password)
    except PasswordTooWeak:
        raise click.ClickException(f"密码太短，至少 {MIN_PASSWORD} 位。") from None
