"""Operator logs: structlog on stderr, JSON for machines or lines for a terminal, personal figures masked."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

from bot.masking import mask

# Values under these keys are the resident's own words or secrets: not even masked ones belong in a log.
_NEVER = frozenset(
    {"text", "body", "payload", "password", "token", "secret", "key", "slots", "facts", "address", "cookie"}
)
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# Ids are ours and carry nothing personal; masking them would leave operators without a thread to follow.
_IDS = frozenset(
    {"conversation_id", "message_id", "case_id", "handoff_id", "document_id", "outbox_id", "event_id"}
)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: "****" if key in _NEVER else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    if isinstance(value, bool | int | float) or value is None:
        # A bare figure long enough to be an ID number or an account is treated as one.
        return mask(str(value)) if isinstance(value, int) and abs(value) >= 10**10 else value
    return mask(str(value))


def mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor: masks every value of the event, whatever its depth."""
    for key, value in event.items():
        if key in _IDS and isinstance(value, str):
            continue
        event[key] = "****" if key in _NEVER else _clean(value)
    return event


def configure(
    log_format: Literal["console", "json"] | None = None,
    level: Literal["debug", "info", "warning", "error"] = "info",
) -> None:
    """Set up structlog and the standard library's logging (libraries' records take the same road)."""
    chosen = log_format or ("console" if sys.stderr.isatty() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        structlog.processors.format_exc_info,
        mask_event,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if chosen == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # On the handler as well: some libraries set their own loggers to DEBUG when they are imported.
    handler.setLevel(_LEVELS[level])
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # These write a line for every request or poll, with the address (and a bot's token) in it.
    for noisy in ("aiohttp.access", "httpx", "httpcore", "telegram", "apscheduler", "bm25s", "jieba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
