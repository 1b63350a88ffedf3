"""The policy page: trying a question, and a draft from doubt to answer."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from policies_kb.ingest.run import Ingest
from policies_kb.loader import PACKS_DIR
from tests.browser import look
from tests.browser.conftest import PASSWORD, Site

DIRTY = """示范区取暖补助办法

示范区民政局

一、补助对象
（一）住在本区的低保家庭，冬天没有集中供暖的，可以领取暖补助。
（二）每戶每年補(bǔ)助320元。

本办法自20xx年2月1日起施行。

2026年1月20日
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A service with a folder of packs of its own, in which a file was just ingested."""
    folder = tmp_path_factory.mktemp("office")
    shutil.copytree(PACKS_DIR / "shifan-qu", folder / "packs/shifan-qu")
    file = folder / "取暖.txt"
    file.write_text(DIRTY, encoding="utf-8")
    Ingest("shifan-qu", folder / "packs").file(file, now=datetime.fromisoformat("2026-03-05T09:00:00+08:00"))
    async with AsyncExitStack() as stack:
        running = Site(folder / "var", pack="shifan-qu", packs_dir=folder / "packs")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            running.port = probe.getsockname()[1]
        await running.start()
        stack.push_async_callback(running.stop)
        await running.add_staff("zhao", "赵主任", role="admin")
        await running.add_staff("wang", "王小明")
        yield running


async def policy(browser: Browser, office: Site, name: str, *, width: int = 1280) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 800}, locale="zh-CN")
    context.set_default_timeout(30_000)
    page = await context.new_page()
    await page.goto(f"{office.url}/staff")
    await page.get_by_label("用户名").fill(name)
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await page.get_by_role("link", name="政策").click()
    await page.get_by_label("居民会怎么问").wait_for()
    return page


async def held_back(page: Page, address: str | re.Pattern[str]) -> asyncio.Future[Route]:
    """The next request to `address`, which goes on when the test says so."""
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()

    def hold(route: Route) -> None:
        held.set_result(route)

    await page.route(address, hold)
    return held


async def test_without_signing_in_the_page_says_where(browser: Browser, office: Site) -> None:
    context = await browser.new_context(locale="zh-CN")
    page = await context.new_page()
    await page.goto(f"{office.url}/staff/policy")
    await expect(page.get_by_role("link", name="去登录")).to_be_visible()
    await context.close()


@pytest.mark.parametrize("width", [360, 1280])
async def test_a_question_shows_answer_clause_and_reasons(browser: Browser, office: Site, width: int) -> None:
    page = await policy(browser, office, "wang", width=width)
    await page.get_by_label("居民会怎么问").fill("低保標準一個月多少錢")
    await page.get_by_role("button", name="试一试").click()
    await expect(page.get_by_label("回答")).to_contain_text("850")
    await expect(page.locator(".weighed li").first).to_contain_text("示范区救助标准")
    await page.get_by_text("才回答").click()
    await expect(page.get_by_role("table")).to_be_visible()
    # Whoever reads it need not know the names of the program.
    why = page.get_by_label("为什么")
    await expect(why).to_contain_text("救助：低保")
    await expect(why).to_contain_text("方面：多少钱")
    for name in ("dibao", "how_much", "shifan-qu", "guojia"):
        await expect(why).not_to_contain_text(name)
    figures = page.locator("td:last-child")
    assert await figures.first.evaluate("cell => getComputedStyle(cell).whiteSpace") == "nowrap"
    assert await look.sideways(page) <= 0
    assert await look.serious(page) == []
    await page.context.close()


async def test_a_scheme_spoken_of_is_chosen_by_name(browser: Browser, office: Site) -> None:
    page = await policy(browser, office, "wang")
    await page.get_by_label("居民会怎么问").fill("要带什么材料")
    await page.get_by_label("正在谈的救助").select_option(label="低保")
    await page.get_by_role("button", name="试一试").click()
    await expect(page.get_by_label("为什么")).to_contain_text("救助：低保")
    await expect(page.get_by_label("为什么")).to_contain_text("当作：低保要带什么材料")
    await page.context.close()


async def test_what_cannot_wait_is_said_to_have_come_first(browser: Browser, office: Site) -> None:
    page = await policy(browser, office, "wang")
    await page.get_by_label("居民会怎么问").fill("邻居打老婆，娃没饭吃")
    await page.get_by_role("button", name="试一试").click()
    await expect(page.get_by_label("回答")).to_contain_text("110")
    await expect(page.get_by_label("为什么")).to_contain_text("等不得的事（打人、虐待）")
    await page.context.close()


async def test_a_worker_may_look_at_a_draft_but_not_decide(browser: Browser, office: Site) -> None:
    page = await policy(browser, office, "wang")
    await page.get_by_role("button", name="审阅草稿").click()
    await page.locator(".drafts .entry").click()
    await expect(page.get_by_text("草稿由管理员审定")).to_be_visible()
    await expect(page.get_by_role("button", name="收进政策包")).to_have_count(0)
    await expect(page.get_by_role("button", name="改这一条")).to_have_count(0)
    await page.context.close()


async def test_of_two_lists_the_last_one_asked_for_is_shown(browser: Browser, office: Site) -> None:
    page = await policy(browser, office, "wang")
    await page.get_by_role("button", name="审阅草稿").click()
    await expect(page.locator(".drafts .entry")).to_have_count(1)
    late = await held_back(page, re.compile(r"/drafts\?state=rejected$"))
    await page.get_by_role("button", name="没收").click()
    held = await late
    await page.get_by_role("button", name="待审").click()
    await expect(page.get_by_role("button", name="待审")).to_have_attribute("aria-pressed", "true")
    async with page.expect_request_finished(lambda request: "state=rejected" in request.url):
        await held.continue_()
    await page.evaluate("fetch('/api/v1/staff/me').then((one) => one.text())")  # behind the late list
    await expect(page.locator(".drafts .entry")).to_have_count(1)
    await page.context.close()


async def test_the_date_of_issue_stands_in_the_head_and_can_be_corrected(
    browser: Browser, office: Site
) -> None:
    page = await policy(browser, office, "zhao")
    await page.get_by_role("button", name="审阅草稿").click()
    await page.locator(".drafts .entry").click()
    issued = page.locator(".front > div", has_text="成文日期").locator("dd")
    await expect(issued).to_have_text("2026年1月20日")
    await page.get_by_role("button", name="改这些").click()
    await page.get_by_label("成文日期").fill("2026-01-22")
    await page.get_by_role("button", name="保存").click()
    await expect(issued).to_have_text("2026年1月22日")
    await page.context.close()


async def test_a_draft_goes_from_doubt_to_answer(browser: Browser, office: Site) -> None:
    page = await policy(browser, office, "zhao", width=360)
    await page.get_by_role("button", name="审阅草稿").click()
    await page.locator(".drafts .entry").click()
    accept = page.get_by_role("button", name="收进政策包")
    await expect(accept).to_be_disabled()
    await expect(page.locator(".draft")).to_contain_text("補(bǔ)助")
    assert await look.sideways(page) <= 0
    assert await look.serious(page) == []

    paid = page.locator(".pairing", has_text="320").last
    await paid.get_by_role("button", name="改这一条").click()
    await paid.get_by_label("居民会怎么问").fill("")
    await paid.get_by_role("button", name="保存").click()
    await expect(paid).to_contain_text("至少写一句居民会怎么问")
    await paid.get_by_role("button", name="改这一条").click()
    await paid.get_by_label("居民会怎么问").fill("取暖补助一年补多少钱\n冬天烤火费给多少")
    await paid.get_by_label("哪项救助").fill("dibao")
    await paid.get_by_label("哪一方面").select_option("how_much")
    await paid.get_by_role("button", name="保存").click()
    await expect(paid).to_contain_text("冬天烤火费给多少")

    # Every doubt is answered by a person: dates are filled in, words confirmed.
    doubts = page.locator(".doubt")
    while await doubts.count():
        before = await doubts.count()
        first = doubts.first
        date = first.locator('input[type="date"]')
        if await first.get_by_role("button", name="要收").count():
            await first.get_by_role("button", name="要收").click()
        elif await date.count():
            await date.fill("2026-02-01")
            await first.get_by_role("button", name="改成这样").click()
        else:
            await first.get_by_role("button", name="原样没错").click()
        await expect(doubts).not_to_have_count(before)
    await accept.click()

    # While the pack is read anew the page says so, and a second press is not possible.
    going = await held_back(page, "**/accept")
    take = page.get_by_role("dialog").get_by_role("button", name="收进政策包")
    await take.click()
    held = await going
    await expect(page.locator(".notices")).to_contain_text("正在收进政策包")
    await expect(page.get_by_role("dialog").get_by_role("button", name="正在收进政策包")).to_be_disabled()
    await held.continue_()
    await expect(page.get_by_role("status")).to_contain_text("2026年2月1日起生效")

    await page.get_by_role("button", name="试问").click()
    await page.get_by_label("居民会怎么问").fill("取暖补助一年补多少钱")
    await page.get_by_role("button", name="试一试").click()
    await expect(page.get_by_label("回答")).to_contain_text("320元")
    await page.context.close()
