"""The real service over a temporary SQLite, with rules for understanding and a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient

from bot.app import Service, create_app, open_packs, open_service
from bot.packs import Packs
from bot.retention import Retention
from bot.settings import Settings
from integrations.backoffice import signing
from nlu.rules import RuleUnderstanding
from tests.bot.people import Resident, StaffMember, add_staff
from tests.support.clock import Clock

Client = TestClient
AppClient = Callable[..., Awaitable[Client]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", nlu_start=False, rate_limit=10_000, sweep_seconds=0.05)


@pytest.fixture(scope="session")
def packs() -> Packs:
    """Flows and packs, read once: they are immutable."""
    opened = open_packs(Settings(nlu_start=False))
    opened.warm("shifan-xian")
    return opened


@pytest.fixture
async def service(settings: Settings, clock: Clock, packs: Packs) -> AsyncIterator[Service]:
    async with open_service(settings, RuleUnderstanding(), clock=clock, packs=packs) as opened:
        yield opened


@pytest.fixture
async def retention(service: Service) -> Retention:
    """The service's own, whose rounds only the test runs.

    Its first round may still be under way on a busy machine: once the test moves the clock it would erase what the
    test's round is to find.
    """
    await service.retention.stop()
    return service.retention


@pytest.fixture(scope="session")
def backoffice_secret() -> str:
    return signing.new_secret()


@pytest.fixture
async def client(
    service: Service, aiohttp_client: AppClient, backoffice_secret: str
) -> AsyncIterator[Client]:
    yield await aiohttp_client(create_app(service, backoffice_secret=backoffice_secret))
    await StaffMember.close_all()


@pytest.fixture
async def resident(service: Service, client: Client) -> Resident:
    return await Resident.arrives(client, service)


@pytest.fixture
async def staff(service: Service, client: Client) -> StaffMember:
    """王芳, signed in."""
    await add_staff(service.storage, "wangfang", "王芳")
    return await StaffMember.signs_in(client, "wangfang")
