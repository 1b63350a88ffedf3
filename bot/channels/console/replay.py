"""A conversation in the terminal, through the real gateway: lines in, the bot's messages out."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from bot.app import Service
from bot.channels.base import Rejected
from bot.channels.console import NAME
from bot.clock import MovedClock
from dialogues.state import DialogueState
from integrations.ports import MessageRow

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WAIT = re.compile(r"(\d{1,6})([smhdw])")


class BadLine(Exception):
    """A script line that cannot be carried out; operator text."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message of the bot, as the contract of `jzt chat --json` prints it. `files`: paths they were saved at."""

    turn: int
    text: str
    buttons: Sequence[dict[str, str]]
    files: Sequence[str]
    citations: Sequence[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """The JSON object of this line."""
        return {
            "turn": self.turn,
            "text": self.text,
            "buttons": list(self.buttons),
            "files": list(self.files),
            "citations": list(self.citations),
        }


class ConsoleChat:
    """One conversation. Turn 0 is the greeting; every line said is one turn more."""

    def __init__(self, service: Service, clock: MovedClock, *, folder: Path, saved: Path) -> None:
        """`folder`: where `/file` looks for relative paths. `saved`: where the bot's files go; made when needed."""
        self._service = service
        self._clock = clock
        self._folder = folder
        self._saved = saved
        self._conversation_id = ""
        self._turn = 0
        self._seen = 0

    async def open(self) -> list[Line]:
        """Begin; returns the greeting."""
        row = await self._service.gateway.open(NAME, "")
        self._conversation_id = row.id
        return await self._news()

    async def say(self, line: str) -> list[Line]:
        """Carry out one line; returns what the bot said to it.

        Raises:
            BadLine: `/wait` or `/file` with something unusable.
        """
        self._turn += 1
        try:
            await self._send(line)
        except Rejected as error:
            # Not stored, so it is not in the messages; the resident reads it all the same.
            return [Line(self._turn, error.message, [], [], [])]
        await self._service.worker.idle()
        return await self._news()

    async def state(self) -> dict[str, Any]:
        """The closing line: stack (top last), slots and facts, case and handoff."""
        async with self._service.storage.read() as tx:
            row = await tx.conversations.get(self._conversation_id)
        state = DialogueState.model_validate((row.state if row else None) or {})
        return {
            "state": {
                "stack": [frame.flow for frame in state.stack],
                "slots": {**state.facts, **state.slots},
                "case_id": state.case_id,
                "handoff": bool(row and row.mode != "bot"),
            }
        }

    async def _send(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        gateway = self._service.gateway
        match word:
            case "/wait":
                found = _WAIT.fullmatch(rest.strip())
                if found is None:
                    raise BadLine(f"/wait {rest}: give a number and s, m, h, d or w, as in /wait 2d")
                self._clock.move(timedelta(**{_UNITS[found[2]]: int(found[1])}))
            case "/button":
                await gateway.accept(self._conversation_id, client_id=str(uuid.uuid4()), payload=rest.strip())
            case "/file":
                path, data = self._read(rest.strip())
                await gateway.accept_file(
                    self._conversation_id,
                    client_id=str(uuid.uuid4()),
                    data=data,
                    filename=path.name,
                    mime=mimetypes.guess_type(path.name)[0] or "",
                )
            case _:
                await gateway.accept(self._conversation_id, client_id=str(uuid.uuid4()), text=line)

    def _read(self, name: str) -> tuple[Path, bytes]:
        path = Path(name)
        path = path if path.is_absolute() or path.exists() else self._folder / path
        try:
            return path, path.read_bytes()
        except OSError as error:
            raise BadLine(f"/file {name}: {error.strerror}") from None

    async def _news(self) -> list[Line]:
        async with self._service.storage.read() as tx:
            rows = await tx.messages.after(self._conversation_id, self._seen)
        if rows:
            self._seen = rows[-1].seq
        return [await self._line(row) for row in rows if row.direction == "out"]

    async def _line(self, row: MessageRow) -> Line:
        body = row.body
        files = [await self._save(str(document)) for document in body.get("files", ())]
        return Line(
            self._turn,
            str(body.get("text", "")),
            [{"title": button["title"], "payload": button["payload"]} for button in body.get("buttons", ())],
            files,
            list(body.get("citations", ())),
        )

    async def _save(self, document_id: str) -> str:
        """A terminal shows no files: it is put on the disk, and its path is shown."""
        row, data = await self._service.gateway.file(self._conversation_id, document_id)
        return str(await asyncio.to_thread(_write, self._saved, row.filename, data))


def _write(folder: Path, name: str, data: bytes) -> Path:
    """A new file; one that is there already is kept. Only the owner may read it: it tells of a family."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = folder / Path(name).name
    for number in count(2):
        try:
            with os.fdopen(os.open(wanted, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
        except FileExistsError:
            wanted = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        else:
            break
    return wanted
