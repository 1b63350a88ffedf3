"""Lives of the service, one process each, which kill themselves (SIGKILL) at the N-th touch of the database.

Usage: python -m tests.bot.crash_child VAR_DIR N[,N…] < messages (one a line; `/button PAYLOAD` presses)

One life for each N (0: not killed), until one comes to its end; that one prints the conversation and what is owed to
the back office as JSON lines. Like a page, a life sends again, under the same client id, whatever was not acknowledged
in an earlier one. The lives are forked from a process that has everything read, so that each takes little time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.app import open_packs, open_service
from bot.packs import Packs
from bot.settings import Settings
from integrations.storage.storage import SqlStorage
from nlu.rules import RuleUnderstanding


def kill_at(count: int) -> None:
    """Touches are numbered: each write transaction has one just before its commit and one just after."""
    begin = SqlStorage.begin
    touched = 0

    def touch() -> None:
        nonlocal touched
        touched += 1
        if touched == count:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextlib.asynccontextmanager
    async def watched(self: Any) -> AsyncIterator[Any]:
        async with begin(self) as tx:
            yield tx
            touch()
        touch()

    SqlStorage.begin = watched  # type: ignore[method-assign, assignment]


async def live(var: Path, lines: list[str], packs: Packs) -> None:
    acknowledged = var / "acknowledged"
    done = int(acknowledged.read_text()) if acknowledged.exists() else 0
    settings = Settings(var=var, nlu_start=False, rate_limit=10_000, sweep_seconds=0.05)
    async with open_service(settings, RuleUnderstanding(), packs=packs) as service:
        row = await service.gateway.conversation("console", "made-up-resident")
        for number, line in list(enumerate(lines))[done:]:
            await _until_worked(service, row.id)
            words, payload = (None, line[8:]) if line.startswith("/button ") else (line, None)
            await service.gateway.accept(row.id, client_id=f"m{number}", text=words, payload=payload)
            acknowledged.write_text(str(number + 1))
        await _until_worked(service, row.id)
        async with service.storage.read() as tx:
            history = await tx.messages.after(row.id, 0)
            cases = await tx.cases.for_conversation(row.id)
            owed = await tx.outbox.counts()
            handoff = await tx.handoffs.open_for(row.id)
    write = sys.stdout.write
    for message in history:
        write(
            json.dumps({"author": message.author, "text": message.body.get("text")}, ensure_ascii=False)
            + "\n"
        )
    write(
        json.dumps({"cases": len(cases), "outbox": sum(owed.values()), "handoff": handoff is not None}) + "\n"
    )


async def _until_worked(service: Any, conversation_id: str) -> None:
    """What an earlier life left behind is found by the sweeper; only then does the next message come."""
    async with asyncio.timeout(60):
        while True:
            await service.worker.idle()
            async with service.storage.read() as tx:
                if not await tx.messages.pending(conversation_id):
                    return
            await asyncio.sleep(0.01)


def main(var: Path, kill_points: list[int], lines: list[str]) -> int:
    packs = open_packs(Settings(nlu_start=False))
    packs.desk("shifan-xian")
    for count in kill_points:
        child = os.fork()
        if child == 0:
            kill_at(count)
            asyncio.run(live(var, lines, packs))
            sys.stdout.flush()
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != -signal.SIGKILL:
            return status
    return 1


if __name__ == "__main__":
    points = [int(point) for point in sys.argv[2].split(",")]
    sys.exit(main(Path(sys.argv[1]), points, sys.stdin.read().splitlines()))
