"""The resident's page, as a resident uses it, in a real browser against the real service."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page, Route, WebSocketRoute, expect

from tests.browser import look
from tests.browser.conftest import OpenPage, Site

SIZES = [(360, 640, 1), (640, 400, 2), (320, 256, 4), (180, 320, 2), (1280, 800, 1)]


def picture(side: int = 300) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 80).convert("RGB").save(out, "JPEG")
    return out.getvalue()


async def test_a_conversation_on_a_small_phone(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    choice = page.locator(".message.bot .choices button").first
    title = (await choice.inner_text()).strip()
    before = await look.bots(page)
    await choice.click()
    await look.answered(page, before)
    await expect(look.own(page)).to_have_text([title])
    assert await look.sideways(page) == 0

    # What was answered stays readable and can no longer be pressed; the choice is marked.
    old = page.locator(".message.bot").first.locator(".choices button")
    assert await old.evaluate_all("all => all.every((button) => button.disabled)")
    assert await old.first.inner_text() == f"✓ 您选了\uff1a{title}" or title in await old.first.inner_text()


async def test_an_answer_shows_its_clauses(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    await look.write(page, "申请低保多少天能批下来")
    clauses = page.locator(".cites").first
    await clauses.wait_for()
    await expect(clauses.locator("blockquote").first).to_be_hidden()
    await clauses.locator("summary").click()
    await expect(clauses.locator("footer").first).to_contain_text("《")
    assert (await clauses.locator(".quote").first.inner_text()).strip()


async def test_a_double_click_sends_one_message(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    before = await look.bots(page)
    await page.locator(".message.bot .choices button").first.dblclick()
    await look.answered(page, before)
    await page.get_by_label("在这里写您想问的话").fill("低保怎么申请")
    await page.get_by_role("button", name="发送", exact=True).dblclick()
    await page.get_by_role("button", name="人工", exact=True).dblclick()
    await expect(look.own(page)).to_have_count(3)
    await expect(page.locator(".message.resident .state")).to_have_count(0)
    said = await site.said(page)
    assert said[1] == "低保怎么申请"
    assert len(said) == 3


async def test_an_empty_box_is_told_what_to_do(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    await look.write(page, "   ")
    await expect(page.locator(".notice.problem")).to_contain_text("还没有写字")
    assert await site.said(page) == []


async def test_the_service_goes_away_and_comes_back(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    await site.stop()
    await look.write(page, "第一句")
    await look.write(page, "第二句")
    await expect(page.get_by_role("button", name="没发出去")).to_have_count(2)
    await expect(page.locator(".notice.offline")).to_be_visible()
    await site.start()
    await expect(page.locator(".message.resident .state")).to_have_count(0, timeout=40_000)
    await expect(page.locator(".notice.offline")).to_have_count(0)
    await expect(look.own(page)).to_have_text(["第一句", "第二句"])
    assert await site.said(page) == ["第一句", "第二句"]
    await page.reload()
    await expect(look.own(page)).to_have_text(["第一句", "第二句"])


async def test_a_reload_while_away_keeps_what_was_written(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)

    async def away(route: Route) -> None:
        await route.abort("connectionfailed")

    await page.route("**/messages", away)
    await look.write(page, "家里三口人")
    await expect(page.get_by_role("button", name="没发出去")).to_be_visible()
    await page.reload()
    await expect(look.own(page)).to_have_text(["家里三口人"])
    await page.unroute("**/messages", away)
    await page.get_by_role("button", name="没发出去").click()
    await expect(page.locator(".message.resident .state")).to_have_count(0)
    assert await site.said(page) == ["家里三口人"]


async def test_a_lost_acknowledgement_does_not_double(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    lost = asyncio.Event()

    async def swallow(route: Route) -> None:
        if route.request.method != "POST" or lost.is_set():
            await route.continue_()
            return
        await route.fetch()  # the service has stored it …
        lost.set()
        await route.abort("connectionreset")  # … and the phone never hears of it

    await page.route("**/messages", swallow)
    before = await look.bots(page)
    await look.write(page, "低保是什么")
    await lost.wait()
    await look.answered(page, before)
    await expect(look.own(page)).to_have_text(["低保是什么"])
    assert await site.said(page) == ["低保是什么"]


async def test_offline_is_said_and_mended(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    before = await look.bots(page)
    await page.context.set_offline(True)
    await expect(page.locator(".notice.offline")).to_be_visible()
    await look.write(page, "网断了还能写")
    await page.context.set_offline(False)
    await look.answered(page, before)
    await expect(page.locator(".notice.offline")).to_have_count(0)
    assert await site.said(page) == ["网断了还能写"]


async def test_without_websockets_it_polls(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")

    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close()

    await page.route_web_socket("**/ws*", refuse)
    await page.reload()
    await look.ready(page)
    before = await look.bots(page)
    await look.write(page, "低保怎么申请")
    await look.answered(page, before)


async def test_large_type_is_remembered(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    normal = await page.evaluate("parseFloat(getComputedStyle(document.querySelector('.bubble')).fontSize)")
    switch = page.get_by_role("button", name="大字")
    await switch.click()
    await expect(switch).to_have_attribute("aria-pressed", "true")
    large = await page.evaluate("parseFloat(getComputedStyle(document.querySelector('.bubble')).fontSize)")
    assert large > normal * 1.25
    assert await look.sideways(page) == 0
    await page.reload()
    await look.ready(page)
    await expect(switch).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(("width", "height", "scale"), SIZES)
async def test_nothing_is_cut_off_at_any_zoom(
    site: Site, open_page: OpenPage, width: int, height: int, scale: int
) -> None:
    page: Page = await open_page("/", width=width, height=height, device_scale_factor=scale)
    await look.ready(page)
    before = await look.bots(page)
    await look.write(page, "申请低保要准备什么材料")
    await look.answered(page, before)
    assert await look.sideways(page) == 0
    box = page.get_by_label("在这里写您想问的话")
    await box.scroll_into_view_if_needed()
    await expect(box).to_be_in_viewport()


async def test_with_the_keyboard_alone(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/", width=1280, height=800)
    await look.ready(page)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="跳到输入框")).to_be_focused()
    await page.keyboard.press("Enter")
    # From the box back to the newest choice, press it, and forward again.
    for _ in range(20):
        await page.keyboard.press("Shift+Tab")
        if await page.evaluate("document.activeElement.matches('.choices button')"):
            break
    before = await look.bots(page)
    await page.keyboard.press("Enter")
    await look.answered(page, before)
    await expect(look.own(page)).to_have_count(1)
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id === 'say'"):
            break
    await page.keyboard.type("低保怎么申请")
    await page.keyboard.press("Enter")
    await expect(look.own(page).last).to_have_text("低保怎么申请")
    await expect(page.get_by_label("在这里写您想问的话")).to_be_focused()
    # The menu opens and closes, and a question over the page gives the focus back.
    await page.locator("summary", has_text="更多").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="删除本机记录")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="删除本机记录")).to_be_hidden()
    await expect(page.locator("summary", has_text="更多")).to_be_focused()


@pytest.mark.parametrize("large", [False, True])
async def test_axe_finds_nothing_serious(site: Site, open_page: OpenPage, large: bool) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    if large:
        await page.get_by_role("button", name="大字").click()
    await look.write(page, "申请低保多少天能批下来")
    await page.locator(".cites summary").first.click()
    await look.write(page, "我不想活了")
    await page.locator(".alarm").wait_for()
    assert await look.serious(page) == []
    await page.locator("summary", has_text="更多").click()
    assert await look.serious(page) == []
    await page.get_by_role("button", name="新开一个对话").click()
    assert await look.serious(page) == []


async def test_danger_stands_out_and_can_be_dialled(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    await look.write(page, "我不想活了")
    urgent = page.locator(".message.urgent").first
    await urgent.wait_for()
    await expect(urgent).to_contain_text("紧急求助")
    numbers = await urgent.locator("a[href^='tel:']").evaluate_all("all => all.map((link) => link.href)")
    assert "tel:120" in numbers or "tel:12356" in numbers or "tel:110" in numbers
    await expect(page.get_by_role("status").filter(has_text="等人接待")).to_be_visible()


async def test_a_photo_is_shown_before_it_is_sent(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    picker = page.locator("input[type=file]")
    await picker.set_input_files({"name": "身份证.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    await expect(page.locator(".photo img")).to_be_visible()
    await page.get_by_role("button", name="不发了").click()
    await expect(page.locator(".photo")).to_have_count(0)
    await picker.set_input_files({"name": "身份证.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    await page.get_by_role("button", name="发送照片").dblclick()
    view = page.get_by_role("button", name="查看")
    await expect(view).to_have_count(1)
    await view.click()
    image = page.get_by_role("dialog").get_by_role("img")
    assert (
        await image.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 300
    )
    await page.get_by_role("button", name="关上").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_file_of_the_wrong_kind_is_refused_kindly(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    wrong: Any = {"name": "照片.jpg", "mimeType": "image/jpeg", "buffer": b"MZ this is no picture"}
    await page.locator("input[type=file]").set_input_files(wrong)
    await page.get_by_role("button", name="发送照片").click()
    refused = page.locator(".refused")
    await expect(refused).to_contain_text("没有发出去")
    await refused.get_by_role("button", name="不发了").click()
    await expect(page.locator(".message.resident")).to_have_count(0)
    # The question asked before can still be answered.
    await expect(page.locator(".message.bot .choices button:enabled").first).to_be_visible()


async def test_a_photo_larger_than_the_limit_is_made_smaller(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")

    async def small_limit(route: Route) -> None:
        response = await route.fetch()
        config = {**await response.json(), "max_file_bytes": 200_000}
        await route.fulfill(response=response, json=config)

    await page.route("**/config", small_limit)
    await page.reload()
    await look.ready(page)
    large: Any = {"name": "户口本.png", "mimeType": "image/jpeg", "buffer": picture(900)}
    assert len(large["buffer"]) > 200_000
    await page.locator("input[type=file]").set_input_files(large)
    await expect(page.locator(".photo, .notice.problem").first).to_be_visible()
    text = await page.locator(".photo, .notice.problem").first.inner_text()
    assert "户口本.jpg" in text or "太大" in text


async def test_a_text_too_long_comes_back_for_editing(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    await look.write(page, "长" * 3000)
    await expect(page.locator(".refused")).to_contain_text("太长")
    await page.get_by_role("button", name="拿回来改").click()
    await expect(page.get_by_label("在这里写您想问的话")).to_have_value("长" * 3000)


async def test_a_shared_phone_forgets(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    before = await look.bots(page)
    await look.write(page, "这是我的秘密")
    await look.answered(page, before)
    old = await page.evaluate("localStorage.getItem('jzt.conversation')")
    await page.locator("summary", has_text="更多").click()
    await page.get_by_role("button", name="删除本机记录").click()
    await expect(page.get_by_role("dialog")).to_contain_text("不受影响")
    await page.get_by_role("button", name="删除", exact=True).click()
    await look.ready(page)
    await expect(page.get_by_text("这是我的秘密")).to_have_count(0)
    stored = await page.evaluate("JSON.stringify(localStorage)")
    assert "秘密" not in stored
    assert old not in stored


async def test_a_conversation_erased_by_the_office_is_said_so(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    conversation = await page.evaluate("JSON.parse(localStorage.getItem('jzt.conversation')).id")
    async with site.service.storage.begin() as tx:
        await tx.conversations.erase(conversation)
    await look.write(page, "还在吗")
    await expect(page.get_by_text("这段对话打不开了")).to_be_visible()
    await page.get_by_role("button", name="新开一个对话", exact=True).last.click()
    await look.ready(page)


async def test_printed_it_is_the_words_only(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    await page.emulate_media(media="print")
    await expect(page.locator(".composer")).to_be_hidden()
    await expect(page.locator(".top")).to_be_hidden()
    await expect(page.locator(".message.bot .text").first).to_be_visible()


async def test_a_receipt_is_printed_alone(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    conversation = await page.evaluate("JSON.parse(localStorage.getItem('jzt.conversation')).id")
    receipt = "交上去了\u3002您的受理编号是\uff1a\nJZ-TEST-2"
    await site.service.gateway.say(conversation, "bot", {"text": receipt})
    await page.evaluate("window.print = () => { window.printed = document.body.className; }")
    await page.get_by_role("button", name="打印或保存这一条").click()
    assert await page.evaluate("window.printed") == "one"
    await page.emulate_media(media="print")
    await expect(page.locator(".message:visible")).to_have_count(1)
    await expect(page.locator(".message:visible")).to_contain_text("JZ-TEST-2")


async def test_it_is_light_and_comes_from_nowhere_else(site: Site, open_page: OpenPage) -> None:
    page: Page = await open_page("/")
    await look.ready(page)
    loaded = await page.evaluate(
        """performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
            .map((entry) => [entry.name, entry.transferSize])"""
    )
    assert all(name.startswith(site.url) for name, _ in loaded)
    pages = sum(size for name, size in loaded if "/api/" not in name)
    assert 0 < pages < 60_000
