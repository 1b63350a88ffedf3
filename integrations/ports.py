"""The rim's ports: what the service asks of storage, bus, files. Adapters live in the sub-packages.

Times are timezone-aware UTC. Ids are UUID4 strings unless said otherwise. JSON bodies and every field marked
*encrypted* are stored as ciphertext; the adapter encrypts and decrypts, callers see plain values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Json = dict[str, Any]
Mode = Literal["bot", "waiting", "human"]
Direction = Literal["in", "out", "note"]


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One conversation. `address` is the channel's own id of the resident (encrypted; looked up by keyed hash)."""

    id: str
    channel: str
    address: str
    pack: str
    mode: Mode
    assignee: str | None
    state: Json | None
    state_version: int
    last_seq: int
    created_at: datetime
    updated_at: datetime
    token_hash: str | None = None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message. `seq` is 1, 2, 3 … within its conversation, over both directions.

    `body` (encrypted): {"text", "buttons": [{"title","payload"}], "files": [document id], "citations": [...],
    "payload"?: str}. `author`: resident, bot, system or staff:<name>. `status` of an inbound message: received
    (accepted, not yet worked) → processed; of an outbound one: queued → sent | failed (push channels only).
    """

    id: str
    conversation_id: str
    seq: int
    direction: Direction
    author: str
    client_id: str | None
    body: Json
    status: Literal["received", "processed", "queued", "sent", "failed"]
    created_at: datetime
    attempts: int = 0
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HandoffRow:
    """One stay in the waiting list, from request to end."""

    id: str
    conversation_id: str
    reason: str
    urgent: bool
    status: Literal["waiting", "taken", "closed"]
    assignee: str | None
    created_at: datetime
    taken_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A submitted application. `payload` (encrypted) validates against case.schema.json."""

    id: str = field(metadata={"doc": "the receipt number"})
    conversation_id: str
    idempotency_key: str
    status: str
    payload: Json
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A delivery owed to the back office. `payload` (encrypted) is what is sent."""

    id: str
    case_id: str
    topic: str
    payload: Json
    idempotency_key: str
    status: Literal["pending", "delivered", "parked"]
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A stored file's record; the bytes are with the file store."""

    id: str
    conversation_id: str
    sha256: str
    mime: str
    size: int
    filename: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StaffRow:
    """A member of staff."""

    name: str
    display_name: str
    password_hash: str
    role: Literal["worker", "admin"]
    active: bool


class Conversations(Protocol):
    """Conversations by id and by channel address."""

    async def create(
        self, channel: str, address: str, pack: str, *, token_hash: str | None = None
    ) -> ConversationRow: ...
    async def get(self, conversation_id: str) -> ConversationRow | None: ...
    async def by_address(self, channel: str, address: str) -> ConversationRow | None: ...
    async def save_state(self, conversation_id: str, state: Json, *, expected_version: int) -> None:
        """Raises StaleState when somebody else saved in between."""
        ...

    async def idle(self, pack: str, before: datetime, limit: int = 100) -> Sequence[str]:
        """Conversations of the pack untouched since `before`, without a case and in no staff's hands; oldest first."""
        ...

    async def begun(
        self, pack: str, before: datetime, after: str = "", limit: int = 100
    ) -> Sequence[ConversationRow]:
        """Conversations of the pack begun before `before` and in no staff's hands, by id; those behind `after`."""
        ...

    async def set_mode(self, conversation_id: str, mode: Mode, assignee: str | None) -> None: ...
    async def erase(self, conversation_id: str) -> int:
        """Erase every personal record of the conversation (messages, state, documents, cases' personal fields,
        consents); keeps a tombstone and the access log. Returns the rows touched."""
        ...

    async def erase_part(
        self, conversation_id: str, *, household: int, cases: Collection[str], documents: Collection[str],
        messages: Collection[str],
    ) -> int:  # fmt: skip
        """Erase what is kept of one of its households: these cases' personal fields, these files' records and
        messages, and that household's consents; the state is the caller's to save. Returns the rows touched."""
        ...


