"""Endpoints for machines: health, metrics, the OpenAPI document, status events of the back office."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot import metrics
from bot.api.http import ApiError, answer, read_body
from bot.api.models import EventTaken, Health
from bot.api.openapi import Operation
from bot.gateway import Gateway
from integrations.backoffice import events, signing
from integrations.ports import NotFound, StorageUnavailable

_log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[bool]]


class ServiceApi:
    """Handlers that serve no person."""

    def __init__(self, gateway: Gateway, *, checks: Mapping[str, Check], backoffice_secret: str) -> None:
        """`checks`: what must work before traffic may come. Understanding is not among them: rules stand in."""
        self._gateway = gateway
        self._checks = checks
        self._secret = backoffice_secret

    def operations(self) -> Sequence[Operation]:
        """Every operation, for the router and the OpenAPI document."""
        return (
            Operation("GET", "/healthz", self.healthz, "The process runs", {200: Health}),
            Operation("GET", "/readyz", self.readyz, "The service can take messages", {200: Health, 503: Health}),
            Operation("GET", "/metrics", self.metrics, "Prometheus metrics (text)", {200: None}),
            Operation("POST", "/api/v1/backoffice/events", self.event, "A case's status event, signed",
                      {200: EventTaken}, body=events.BackofficeEvent, security="signature",
                      errors=(401, 404, 413, 422, 503)),
        )  # fmt: skip

    async def healthz(self, _request: web.Request) -> web.Response:
        """GET healthz."""
        return answer(Health(status="ok"))

    async def readyz(self, _request: web.Request) -> web.Response:
        """GET readyz."""
        found = {name: "ok" if await check() else "unavailable" for name, check in self._checks.items()}
        ready = all(state == "ok" for state in found.values())
        return answer(Health(status="ok" if ready else "unavailable", checks=found), 200 if ready else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        """GET metrics."""
        with contextlib.suppress(
            StorageUnavailable
        ):  # the other figures matter most when the database is away
            async with self._gateway.storage.read() as tx:
                metrics.WAITING.set(len(await tx.handoffs.waiting()))
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def event(self, request: web.Request) -> web.Response:
        """POST a status event."""
        body = await read_body(request, events.MAX_BODY)
        try:
            event = events.verify(request.headers, body, self._secret)
        except signing.SignatureInvalid as error:
            _log.warning("backoffice_event_refused", reason=str(error), remote=request.remote)
            raise ApiError(401, "bad_signature", "签名没有核对上。") from None
        except events.EventInvalid as error:
            _log.warning("backoffice_event_invalid", reason=str(error))
            raise ApiError(422, "bad_event", f"事件格式不对：{error}") from None
        try:
            new = await self._gateway.case_event(
                event.case_id,
                event.event_id,
                event.status,
                events.resident_text(event),
                event.model_dump(mode="json"),
                event.at,
            )
        except NotFound:
            raise ApiError(404, "unknown_case", "没有这个编号的申请。") from None
        return answer(EventTaken(duplicate=not new))
