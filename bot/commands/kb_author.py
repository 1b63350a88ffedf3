"""`jzt kb new-pack` and `jzt kb schema`: the beginning of a pack, and what an editor needs to help with it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import get_args

import click

from bot.commands._packs import packs_dir
from bot.commands.ask import shanghai_today
from policies_kb.authoring import messages
from policies_kb.authoring.newpack import NewPack, PackExists, create
from policies_kb.authoring.schemas import FILES, FOLDER, write_schemas
from policies_kb.errors import DataFileError
from policies_kb.loader import PACKS_DIR, load_pack, pack_names
from policies_kb.pack import Level


def _yuan(text: str) -> Decimal:
    try:
        yuan = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} 不是金额，请写数字，例如 730") from None
    if not yuan.is_finite() or yuan <= 0:
        raise click.BadParameter(f"{text!r} 不是金额，请写大于 0 的数字")
    return yuan


@click.command(name="new-pack", help="新建一个政策包的文件夹。例：jzt kb new-pack moxian --title 某县")
@click.argument("name")
@click.option("--title", required=True, help="地方的名字，居民会看到")
@click.option("--level", type=click.Choice(get_args(Level)), default="county", show_default=True, help="级别")
@click.option("--parent", default="guojia", show_default=True, help="上级包")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="放在哪个文件夹；默认 JZT_PACKS_DIR，没有就是自带的",
)
@click.option("--office", help="窗口名称(和地址、时间、电话一起给)")
@click.option("--address", help="窗口地址")
@click.option("--hours", help="办公时间")
@click.option("--phone", help="窗口电话")
@click.option("--hotline", help="救助热线")
@click.option("--urban", type=_yuan, help="城市低保标准，元/人·月(和农村标准、文件名一起给)")
@click.option("--rural", type=_yuan, help="农村低保标准，元/人·月")
@click.option("--notice", help="公布标准的文件名")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="从哪天起，默认今天")
def new_pack(folder: Path | None, since: datetime | None, **told: object) -> None:
    """Write the skeleton, load it, and say what comes next."""
    root = folder or packs_dir() or PACKS_DIR
    parents = {*pack_names(root), *pack_names()}
    if told["parent"] not in parents:
        raise click.UsageError(f"没有上级包 {told['parent']}，有的是：{'、'.join(sorted(parents))}")
    try:
        pack = NewPack(**told, since=since.date() if since else shanghai_today())  # type: ignore[arg-type]
        written = create(pack, root)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except PackExists as error:
        raise click.ClickException(f"已经有这个文件夹了，没有改动它：{error}") from error
    except OSError as error:
        raise click.ClickException(f"写不进去：{error}") from error
    for path in written:
        click.echo(f"写好 {path}")
    try:
        load_pack(pack.name, root)
    except DataFileError as error:
        raise click.ClickException(messages.told(error)) from error
    click.echo(
        f"接下来：把文件录进来(jzt kb ingest 文件 --pack {pack.name})，再检查(jzt kb check --pack {pack.name})。"
    )
    if root != PACKS_DIR:
        click.echo(f"运行时请设 JZT_PACKS_DIR={root}")


@click.command(name="schema", help="写出 JSON Schema，编辑器用它提示和检查")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, help="写到哪个文件夹"
)
def schema(out: Path) -> None:
    """Write the schemas and say which is for which files."""
    for path, (_, files) in zip(write_schemas(out), FILES.values(), strict=True):
        click.echo(f"{files} → {path}")
