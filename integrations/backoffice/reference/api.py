"""Receiving cases: `POST /api/cases`, signed JSON."""

from __future__ import annotations

import json

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from integrations.backoffice import case, schemas, signing
from integrations.backoffice.reference.database import CaseConflict
from integrations.backoffice.reference.keys import CLOCK, DATABASE, SECRET
from integrations.ports import StorageUnavailable

log = structlog.get_logger(__name__)
routes = web.RouteTableDef()


@routes.post("/api/cases")
async def receive(request: web.Request) -> web.Response:
    """Take a case: 201 stored, 200 had it, 400 not JSON, 401 not signed, 413 too long, 422 does not fit, 503 later."""
    body = await request.read()
    try:
        message_id = signing.verify(request.app[SECRET], request.headers, body)
    except signing.SignatureInvalid as error:
        log.warning("case refused: signature", reason=str(error))
        return _error(401, "signature", "signature missing, wrong or too old")
    try:
        data = json.loads(body)
    except ValueError:
        return _error(400, "not_json", "the body is not JSON")
    try:
        case.check_case(data)
    except schemas.SchemaViolation as violation:
        return _error(422, "schema", "does not fit case.schema.json", violation.problems)
    if data["idempotency_key"] != message_id:
        return _error(
            422, "schema", "contradiction", {"idempotency_key": "differs from the signed Webhook-Id"}
        )
    try:
        async with request.app[DATABASE].begin() as work:
            new = await work.receive(data, request.app[CLOCK]())
    except CaseConflict as conflict:
        return _error(422, "conflict", "taken", {conflict.field: "belongs to a different application"})
    log.info("case received", duplicate=not new)
    return web.json_response({"id": data["receipt"], "duplicate": not new}, status=201 if new else 200)


@routes.get("/healthz")
async def healthz(_request: web.Request) -> web.Response:
    """The process is up."""
    return web.json_response({"status": "ok"})


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What goes wrong under /api leaves as JSON with a code; the pages have their own words for it."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return _error(413, "too_large", "the body is too long")
    except web.HTTPException as error:
        return _error(error.status, "http", error.reason)
    except StorageUnavailable as error:
        log.warning("back office database away", reason=str(error))
        answer = _error(503, "storage", "cannot store now, send it again later")
        answer.headers["Retry-After"] = "5"
        return answer


def _error(status: int, code: str, message: str, fields: dict[str, str] | None = None) -> web.Response:
    return web.json_response(
        {"error": {"code": code, "message": message, "fields": fields or {}}}, status=status
    )
