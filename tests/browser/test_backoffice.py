"""The reference back office in a real browser: without a script, at 360 pixels, with a keyboard, by axe."""

from __future__ import annotations

from pathlib import Path

from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from integrations.backoffice import signing
from integrations.backoffice.case import build_case
from integrations.backoffice.connector import HttpConnector
from integrations.backoffice.reference import ReferenceSettings, create_app
from integrations.crypto import Keyring
from tests.browser import look
from tests.integrations.samples import case_input


async def test_a_case_is_opened_and_refused_on_a_phone(
    browser: Browser, tmp_path: Path, keyring: Keyring
) -> None:
    secret = signing.new_secret()
    case = build_case(case_input())
    server = TestServer(create_app(ReferenceSettings(tmp_path, keyring, secret, "http://127.0.0.1:9/none")))
    await server.start_server()
    connector = HttpConnector(str(server.make_url("/api/cases")), secret)
    await connector.deliver(case, case["idempotency_key"])
    await connector.close()
    context = await browser.new_context(viewport={"width": 360, "height": 640}, locale="zh-CN")
    page = await context.new_page()
    faults: list[str] = []
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)

    async def sound() -> None:
        assert await look.sideways(page) <= 0
        assert await look.serious(page) == []

    try:
        await page.goto(str(server.make_url("/")))
        await sound()
        await page.get_by_label("您的姓名").fill("李干部")
        await page.get_by_label("密码").fill((tmp_path / "backoffice-password.txt").read_text().strip())
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="申请列表").wait_for()
        await sound()

        await page.get_by_role("link", name=case["receipt"]).click()
        await page.get_by_role("heading", name="办理", exact=True).wait_for()
        await sound()

        await page.get_by_label("写给居民的话").fill("家庭收入超过标准")
        await page.get_by_role("button", name="不予批准").click()
        await page.get_by_role("heading", name="请再确认一次").wait_for()
        assert "家庭收入超过标准" in await page.locator("blockquote").inner_text()
        await sound()
        await page.get_by_role("button", name="确定不予批准").click()
        await page.get_by_text("这件申请已经办结").wait_for()
        await sound()
        assert faults == []
    finally:
        await context.close()
        await server.close()
