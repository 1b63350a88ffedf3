"""The live line behind every page that listens: a wish to look again is never lost to the look under way."""

from __future__ import annotations

from playwright.async_api import Page

from tests.browser.conftest import OpenPage

# A line whose socket is open, and whose looks end when the test says so.
_LINE = """
async (wishes) => {
  const { LiveLine } = await import("/assets/any/live.js");
  let looks = 0;
  let begun = () => {};
  let end = () => {};
  const next = () => new Promise((resolve) => { begun = resolve; });
  const line = new LiveLine({
    open: () => ({ readyState: WebSocket.OPEN, close() {} }),
    poll: () => new Promise((resolve) => { looks += 1; end = resolve; begun(); }),
    onFrame() {},
    onState() {},
  });
  const first = next();
  line.start();
  await first;
  const second = next();
  for (const delay of wishes) line.pollSoon(delay);
  end();  // its continuation runs before any timer can
  await second;
  line.stop();
  end();
  return looks;
}
"""


async def test_a_hint_just_before_a_look_ends_leads_to_another_look(open_page: OpenPage) -> None:
    page: Page = await open_page("/staff")
    assert await page.evaluate(_LINE, [0]) == 2


async def test_later_hints_do_not_put_off_an_earlier_one(open_page: OpenPage) -> None:
    page: Page = await open_page("/staff")
    assert await page.evaluate(_LINE, [0, 600_000]) == 2
