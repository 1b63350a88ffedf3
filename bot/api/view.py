"""Stored rows as the JSON that residents and staff read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.api.models import File, Message
from integrations.ports import MessageRow, Transaction

_STAFF = "staff:"


async def messages(
    tx: Transaction, conversation_id: str, rows: Sequence[MessageRow], *, notes: bool = False
) -> list[Message]:
    """`rows` with the names of their files and staff; internal notes only when asked for."""
    shown = [row for row in rows if notes or row.direction != "note"]
    files: Mapping[str, File] = {}
    if any(row.body.get("files") for row in shown):
        files = {
            document.id: File(id=document.id, filename=document.filename, mime=document.mime)
            for document in await tx.documents.for_conversation(conversation_id)
        }
    names: dict[str, str] = {}
    for author in {row.author for row in shown if row.author.startswith(_STAFF)}:
        staff = await tx.staff.get(author.removeprefix(_STAFF))
        names[author] = staff.display_name if staff else "工作人员"
    return [_message(row, files, names) for row in shown]


def _message(row: MessageRow, files: Mapping[str, File], names: Mapping[str, str]) -> Message:
    body = row.body
    return Message.model_validate(
        {
            "seq": row.seq,
            "author": "staff" if row.author in names else row.author,
            "name": names.get(row.author),
            "text": body.get("text", ""),
            "buttons": body.get("buttons", ()),
            "files": [files[document] for document in body.get("files", ()) if document in files],
            "citations": body.get("citations", ()),
            "speech": body.get("speech", "normal"),
            # A staff reply keeps its page's id in the body: the column is the resident's.
            "client_id": row.client_id or body.get("client_id"),
            "payload": body.get("payload"),
            "created_at": row.created_at,
        }
    )
