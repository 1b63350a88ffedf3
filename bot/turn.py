"""One turn: an accepted message is understood, worked and answered, in one transaction, through the gate.

The gate: whether the bot may speak is read from the database inside the transaction that would store its words,
after the conversation's row was locked by saving its state. So a take-over either sees the bot's reply already
there, or the reply is never written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from bot import metrics
from bot.channels.base import Capabilities
from bot.clock import Clock
from bot.hints import OUTBOX, STAFF, Hints, conversation_key, delivery_key
from bot.masking import mask
from bot.packs import Packs
from bot.paper import Papers
from bot.submission import case_payload
from dialogues import effects as fx
from dialogues import payloads
from dialogues.commands import (
    AskPolicy,
    AttachFile,
    CannotHandle,
    CaseUpdate,
    Command,
    HandedBack,
    HumanHandoff,
    SessionStart,
    UrgentDanger,
)
from dialogues.engine import Turn, context
from dialogues.ports import Understanding
from dialogues.state import DialogueState
from integrations.backoffice.case import TOPIC
from integrations.ports import (
    ConversationRow,
    FileStore,
    HandoffRow,
    Json,
    MessageRow,
    NotFound,
    StaleState,
    Storage,
    Transaction,
)

_log = structlog.get_logger(__name__)

# Each redo means that somebody else moved the conversation meanwhile; more than this is a fault, not bad luck.
_REDO = 8
_OF_CAPTIONS = (UrgentDanger, HumanHandoff, AskPolicy)


# Said as a system message while a person leads the conversation; otherwise the flows have their own words for it.
_NEWS = "您的申请有新进展（编号 {receipt}）:\n{text}"
_TROUBLE_REASON = "系统出错，申请没有提交成功"


class _ModeMoved(Exception):
    """The gate: between reading and writing, a person took the conversation."""


class Turns:
    """Works messages and events of conversations. Callers see to the order within one conversation."""

    def __init__(
        self,
        *,
        storage: Storage,
        files: FileStore,
        packs: Packs,
        understanding: Understanding,
        hints: Hints,
        clock: Clock,
        channels: Mapping[str, Capabilities],
    ) -> None:
        self._storage = storage
        self._papers = Papers(files, clock)
        self._packs = packs
        self._understanding = understanding
        self._hints = hints
        self._clock = clock
        self._channels = channels

    async def prepare(self, pack: str) -> None:
        """Open `pack`, so that a conversation may use it.

        Raises:
            policies_kb.errors.DataFileError: there is no such pack, or it has a fault.
        """
        await self._packs.prepare(pack)

    async def message(self, message: MessageRow) -> None:
        """Work one accepted message to its end; nothing happens when it was worked before.

        Raises:
            StorageUnavailable: nothing was done; try again later.
            Exception: whatever a flow, rule or adapter raised; nothing was done.
        """
        for _ in range(_REDO):
            async with self._storage.read() as tx:
                # In this order: were the message read first, another worker could finish it in between, and its
                # new state would look like the one this message has still to meet.
                conversation = await tx.conversations.get(message.conversation_id)
                rows = await tx.messages.after(message.conversation_id, message.seq - 1, 1)
            if conversation is None or not rows or rows[0].id != message.id or rows[0].status != "received":
                return
            await self._packs.ready(conversation.pack)
            try:
                if conversation.mode == "human":
                    await self._leave_to_person(conversation, message)
                else:
                    await self._answer(conversation, message)
                return
            except (StaleState, _ModeMoved):
                metrics.REDONE.inc()
        raise StaleState(f"conversation {message.conversation_id} keeps moving")

    async def greet(self, conversation_id: str) -> None:
        """Say the greeting of a conversation in which nothing was said yet."""
        for _ in range(_REDO):
            conversation = await self._conversation(conversation_id)
            if conversation.mode == "human" or _state(conversation).started:
                return
            try:
                turn = self._handle(conversation, [SessionStart()])
                async with self._storage.begin() as tx:
                    await self._store(tx, conversation, turn)
                await self._hint(conversation, turn.effects)
                return
            except (StaleState, _ModeMoved):
                metrics.REDONE.inc()

    async def case_event(
        self, case_id: str, event_id: str, status: str, text: str, body: Json, at: datetime
    ) -> bool:
        """A status event of a case: stored and told to the resident (`text`) in one transaction.

        Returns:
            False when this event was told before.

        Raises:
            NotFound: no such case.
        """
        command = CaseUpdate(receipt=case_id, status=status, text=text)
        for _ in range(_REDO):
            async with self._storage.read() as tx:
                case = await tx.cases.get(case_id)
            if case is None:
                raise NotFound(case_id)
            conversation = await self._conversation(case.conversation_id)
            turn = self._handle(conversation, [command])
            person = conversation.mode == "human"
            try:
                async with self._storage.begin() as tx:
                    if not await tx.cases.add_event(case_id, event_id, status, body, at):
                        return False
                    if person:
                        # The person leads the conversation: the resident learns the news, the flow stays silent.
                        await tx.conversations.save_state(
                            conversation.id, _dump(turn), expected_version=conversation.state_version
                        )
                        await self._say(
                            tx, conversation, "system", {"text": _NEWS.format(receipt=case_id, text=text)}
                        )
                    else:
                        await self._store(tx, conversation, turn)
                await self._hint(conversation, turn.effects)
                return True
            except (StaleState, _ModeMoved):
                metrics.REDONE.inc()
        raise StaleState(f"conversation of case {case_id} keeps moving")

    async def hand_back(self, handoff: HandoffRow, *, by: str) -> None:
        """End a handoff: from here on the bot speaks again, and asks its open question again, once.

        Raises:
            NotFound: it is closed already, or the conversation was erased.
        """
        for _ in range(_REDO):
            conversation = await self._conversation(handoff.conversation_id)
            turn = self._handle(conversation, [HandedBack()])
            try:
                async with self._storage.begin() as tx:
                    await tx.handoffs.close(handoff.id, by=by)
                    await self._store(tx, conversation, turn)
                await self._hint(conversation, turn.effects)
                return
            except (StaleState, _ModeMoved):
                metrics.REDONE.inc()
        raise StaleState(f"conversation {handoff.conversation_id} keeps moving")

    async def give_up(self, message: MessageRow, *, handoff: bool) -> None:
        """End a message that cannot be worked: the resident is told, the state stays as it was."""
        async with self._storage.begin() as tx:
            conversation = await tx.conversations.get(message.conversation_id)
            if conversation is None:
                return
            if conversation.mode != "human":
                await self._say(tx, conversation, "bot", self._packs.trouble(conversation.pack))
                if handoff:
                    await tx.handoffs.request(conversation.id, _TROUBLE_REASON, urgent=False)
            await tx.messages.mark_processed(message.id)
        await self._hint(conversation, ())
        if handoff:
            await self._hints.give(STAFF, {"type": "inbox"})

    # -- inside

    async def _conversation(self, conversation_id: str) -> ConversationRow:
        async with self._storage.read() as tx:
            conversation = await tx.conversations.get(conversation_id)
        if conversation is None:
            raise NotFound(conversation_id)
        await self._packs.prepare(conversation.pack)
        return conversation

    async def _answer(self, conversation: ConversationRow, message: MessageRow) -> None:
        commands = await self._commands(conversation, message)
        turn = self._handle(conversation, commands)
        # Made before the transaction: neither typesetting nor the disk may hold up the database.
        text = self._packs.desk(conversation.pack).knowledge.text
        effects, records = await self._papers.made(conversation.id, turn.effects, text)
        turn = replace(turn, effects=effects)
        async with self._storage.begin() as tx:
            for record in records:
                await tx.documents.add(record)
            await self._store(tx, conversation, turn)
            await tx.messages.mark_processed(message.id)
        await self._hint(conversation, turn.effects)

    async def _leave_to_person(self, conversation: ConversationRow, message: MessageRow) -> None:
        # The bot is silent, yet a cry for help must not wait in a list of quiet ones, and a photo the person asked
        # for belongs to the draft: the flow goes on with it when the conversation is handed back.
        commands = await self._commands(conversation, message)
        danger = next((command for command in commands if isinstance(command, UrgentDanger)), None)
        files = [command for command in commands if isinstance(command, AttachFile)]
        async with self._storage.begin() as tx:
            if files:
                await tx.conversations.save_state(
                    conversation.id,
                    _dump(self._handle(conversation, files)),
                    expected_version=conversation.state_version,
                )
            now = await tx.conversations.get(conversation.id)
            if now is None or now.mode != "human":
                raise _ModeMoved
            if danger:
                await tx.handoffs.request(conversation.id, f"urgent:{danger.danger}", urgent=True)
            await tx.messages.mark_processed(message.id)
        await self._hints.give(STAFF, {"type": "inbox"})
        await self._hints.give(STAFF, {"type": "message", "conversation_id": conversation.id})

    async def _commands(self, conversation: ConversationRow, message: MessageRow) -> list[Command]:
        body = message.body
        text = str(body.get("text", ""))
        if body.get("files"):
            async with self._storage.read() as tx:
                row = await tx.documents.get(str(body["files"][0]))
            if row is None:
                return [CannotHandle(reason="unsupported_file")]
            file = AttachFile(
                document_id=row.id, sha256=row.sha256, mime=row.mime, size=row.size, filename=row.filename
            )
            # The picture is the answer to what was asked; its caption may still cry for help or ask something.
            caption = await self._understood(conversation, text) if text else []
            return [file, *(command for command in caption if isinstance(command, _OF_CAPTIONS))]
        payload = body.get("payload") or _shown(_state(conversation), text)
        if payload:
            metrics.UNDERSTOOD.labels("payload").inc()
            command = payloads.pressed(str(payload))
            return [command or CannotHandle(raw=str(payload))]
        return await self._understood(conversation, text)

    async def _understood(self, conversation: ConversationRow, text: str) -> list[Command]:
        understood = await self._understanding.understand(
            text, context(_state(conversation), conversation.id, conversation.pack, self._clock())
        )
        metrics.UNDERSTOOD.labels(understood.source).inc()
        return list(understood.commands)

    def _handle(self, conversation: ConversationRow, commands: Sequence[Command]) -> Turn:
        engine = self._packs.desk(conversation.pack).engine
        return engine.handle(
            _state(conversation), commands, now=self._clock(), conversation_id=conversation.id
        )

    async def _store(self, tx: Transaction, conversation: ConversationRow, turn: Turn) -> None:
        await tx.conversations.save_state(
            conversation.id, _dump(turn), expected_version=conversation.state_version
        )
        now = await tx.conversations.get(conversation.id)
        if now is None or now.mode == "human":
            raise _ModeMoved
        for effect in turn.effects:
            await self._apply(tx, conversation, effect)

    async def _apply(self, tx: Transaction, conversation: ConversationRow, effect: fx.Effect) -> None:
        match effect:
            case fx.Say():
                body = effect.model_dump(mode="json", exclude={"kind", "paper"})
                await self._say(tx, conversation, "bot", body)
            case fx.RecordConsent():
                await tx.records.consent(
                    conversation.id,
                    effect.purpose,
                    effect.text_version,
                    effect.text_sha256,
                    given=effect.given,
                    household=effect.household,
                    given_by=effect.given_by,
                )
            case fx.OpenCase(draft=draft):
                payload = case_payload(
                    draft,
                    conversation=conversation,
                    consents=await tx.records.consents(conversation.id),
                    scheme_name=self._packs.desk(draft.pack).knowledge.scheme_name,
                    submitted_at=self._clock(),
                )
                await tx.cases.open(draft.receipt, conversation.id, draft.idempotency_key, payload, TOPIC)
            case fx.RequestHandoff():
                await tx.handoffs.request(conversation.id, effect.reason, urgent=effect.urgent)
            case fx.NoteUnanswered():
                await tx.records.note(
                    "unanswered", {"pack": conversation.pack, "question": mask(effect.question)}
                )
            case fx.NoteSatisfaction():
                await tx.records.note(
                    "satisfaction", {"score": effect.score, "comment": mask(effect.comment)}
                )

    async def _say(self, tx: Transaction, conversation: ConversationRow, author: str, body: Json) -> None:
        channel = self._channels.get(conversation.channel)
        await tx.messages.say(conversation.id, author, body, queued=bool(channel and channel.push))

    async def _hint(self, conversation: ConversationRow, effects: Sequence[fx.Effect]) -> None:
        await self._hints.give(conversation_key(conversation.id))
        channel = self._channels.get(conversation.channel)
        if channel and channel.push:
            await self._hints.give(delivery_key(conversation.channel))
        requests = [effect for effect in effects if isinstance(effect, fx.RequestHandoff)]
        if requests:
            metrics.HANDOFFS.labels("yes" if any(request.urgent for request in requests) else "no").inc()
            await self._hints.give(STAFF, {"type": "inbox"})
        if conversation.mode != "bot":
            await self._hints.give(STAFF, {"type": "message", "conversation_id": conversation.id})
        if any(isinstance(effect, fx.OpenCase) for effect in effects):
            metrics.CASES.inc()
            await self._hints.give(OUTBOX)


def _state(conversation: ConversationRow) -> DialogueState:
    return DialogueState.model_validate(conversation.state or {})


def _shown(state: DialogueState, text: str) -> str | None:
    """Who types the words of a button that stands in the chat means that button."""
    plain = text.strip(" 。，！？!?.,")
    return next((button.payload for button in reversed(state.offered) if button.title == plain), None)


def _dump(turn: Turn) -> Json:
    return turn.state.model_dump(mode="json")
