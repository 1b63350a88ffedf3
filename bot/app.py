"""Everything put together: the service's parts with a clear beginning and end, and the web application on top."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from bot.api import http, openapi
from bot.api.service import ServiceApi
from bot.channels import console
from bot.channels.base import Capabilities, Channel
from bot.channels.web import api as web_channel
from bot.clock import Clock, system_clock
from bot.delivery import Delivery
from bot.gateway import Gateway, Limits
from bot.handoff import session
from bot.handoff.api import StaffApi
from bot.handoff.inbox import Inbox
from bot.hints import Hints
from bot.packs import Packs
from bot.packwatch import PackWatch
from bot.policy.api import PolicyApi
from bot.proxies import TrustedProxies
from bot.retention import Retention
from bot.settings import Settings
from bot.turn import Turns
from bot.web import routes as pages
from bot.worker import Worker
from dialogues.ports import Knowledge, Understanding
from integrations.crypto import ENV as KEY_ENV
from integrations.crypto import Keyring
from integrations.documents import open_store
from integrations.ports import Bus, FileStore, Storage
from integrations.redis import open_bus
from integrations.storage import open_storage

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Service:
    """The running parts. Made by `open_service`, which also ends them."""

    settings: Settings
    keyring: Keyring
    storage: Storage
    bus: Bus
    files: FileStore
    packs: Packs
    knowledge: Knowledge
    hints: Hints
    turns: Turns
    worker: Worker
    gateway: Gateway
    inbox: Inbox
    retention: Retention
    clock: Clock


def load_keyring(settings: Settings) -> Keyring:
    """The keyring of the settings; a new key is made at the first start.

    Raises:
        integrations.crypto.KeyProblem: with place and cure.
    """
    return Keyring.load({KEY_ENV: settings.key.get_secret_value()} if settings.key else {}, settings.var)


def open_packs(settings: Settings, *, warming: bool = False) -> Packs:
    """Flows and packs of the settings. `warming`: see `Packs`; for a process that serves many.

    Raises:
        policies_kb.errors.DataFileError: a flow file is wrong; a pack's faults show when it is first used.
    """
    return Packs(
        settings.packs_dir, calendar=settings.calendar, warming=warming, cache=settings.index_dir,
        by_sense=settings.sentence_vectors,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def open_service(
    settings: Settings,
    understanding: Understanding,
    *,
    channels: Sequence[Channel] = (),
    clock: Clock = system_clock,
    packs: Packs | None = None,
) -> AsyncIterator[Service]:
    """Everything behind the channels, migrated and working; ended in the opposite order.

    `channels`: those besides web and console. They are started last and stopped first. `packs`: opened before, to
    be shared by several services of one process.

    Raises:
        KeyProblem, DatabaseProblem, BusProblem, DataFileError: operator's errors, each with its cure.
    """
    async with contextlib.AsyncExitStack() as stack:
        settings.var.mkdir(parents=True, exist_ok=True)
        keyring = load_keyring(settings)
        packs = packs or open_packs(settings)
        stack.push_async_callback(packs.close)
        await packs.prepare(settings.pack)
        knowledge = packs.desk(settings.pack).knowledge

        storage = open_storage(settings.storage_url, keyring, clock=clock)
        stack.push_async_callback(storage.close)
        await storage.migrate()
        bus = open_bus(settings.redis_url)
        stack.push_async_callback(bus.close)
        files = open_store(settings.files_dir, keyring)

        hints = Hints(bus)
        hints.start()
        stack.push_async_callback(hints.stop)
        capabilities: dict[str, Capabilities] = {
            web_channel.NAME: web_channel.CAPABILITIES,
            console.NAME: console.CAPABILITIES,
            **{channel.name: channel.capabilities for channel in channels},
        }
        turns = Turns(
            storage=storage,
            files=files,
            packs=packs,
            understanding=understanding,
            hints=hints,
            clock=clock,
            channels=capabilities,
        )
        worker = Worker(storage, bus, turns, sweep_seconds=settings.sweep_seconds)
        gateway = Gateway(
            storage=storage,
            bus=bus,
            files=files,
            hints=hints,
            turns=turns,
            worker=worker,
            clock=clock,
            pack=settings.pack,
            limits=Limits(
                settings.max_text, settings.max_file_bytes, settings.rate_limit, settings.rate_window
            ),
            channels=capabilities,
        )
        worker.start()
        stack.push_async_callback(worker.stop)
        retention = Retention(storage=storage, files=files, packs=packs, worker=worker, clock=clock)
        retention.start()
        stack.push_async_callback(retention.stop)
        watch = PackWatch(packs, seconds=settings.pack_check_seconds)
        watch.start()
        stack.push_async_callback(watch.stop)
        for channel in channels:
            if channel.capabilities.push:
                delivery = Delivery(channel, storage=storage, bus=bus, hints=hints, clock=clock)
                delivery.start()
                stack.push_async_callback(delivery.stop)
        for channel in channels:
            await channel.start(gateway)
            stack.push_async_callback(channel.stop)
        yield Service(
            settings,
            keyring,
            storage,
            bus,
            files,
            packs,
            knowledge,
            hints,
            turns,
            worker,
            gateway,
            Inbox(gateway, turns, bus),
            retention,
            clock,
        )


def create_app(
    service: Service, *, backoffice_secret: str, channels: Sequence[Channel] = ()
) -> web.Application:
    """The web application of a running service: pages, web channel, staff, machines, the messengers' webhooks."""
    settings = service.settings
    app = web.Application(
        middlewares=[http.errors], client_max_size=settings.max_file_bytes + http.MAX_JSON_BYTES
    )
    if settings.trusted_proxies:
        app.middlewares.append(TrustedProxies(settings.trusted_proxies).middleware)
    session.setup(app, service.keyring, hours=settings.session_hours, public_url=settings.public_url)
    app.on_response_prepare.append(http.security_headers)

    channel = web_channel.WebApi(
        service.gateway,
        service.bus,
        service.knowledge,
        new_conversation_limit=settings.new_conversation_limit,
    )
    staff = StaffApi(
        service.gateway,
        service.inbox,
        service.bus,
        service.packs,
        login_limit=settings.login_limit,
        login_window=settings.login_window,
    )
    policy = PolicyApi(service.storage, service.packs, pack=settings.pack, clock=service.clock)
    machines = ServiceApi(
        service.gateway,
        checks={"storage": service.storage.ready, "bus": service.bus.ready, "policies": service.packs.warmed},
        backoffice_secret=backoffice_secret,
    )
    operations = [*channel.operations(), *staff.operations(), *policy.operations(), *machines.operations()]
    openapi.mount(app, operations)
    document = openapi.document(operations)

    async def described(_request: web.Request) -> web.Response:
        return web.json_response(document)

    app.router.add_get("/api/v1/openapi.json", described)
    pages.setup(app)
    for messenger in channels:
        app.add_routes(messenger.routes())

    async def close_sockets(_app: web.Application) -> None:
        await asyncio.gather(channel.close(), staff.close())

    app.on_shutdown.append(close_sockets)
    return app


@contextlib.asynccontextmanager
async def listen(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve `app` while the block runs; yields the port (the one given, or a free one for 0).

    Raises:
        OSError: the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=10)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