class Messages(Protocol):
    """Messages in order."""

    async def accept(
        self, conversation_id: str, client_id: str | None, body: Json
    ) -> tuple[MessageRow, bool]:
        """Store an inbound message; (row, False) when this client_id was accepted before."""
        ...

    async def pending(self, conversation_id: str) -> Sequence[MessageRow]:
        """Inbound messages still `received`, in order."""
        ...

    async def conversations_with_pending(self, limit: int = 100) -> Sequence[str]: ...
    async def mark_processed(self, message_id: str) -> None: ...
    async def attempted(self, message_id: str) -> int:
        """Count one more attempt to work an inbound message (before the work, so that a crash is counted too);
        returns the attempts so far, this one included."""
        ...

    async def say(
        self,
        conversation_id: str,
        author: str,
        body: Json,
        *,
        direction: Direction = "out",
        queued: bool = False,
    ) -> MessageRow:
        """Append an outbound message or a note; `queued` when a push channel must deliver it."""
        ...

    async def after(self, conversation_id: str, seq: int, limit: int = 500) -> Sequence[MessageRow]: ...
    async def due_deliveries(self, channel: str, now: datetime, limit: int = 50) -> Sequence[MessageRow]:
        """Queued messages of the channel that are due, oldest first, at most the first of each conversation."""
        ...

    async def mark_delivery(
        self,
        message_id: str,
        status: Literal["queued", "sent", "failed"],
        *,
        next_attempt_at: datetime | None = None,
    ) -> None: ...


class Handoffs(Protocol):
    """The waiting list. Every method keeps the conversation's mode and the handoff row in step, in one transaction."""

    async def request(self, conversation_id: str, reason: str, *, urgent: bool) -> HandoffRow:
        """Idempotent while one is open; `urgent` upgrades an open one."""
        ...

    async def waiting(self) -> Sequence[HandoffRow]:
        """Urgent first, then oldest first."""
        ...

    async def taken_by(self, assignee: str) -> Sequence[HandoffRow]: ...
    async def get(self, handoff_id: str) -> HandoffRow | None: ...
    async def history(self, conversation_id: str) -> Sequence[HandoffRow]:
        """Every stay of this conversation, closed ones too, oldest first."""
        ...

    async def open_for(self, conversation_id: str) -> HandoffRow | None: ...
    async def take(self, handoff_id: str, assignee: str) -> HandoffRow:
        """Raises AlreadyTaken when another member of staff was first, NotFound when it is closed."""
        ...

    async def assign(self, handoff_id: str, assignee: str, *, by: str) -> HandoffRow: ...
    async def release(self, handoff_id: str, *, by: str) -> HandoffRow:
        """Back to the waiting list (taken → waiting)."""
        ...

    async def close(self, handoff_id: str, *, by: str) -> HandoffRow:
        """Hand the conversation back to the bot."""
        ...


class Cases(Protocol):
    """Cases, their events and the outbox."""

    async def open(
        self, case_id: str, conversation_id: str, idempotency_key: str, payload: Json, topic: str
    ) -> tuple[CaseRow, bool]:
        """Insert case and outbox entry; (existing, False) when the idempotency key is known."""
        ...

    async def get(self, case_id: str) -> CaseRow | None: ...
    async def list(self, *, limit: int = 100, before: datetime | None = None) -> Sequence[CaseRow]: ...
    async def for_conversation(self, conversation_id: str) -> Sequence[CaseRow]: ...
    async def add_event(self, case_id: str, event_id: str, status: str, body: Json, at: datetime) -> bool:
        """False when this event id was seen before. Updates the case's status unless a later event did."""
        ...

    async def events(self, case_id: str) -> Sequence[Json]: ...


class Outbox(Protocol):
    """Deliveries owed."""

    async def due(self, now: datetime, limit: int = 20) -> Sequence[OutboxRow]:
        """Pending entries due; claimed for this transaction (SKIP LOCKED where the database has it)."""
        ...

    async def claim(self, now: datetime, lease_until: datetime, limit: int = 20) -> Sequence[OutboxRow]:
        """Like `due`, and sets `next_attempt_at` of every entry returned to `lease_until` (attempts unchanged).

        So no transaction stays open over HTTP, two workers never send the same entry at once, and an entry
        whose worker died is due again when the lease ends.
        """
        ...

    async def delivered(self, outbox_id: str) -> None: ...
    async def retry(self, outbox_id: str, next_attempt_at: datetime, error: str) -> None: ...
    async def park(self, outbox_id: str, error: str) -> None: ...
    async def parked(self) -> Sequence[OutboxRow]: ...
    async def for_case(self, case_id: str) -> Sequence[OutboxRow]:
        """Every delivery of the case, whatever its status; a delivered one has an empty payload."""
        ...

    async def counts(self) -> Mapping[str, int]: ...
    async def unpark(self, outbox_id: str) -> bool: ...


