"""The staff's side of a conversation: waiting list, take-over, replies, hand-back. Each step is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot import intake
from bot.gateway import Gateway
from bot.hints import STAFF
from bot.masking import mask
from bot.turn import Turns
from integrations.ports import (
    Bus,
    ConversationRow,
    HandoffRow,
    MessageRow,
    NotFound,
    StaffRow,
    Transaction,
)

# Staff who keep a page open look all the time; one record a minute says so without burying the rest.
_LOOK_WINDOW = 60.0
_PREVIEW = 40
_PREVIEW_BACK = 20
_REPEATS_BACK = 200

_TAKEN = "工作人员{name}来了，正在看您前面说的话。请稍等。"
_ASSIGNED = "您的事情由工作人员{name}接着办。请稍等。"
_RELEASED = "工作人员先离开一下，您还排在等候名单里。等的时候，可以继续问我。"


class NotAllowed(Exception):
    """This member of staff may not do that to this conversation."""


class UnknownColleague(Exception):
    """Nobody of that name may take a conversation."""


class NotHeld(Exception):
    """The conversation must be taken first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A handoff as the list shows it."""

    handoff: HandoffRow
    conversation: ConversationRow
    preview: str


@dataclass(frozen=True, slots=True)
class Lists:
    """The waiting list, one's own and the colleagues'."""

    waiting: Sequence[Entry]
    mine: Sequence[Entry]
    others: Sequence[Entry]


class Inbox:
    """What staff may do. `Handoffs` of the storage keeps mode, handoff and access log together."""

    def __init__(self, gateway: Gateway, turns: Turns, bus: Bus) -> None:
        self._gateway = gateway
        self._turns = turns
        self._bus = bus
        self._storage = gateway.storage

    async def lists(self, staff: StaffRow) -> Lists:
        """Everything open, as `staff` sees it."""
        async with self._storage.read() as tx:
            waiting = await self._entries(tx, await tx.handoffs.waiting())
            mine = await self._entries(tx, await tx.handoffs.taken_by(staff.name))
            others: list[Entry] = []
            for colleague in await tx.staff.list():
                if colleague.name != staff.name:
                    others += await self._entries(tx, await tx.handoffs.taken_by(colleague.name))
        return Lists(waiting, mine, others)

    async def entry(self, tx: Transaction, conversation_id: str) -> Entry | None:
        """The open handoff of a conversation."""
        handoff = await tx.handoffs.open_for(conversation_id)
        found = await self._entries(tx, [handoff] if handoff else [])
        return found[0] if found else None

    async def look(self, staff: StaffRow, conversation_id: str) -> None:
        """May `staff` see the conversation? The look is recorded before anything is shown.

        Raises:
            NotFound: no such conversation.
            NotAllowed: nobody asked for a person in it.
        """
        async with self._storage.read() as tx:
            conversation = await tx.conversations.get(conversation_id)
            wanted = await tx.handoffs.open_for(conversation_id)
        if conversation is None:
            raise NotFound(conversation_id)
        if wanted is None and staff.role != "admin":
            raise NotAllowed
        if await self._bus.allow(f"look:{staff.name}:{conversation_id}", limit=1, window=_LOOK_WINDOW):
            async with self._storage.begin() as tx:
                await tx.records.access(staff.name, "view_conversation", conversation_id)

    async def take(self, staff: StaffRow, handoff_id: str) -> HandoffRow:
        """Take it over: from this transaction on the bot is silent.

        Raises:
            AlreadyTaken, NotFound.
        """
        async with self._storage.begin() as tx:
            before = await tx.handoffs.get(handoff_id)
            taken = await tx.handoffs.take(handoff_id, staff.name)
            conversation = await self._conversation(tx, taken)
            if before and before.status == "waiting":
                await self._system(tx, conversation, _TAKEN.format(name=staff.display_name))
        return await self._told(conversation, taken)

    async def assign(self, staff: StaffRow, handoff_id: str, to: str) -> HandoffRow:
        """Give it to a colleague (or to oneself).

        Raises:
            NotAllowed: a colleague holds it and `staff` is no administrator.
            UnknownColleague: there is no such account, or it is closed.
            NotFound: closed.
        """
        async with self._storage.begin() as tx:
            await self._mine_or_waiting(tx, staff, handoff_id)
            colleague = await tx.staff.get(to)
            if colleague is None or not colleague.active:
                raise UnknownColleague(to)
            taken = await tx.handoffs.assign(handoff_id, to, by=staff.name)
            conversation = await self._conversation(tx, taken)
            await self._system(tx, conversation, _ASSIGNED.format(name=colleague.display_name))
        return await self._told(conversation, taken)

    async def release(self, staff: StaffRow, handoff_id: str) -> HandoffRow:
        """Back to the waiting list; the bot may help again meanwhile.

        Raises:
            NotAllowed, NotFound.
        """
        async with self._storage.begin() as tx:
            await self._held(tx, staff, handoff_id)
            waiting = await tx.handoffs.release(handoff_id, by=staff.name)
            conversation = await self._conversation(tx, waiting)
            await self._system(tx, conversation, _RELEASED)
        return await self._told(conversation, waiting)

    async def close(self, staff: StaffRow, handoff_id: str) -> None:
        """Hand back: the bot takes over and asks its open question again, in the same transaction.

        Raises:
            NotAllowed, NotFound.
        """
        async with self._storage.read() as tx:
            handoff = await self._mine_or_waiting(tx, staff, handoff_id)
        async with self._gateway.worker.alone(handoff.conversation_id):
            await self._turns.hand_back(handoff, by=staff.name)
        await self._gateway.hints.give(STAFF, {"type": "inbox"})

    async def reply(self, staff: StaffRow, conversation_id: str, client_id: str, text: str) -> bool:
        """Write to the resident, on whatever channel they use.

        Returns:
            False when this client_id was stored before.

        Raises:
            Rejected: empty or too long.
            NotHeld: `staff` does not hold the conversation.
            NotFound: no such conversation.
        """
        client_id = intake.check_client_id(client_id) or ""
        text = intake.check_text(text, self._gateway.limits.max_text)
        author = f"staff:{staff.name}"
        async with self._gateway.worker.alone(conversation_id), self._storage.begin() as tx:
            conversation = await tx.conversations.get(conversation_id)
            if conversation is None:
                raise NotFound(conversation_id)
            if conversation.mode != "human" or conversation.assignee != staff.name:
                raise NotHeld
            recent = await tx.messages.after(conversation_id, max(0, conversation.last_seq - _REPEATS_BACK))
            if any(row.author == author and row.body.get("client_id") == client_id for row in recent):
                return False
            await tx.messages.say(
                conversation_id,
                author,
                {"text": text, "client_id": client_id},
                queued=self._gateway.pushes(conversation.channel),
            )
            await tx.records.access(staff.name, "reply", conversation_id)
        await self._gateway.hint(conversation)
        return True

    # -- inside

    async def _entries(self, tx: Transaction, handoffs: Sequence[HandoffRow]) -> list[Entry]:
        found = []
        for handoff in handoffs:
            conversation = await tx.conversations.get(handoff.conversation_id)
            if conversation is None:
                continue
            recent = await tx.messages.after(conversation.id, max(0, conversation.last_seq - _PREVIEW_BACK))
            found.append(Entry(handoff, conversation, _preview(recent)))
        return found

    async def _held(self, tx: Transaction, staff: StaffRow, handoff_id: str) -> HandoffRow:
        handoff = await tx.handoffs.get(handoff_id)
        if handoff is None:
            raise NotFound(handoff_id)
        if handoff.status == "waiting":
            raise NotHeld
        if handoff.assignee != staff.name and staff.role != "admin":
            raise NotAllowed
        return handoff

    async def _mine_or_waiting(self, tx: Transaction, staff: StaffRow, handoff_id: str) -> HandoffRow:
        handoff = await tx.handoffs.get(handoff_id)
        if handoff is None:
            raise NotFound(handoff_id)
        return handoff if handoff.status == "waiting" else await self._held(tx, staff, handoff_id)

    async def _conversation(self, tx: Transaction, handoff: HandoffRow) -> ConversationRow:
        conversation = await tx.conversations.get(handoff.conversation_id)
        if conversation is None:
            raise NotFound(handoff.id)
        return conversation

    async def _system(self, tx: Transaction, conversation: ConversationRow, text: str) -> None:
        await tx.messages.say(
            conversation.id, "system", {"text": text}, queued=self._gateway.pushes(conversation.channel)
        )

    async def _told(self, conversation: ConversationRow, handoff: HandoffRow) -> HandoffRow:
        await self._gateway.hint(conversation)
        await self._gateway.hints.give(STAFF, {"type": "inbox"})
        return handoff


def _preview(recent: Sequence[MessageRow]) -> str:
    """The resident's last words, masked and short: enough to choose whom to help first."""
    for row in reversed(recent):
        if row.direction == "in":
            words = mask(" ".join(str(row.body.get("text", "")).split()))
            return words[:_PREVIEW] or ("[文件]" if row.body.get("files") else "")
    return ""
