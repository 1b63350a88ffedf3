"""`jzt privacy`: a resident asks for everything that is kept, or for all of it to go."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bot import household_privacy
from bot.commands._records import Opened, echo_json, json_text, operator, run
from integrations.documents import open_store
from integrations.ports import Json, NotFound, Transaction
from integrations.storage.privacy import Erased, erase_conversation, export_conversation


@click.group(name="privacy")
def command() -> None:
    """个人信息：导出、删除。CONVERSATION 是对话编号，也可以写受理编号。"""


_HOUSEHOLD = click.option(
    "--household", type=click.IntRange(min=1), help="只要第几家的：一段对话里替几家人问过时用，按先后数"
)


@command.command()
@click.argument("conversation")
@_HOUSEHOLD
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="写入文件（只有本人可读）；不写则输出到屏幕",
)
@click.option(
    "--files", type=click.Path(file_okay=False, path_type=Path), help="把照片等文件也解密存到这个文件夹"
)
def export(conversation: str, household: int | None, out: Path | None, files: Path | None) -> None:
    """导出一段对话保存的全部内容（JSON）：消息、填写的情况、文件、申请、同意记录、查看记录。"""

    async def work(opened: Opened) -> Json:
        async with opened.storage.begin() as tx:
            conversation_id = await _resolve(tx, conversation)
            whole = await export_conversation(tx, conversation_id)
            if household is not None:
                whole = household_privacy.only(whole, household)
            await tx.records.access(operator(), "export", conversation_id, _part(household))
        if files is not None:
            store = open_store(opened.settings.files_dir, opened.keyring)
            for document in whole["documents"]:
                # Named by id: a file name that came from outside is no path to write to.
                document["saved_as"] = f"{document['id']}.{document['mime'].rpartition('/')[2]}"
                _write_private(files / document["saved_as"], await store.get(document["sha256"]))
        return whole

    text = json_text(run(work)) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        _write_private(out, text.encode())
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}") from None
    click.echo(f"已写入 {out}", err=True)


@command.command()
@click.argument("conversation")
@_HOUSEHOLD
@click.option("--yes", is_flag=True, help="不再询问")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def erase(conversation: str, household: int | None, yes: bool, as_json: bool) -> None:
    """删除一段对话的全部个人信息，包括照片；写了 --household 就只删那一家的。不能恢复。"""
    if not yes:
        whose = f"（第 {household} 家）" if household is not None else ""
        click.confirm(
            f"对话 {conversation}{whose} 的消息、填写的情况、文件、申请内容都会删除，不能恢复。要删除吗？",
            abort=True,
            err=True,
        )

    async def work(opened: Opened) -> Erased:
        async with opened.storage.read() as tx:
            conversation_id = await _resolve(tx, conversation)
        store = open_store(opened.settings.files_dir, opened.keyring)
        if household is not None:
            return await household_privacy.erase(
                opened.storage, store, conversation_id, household, who=operator()
            )
        return await erase_conversation(opened.storage, store, conversation_id, who=operator())

    done = run(work)
    if as_json:
        echo_json({"rows": done.rows, "files": done.files, "at_backoffice": list(done.at_backoffice)})
        return
    click.echo(f"已删除 {done.rows} 条记录、{done.files} 个文件。谁在什么时候删除的，留有记录。")
    if done.at_backoffice:
        click.echo(f"这些申请已经送到后台，后台的一份要由后台删除：{'、'.join(done.at_backoffice)}")


def _part(household: int | None) -> str:
    return "" if household is None else f"household {household}"


async def _resolve(tx: Transaction, named: str) -> str:
    """The conversation's id, from its own or from a receipt number."""
    if await tx.conversations.get(named) is not None:
        return named
    case = await tx.cases.get(named)
    if case is not None and await tx.conversations.get(case.conversation_id) is not None:
        return case.conversation_id
    raise NotFound(f"对话 {named}（写错了，或者已经删除）")


def _write_private(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(data)