class Documents(Protocol):
    """Records of stored files."""

    async def add(self, row: DocumentRow) -> None: ...
    async def get(self, document_id: str) -> DocumentRow | None: ...
    async def for_conversation(self, conversation_id: str) -> Sequence[DocumentRow]: ...
    async def references(self, sha256: str) -> int:
        """Records that stand on these bytes; 0: the file store may delete them."""
        ...


class Staff(Protocol):
    """Staff accounts."""

    async def add(self, row: StaffRow) -> None: ...
    async def get(self, name: str) -> StaffRow | None: ...
    async def list(self) -> Sequence[StaffRow]: ...
    async def set_password(self, name: str, password_hash: str) -> None: ...
    async def set_active(self, name: str, active: bool) -> None: ...


class Records(Protocol):
    """Consents, the access log and feedback."""

    async def consent(
        self, conversation_id: str, purpose: str, text_version: str, text_sha256: str, *, given: bool,
        household: int = 1, given_by: str = "self",
    ) -> None:  # fmt: skip
        """`household`: its number in the conversation; `given_by`: self, or who says so and how (cadre:phone)."""
        ...

    async def consents(self, conversation_id: str) -> Sequence[Json]: ...
    async def access(self, who: str, what: str, subject: str, detail: str = "") -> None:
        """Who looked at or changed what (`what`: view_conversation, take, reply, export, erase …)."""
        ...

    async def accesses(self, subject: str | None = None, limit: int = 200) -> Sequence[Json]: ...
    async def note(self, topic: str, body: Json) -> None:
        """Unanswered questions, satisfaction."""
        ...

    async def notes(self, topic: str, limit: int = 200) -> Sequence[Json]:
        """Newest first: {"topic", "body", "at"}."""
        ...


class Transaction(Protocol):
    """One database transaction: commits when the block ends, rolls back when it raises."""

    @property
    def conversations(self) -> Conversations: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def handoffs(self) -> Handoffs: ...
    @property
    def cases(self) -> Cases: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def staff(self) -> Staff: ...
    @property
    def records(self) -> Records: ...


class Storage(Protocol):
    """The database. A locked or briefly absent database is retried inside `begin`, then StorageUnavailable."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that may write. Short: never await the network, a bus lock or another `begin` inside."""
        ...

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """A read-only snapshot. Does not wait for writers; a write in it is an error."""
        ...

    async def migrate(self) -> None: ...
    async def ready(self) -> bool: ...
    async def close(self) -> None: ...


class Bus(Protocol):
    """Locks, rate limits, publish/subscribe. In-process or Redis, same behaviour."""

    def lock(self, key: str, *, ttl: float = 30.0) -> AbstractAsyncContextManager[None]:
        """Mutual exclusion over all workers; renewed while held."""
        ...

    async def allow(self, key: str, *, limit: int, window: float) -> bool:
        """Sliding window: true for the first `limit` calls in any `window` seconds."""
        ...

    async def give_back(self, key: str) -> None:
        """Undo one call of `allow` that was true (the attempt turned out to be none worth counting)."""
        ...

    async def publish(self, topic: str, message: Json) -> None: ...
    def subscribe(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[Json]]:
        """Subscribed once the block is entered; a Redis that comes back is subscribed again."""
        ...

    async def ready(self) -> bool: ...
    async def close(self) -> None: ...


class FileStore(Protocol):
    """Bytes of residents' files, encrypted at rest."""

    async def put(self, data: bytes) -> str:
        """Returns the SHA-256 (hex) of the plain bytes. Raises StorageUnavailable when the disk is full."""
        ...

    async def get(self, sha256: str) -> bytes: ...
    async def delete(self, sha256: str) -> None: ...


class StorageUnavailable(Exception):
    """The database or disk cannot take a write now; nothing was accepted."""


class StaleState(Exception):
    """The conversation's state was saved by somebody else since it was read."""


class AlreadyTaken(Exception):
    """Another member of staff holds this conversation."""


class NotFound(Exception):
    """No such row, or it is already closed."""
