"""Requests in, answers and errors out: one shape for every error, headers on every answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from bot.api.models import Error, ErrorDetail
from bot.channels.base import Rejected
from integrations.ports import AlreadyTaken, NotFound, StorageUnavailable

_log = structlog.get_logger(__name__)
ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_JSON_BYTES = 256 * 1024
RETRY_SECONDS = "5"
API = "/api/"

# Pages bring their own Content-Security-Policy (bot.web.routes); whatever else is answered must never run at all.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_REJECTED = {
    "empty": 400,
    "bad_payload": 400,
    "bad_client_id": 400,
    "not_found": 404,
    "too_long": 413,
    "file_too_large": 413,
    "unsupported_file": 415,
    "too_fast": 429,
    "unavailable": 503,
}
_STATUS_TEXT = {
    400: ("bad_request", "这条消息没有发完整。请刷新页面再试一次。"),
    401: ("unauthorized", "身份没有核对上。请重新打开页面。"),
    403: ("forbidden", "您没有这项权限。"),
    404: ("not_found", "没有找到您要的内容。"),
    405: ("method_not_allowed", "这个地址不能这样使用。"),
    413: ("too_large", "内容太大了，没有收到。请分开发送，或换一张小一点的照片。"),
    415: ("unsupported", "这种内容我打不开。"),
}


class ApiError(Exception):
    """An answer that is not a success; `message` is plain Chinese."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(code)


def answer(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`model` as JSON. Never cached: everything here is somebody's."""
    return web.Response(
        text=model.model_dump_json(),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


async def read(request: web.Request, model: type[ModelT]) -> ModelT:
    """The JSON body as `model`.

    Raises:
        ApiError: 413, or 400 when it is not JSON or does not fit. Names fields, never repeats values.
    """
    if request.content_length is not None and request.content_length > MAX_JSON_BYTES:
        raise ApiError(413, *_STATUS_TEXT[413])
    body = await read_body(request, MAX_JSON_BYTES)
    try:
        return model.model_validate_json(_whole_characters(body))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        code = "malformed_json" if found[0]["type"] == "json_invalid" else "bad_request"
        fields = ", ".join(sorted({".".join(map(str, item["loc"])) for item in found if item["loc"]}))
        _log.info("bad_request", path=request.path, fields=fields, code=code)
        raise ApiError(400, code, _STATUS_TEXT[400][1]) from None


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body, at most `limit` bytes of it.

    Raises:
        ApiError: 413, before the rest is read.
    """
    body = await request.content.read(limit + 1)
    while not request.content.at_eof() and len(body) <= limit:
        body += await request.content.read(limit + 1 - len(body))
    if len(body) > limit:
        raise ApiError(413, *_STATUS_TEXT[413])
    return body


def _whole_characters(body: bytes) -> bytes:
    """`body` without halves of emoji: some phones send them as an escape that strict parsers refuse, and the words
    around it would be lost. What is not JSON stays as it is."""
    if b"\\ud" not in body.lower():
        return body
    try:
        return json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "ignore")
    except (ValueError, RecursionError):
        return body


def after_of(request: web.Request) -> int:
    """The query parameter `after`: a sequence number, 0 when absent.

    Raises:
        ApiError: 400.
    """
    text = request.query.get("after", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ApiError(400, *_STATUS_TEXT[400])
    return int(text)


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return answer(Error(error=ErrorDetail(code=code, message=message)), status, headers)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every exception of a handler as `{"error": {code, message}}`; outside the API, the plain sentence."""
    try:
        return await handler(request)
    except ApiError as error:
        return _error(error.status, error.code, error.message, error.headers)
    except Rejected as error:
        status = _REJECTED[error.code]
        retry = {429: {"Retry-After": "30"}, 503: {"Retry-After": RETRY_SECONDS}}.get(status)
        return _error(status, error.code, error.message, retry)
    except NotFound:
        return _error(404, *_STATUS_TEXT[404])
    except AlreadyTaken:
        return _error(409, "already_taken", "另一位同事已经接手了这段对话。")
    except StorageUnavailable:
        return _error(
            503, "unavailable", "系统这会儿忙不过来，请过一会儿再试。", {"Retry-After": RETRY_SECONDS}
        )
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code, message = _STATUS_TEXT.get(error.status, (f"http_{error.status}", "请求没有成功，请再试一次。"))
        keep = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        if not request.path.startswith(API):
            return web.Response(text=message, status=error.status, headers=keep)
        return _error(error.status, code, message, keep)
    except Exception:
        _log.exception("request_failed", method=request.method, path=request.path)
        return _error(500, "internal", "系统出了点问题，已经通知管理员。请过几分钟再试。")


async def security_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """`on_response_prepare` signal: what the handler did not set itself."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    # Versions of libraries are nobody's business outside.
    response.headers["Server"] = "jzt"
