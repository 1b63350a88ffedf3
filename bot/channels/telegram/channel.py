"""The Telegram channel: updates in, messages out.

python-telegram-bot gives the Bot API client, its types and its rate limiter. Its Updater and Application are not
used: they tell Telegram that an update arrived before any handler has seen it, so a process killed in between loses
what a resident wrote. Here an update is acknowledged only once the gateway has stored it; what Telegram then repeats
is recognised by its client id.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections import OrderedDict
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from weakref import WeakValueDictionary

import structlog
from aiohttp import web
from pydantic import SecretStr
from telegram import Bot, CallbackQuery, Message, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.ext import AIORateLimiter, ExtBot

from bot.channels.base import Capabilities, DeliveryFailed, Gateway, Rejected
from bot.channels.telegram import render
from bot.settings import Settings
from integrations.ports import ConversationRow, MessageRow

_log = structlog.get_logger(__name__)

WEBHOOK_PATH = "/channels/telegram/webhook"
_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_UPDATES = ["message", "edited_message", "callback_query"]
# Telegram lets bots download at most this much, whatever our own limit is.
_TELEGRAM_DOWNLOAD = 20 * 1024 * 1024
_TELEGRAM_PHOTO = 10 * 1024 * 1024
_TRIES = 3
_REMEMBERED = 2000

_TEXTS = {
    "voice": "语音我还听不懂。请您打字告诉我，或者让家里人帮忙打一下。想找工作人员，请发“人工”。",
    "sticker": "表情我看不懂。请您打字告诉我想办什么事。",
    "location": "位置我还用不上。需要地址时，我会请您打字写下来。",
    "contact": "名片我还用不上。需要电话时，我会请您打字写下来。",
    "video": "视频我打不开。请拍照片发来，一张一张发就可以。",
    "other": "这种消息我看不懂。请您打字，或者发照片。想找工作人员，请发“人工”。",
    "group": "为了保护您的个人情况，我不在群里办事。请点我的头像，单独发消息给我。",
    "lost": "刚才这一条没有收到。请您再发一次。",
    "file_failed": "照片没有收全。请您再发一次。",
}
_COMMANDS = {
    "/start": "x:menu",
    "/help": "x:menu",
    "/human": "x:human",
    "/repeat": "x:repeat",
    "/cancel": "x:cancel",
}
# Which attribute of a message means which kind of unsupported content.
_KINDS = {
    "voice": "voice",
    "audio": "voice",
    "video_note": "video",
    "video": "video",
    "animation": "sticker",
    "sticker": "sticker",
    "location": "location",
    "venue": "location",
    "contact": "contact",
}


class _TryAgain(Exception):
    """The update was not stored and must come again."""


class TelegramChannel:
    """Implements `bot.channels.base.Channel` for Telegram's Bot API.

    Args:
        token: the bot's token; never logged.
        base_url: another Bot API server, with `/bot` at its end.
        base_file_url: where that server hands out files, with `/file/bot` at its end.
        webhook_url: https address Telegram posts to, leading to `WEBHOOK_PATH`; polling when it is None.
        webhook_secret: what Telegram repeats in its header; required with a webhook.
        max_file_bytes: larger files are refused before they are downloaded.
        pause: seconds to wait after a failed poll, growing to sixty.
    """

    name = "telegram"
    capabilities = Capabilities(buttons=True, files=True, max_text=render.MAX_UNITS, push=True)

    def __init__(
        self,
        token: SecretStr,
        *,
        base_url: str | None = None,
        base_file_url: str | None = None,
        webhook_url: str | None = None,
        webhook_secret: SecretStr | None = None,
        max_file_bytes: int = 10 * 1024 * 1024,
        pause: float = 1.0,
    ) -> None:
        if webhook_url and not webhook_secret:
            raise ValueError("JZT_TELEGRAM_WEBHOOK_SECRET must be set when JZT_TELEGRAM_WEBHOOK_URL is")
        _silence_clients()
        self._token = token.get_secret_value()
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret.get_secret_value() if webhook_secret else ""
        self._max_file_bytes = min(max_file_bytes, _TELEGRAM_DOWNLOAD)
        self._pause = pause
        address: dict[str, Any] = {}
        if base_url:
            address["base_url"] = base_url
        if base_file_url:
            address["base_file_url"] = base_file_url
        # The limiter spaces calls out; when Telegram still says "wait", the delivery loop does the waiting.
        self._bot: Bot = ExtBot(self._token, rate_limiter=AIORateLimiter(max_retries=0), **address)
        self._gateway: Gateway | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        # One update of a chat at a time; a lock lives as long as somebody holds or awaits it.
        self._order: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._done: OrderedDict[int, None] = OrderedDict()
        self._parts_sent: dict[str, int] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> TelegramChannel | None:
        """The channel as configured, None without a token.

        Raises:
            ValueError: a webhook without its secret.
        """
        if settings.telegram_token is None:
            return None
        return cls(
            settings.telegram_token,
            base_url=settings.telegram_base_url,
            base_file_url=settings.telegram_base_file_url,
            webhook_url=settings.telegram_webhook_url,
            webhook_secret=settings.telegram_webhook_secret,
            max_file_bytes=settings.max_file_bytes,
        )

    # -- life

    async def start(self, gateway: Gateway) -> None:
        """Begin to receive. When Telegram cannot be reached the rest of the service starts all the same, and this
        goes on trying."""
        self._gateway = gateway
        self._task = asyncio.create_task(self._run(), name="telegram")

    async def ready(self) -> None:
        """Returns once Telegram has accepted the token and updates are being received."""
        await self._ready.wait()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(TelegramError):
            await self._bot.shutdown()

    def routes(self) -> list[web.RouteDef]:
        """What the service must mount; nothing when polling."""
        return [web.post(WEBHOOK_PATH, self._webhook)] if self._webhook_url else []

    async def _run(self) -> None:
        failures = 0
        offset: int | None = None
        while True:
            try:
                if not self._ready.is_set():
                    await self._open()
                    self._ready.set()
                    _log.info("telegram_receiving", mode="webhook" if self._webhook_url else "polling")
                if self._webhook_url:
                    return
                updates = await self._bot.get_updates(offset=offset, timeout=25, allowed_updates=_UPDATES)
                failures = 0
                for update_id in await self._take_batch(updates):
                    offset = update_id + 1
            except (TelegramError, _TryAgain) as error:
                failures += 1
                wait = min(self._pause * 2.0 ** (failures - 1), 60.0)
                if isinstance(error, RetryAfter):
                    wait = _seconds(error)
                _log.warning(
                    "telegram_interrupted", error=self._safe(error), cure=_cure(error), again_in=wait
                )
                await asyncio.sleep(wait)
            except Exception as error:
                # Whatever it is, residents go on writing; without this the loop would end unnoticed.
                _log.exception("telegram_loop_failed", error=self._safe(error))
                await asyncio.sleep(60.0)

    async def _open(self) -> None:
        await self._bot.initialize()
        if self._webhook_url:
            await self._bot.set_webhook(
                self._webhook_url, secret_token=self._webhook_secret, allowed_updates=_UPDATES
            )
        else:
            await self._bot.delete_webhook()

    # -- receiving

    async def _take_batch(self, updates: Iterable[Update]) -> list[int]:
        """Handle one poll's updates, chats side by side and each chat in order; ids that may be acknowledged.

        Raises:
            _TryAgain: none of them may be; they will come again, and what was stored is recognised.
        """
        by_chat = sorted(updates, key=lambda update: (_chat_id(update), update.update_id))
        batches = [list(group) for _, group in groupby(by_chat, key=_chat_id)]
        results = await asyncio.gather(*(self._take_all(batch) for batch in batches), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sorted(update.update_id for update in by_chat)

    async def _take_all(self, updates: Iterable[Update]) -> None:
        for update in updates:
            await self._take(update)

    async def _webhook(self, request: web.Request) -> web.Response:
        given = request.headers.get(_HEADER, "")
        if self._gateway is None:
            return web.Response(status=503)
        if not hmac.compare_digest(given.encode(), self._webhook_secret.encode()):
            return web.Response(status=403)
        try:
            update = Update.de_json(await request.json(), self._bot)
        except (ValueError, KeyError, TypeError):
            # Telegram would repeat for hours what will never be readable.
            _log.warning("telegram_unreadable_update")
            return web.Response(status=400)
        try:
            await self._take(update)
        except _TryAgain:
            return web.Response(status=503, headers={"Retry-After": "5"})
        return web.Response()

    async def _take(self, update: Update) -> None:
        lock = self._order.setdefault(_chat_id(update), asyncio.Lock())
        async with lock:
            if update.update_id in self._done:
                return
            for attempt in range(1, _TRIES + 1):
                try:
                    await self._handle(update)
                    break
                except _TryAgain:
                    raise
                except Exception as error:
                    # One message that breaks something must not stop everybody else's.
                    _log.exception("telegram_update_failed", attempt=attempt, error=self._safe(error))
                    if attempt == _TRIES:
                        await self._hint(_chat_id(update), _TEXTS["lost"])
            self._done[update.update_id] = None
            while len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)

    async def _handle(self, update: Update) -> None:
        chat = update.effective_chat
        if chat is None:
            return
        if chat.type != chat.PRIVATE:
            # Everybody in a group would read what a resident answers; leaving also keeps us from reading along.
            await self._hint(chat.id, _TEXTS["group"])
            with contextlib.suppress(TelegramError):
                await self._bot.leave_chat(chat.id)
            return
        try:
            conversation = await self._receiver.conversation(self.name, str(chat.id))
            if update.callback_query:
                await self._pressed(conversation, update.callback_query)
            elif update.edited_message:
                await self._edited(conversation, update.edited_message)
            elif update.message:
                await self._said(conversation, update.message)
        except Rejected as rejected:
            if rejected.code == "unavailable":
                raise _TryAgain from None
            await self._hint(chat.id, rejected.message)

    async def _said(self, conversation: ConversationRow, message: Message) -> None:
        gateway = self._receiver
        client_id = f"m{message.message_id}"
        if message.text:
            command = message.text.split(maxsplit=1)[0].partition("@")[0].lower()
            if command == "/start" and conversation.last_seq == 0:
                return  # opened this moment, and greeted
            if command in _COMMANDS:
                await gateway.accept(conversation.id, client_id=client_id, payload=_COMMANDS[command])
            else:
                await gateway.accept(conversation.id, client_id=client_id, text=message.text)
        elif message.photo or message.document:
            await self._file(conversation, message, client_id)
        else:
            kind = next((kind for field, kind in _KINDS.items() if getattr(message, field, None)), "other")
            await gateway.tell(conversation.id, _TEXTS[kind])

    async def _edited(self, conversation: ConversationRow, message: Message) -> None:
        """An edit is a correction in words: the old answer was read already, and what is asked now is something
        else. Edits of pictures and locations are not taken."""
        text = message.text or message.caption
        if not text:
            return
        edited = int(message.edit_date.timestamp()) if message.edit_date else 0
        await self._receiver.accept(
            conversation.id, client_id=f"e{message.message_id}.{edited}", text=f"不对，{text}"
        )

    async def _pressed(self, conversation: ConversationRow, query: CallbackQuery) -> None:
        message = query.message
        try:
            if query.data and message:
                # By the message, not by the press: a question is answered once, however often it is pressed.
                accepted = await self._receiver.accept(
                    conversation.id, client_id=f"k{message.message_id}", payload=query.data
                )
                if isinstance(message, Message):
                    await self._close_keyboard(message, "" if accepted.duplicate else query.data)
        finally:
            # Otherwise the button keeps turning on the phone. Too old a press cannot be answered any more.
            with contextlib.suppress(TelegramError):
                await query.answer()

    async def _close_keyboard(self, message: Message, payload: str) -> None:
        rows = message.reply_markup.inline_keyboard if message.reply_markup else ()
        title = next((button.text for row in rows for button in row if button.callback_data == payload), "")
        text = render.chosen(message.text, title) if message.text and title else None
        with contextlib.suppress(TelegramError):
            if text is None:
                await message.edit_reply_markup(reply_markup=None)
            else:
                await message.edit_text(text, entities=message.entities, reply_markup=None)

    async def _file(self, conversation: ConversationRow, message: Message, client_id: str) -> None:
        if message.document:
            document = message.document
            if (document.file_size or 0) > self._max_file_bytes:
                raise Rejected("file_too_large")
            file_id = document.file_id
            filename = document.file_name or f"文件{message.message_id}"
            mime = document.mime_type or "application/octet-stream"
        else:
            fitting = [size for size in message.photo if (size.file_size or 0) <= self._max_file_bytes]
            if not fitting:
                raise Rejected("file_too_large")
            best = max(fitting, key=lambda size: size.width * size.height)
            file_id, filename, mime = best.file_id, f"照片{message.message_id}.jpg", "image/jpeg"
        data = await self._download(file_id)
        if data is None:
            await self._receiver.tell(conversation.id, _TEXTS["file_failed"])
            return
        await self._receiver.accept_file(
            conversation.id,
            client_id=client_id,
            data=data,
            filename=filename,
            mime=mime,
            text=message.caption,
        )

    async def _download(self, file_id: str) -> bytes | None:
        for attempt in range(_TRIES):
            try:
                file = await self._bot.get_file(file_id)
                return bytes(await file.download_as_bytearray())
            except BadRequest:
                return None  # too large for Telegram's own limit, or gone
            except TelegramError as error:
                _log.warning("telegram_download_failed", error=self._safe(error))
                await asyncio.sleep(
                    _seconds(error) if isinstance(error, RetryAfter) else self._pause * attempt
                )
        return None

    # -- sending

    async def send(self, conversation: ConversationRow, message: MessageRow) -> None:
        """Deliver one message; what is longer than a Telegram message goes in parts. A part that was delivered is
        not sent again when a later one fails."""
        chat = int(conversation.address)
        try:
            await self._send_parts(chat, conversation.id, message)
        except RetryAfter as error:
            raise DeliveryFailed("flood control", retry_after=_seconds(error)) from None
        except (Forbidden, BadRequest) as error:
            # Forbidden: the resident blocked us. BadRequest: the same call can never succeed.
            self._parts_sent.pop(message.id, None)
            permanent = not isinstance(error, InvalidToken)
            raise DeliveryFailed(self._safe(error), permanent=permanent) from None
        except TelegramError as error:
            raise DeliveryFailed(self._safe(error)) from None
        self._parts_sent.pop(message.id, None)

    async def _send_parts(self, chat: int, conversation_id: str, message: MessageRow) -> None:
        texts = render.pieces(message)
        markup = render.keyboard(message.body.get("buttons") or ())
        files = [str(file) for file in message.body.get("files") or ()]
        sent = self._parts_sent.get(message.id, 0)
        for number in range(sent, len(files)):
            await self._send_file(chat, conversation_id, files[number])
            self._parts_sent[message.id] = number + 1
        for number in range(max(sent - len(files), 0), len(texts)):
            piece = texts[number]
            await self._bot.send_message(
                chat,
                piece.text,
                entities=piece.entities,
                reply_markup=markup if number == len(texts) - 1 else None,
            )
            self._parts_sent[message.id] = len(files) + number + 1

    async def _send_file(self, chat: int, conversation_id: str, document_id: str) -> None:
        row, data = await self._receiver.file(conversation_id, document_id)
        if row.mime in ("image/jpeg", "image/png") and row.size <= _TELEGRAM_PHOTO:
            await self._bot.send_photo(chat, data, filename=row.filename)
        else:
            await self._bot.send_document(chat, data, filename=row.filename)

    # -- small things

    @property
    def _receiver(self) -> Gateway:
        if self._gateway is None:
            raise RuntimeError("the channel was not started")
        return self._gateway

    async def _hint(self, chat: int, text: str) -> None:
        """A word beside the conversation: about a message that was not accepted, so there is nowhere to note it."""
        with contextlib.suppress(TelegramError):
            await self._bot.send_message(chat, text)

    def _safe(self, error: BaseException) -> str:
        """The error in words. The library's own text for a wrong token quotes the token."""
        return f"{type(error).__name__}: {error}".replace(self._token, "<token>")


def _chat_id(update: Update) -> int:
    return update.effective_chat.id if update.effective_chat else 0


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()


def _cure(error: BaseException) -> str:
    if isinstance(error, InvalidToken):
        return "check JZT_TELEGRAM_TOKEN"
    if isinstance(error, Conflict):
        return "another process polls with the same token: stop it, or use a webhook"
    return ""


def _silence_clients() -> None:
    """httpx logs every address at INFO, and Telegram's addresses contain the token."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
