"""The Telegram channel through the real gateway, against a local server that speaks the Bot API."""

from __future__ import annotations

import asyncio
import io
import itertools
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import structlog
from PIL import Image
from pydantic import SecretStr

from bot import logging as operator_logs
from bot.app import Service, create_app, listen, open_service
from bot.channels.base import Rejected
from bot.channels.telegram import TelegramChannel
from bot.channels.telegram.channel import WEBHOOK_PATH
from bot.settings import Settings
from integrations.ports import MessageRow
from nlu.rules import RuleUnderstanding
from tests.support.assessed import assess
from tests.support.telegram_server import TOKEN, Json, TelegramServer

_chats = itertools.count(700_001)
pytestmark = pytest.mark.asyncio(loop_scope="module")

WEBHOOK_SECRET = "a-made-up-secret"


def picture(width: int = 400, height: int = 250) -> bytes:
    """A picture that is not the same everywhere, so that it does not compress to nothing."""
    image = Image.effect_noise((width, height), 60).convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def chat() -> int:
    """A resident of this test alone."""
    return next(_chats)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telegram() -> AsyncIterator[TelegramServer]:
    server = TelegramServer()
    await server.start()
    yield server
    await server.stop()


def make_channel(telegram: TelegramServer, **more: Any) -> TelegramChannel:
    return TelegramChannel(
        SecretStr(TOKEN),
        base_url=telegram.base_url,
        base_file_url=telegram.base_file_url,
        pause=0.02,
        **more,
    )


