"""A conversation played against the real engine, pack, calendar and rule understanding, on a clock of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from dialogues import payloads
from dialogues.catalogue import Flows, load_flows
from dialogues.commands import AttachFile, CannotHandle, Command
from dialogues.effects import Effect, Say
from dialogues.engine import Engine, asked, context
from dialogues.state import DialogueState
from integrations.calendar.workdays import WorkCalendar
from nlu.rules import RuleUnderstanding
from policies_kb.knowledge import PackKnowledge, open_pack

START = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)


@cache
def flows() -> Flows:
    return load_flows()


@cache
def knowledge(pack: str) -> PackKnowledge:
    return open_pack(pack)


@cache
def engine(pack: str) -> Engine:
    return Engine(flows(), knowledge(pack), WorkCalendar())


class Conversation:
    """State, clock and everything that came out."""

    def __init__(self, pack: str = "shifan-xian", conversation_id: str = "c-1") -> None:
        self.pack = pack
        self.id = conversation_id
        self.state = DialogueState()
        self.now = START
        self.files = 0
        self.effects: list[Effect] = []
        self.turn: tuple[Effect, ...] = ()
        self._understanding = RuleUnderstanding()

    async def hear(self, text: str) -> None:
        understood = await self._understanding.understand(
            text, context(self.state, self.id, self.pack, self.now)
        )
        self.do(understood.commands)

    def press(self, payload: str) -> None:
        self.do([payloads.pressed(payload) or CannotHandle(reason="no_text")])

    def send_file(self, mime: str = "image/jpeg") -> None:
        self.files += 1
        document = f"00000000-0000-4000-8000-{self.files:012d}"
        self.do([AttachFile(document_id=document, sha256="ab" * 32, mime=mime, size=81920, filename="1.jpg")])

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    def do(self, commands: Sequence[Command]) -> None:
        before = self.state.model_dump_json()
        turn = engine(self.pack).handle(self.state, commands, now=self.now, conversation_id=self.id)
        assert self.state.model_dump_json() == before, "the engine changed its input"
        self.turn = turn.effects
        self.effects += turn.effects
        # What a restart does: nothing but JSON survives a turn.
        self.state = DialogueState.model_validate_json(turn.state.model_dump_json())
        self.wait(seconds=30)

    @property
    def said(self) -> list[Say]:
        return [effect for effect in self.turn if isinstance(effect, Say)]

    @property
    def text(self) -> str:
        return "\n".join(message.text for message in self.said)

    @property
    def asked(self) -> str | None:
        question = asked(self.state)
        return question.name if question is not None else None

    def of(self, kind: str) -> list[Effect]:
        return [effect for effect in self.effects if effect.kind == kind]
