"""`jzt serve`: the whole service on this machine, started and ended as one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Any

import click
import structlog

from bot import logging, understanding
from bot.app import Service, create_app, listen, load_keyring, open_packs, open_service
from bot.channels.base import Channel
from bot.commands._operator import operator_errors
from bot.handoff.accounts import ADMIN, ensure_admin
from bot.hints import OUTBOX
from bot.settings import Settings
from integrations.backoffice import reference, signing
from integrations.backoffice.connector import HttpConnector
from integrations.backoffice.reference.app import PASSWORD_FILE as BACKOFFICE_PASSWORD_FILE
from integrations.backoffice.worker import OutboxWorker

_log = structlog.get_logger(__name__)

_SECRET_FILE = "backoffice-secret"  # noqa: S105 (a file's name)
_NUDGE_SECONDS = 60.0


@click.command()
@click.option("--host", help="监听地址，默认 127.0.0.1")
@click.option("--port", type=click.IntRange(0, 65535), help="端口，默认 8080；参考后台用下一个端口")
def command(host: str | None, port: int | None) -> None:
    """启动服务：居民对话、工作人员页面、参考后台。"""
    with operator_errors():
        given: dict[str, Any] = {"host": host, "port": port}
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
        logging.configure(settings.log_format, settings.log_level)
        asyncio.run(serve(settings))


async def serve(settings: Settings, *, stop: asyncio.Event | None = None) -> None:
    """Run until `stop` is set, or SIGTERM or SIGINT arrives; then finish what is in hand and end."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    secret = (
        settings.backoffice_secret.get_secret_value()
        if settings.backoffice_secret
        else signing.load_secret(settings.var / _SECRET_FILE)
    )
    channels = _channels(settings)
    click.echo("正在准备政策库…")
    # The page opens while the index is still being built; the first questions wait for it, /readyz says so.
    packs = await asyncio.to_thread(open_packs, settings, warming=True)
    await packs.prepare(settings.pack)
    async with (
        understanding.for_service(settings) as understood,
        open_service(settings, understood, channels=channels, packs=packs) as service,
        listen(
            create_app(service, backoffice_secret=secret, channels=channels), settings.host, settings.port
        ) as port,
        _backoffice(settings, secret, port) as (cases_url, backoffice_address),
        _outbox(service, cases_url, secret),
    ):
        password_file = await ensure_admin(service.storage, settings.var)
        base = settings.public_url or address(settings.host, port)
        click.echo(f"居民对话      {base}/")
        click.echo(f"工作人员      {base}/staff" + _account(password_file))
        if backoffice_address:
            click.echo(
                f"参考后台      {backoffice_address}/  （密码在 {settings.var / BACKOFFICE_PASSWORD_FILE}）"
            )
        click.echo("按 Ctrl-C 停止。")
        _log.info("serving", host=settings.host, port=port, pack=settings.pack)
        await stop.wait()
        _log.info("stopping")


def address(host: str, port: int) -> str:
    """The address at which this machine reaches a server listening on `host`."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def _account(password_file: Any) -> str:
    return f"  （账号 {ADMIN}，密码在 {password_file}）" if password_file else ""


def _channels(settings: Settings) -> Sequence[Channel]:
    if settings.telegram_token is None:
        return ()
    # Imported here: who has no bot token need not wait for the library.
    from bot.channels.telegram import TelegramChannel

    try:
        channel = TelegramChannel.from_settings(settings)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    return (channel,) if channel else ()


@contextlib.asynccontextmanager
async def _backoffice(settings: Settings, secret: str, port: int) -> AsyncIterator[tuple[str, str | None]]:
    """Where cases go, and the address of the reference back office if it runs here."""
    if settings.backoffice_url:
        yield settings.backoffice_url, None
        return
    app = reference.create_app(
        reference.ReferenceSettings(
            var=settings.var,
            keyring=load_keyring(settings),
            secret=secret,
            events_url=f"{address(settings.host, port)}/api/v1/backoffice/events",
            # Its own port has no TLS: only who put it behind https as well may mark its cookies Secure.
            secure_cookies=(settings.backoffice_public_url or "").startswith("https://"),
        )
    )
    # With a port chosen by the system, the reference back office's is chosen too.
    async with listen(app, settings.host, port + 1 if settings.port else 0) as at:
        here = address(settings.host, at)
        yield f"{here}/api/cases", settings.backoffice_public_url or here


@contextlib.asynccontextmanager
async def _outbox(service: Service, url: str, secret: str) -> AsyncIterator[None]:
    """Delivers cases while the block runs; a submission is delivered at once."""
    worker = OutboxWorker(service.storage, HttpConnector(url, secret), clock=service.clock)
    await worker.start()

    async def nudge() -> None:
        async with service.hints.listen(OUTBOX) as listener:
            while True:
                if await listener.wait(_NUDGE_SECONDS):
                    worker.nudge()

    nudging = asyncio.create_task(nudge(), name="outbox nudge")
    try:
        yield
    finally:
        nudging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await nudging
        await worker.stop()
