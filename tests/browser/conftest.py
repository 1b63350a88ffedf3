"""A real Chromium in front of the real service. Both live in the session's event loop."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from bot.app import Service, create_app, listen, open_service
from bot.handoff.accounts import hash_password
from bot.settings import Settings
from integrations.ports import StaffRow
from nlu.rules import RuleUnderstanding

# A machine that does eight other things at once is slow, not wrong.
expect.set_options(timeout=15_000)

PASSWORD = "a-made-up-password"
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
OpenPage = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives the browser and shares its event loop."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Site:
    """The service on one port, that can be taken away and brought back with its data."""

    def __init__(self, var: Path, **more: Any) -> None:
        self._settings = Settings(
            var=var, nlu_start=False, rate_limit=1000, new_conversation_limit=1000, login_limit=1000, **more
        )
        self._stack: AsyncExitStack | None = None
        self.port = 0
        self.service: Service

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        async with AsyncExitStack() as stack:
            self.service = await stack.enter_async_context(open_service(self._settings, RuleUnderstanding()))
            app = create_app(self.service, backoffice_secret="whsec_" + "A" * 32)
            self.port = await stack.enter_async_context(listen(app, "127.0.0.1", self.port))
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        if self._stack:
            await self._stack.aclose()
            self._stack = None

    async def add_staff(
        self, name: str, display_name: str, role: Literal["worker", "admin"] = "worker"
    ) -> None:
        password_hash = await asyncio.to_thread(hash_password, PASSWORD)
        async with self.service.storage.begin() as tx:
            await tx.staff.add(StaffRow(name, display_name, password_hash, role, active=True))

    async def clear_desks(self) -> None:
        """Nobody waits, nobody is being served, nothing is parked."""
        async with self.service.storage.begin() as tx:
            held = [*await tx.handoffs.taken_by("wang"), *await tx.handoffs.taken_by("li")]
            for handoff in [*await tx.handoffs.waiting(), *held]:
                await tx.handoffs.close(handoff.id, by="wang")

    async def said(self, page: Page) -> list[str]:
        """What the service has from the resident behind `page`, in order."""
        stored = await page.evaluate("JSON.parse(localStorage.getItem('jzt.conversation')).id")
        async with self.service.storage.read() as tx:
            rows = await tx.messages.after(stored, 0)
        return [row.body.get("text", "") for row in rows if row.author == "resident"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One service for all: residents do not see each other."""
    async with AsyncExitStack() as stack:
        running = Site(tmp_path_factory.mktemp("site") / "var")
        with socket.socket() as probe:  # the same port before and after a restart
            probe.bind(("127.0.0.1", 0))
            running.port = probe.getsockname()[1]
        await running.start()
        stack.push_async_callback(running.stop)
        await running.add_staff("wang", "王小明")
        await running.add_staff("li", "李秀英")
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        problem = "Chromium is not installed (Debian: apt-get install chromium fonts-noto-cjk)"
        if os.environ.get("JZT_REQUIRE_SERVICES") == "1":
            pytest.fail(problem)
        pytest.skip(problem)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, site: Site) -> AsyncIterator[OpenPage]:
    """Opens pages: `await open_page("/", width=360)`; a page's faults and broken policies fail the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    async def opened(path: str = "/", *, width: int = 360, height: int = 640, **more: Any) -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai", **more
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None,
        )
        await page.goto(site.url + path)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert faults == []
