"""A resident's rights over a whole conversation: all of it in one readable document, and all of it gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from integrations.ports import FileStore, Json, MessageRow, NotFound, OutboxRow, Storage, Transaction

EXPORT_FORMAT = "jiuzhutong-conversation-1"
_PAGE = 500
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. `at_backoffice`: receipt numbers that were sent on; those copies are the back office's."""

    rows: int
    files: int
    at_backoffice: tuple[str, ...]


async def export_conversation(tx: Transaction, conversation_id: str) -> Json:
    """Everything kept of the conversation, as JSON with ISO times (UTC).

    Raises:
        NotFound: unknown or erased.
    """
    conversation = await tx.conversations.get(conversation_id)
    if conversation is None:
        raise NotFound(f"conversation {conversation_id}")
    whole = _plain(asdict(conversation))
    # A secret between the resident's browser and the service, of no use to a reader.
    del whole["token_hash"]
    return {
        "format": EXPORT_FORMAT,
        "conversation": whole,
        "messages": [_plain(asdict(row)) for row in await _messages(tx, conversation_id)],
        "documents": [_plain(asdict(row)) for row in await tx.documents.for_conversation(conversation_id)],
        "cases": [
            {**_plain(asdict(row)), "events": list(await tx.cases.events(row.id))}
            for row in await tx.cases.for_conversation(conversation_id)
        ],
        "consents": list(await tx.records.consents(conversation_id)),
        "handoffs": [_plain(asdict(row)) for row in await tx.handoffs.history(conversation_id)],
        "accesses": list(await tx.records.accesses(conversation_id, _ALL)),
    }


async def erase_conversation(storage: Storage, files: FileStore, conversation_id: str, *, who: str) -> Erased:
    """Erase the conversation's personal records and its files; the access log says who did it.

    The database goes first: should the disk fail then, bytes without a record are left, which nobody can find or read
    by way of the service, and a second call does not need them.

    Raises:
        NotFound: unknown or already erased.
        StorageUnavailable: nothing, or everything but files, was erased.
    """
    async with storage.begin() as tx:
        if await tx.conversations.get(conversation_id) is None:
            raise NotFound(f"conversation {conversation_id}")
        hashes = {row.sha256 for row in await tx.documents.for_conversation(conversation_id)}
        sent = [
            entry.case_id
            for case in await tx.cases.for_conversation(conversation_id)
            for entry in await tx.outbox.for_case(case.id)
            if may_have_left(entry)
        ]
        rows = await tx.conversations.erase(conversation_id)
        await tx.records.access(who, "erase", conversation_id)
    return Erased(rows, await delete_unreferenced(storage, files, hashes), tuple(dict.fromkeys(sent)))


async def delete_unreferenced(storage: Storage, files: FileStore, hashes: Collection[str]) -> int:
    """Delete the files of these hashes that no document names any more; how many went."""
    removed = 0
    for sha256 in sorted(hashes):
        async with storage.read() as tx:
            shared = await tx.documents.references(sha256)
        if not shared:
            await files.delete(sha256)
            removed += 1
    return removed


def may_have_left(entry: OutboxRow) -> bool:
    """Delivered; or tried or claimed, when the answer may have been lost on the way back."""
    return entry.status == "delivered" or entry.attempts > 0 or entry.next_attempt_at > entry.created_at


async def _messages(tx: Transaction, conversation_id: str) -> Sequence[MessageRow]:
    found: list[MessageRow] = []
    while page := await tx.messages.after(conversation_id, found[-1].seq if found else 0, _PAGE):
        found += page
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