@asynccontextmanager
async def running(var: Path, channel: TelegramChannel) -> AsyncIterator[Service]:
    settings = Settings(var=var, nlu_start=False)
    async with open_service(settings, RuleUnderstanding(), channels=[channel]) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    telegram: TelegramServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with running(tmp_path_factory.mktemp("telegram") / "var", make_channel(telegram)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def other_telegram() -> AsyncIterator[TelegramServer]:
    """Telegram for a test that needs a service of its own."""
    server = TelegramServer()
    await server.start()
    yield server
    await server.stop()


async def rows(service: Service, chat: int) -> list[MessageRow]:
    async with service.storage.read() as tx:
        found = await tx.conversations.by_address("telegram", str(chat))
        return list(await tx.messages.after(found.id, 0)) if found else []


async def conversation_id(service: Service, chat: int) -> str:
    async with service.storage.read() as tx:
        found = await tx.conversations.by_address("telegram", str(chat))
    assert found is not None
    return found.id


def said(found: list[MessageRow]) -> list[str]:
    return [row.body.get("text", "") for row in found if row.author == "resident"]


async def greeted(telegram: TelegramServer, chat: int) -> Json:
    """Opens the chat and returns the greeting with its buttons."""
    await telegram.write(chat, "/start")
    found: Json = await telegram.until(
        lambda: next((message for message in telegram.seen(chat) if message.get("reply_markup")), None)
    )
    return found


def first_button(message: Json) -> Json:
    button: Json = message["reply_markup"]["inline_keyboard"][0][0]
    return button


async def test_start_is_greeted_once_with_a_button_a_line(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    greeting = await greeted(telegram, chat)
    assert all(len(row) == 1 for row in greeting["reply_markup"]["inline_keyboard"])
    assert said(await rows(service, chat)) == []
    assert [row.status for row in await rows(service, chat)].count("received") == 0


async def test_a_question_is_answered(telegram: TelegramServer, service: Service, chat: int) -> None:
    await greeted(telegram, chat)
    before = len(telegram.seen(chat))
    await telegram.write(chat, "申请低保要多少天")
    await telegram.until(lambda: len(telegram.seen(chat)) > before)
    assert said(await rows(service, chat)) == ["申请低保要多少天"]


async def test_a_pressed_button_counts_once_and_its_keyboard_goes(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    greeting = await greeted(telegram, chat)
    button = first_button(greeting)
    await telegram.press(chat, dict(greeting), button["callback_data"])
    await telegram.press(chat, dict(greeting), button["callback_data"])
    await telegram.until(lambda: len(telegram.called("answerCallbackQuery")) == 2)
    assert "reply_markup" not in greeting
    assert button["text"] in greeting["text"]
    assert said(await rows(service, chat)) == [button["text"]]


async def test_a_repeated_update_is_one_message(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    await greeted(telegram, chat)
    update = await telegram.write(chat, "人工")
    await telegram.repeat(update)
    # The same message under another update id, as after a lost acknowledgement.
    await telegram.repeat({**update, "update_id": update["update_id"] + 90_000})
    await telegram.write(chat, "谢谢")
    await telegram.until(lambda: not telegram.unconfirmed)
    assert said(await rows(service, chat)) == ["人工", "谢谢"]


async def test_a_restart_neither_loses_nor_doubles(
    other_telegram: TelegramServer, tmp_path: Path, chat: int
) -> None:
    telegram = other_telegram
    async with running(tmp_path, make_channel(telegram)) as service:
        await greeted(telegram, chat)
        update = await telegram.write(chat, "低保怎么申请")
        await telegram.until(lambda: not telegram.unconfirmed)
        assert said(await rows(service, chat)) == ["低保怎么申请"]
    await telegram.write(chat, "要带什么")
    await telegram.repeat(update)
    async with running(tmp_path, make_channel(telegram)) as service:
        await telegram.until(lambda: not telegram.unconfirmed)
        assert said(await rows(service, chat)) == ["低保怎么申请", "要带什么"]


async def test_what_was_not_stored_is_fetched_again(
    telegram: TelegramServer, service: Service, chat: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await greeted(telegram, chat)
    accept = service.gateway.accept
    refusals = [Rejected("unavailable"), Rejected("unavailable")]

    async def flaky(*args: Any, **more: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return await accept(*args, **more)

    monkeypatch.setattr(service.gateway, "accept", flaky)
    await telegram.write(chat, "孩子上学有补助吗")
    await telegram.until(lambda: not telegram.unconfirmed)
    assert not refusals
    assert said(await rows(service, chat)) == ["孩子上学有补助吗"]


async def test_one_broken_message_does_not_stop_the_others(
    telegram: TelegramServer, service: Service, chat: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await greeted(telegram, chat)
    accept = service.gateway.accept

    async def breaks(*args: Any, **more: Any) -> Any:
        if more.get("text") == "坏的":
            raise RuntimeError("a fault of ours")
        return await accept(*args, **more)

    monkeypatch.setattr(service.gateway, "accept", breaks)
    await telegram.write(chat, "坏的")
    await telegram.write(chat, "好的")
    await telegram.until(lambda: not telegram.unconfirmed)
    assert said(await rows(service, chat)) == ["好的"]
    assert any("没有收到" in message["text"] for message in telegram.seen(chat))


async def test_the_largest_photo_within_the_limit_is_stored(
    other_telegram: TelegramServer, tmp_path: Path, chat: int
) -> None:
    telegram = other_telegram
    small, middle, large = picture(90, 60), picture(400, 250), picture(1600, 1200)
    channel = make_channel(telegram, max_file_bytes=len(large) - 1)
    async with running(tmp_path, channel) as service:
        await greeted(telegram, chat)
        await telegram.send_photo(chat, [small, middle, large], caption="这是身份证")
        await telegram.until(lambda: not telegram.unconfirmed)
        (row,) = [row for row in await rows(service, chat) if row.author == "resident"]
        _, data = await service.gateway.file(row.conversation_id, row.body["files"][0])
        assert Image.open(io.BytesIO(data)).size == (400, 250)
        assert row.body["text"] == "这是身份证"


@pytest.mark.parametrize(
    ("data", "size"), [(b"MZ\x90\x00 not a document", None), (b"%PDF-1.4 says it is huge", 30 * 1024 * 1024)]
)
async def test_a_file_that_cannot_be_taken_is_refused_kindly(
    telegram: TelegramServer, service: Service, chat: int, data: bytes, size: int | None
) -> None:
    await greeted(telegram, chat)
    before = len(telegram.seen(chat))
    await telegram.send_document(chat, data, "材料.pdf", "application/pdf", size=size)
    await telegram.until(lambda: len(telegram.seen(chat)) > before and not telegram.unconfirmed)
    assert "照片" in telegram.seen(chat)[-1]["text"]
    assert said(await rows(service, chat)) == []


async def test_a_download_that_fails_for_a_moment_is_tried_again(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    await greeted(telegram, chat)
    telegram.fail_next("getFile", 502, "Bad Gateway")
    await telegram.send_photo(chat, [picture()])
    await telegram.until(lambda: not telegram.unconfirmed)
    assert [len(row.body["files"]) for row in await rows(service, chat) if row.author == "resident"] == [1]


async def test_an_edit_is_a_correction_in_words(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    await greeted(telegram, chat)
    update = await telegram.write(chat, "两口人")
    edited = await telegram.edit(chat, update["message"]["message_id"], "三口人")
    await telegram.repeat(edited)
    await telegram.until(lambda: not telegram.unconfirmed)
    assert said(await rows(service, chat)) == ["两口人", "不对\uff0c三口人"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}}, "语音"),
        ({"location": {"latitude": 30.0, "longitude": 110.0}}, "位置"),
        ({"contact": {"phone_number": "1", "first_name": "某"}}, "名片"),
        ({"dice": {"emoji": "🎲", "value": 3}}, "看不懂"),
    ],
)
async def test_what_cannot_be_read_is_said_kindly(
    telegram: TelegramServer, service: Service, chat: int, content: Json, word: str
) -> None:
    await greeted(telegram, chat)
    await telegram.send_other(chat, content)
    await telegram.until(lambda: any(word in message["text"] for message in telegram.seen(chat)))
    assert said(await rows(service, chat)) == []


async def test_a_group_is_refused_and_left(telegram: TelegramServer, service: Service, chat: int) -> None:
    await telegram.write_in_group(-900, "我想申请低保")
    await telegram.until(lambda: telegram.called("leaveChat"))
    assert "单独" in telegram.seen(-900)[-1]["text"]
    assert await rows(service, -900) == []


async def test_a_long_reply_goes_in_parts_with_the_buttons_last(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    await greeted(telegram, chat)
    before = len(telegram.seen(chat))
    text = "\n".join(f"第{number}条\uff1a" + "说明😀" * 30 for number in range(1, 90))
    buttons = [{"title": "知道了", "payload": "x:menu"}]
    await service.gateway.say(await conversation_id(service, chat), "bot", {"text": text, "buttons": buttons})
    await telegram.until(
        lambda: telegram.seen(chat)[-1].get("reply_markup") and len(telegram.seen(chat)) > before
    )
    parts = telegram.seen(chat)[before:]
    assert len(parts) > 1
    assert "\n".join(part["text"] for part in parts) == text
    assert [bool(part.get("reply_markup")) for part in parts] == [False] * (len(parts) - 1) + [True]


async def test_flood_control_is_waited_out_without_repeating_a_part(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    await greeted(telegram, chat)
    before = len(telegram.seen(chat))
    calls = len(telegram.called("sendMessage"))
    text = "前" * 4096 + "后" * 10
    telegram.fail_next("sendMessage", 429, "Too Many Requests: retry after 1", after=1, retry_after=1)
    await service.gateway.say(await conversation_id(service, chat), "bot", {"text": text})
    await telegram.until(lambda: len(telegram.seen(chat)) == before + 2)
    assert [message["text"] for message in telegram.seen(chat)[before:]] == ["前" * 4096, "后" * 10]
    assert len(telegram.called("sendMessage")) == calls + 3


async def test_a_blocked_chat_is_not_tried_again(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    await greeted(telegram, chat)
    telegram.blocked.add(chat)
    for text in ("第一句", "第二句"):
        await service.gateway.say(await conversation_id(service, chat), "bot", {"text": text})
    await telegram.until(
        lambda: [call for call in telegram.called("sendMessage") if call["text"] == "第二句"]
    )
    assert len([call for call in telegram.called("sendMessage") if call["text"] == "第一句"]) == 1
    first = next(row for row in await rows(service, chat) if row.body.get("text") == "第一句")
    assert first.status == "failed"


async def test_a_file_from_the_office_is_delivered(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    await greeted(telegram, chat)
    await telegram.send_photo(chat, [picture()])
    await telegram.until(lambda: not telegram.unconfirmed)
    (row,) = [row for row in await rows(service, chat) if row.author == "resident"]
    await service.gateway.say(row.conversation_id, "staff:wang", {"text": "请看", "files": row.body["files"]})
    await telegram.until(lambda: any("请看" in message.get("text", "") for message in telegram.seen(chat)))
    assert any("photo" in message for message in telegram.seen(chat))


async def test_the_result_is_sent_as_a_document(
    telegram: TelegramServer, service: Service, chat: int
) -> None:
    greeting = await greeted(telegram, chat)
    await assess(service.storage, await conversation_id(service, chat))
    await telegram.press(chat, greeting, "f:assess_told")
    result = await telegram.until(
        lambda: next((one for one in telegram.seen(chat) if "看下来是这样" in one.get("text", "")), None)
    )
    buttons = [button["text"] for row in result["reply_markup"]["inline_keyboard"] for button in row]
    assert "看最低生活保障（低保）" in buttons
    await telegram.press(chat, result, "f:assess_paper")
    sent = await telegram.until(
        lambda: next((one["document"] for one in telegram.seen(chat) if "document" in one), None)
    )
    assert sent["file_name"].startswith("救助自测结果")
    assert sent["file_name"].endswith(".pdf")
    await telegram.until(lambda: any("结果存成文件了" in one.get("text", "") for one in telegram.seen(chat)))


async def test_telegram_away_at_the_start_does_not_stop_the_service(tmp_path: Path, chat: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    telegram = TelegramServer()
    telegram.address = f"http://127.0.0.1:{port}"
    channel = make_channel(telegram)
    async with running(tmp_path, channel):
        await telegram.start(port)
        try:
            async with asyncio.timeout(20):
                await channel.ready()
            await greeted(telegram, chat)
        finally:
            await telegram.stop()


# -- webhook


@pytest_asyncio.fixture(loop_scope="module")
async def hooked(other_telegram: TelegramServer, tmp_path: Path) -> AsyncIterator[tuple[Service, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}{WEBHOOK_PATH}"
    channel = make_channel(other_telegram, webhook_url=address, webhook_secret=SecretStr(WEBHOOK_SECRET))
    async with running(tmp_path, channel) as service:
        app = create_app(service, backoffice_secret="whsec_" + "A" * 32, channels=[channel])
        async with listen(app, "127.0.0.1", port):
            yield service, address


async def test_the_webhook_takes_updates_with_the_secret(
    other_telegram: TelegramServer, hooked: tuple[Service, str], chat: int
) -> None:
    telegram = other_telegram
    service, address = hooked
    await greeted(telegram, chat)
    assert telegram.called("getUpdates") == []
    update = await telegram.write(chat, "低保是什么")
    await telegram.repeat(update)
    await telegram.until(lambda: not telegram.unconfirmed)
    assert said(await rows(service, chat)) == ["低保是什么"]

    forged = {**update, "update_id": 1, "message": {**update["message"], "message_id": 1, "text": "假的"}}
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}):
            async with session.post(address, json=forged, headers=headers) as response:
                assert response.status == 403
        good = {"X-Telegram-Bot-Api-Secret-Token": WEBHOOK_SECRET}
        async with session.post(address, data=b"{not json", headers=good) as response:
            assert response.status == 400
    assert said(await rows(service, chat)) == ["低保是什么"]


async def test_the_webhook_asks_for_a_repeat_when_nothing_was_stored(
    other_telegram: TelegramServer, hooked: tuple[Service, str], monkeypatch: pytest.MonkeyPatch, chat: int
) -> None:
    telegram = other_telegram
    service, _ = hooked
    await greeted(telegram, chat)
    accept = service.gateway.accept
    refusals = [Rejected("unavailable")]

    async def flaky(*args: Any, **more: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return await accept(*args, **more)

    monkeypatch.setattr(service.gateway, "accept", flaky)
    await telegram.write(chat, "要不要公示")
    await telegram.until(lambda: not telegram.unconfirmed)
    assert 503 in telegram.webhook_statuses
    assert said(await rows(service, chat)) == ["要不要公示"]


async def test_a_webhook_without_a_secret_is_an_operators_error() -> None:
    with pytest.raises(ValueError, match="JZT_TELEGRAM_WEBHOOK_SECRET"):
        TelegramChannel(SecretStr(TOKEN), webhook_url="https://example.invalid/hook")


# -- the token


@pytest.fixture
def operator_log() -> Iterator[Callable[[], str]]:
    """Everything the service wrote to its log so far, at the most talkative level."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    operator_logs.configure("json", "debug")
    written = io.StringIO()
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
    yield written.getvalue
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_the_token_is_never_logged(
    other_telegram: TelegramServer,
    tmp_path: Path,
    chat: int,
    operator_log: Callable[[], str],
) -> None:
    telegram = other_telegram
    async with running(tmp_path, make_channel(telegram)) as service:
        telegram.fail_next("getUpdates", 502, "Bad Gateway")
        await greeted(telegram, chat)
        telegram.fail_next("sendMessage", 500, "Internal Server Error")
        await telegram.write(chat, "低保标准是多少")
        await telegram.until(lambda: not telegram.unconfirmed)
        telegram.blocked.add(chat)
        await service.gateway.say(await conversation_id(service, chat), "bot", {"text": "最后一句"})
        await telegram.until(lambda: telegram.called("sendMessage")[-1]["text"] == "最后一句")

    wrong = "999999:" + "wrong-token-wrong-token-wrong-tokens"
    refused = TelegramChannel(SecretStr(wrong), base_url=telegram.base_url, pause=0.02)
    async with running(tmp_path, refused):
        await telegram.until(lambda: "JZT_TELEGRAM_TOKEN" in operator_log())
    assert "telegram_interrupted" in operator_log()
    assert TOKEN not in operator_log()
    assert wrong not in operator_log()
