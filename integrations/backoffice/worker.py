"""The worker that empties an outbox: claim, send, mark; back off, park."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import structlog
from prometheus_client import Counter, Gauge, Histogram

from integrations.backoffice.connector import Connector, Delivered, Outcome, Refused, Unavailable
from integrations.ports import OutboxRow, StorageUnavailable

log = structlog.get_logger(__name__)

DELIVERIES = Counter("jzt_outbox_deliveries", "Attempts at delivery", ["queue", "outcome"])
SECONDS = Histogram("jzt_outbox_delivery_seconds", "Duration of one attempt", ["queue"])
ENTRIES = Gauge("jzt_outbox_entries", "Entries by status, as last counted", ["queue", "status"])


class Deliveries(Protocol):
    """What the worker needs of an outbox; `integrations.ports.Outbox` is one."""

    async def claim(self, now: datetime, lease_until: datetime, limit: int = 20) -> Sequence[OutboxRow]: ...
    async def delivered(self, outbox_id: str) -> None: ...
    async def retry(self, outbox_id: str, next_attempt_at: datetime, error: str) -> None: ...
    async def park(self, outbox_id: str, error: str) -> None: ...
    async def counts(self) -> Mapping[str, int]: ...


class HasOutbox(Protocol):
    """A transaction with an outbox in it."""

    @property
    def outbox(self) -> Deliveries: ...


class OutboxStorage(Protocol):
    """A database with an outbox; `integrations.ports.Storage` is one."""

    def begin(self) -> AbstractAsyncContextManager[HasOutbox]: ...


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Back-off of an entry: `first` seconds, doubled each time up to `longest`, `attempts` in all, then parked.

    The defaults give a receiver that is down almost four days: ten attempts in the first hour and a half, then one
    an hour.
    """

    first: float = 5.0
    longest: float = 3600.0
    attempts: int = 96

    def wait(self, attempts: int, chance: float) -> timedelta:
        """Time to the next attempt after `attempts` failed ones; `chance` in 0..1 spreads it over its upper half."""
        # Half and not full jitter: two services that lost the same receiver part, and none comes back at once.
        full = min(self.longest, self.first * 2.0 ** min(attempts - 1, 32))
        return timedelta(seconds=full * (0.5 + chance / 2))


class OutboxWorker:
    """Delivers what is due, one entry at a time, until stopped.

    No transaction is open while a request is under way. An entry whose worker dies between sending and marking is
    sent again when its lease ends; the receiver knows it by the idempotency key.
    """

    def __init__(
        self,
        storage: OutboxStorage,
        connector: Connector,
        *,
        clock: Callable[[], datetime],
        policy: RetryPolicy = RetryPolicy(),
        poll: float = 5.0,
        lease: float = 60.0,
        queue: str = "cases",
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`poll`: seconds between looks when nobody nudges; `lease`: seconds, longer than the connector's timeout."""
        self._storage = storage
        self._connector = connector
        self._clock = clock
        self._policy = policy
        self._poll = poll
        self._lease = timedelta(seconds=lease)
        self._queue = queue
        self._chance = chance
        self._nudged = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to deliver in the background. Once only until `stop`."""
        if self._task is not None:
            raise RuntimeError("the worker is running")
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name=f"outbox-{self._queue}")

    async def stop(self, *, grace: float = 15.0) -> None:
        """Finish the delivery under way (at most `grace` seconds), then end and close the connector."""
        self._stopping = True
        self._nudged.set()
        task, self._task = self._task, None
        if task is not None:
            with suppress(TimeoutError):
                # wait_for cancels what overruns; the entry is then sent again by the next worker.
                await asyncio.wait_for(task, grace)
        await self._connector.close()

    def nudge(self) -> None:
        """Something was put into the outbox: look now."""
        self._nudged.set()

    async def run_once(self) -> int:
        """Deliver everything due now; returns the attempts made. Stops early when the receiver is away.

        Raises:
            StorageUnavailable: the database could not be read or marked; nothing is lost.
        """
        attempts = 0
        while not self._stopping:
            now = self._clock()
            async with self._storage.begin() as tx:
                claimed = await tx.outbox.claim(now, now + self._lease, limit=1)
            if not claimed:
                break
            attempts += 1
            if await self._deliver(claimed[0]) == "retry":
                # The others would meet the same closed door and only use up their attempts.
                break
        await self._count()
        return attempts

    async def _deliver(self, row: OutboxRow) -> Literal["delivered", "retry", "parked"]:
        outcome: Outcome
        with SECONDS.labels(self._queue).time():
            try:
                outcome = await self._connector.deliver(row.payload, row.idempotency_key)
            except Exception as error:
                # A fault of ours in one entry: it counts as an attempt and ends up parked, where it is seen.
                log.exception("outbox: delivery raised", queue=self._queue, entry=row.id)
                outcome = Unavailable(f"internal error: {type(error).__name__}")
        attempt = row.attempts + 1
        done: Literal["delivered", "retry", "parked"]
        async with self._storage.begin() as tx:
            match outcome:
                case Delivered():
                    done, reason = "delivered", ""
                    await tx.outbox.delivered(row.id)
                case Refused(reason):
                    done = "parked"
                    await tx.outbox.park(row.id, reason)
                case Unavailable(reason, _) if attempt >= self._policy.attempts:
                    done = "parked"
                    await tx.outbox.park(row.id, f"{reason} (given up after {attempt} attempts)")
                case Unavailable(reason, retry_after):
                    done = "retry"
                    wait = max(
                        self._policy.wait(attempt, self._chance()),
                        timedelta(seconds=min(retry_after or 0, 86400)),
                    )
                    await tx.outbox.retry(row.id, self._clock() + wait, reason)
        DELIVERIES.labels(self._queue, done).inc()
        # Only the head of the reason ("HTTP 422"): the receiver's own words may name the person.
        (log.info if done == "delivered" else log.warning)(
            "outbox entry " + done,
            queue=self._queue,
            entry=row.id,
            attempt=attempt,
            reason=reason.partition(":")[0] or None,
        )
        return done

    async def _count(self) -> None:
        async with self._storage.begin() as tx:
            counts = await tx.outbox.counts()
        for status in ("pending", "delivered", "parked"):
            ENTRIES.labels(self._queue, status).set(counts.get(status, 0))

    async def _run(self) -> None:
        while not self._stopping:
            self._nudged.clear()
            try:
                await self.run_once()
            except StorageUnavailable as error:
                log.warning("outbox: database away, trying again", queue=self._queue, error=str(error))
            except Exception:
                # Whatever it was, the next entry and the next try must not be lost with it.
                log.exception("outbox: run failed", queue=self._queue)
            if self._stopping:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), self._poll)
