"""What several tests look at in a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page

AXE_OPTIONS = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


async def ready(page: Page) -> None:
    """The greeting stands and its buttons can be pressed."""
    await page.locator(".message.bot .choices button:enabled").first.wait_for()


async def write(page: Page, text: str) -> None:
    await page.get_by_label("在这里写您想问的话").fill(text)
    await page.get_by_role("button", name="发送", exact=True).click()


def own(page: Page) -> Locator:
    return page.locator(".message.resident .text")


async def answered(page: Page, before: int) -> None:
    """More bot messages than `before`, and nothing of the resident's still on its way."""
    await page.wait_for_function(
        """(before) => document.querySelectorAll('.message.bot').length > before
            && !document.querySelector('.message.resident .state')""",
        arg=before,
    )


async def bots(page: Page) -> int:
    return await page.locator(".message.bot").count()


async def sideways(page: Page) -> int:
    """Pixels the page is wider than the window; 0 is what is wanted."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def serious(page: Page) -> list[dict[str, Any]]:
    """Axe's findings of the two worst kinds: rule and elements."""
    results = await Axe().run(page, options=AXE_OPTIONS)
    return [
        {"rule": found["id"], "where": [node["html"][:120] for node in found["nodes"]]}
        for found in results.response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
