"""A local server that speaks the Bot API over HTTP and behaves like Telegram's: error bodies, limits, long polling,
repeats of what was not acknowledged, a webhook that comes again until it is answered with 2xx."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import web

Json = dict[str, Any]

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
_MAX_DOWNLOAD = 20 * 1024 * 1024


class ApiFailure(Exception):
    """An answer of Telegram's that is not ok."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        self.code = code
        self.body: Json = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters
        super().__init__(description)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class TelegramServer:
    """One bot and its chats. `calls` is every call that reached a method, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.chats: dict[int, list[Json]] = {}
        self.blocked: set[int] = set()
        self.webhook: Json = {}
        self.webhook_statuses: list[int] = []
        self.unconfirmed: list[Json] = []
        self._failures: dict[str, deque[ApiFailure | None]] = {}
        self._files: dict[str, bytes] = {}
        self._queries: set[str] = set()
        self._ids = itertools.count(1000)
        self._update_ids = itertools.count(500_000)
        self._changed = asyncio.Condition()
        self._deliver: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self.address = ""

    # -- life

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._deliver:
            self._deliver.cancel()
            with suppress(asyncio.CancelledError):
                await self._deliver
        if self._runner:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        return f"{self.address}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.address}/file/bot"

    # -- what the resident does

    async def write(self, chat: int, text: str) -> Json:
        return await self._message(chat, {"text": text})

    async def edit(self, chat: int, message_id: int, text: str) -> Json:
        body = self._inbound(chat, {"text": text, "edit_date": int(time.time())}) | {"message_id": message_id}
        return await self._update({"edited_message": body})

    async def send_photo(self, chat: int, sizes: list[bytes], **more: Any) -> Json:
        photo = []
        for number, data in enumerate(sizes, 1):
            file_id = self._keep(data)
            photo.append(
                {
                    "file_id": file_id,
                    "file_unique_id": file_id,
                    "width": 100 * number,
                    "height": 60 * number,
                    "file_size": len(data),
                }
            )
        return await self._message(chat, {"photo": photo, **more})

    async def send_document(
        self, chat: int, data: bytes, filename: str, mime: str, *, size: int | None = None
    ) -> Json:
        file_id = self._keep(data)
        document = {"file_id": file_id, "file_unique_id": file_id, "file_name": filename, "mime_type": mime}
        return await self._message(chat, {"document": {**document, "file_size": size or len(data)}})

    async def send_other(self, chat: int, content: Json) -> Json:
        return await self._message(chat, content)

    async def press(self, chat: int, message: Json, payload: str) -> Json:
        query_id = str(next(self._ids))
        self._queries.add(query_id)
        user = self._user(chat)
        query = {"id": query_id, "from": user, "chat_instance": "1", "data": payload, "message": message}
        return await self._update({"callback_query": query})

    async def write_in_group(self, chat: int, text: str) -> Json:
        body = self._inbound(chat, {"text": text})
        body["chat"] = {"id": chat, "type": "group", "title": "邻里群"}
        self.chats.setdefault(chat, [])
        return await self._update({"message": body})

    async def repeat(self, update: Json) -> None:
        """Telegram delivers an update again."""
        await self._queue(update)

    # -- what the resident sees

    def seen(self, chat: int) -> list[Json]:
        """The bot's messages in the chat as they stand now."""
        return [message for message in self.chats.get(chat, []) if message["from"]["is_bot"]]

    async def until(self, condition: Callable[[], Any], timeout: float = 15.0) -> Any:  # noqa: ASYNC109
        """The first true value of `condition`, which is looked at after every call."""
        async with asyncio.timeout(timeout), self._changed:
            while not (found := condition()):
                await self._changed.wait()
        return found

    def called(self, method: str) -> list[Json]:
        return [parameters for name, parameters in self.calls if name == method]

    def fail_next(
        self, method: str, code: int, description: str, *, after: int = 0, **parameters: Any
    ) -> None:
        """The next call of `method` fails, or the one following `after` good ones."""
        queue = self._failures.setdefault(method, deque())
        queue.extend([*([None] * after), ApiFailure(code, description, **parameters)])

    # -- updates

    def _user(self, chat: int) -> Json:
        return {"id": abs(chat), "is_bot": False, "first_name": "居民", "language_code": "zh-hans"}

    def _inbound(self, chat: int, content: Json) -> Json:
        return {
            "message_id": next(self._ids),
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "居民"},
            "from": self._user(chat),
            **content,
        }

    async def _message(self, chat: int, content: Json) -> Json:
        body = self._inbound(chat, content)
        self.chats.setdefault(chat, []).append(body)
        return await self._update({"message": body})

    async def _update(self, content: Json) -> Json:
        update = {"update_id": next(self._update_ids), **content}
        await self._queue(update)
        return update

    async def _queue(self, update: Json) -> None:
        async with self._changed:
            self.unconfirmed.append(update)
            self._changed.notify_all()

    def _keep(self, data: bytes) -> str:
        file_id = f"file{next(self._ids)}"
        self._files[file_id] = data
        return file_id

    async def _push(self) -> None:
        """Deliver to the webhook, in order, again and again until it is taken."""
        async with aiohttp.ClientSession() as session:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: self.unconfirmed and self.webhook.get("url"))
                    update = self.unconfirmed[0]
                headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret_token"]}
                try:
                    async with session.post(self.webhook["url"], json=update, headers=headers) as response:
                        status = response.status
                except aiohttp.ClientError:
                    status = 0
                async with self._changed:
                    self.webhook_statuses.append(status)
                    if 200 <= status < 300:
                        self.unconfirmed.remove(update)
                    self._changed.notify_all()
                if not 200 <= status < 300:
                    await asyncio.sleep(0.05)

    # -- the API

    async def _call(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != TOKEN:
            async with self._changed:
                self.calls.append(("unauthorized", {}))
                self._changed.notify_all()
            return web.json_response(ApiFailure(401, "Unauthorized").body, status=401)
        method = request.match_info["method"]
        form = await request.post() if request.method == "POST" else request.query
        parameters = {name: _value(value) for name, value in form.items()}
        names = {
            f"{name}_name": file.filename for name, file in form.items() if isinstance(file, web.FileField)
        }
        parameters.update(names)
        try:
            handler = getattr(self, f"_do_{method}", None)
            if handler is None:
                raise ApiFailure(404, "Not Found: method not found")
            waiting = self._failures.get(method)
            if waiting and (failure := waiting.popleft()):
                raise failure
            result = await handler(parameters)
        except ApiFailure as failure:
            return web.json_response(failure.body, status=failure.code)
        finally:
            async with self._changed:
                self.calls.append((method, parameters))
                self._changed.notify_all()
        return web.json_response({"ok": True, "result": result})

    async def _download(self, request: web.Request) -> web.Response:
        data = self._files.get(request.match_info["path"].removeprefix("photos/"))
        if request.match_info["token"] != TOKEN or data is None:
            return web.json_response(ApiFailure(404, "Not Found").body, status=404)
        return web.Response(body=data)

    async def _do_getMe(self, _: Json) -> Json:
        return {"id": 110201543, "is_bot": True, "first_name": "救助通", "username": "jiuzhutong_bot"}

    async def _do_deleteWebhook(self, _: Json) -> bool:
        self.webhook = {}
        return True

    async def _do_setWebhook(self, parameters: Json) -> bool:
        self.webhook = parameters
        if self._deliver is None:
            self._deliver = asyncio.create_task(self._push())
        return True

    async def _do_getUpdates(self, parameters: Json) -> list[Json]:
        if self.webhook:
            raise ApiFailure(
                409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first"
            )
        offset = int(parameters.get("offset") or 0)
        async with self._changed:
            self.unconfirmed = [update for update in self.unconfirmed if update["update_id"] >= offset]
            self._changed.notify_all()
            with suppress(TimeoutError):
                async with asyncio.timeout(float(parameters.get("timeout") or 0)):
                    await self._changed.wait_for(lambda: self.unconfirmed)
            return self.unconfirmed[:100]

    async def _do_sendMessage(self, parameters: Json) -> Json:
        text = str(parameters.get("text", ""))
        if not text.strip():
            raise ApiFailure(400, "Bad Request: message text is empty")
        if _units(text) > 4096:
            raise ApiFailure(400, "Bad Request: message is too long")
        for entity in parameters.get("entities") or []:
            if entity["offset"] + entity["length"] > _units(text):
                raise ApiFailure(400, "Bad Request: entity beyond the text")
        return self._say(parameters, {"text": text, "entities": parameters.get("entities") or []})

    async def _do_sendPhoto(self, parameters: Json) -> Json:
        file_id = self._keep(parameters["photo"])
        size = {"file_id": file_id, "file_unique_id": file_id, "width": 10, "height": 10}
        return self._say(parameters, {"photo": [size]})

    async def _do_sendDocument(self, parameters: Json) -> Json:
        file_id = self._keep(parameters["document"])
        document = {"file_id": file_id, "file_unique_id": file_id, "file_name": parameters["document_name"]}
        return self._say(parameters, {"document": document})

    async def _do_answerCallbackQuery(self, parameters: Json) -> bool:
        if parameters["callback_query_id"] not in self._queries:
            raise ApiFailure(
                400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
            )
        self._queries.discard(parameters["callback_query_id"])
        return True

    async def _do_editMessageReplyMarkup(self, parameters: Json) -> Json:
        return self._change(parameters, {})

    async def _do_editMessageText(self, parameters: Json) -> Json:
        return self._change(parameters, {"text": parameters["text"]})

    async def _do_getFile(self, parameters: Json) -> Json:
        data = self._files.get(parameters["file_id"])
        if data is None:
            raise ApiFailure(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(data) > _MAX_DOWNLOAD:
            raise ApiFailure(400, "Bad Request: file is too big")
        file_id = parameters["file_id"]
        return {"file_id": file_id, "file_unique_id": file_id, "file_path": f"photos/{file_id}"}

    async def _do_leaveChat(self, _: Json) -> bool:
        return True

    def _say(self, parameters: Mapping[str, Any], content: Json) -> Json:
        chat = int(parameters["chat_id"])
        if chat in self.blocked:
            raise ApiFailure(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats:
            raise ApiFailure(400, "Bad Request: chat not found")
        markup = parameters.get("reply_markup")
        for row in (markup or {}).get("inline_keyboard", []):
            for button in row:
                if not 1 <= len(button["callback_data"].encode()) <= 64:
                    raise ApiFailure(400, "Bad Request: BUTTON_DATA_INVALID")
        message = {
            "message_id": next(self._ids),
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "居民"},
            "from": {"id": 110201543, "is_bot": True, "first_name": "救助通"},
            **content,
            **({"reply_markup": markup} if markup else {}),
        }
        self.chats[chat].append(message)
        return message

    def _change(self, parameters: Mapping[str, Any], content: Json) -> Json:
        for message in self.chats.get(int(parameters["chat_id"]), []):
            if message["message_id"] != int(parameters["message_id"]):
                continue
            before = dict(message)
            message.update(content)
            message.pop("reply_markup", None)
            if parameters.get("reply_markup"):
                message["reply_markup"] = parameters["reply_markup"]
            if message == before:
                raise ApiFailure(400, "Bad Request: message is not modified")
            return message
        raise ApiFailure(400, "Bad Request: message to edit not found")


def _value(value: Any) -> Any:
    """python-telegram-bot sends nested values as JSON inside form fields, as the Bot API wants."""
    if isinstance(value, web.FileField):
        return value.file.read()
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
