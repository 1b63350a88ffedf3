"""`jzt chat`: a conversation in the terminal, or a script replayed, through the real gateway."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from bot import logging, understanding
from bot.app import Service, open_service
from bot.channels.console.replay import BadLine, ConsoleChat, Line
from bot.clock import MovedClock
from bot.commands._operator import operator_errors
from bot.settings import Settings

_HELP = "打字即可。/1 按第一个按钮，/file 路径 发文件，/wait 2d 让时间过两天，Ctrl-D 结束。"


@click.command()
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="一行一句；- 表示标准输入",
)
@click.option("--pack", help="政策包，默认 JZT_PACK 或 shifan-xian")
@click.option("--channel", type=click.Choice(["console"]), default="console", show_default=True)
@click.option("--nlu", type=click.Choice(understanding.KINDS), default="auto", show_default=True)
@click.option(
    "--files", "saved", type=click.Path(file_okay=False, path_type=Path), default=Path("jzt-files"),
    show_default=True, help="机器人发来的文件存到哪里",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="每条消息一行 JSON，最后一行是状态")
def command(
    script: Path | None, pack: str | None, channel: str, nlu: understanding.Kind, saved: Path, as_json: bool
) -> None:
    """在终端里对话，或按脚本回放。数据只放在临时目录里，结束即删；只有您要它存的文件留下。"""
    with operator_errors():
        asyncio.run(_chat(script, pack, nlu, saved.absolute(), as_json))


async def _chat(
    script: Path | None, pack: str | None, nlu: understanding.Kind, saved: Path, as_json: bool
) -> None:
    configured = Settings()
    logging.configure("console", "error")
    with tempfile.TemporaryDirectory(prefix="jzt-chat-") as folder:
        settings = Settings(
            var=Path(folder),
            database_url=None,
            redis_url=None,
            pack=pack or configured.pack,
            packs_dir=configured.packs_dir,
            # A script speaks as fast as it can; nobody is to be protected from it.
            rate_limit=1_000_000,
        )
        clock = MovedClock()
        async with (
            understanding.for_run(nlu, configured.nlu_url) as understood,
            open_service(settings, understood, clock=clock) as service,
        ):
            if script is None and sys.stdin.isatty():
                await _interactive(service, clock, saved)
            else:
                await _replay(script, service, clock, saved, _as_json if as_json else _as_text)


async def _replay(
    script: Path | None, service: Service, clock: MovedClock, saved: Path, show: Callable[[Line], str]
) -> None:
    folder, source = _read(script)
    chat = ConsoleChat(service, clock, folder=folder, saved=saved)
    for line in await chat.open():
        click.echo(show(line))
    # Not splitlines(): a control character inside a line is the resident's, not a new turn.
    for said in source.removesuffix("\n").split("\n") if source else ():
        if show is _as_text:
            click.echo(f"> {said}")
        try:
            for line in await chat.say(said.removesuffix("\r")):
                click.echo(show(line))
        except BadLine as error:
            raise click.ClickException(str(error)) from None
    if show is _as_json:
        click.echo(json.dumps(await chat.state(), ensure_ascii=False))


def _read(script: Path | None) -> tuple[Path, str]:
    """The script's folder and text."""
    if script is None or str(script) == "-":
        return Path.cwd(), sys.stdin.read()
    try:
        # newline="": what ends a turn is a line feed; other control characters are the resident's.
        with script.open(encoding="utf-8", newline="") as file:
            return script.absolute().parent, file.read()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{script}: not UTF-8 ({error.reason}). Cure: save it as UTF-8") from None


async def _interactive(service: Service, clock: MovedClock, saved: Path) -> None:
    chat = ConsoleChat(service, clock, folder=Path.cwd(), saved=saved)
    click.echo(_HELP)
    said = await chat.open()
    while True:
        asked = next((line for line in reversed(said) if line.buttons), None)
        for line in said:
            click.echo(_as_text(line, numbered=line is asked))
        buttons = asked.buttons if asked else ()
        click.echo("> ", nl=False)
        typed = await asyncio.to_thread(sys.stdin.readline)
        if not typed:
            return
        typed = typed.rstrip("\r\n")
        number = typed.removeprefix("/")
        if typed.startswith("/") and number.isdigit() and 0 < int(number) <= len(buttons):
            typed = f"/button {buttons[int(number) - 1]['payload']}"
        try:
            said = await chat.say(typed)
        except BadLine as error:
            click.echo(str(error), err=True)
            said = []


def _as_json(line: Line) -> str:
    return json.dumps(line.as_json(), ensure_ascii=False)


def _as_text(line: Line, *, numbered: bool = False) -> str:
    words = [line.text]
    words += [f"  依据：{citation['document']} {citation['clause']}" for citation in line.citations]
    words += [f"  文件：{path}" for path in line.files]
    words += [
        f"  [{f'/{number} ' if numbered else ''}{button['title']}]"
        for number, button in enumerate(line.buttons, start=1)
    ]
    return "\n".join(words)
