"""The staff page: two people at two desks, and a resident on a phone."""

from __future__ import annotations

import asyncio
import uuid

import pytest_asyncio
from playwright.async_api import Page, Route, expect

from tests.browser import look
from tests.browser.conftest import PASSWORD, OpenPage, Site


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def empty_desks(site: Site) -> None:
    await site.clear_desks()


async def sign_in(open_page: OpenPage, name: str, *, width: int = 1280, height: int = 800) -> Page:
    page: Page = await open_page("/staff", width=width, height=height)
    await page.get_by_label("用户名").fill(name)
    await page.get_by_label("密码").fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await page.get_by_role("heading", name="等待接待").wait_for()
    return page


async def resident(open_page: OpenPage, *words: str) -> Page:
    page: Page = await open_page("/")
    await look.ready(page)
    for text in words:
        before = await look.bots(page)
        await look.write(page, text)
        await look.answered(page, before)
    return page


async def test_a_wrong_password_is_said_and_nothing_is_lost(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/staff")
    await page.get_by_label("用户名").fill("wang")
    await page.get_by_label("密码").fill("not this one")
    await page.get_by_role("button", name="登录").click()
    await expect(page.get_by_role("alert")).to_contain_text("不对")
    await expect(page.get_by_label("用户名")).to_have_value("wang")
    assert await look.serious(page) == []


async def test_danger_is_on_top_and_the_list_keeps_itself_up_to_date(site: Site, open_page: OpenPage) -> None:
    desk = await sign_in(open_page, "wang")
    await expect(desk.get_by_text("现在没有人在等")).to_be_visible()
    await resident(open_page, "人工")
    await expect(desk.locator(".entry")).to_have_count(1)
    await resident(open_page, "我不想活了")
    await expect(desk.locator(".entry")).to_have_count(2)
    await expect(desk.locator(".entry").first).to_contain_text("危险")
    await expect(desk.get_by_role("status")).to_contain_text("有危险")
    await expect(desk).to_have_title("(2) 危险\uff01 救助通 · 工作人员")


async def test_two_reach_for_the_same_resident(site: Site, open_page: OpenPage) -> None:
    phone = await resident(open_page, "低保怎么申请", "人工")
    desks = [await sign_in(open_page, "wang"), await sign_in(open_page, "li")]
    for desk in desks:
        await desk.locator(".entry").click()
        await desk.get_by_role("button", name="我来接待").wait_for()

    # Both press before either page can learn of the other: the requests meet in the service.
    async def together(route: Route) -> None:
        waiting.append(route)
        if len(waiting) == 2:
            for held in waiting:
                await held.continue_()

    waiting: list[Route] = []
    for desk in desks:
        await desk.route("**/take", together)
        await desk.get_by_role("button", name="我来接待").click()
    for desk in desks:
        await expect(desk.get_by_role("button", name="我来接待")).to_have_count(0)

    boxes = [desk.get_by_label("回复居民") for desk in desks]
    have = [await box.count() for box in boxes]
    assert sorted(have) == [0, 1]
    winner, loser = desks[have.index(1)], desks[have.index(0)]
    await expect(loser.get_by_role("status")).to_contain_text("另一位同事")

    # The history is there, the reply reaches the phone, and the bot keeps silent.
    await expect(winner.locator(".history")).to_contain_text("低保怎么申请")
    box = winner.get_by_label("回复居民")
    await box.fill("您好\uff0c我是窗口的")
    await box.press("Control+Enter")
    await expect(phone.locator(".message.staff")).to_contain_text("我是窗口的")
    await expect(box).to_have_value("")
    before = await look.bots(phone)
    await look.write(phone, "我家三口人")
    await expect(winner.locator(".history")).to_contain_text("我家三口人")
    assert await look.bots(phone) == before

    # Handed back, the bot speaks again.
    await winner.get_by_role("button", name="交还给机器人").click()
    await winner.get_by_role("dialog").get_by_role("button", name="交还", exact=True).click()
    await expect(winner.get_by_text("您手上没有对话")).to_be_visible()
    await look.answered(phone, before)


async def test_a_view_overtaken_by_a_newer_one_is_not_shown(site: Site, open_page: OpenPage) -> None:
    phone = await resident(open_page, "人工")
    desk = await sign_in(open_page, "wang")
    await desk.locator(".entry").click()
    await expect(desk.locator(".history")).to_contain_text("人工")
    old: asyncio.Future[Route] = asyncio.get_running_loop().create_future()

    async def first_is_late(route: Route) -> None:
        if old.done():
            await route.continue_()
        else:
            old.set_result(route)

    await desk.route("**/staff/conversations/*", first_is_late)
    await look.write(phone, "我家三口人")
    held = await old
    before = await held.fetch()
    await look.write(phone, "都住在一起")
    await expect(desk.locator(".history")).to_contain_text("都住在一起")
    await held.fulfill(response=before)
    await desk.evaluate("fetch('/api/v1/staff/me').then((one) => one.text())")  # behind the late view
    await expect(desk.locator(".history")).to_contain_text("都住在一起")


async def test_a_lost_session_keeps_the_words(site: Site, open_page: OpenPage) -> None:
    phone = await resident(open_page, "人工")
    desk = await sign_in(open_page, "wang")
    await desk.locator(".entry").click()
    await desk.get_by_role("button", name="我来接待").click()
    await desk.get_by_label("回复居民").fill("请带上身份证和户口本")
    await desk.context.clear_cookies()
    await desk.evaluate("dispatchEvent(new Event('online'))")  # whatever asks next is refused
    await expect(desk.get_by_text("登录已过期")).to_be_visible()
    await desk.get_by_label("用户名").fill("wang")
    await desk.get_by_label("密码").fill(PASSWORD)
    await desk.get_by_role("button", name="登录").click()
    box = desk.get_by_label("回复居民")
    await expect(box).to_have_value("请带上身份证和户口本")
    await desk.get_by_role("button", name="发送").click()
    await expect(phone.locator(".message.staff .text")).to_have_text(["请带上身份证和户口本"])


async def test_back_to_the_list_and_to_a_colleague(site: Site, open_page: OpenPage) -> None:
    await resident(open_page, "人工")
    wang, li = await sign_in(open_page, "wang"), await sign_in(open_page, "li")
    await wang.locator(".entry").click()
    await wang.get_by_role("button", name="我来接待").click()
    await wang.get_by_role("button", name="放回等待列表").click()
    await expect(wang.get_by_role("heading", name="等待接待\uff081\uff09")).to_be_visible()
    await wang.locator(".entry").click()
    await wang.get_by_role("button", name="转给同事").click()
    await wang.get_by_role("button", name="李秀英").click()
    await expect(li.get_by_role("heading", name="我在接待\uff081\uff09")).to_be_visible()
    await expect(wang.get_by_role("heading", name="同事在接待\uff081\uff09")).to_be_visible()


async def test_a_parked_delivery_is_shown_and_sent_again(site: Site, open_page: OpenPage) -> None:
    await resident(open_page, "人工")
    async with site.service.storage.begin() as tx:
        (handoff,) = await tx.handoffs.waiting()
        key = str(uuid.uuid4())
        await tx.cases.open("JZ-TEST-1", handoff.conversation_id, key, {"made": "up"}, "case.submitted")
        (entry,) = await tx.outbox.due(handoff.created_at.replace(year=handoff.created_at.year + 1))
        await tx.outbox.park(entry.id, "connection refused")
    desk = await sign_in(open_page, "wang")
    await expect(desk.locator(".parked")).to_contain_text("JZ-TEST-1")
    await desk.get_by_role("button", name="重新送").click()
    await expect(desk.locator(".parked")).to_have_count(0)
    async with site.service.storage.read() as tx:
        assert await tx.outbox.parked() == []


async def test_the_desk_on_a_phone_and_what_axe_says(site: Site, open_page: OpenPage) -> None:
    await resident(open_page, "我不想活了")
    for width in (360, 1280):
        desk = await sign_in(open_page, "wang", width=width)
        assert await look.sideways(desk) == 0
        assert await look.serious(desk) == []
        await desk.locator(".entry").first.click()
        take = desk.get_by_role("button", name="我来接待")
        await desk.locator(".history").wait_for()
        if await take.count():
            await take.click()
        await desk.get_by_label("回复居民").wait_for()
        assert await look.sideways(desk) == 0
        assert await look.serious(desk) == []
