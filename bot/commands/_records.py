"""What the commands on stored records share: opening the storage, who is at the keyboard, how things are shown."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from rich.cells import cell_len

from bot import logging
from bot.commands._operator import operator_errors
from bot.settings import Settings
from integrations.crypto import ENV, Keyring
from integrations.ports import NotFound, Storage
from integrations.storage import open_storage

T = TypeVar("T")

_SHANGHAI = ZoneInfo("Asia/Shanghai")


class Opened:
    """Settings, key and storage of one command."""

    def __init__(self, settings: Settings, keyring: Keyring, storage: Storage) -> None:
        self.settings = settings
        self.keyring = keyring
        self.storage = storage


def run(work: Callable[[Opened], Awaitable[T]]) -> T:
    """Run `work` on the storage of the settings; what an operator can cure ends in a message, exit code 1."""

    async def within() -> T:
        async with _opened() as opened:
            return await work(opened)

    with operator_errors():
        try:
            return asyncio.run(within())
        except NotFound as error:
            raise click.ClickException(f"没有找到：{error}") from None


@asynccontextmanager
async def _opened() -> AsyncIterator[Opened]:
    settings = Settings()
    logging.configure(settings.log_format, settings.log_level)
    keyring = Keyring.load({ENV: settings.key.get_secret_value()} if settings.key else {}, settings.var)
    storage = open_storage(settings.storage_url, keyring)
    try:
        await storage.migrate()
        yield Opened(settings, keyring, storage)
    finally:
        await storage.close()


def operator() -> str:
    """Who the access log names: the machine's user at the command line."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container without a passwd entry
        name = str(os.getuid())
    return f"cli:{name}"


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """JSON with Chinese readable. Half an emoji, as some phones send it, stays as its escape: it has no UTF-8 form."""
    return json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "backslashreplace").decode()


def echo_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json_text(value))


def echo_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns aligned on screen, where a Chinese character is two wide."""
    lines = [list(titles), *[list(row) for row in rows]]
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = [text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def on_screen(at: datetime) -> str:
    """Local time as people write it: 2026年3月5日 09:00."""
    local = at.astimezone(_SHANGHAI)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def masked_name(name: object) -> str:
    """The family name and asterisks. Nothing for what is no name."""
    text = name if isinstance(name, str) else ""
    return text[:1] + "*" * max(len(text) - 1, 0)


def applicant_of(payload: Mapping[str, Any]) -> str:
    """The applicant's masked name."""
    applicant = payload.get("applicant")
    return masked_name(applicant.get("name")) if isinstance(applicant, Mapping) else ""


def schemes_of(payload: Mapping[str, Any]) -> list[str]:
    """Names of the schemes applied for."""
    schemes = payload.get("schemes")
    return [
        str(scheme.get("name") or scheme.get("id")) if isinstance(scheme, Mapping) else str(scheme)
        for scheme in (schemes if isinstance(schemes, list) else [])
    ]
