"""Locks, rate limits and publish/subscribe behind `integrations.ports.Bus`: in-process or on Redis."""

from __future__ import annotations

from integrations.ports import Bus
from integrations.redis.bus import RedisBus
from integrations.redis.local import LocalBus
from integrations.redis.urls import BusProblem, connect

__all__ = ["BusProblem", "open_bus"]


def open_bus(url: str | None) -> Bus:
    """The bus at `url`, or one within this process when it is None. Connects on first use.

    Forms: redis://, rediss://, unix://, redis+sentinel://…/service, redis+cluster://… (see `urls`).

    Raises:
        BusProblem: the URL cannot be used; the text names the cure.
    """
    return LocalBus() if not url else RedisBus(connect(url))
