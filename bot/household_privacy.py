"""A person's rights where one conversation spoke of several households: their part of it, and that part gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dialogues import households
from dialogues.state import DialogueState
from integrations.ports import FileStore, Json, NotFound, Storage
from integrations.storage.privacy import Erased, delete_unreferenced, export_conversation, may_have_left


@dataclass(frozen=True, slots=True)
class Part:
    """What of a conversation is one household's. Ids of cases, files and messages."""

    kept: Json
    cases: tuple[str, ...]
    documents: tuple[str, ...]
    messages: tuple[str, ...]


def part(whole: Json, number: int) -> Part:
    """One household's part of an exported conversation.

    A message is theirs when it was said while they were spoken of; a resident's, also when it answers or brings
    such a message: rather one of another household too many than one of theirs left behind.

    Raises:
        NotFound: the conversation has no household of that number.
    """
    state = DialogueState.model_validate(whole["conversation"]["state"] or {})
    household = households.numbered(state, number)
    if household is None:
        raise NotFound(f"household {number}")
    cases = tuple(case.receipt for case in state.cases if case.household == number)
    kept = {
        name: value for name, value in household.model_dump(mode="json").items() if name in households.KEPT
    }
    named = repr(kept) + repr([case["payload"] for case in whole["cases"] if case["id"] in cases])
    documents = tuple(row["id"] for row in whole["documents"] if row["id"] in named)
    return Part(kept, cases, documents, _messages(whole["messages"], number))


def only(whole: Json, number: int) -> Json:
    """An exported conversation cut down to one household.

    Raises:
        NotFound: there is none of that number.
    """
    mine = part(whole, number)
    return {
        "format": whole["format"],
        "household": number,
        "conversation": {key: whole["conversation"][key] for key in ("id", "channel", "pack")}
        | {"state": mine.kept},
        "messages": [row for row in whole["messages"] if row["id"] in mine.messages],
        "documents": [row for row in whole["documents"] if row["id"] in mine.documents],
        "cases": [row for row in whole["cases"] if row["id"] in mine.cases],
        "consents": [row for row in whole["consents"] if row["household"] == number],
    }


async def erase(storage: Storage, files: FileStore, conversation_id: str, number: int, *, who: str) -> Erased:
    """Erase one household of a conversation; the others stay. The access log says who did it.

    Raises:
        NotFound: no such conversation or household.
        StaleState: the conversation went on meanwhile; nothing was erased.
        StorageUnavailable: nothing, or everything but files, was erased.
    """
    async with storage.begin() as tx:
        row = await tx.conversations.get(conversation_id)
        if row is None:
            raise NotFound(f"conversation {conversation_id}")
        whole = await export_conversation(tx, conversation_id)
        mine = part(whole, number)
        sent = [case for case in mine.cases if any(map(may_have_left, await tx.outbox.for_case(case)))]
        state = DialogueState.model_validate(row.state or {})
        households.forget(state, number)
        state.version += 1
        await tx.conversations.save_state(
            conversation_id, state.model_dump(mode="json"), expected_version=row.state_version
        )
        rows = await tx.conversations.erase_part(
            conversation_id,
            household=number,
            cases=mine.cases,
            documents=mine.documents,
            messages=mine.messages,
        )
        await tx.records.access(who, "erase", conversation_id, f"household {number}")
    hashes = {row["sha256"] for row in whole["documents"] if row["id"] in mine.documents}
    return Erased(rows, await delete_unreferenced(storage, files, hashes), tuple(sent))


def _messages(rows: Sequence[dict[str, Any]], number: int) -> tuple[str, ...]:
    found = []
    for place, row in enumerate(rows):
        about = {_about(row)} if row["direction"] == "out" else {_before(rows, place), _after(rows, place)}
        if number in about:
            found.append(str(row["id"]))
    return tuple(found)


def _about(row: dict[str, Any]) -> int:
    number = row["body"].get("household", households.FIRST)
    return number if isinstance(number, int) else households.FIRST


def _before(rows: Sequence[dict[str, Any]], place: int) -> int:
    return next((_about(row) for row in reversed(rows[:place]) if row["author"] == "bot"), households.FIRST)


def _after(rows: Sequence[dict[str, Any]], place: int) -> int:
    later = next((_about(row) for row in rows[place + 1 :] if row["author"] == "bot"), None)
    return later if later is not None else _before(rows, place)
