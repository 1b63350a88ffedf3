"""The result of a self-assessment in the browser: cards one press away, and the file that can be kept."""

from __future__ import annotations

import io
from pathlib import Path

from playwright.async_api import Page, expect
from pypdf import PdfReader

from tests.browser import look
from tests.browser.conftest import OpenPage, Site
from tests.support.assessed import assess


async def assessed(site: Site, page: Page) -> None:
    """The resident's answers are given, the result is told."""
    stored = await page.evaluate("JSON.parse(localStorage.getItem('jzt.conversation')).id")
    await assess(site.service.storage, stored)
    await site.service.gateway.accept(stored, client_id="told", payload="f:assess_told")


async def test_a_card_and_the_file_on_a_small_phone(site: Site, open_page: OpenPage, tmp_path: Path) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    await assessed(site, page)
    result = page.locator(".message.bot", has_text="看下来是这样").last
    await expect(result).to_contain_text("每月大约380元")
    assert await look.sideways(page) == 0

    await result.get_by_role("button", name="看最低生活保障（低保）").click()
    card = page.locator(".message.bot", has_text="要带什么：").last
    await expect(card).to_contain_text("到哪里办")
    assert await look.serious(page) == []

    await card.get_by_role("button", name="把结果存成文件").click()
    await page.get_by_role("button", name="救助自测结果").click()
    await page.get_by_role("dialog").wait_for()
    assert await look.serious(page) == []
    assert await look.sideways(page) == 0
    async with page.expect_download() as waiting:
        await page.get_by_role("dialog").get_by_role("link", name="保存到手机").click()
    download = await waiting.value
    assert download.suggested_filename.endswith(".pdf")
    kept = tmp_path / "kept.pdf"
    await download.save_as(kept)
    text = "".join(found.extract_text() for found in PdfReader(io.BytesIO(kept.read_bytes())).pages)
    assert "每月大约380元" in text
