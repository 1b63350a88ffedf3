"""The live line behind every page that listens: a wish to look again is never lost to the look under way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.browser.conftest import OpenPage

# A line whose socket is open and whose first look is under way; it ends when the test says so.
_LINE = """
async () => {
  const { LiveLine } = await import("/assets/any/live.js");
  window.looks = 0;
  window.line = new LiveLine({
    open: () => ({ readyState: WebSocket.OPEN, close() {} }),
    poll: () => new Promise((resolve) => { window.looks += 1; window.end = resolve; }),
    onFrame() {},
    onState() {},
  });
  window.line.start();
}
"""
_WISHES_THEN_END = "(wishes) => { for (const delay of wishes) window.line.pollSoon(delay); window.end(); }"


@pytest.mark.parametrize(
    "wishes", [[100], [0, 600_000]], ids=["just before a look ends", "a later wish after a sooner one"]
)
async def test_a_wish_during_a_look_leads_to_another_look(open_page: OpenPage, wishes: list[int]) -> None:
    page = await open_page("/staff")
    # The page's clock moves only when told: the regular look, a minute away, cannot stand in for the one asked for.
    await page.clock.install(time=datetime(2026, 3, 5, 9, tzinfo=UTC))
    await page.clock.pause_at(datetime(2026, 3, 5, 10, tzinfo=UTC))
    await page.evaluate(_LINE)
    await page.clock.run_for(10)
    assert await page.evaluate("window.looks") == 1
    await page.evaluate(_WISHES_THEN_END, wishes)
    await page.clock.run_for(1000)
    assert await page.evaluate("window.looks") == 2
