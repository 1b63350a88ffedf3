"""What breaks around the service: database locked, disk full, model server down, a flow that raises."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, unused_port

from bot.app import Service, open_service
from bot.channels.base import Rejected
from bot.packs import Packs
from bot.settings import Settings
from nlu.understanding import ModelUnderstanding, build_understanding
from tests.bot.people import Resident, photo
from tests.support.clock import Clock


async def test_a_locked_database_is_told_and_nothing_is_half_done(
    resident: Resident, service: Service
) -> None:
    await resident.news()
    other = sqlite3.connect(service.settings.var / "jzt.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        response = await resident.post({"client_id": "m1", "text": "你好"})
        error = (await response.json())["error"]
        assert (response.status, error["code"], "没有收到" in error["message"]) == (503, "unavailable", True)
        assert response.headers["Retry-After"]
    finally:
        other.execute("ROLLBACK")
        other.close()
    # The page sends it again, as it was told to.
    again = await (await resident.post({"client_id": "m1", "text": "你好"})).json()
    assert again["duplicate"] is False
    assert await resident.news()


async def test_what_was_accepted_before_the_lock_is_answered_after_it(
    resident: Resident, service: Service
) -> None:
    await resident.news()
    thinking, go_on = asyncio.Event(), asyncio.Event()
    understand = service.turns._understanding.understand

    async def slow(text: str, context: Any) -> Any:
        thinking.set()
        await go_on.wait()
        return await understand(text, context)

    service.turns._understanding.understand = slow  # type: ignore[method-assign]
    await resident.sends(text="你好")
    await thinking.wait()
    other = sqlite3.connect(service.settings.var / "jzt.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    go_on.set()
    await service.worker.idle()  # gave up for now
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(30):
        while not await resident.news():  # noqa: ASYNC110 (the sweeper takes it up when it comes by)
            await asyncio.sleep(0.02)
    assert [message["author"] for message in await resident.history()].count("resident") == 1


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 4 KB: a disk without room, as far as the process can see.

    No fixture: its end would come after pytest has written the test's outcome, which may go to a file as well.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told_and_what_was_there_stays(resident: Resident, service: Service) -> None:
    await resident.says("你好")
    before = await resident.history()
    with full_disk():
        with pytest.raises(Rejected) as text_refused:
            await service.gateway.accept(resident.id, client_id="t", text="还在吗")
        with pytest.raises(Rejected) as file_refused:
            await service.gateway.accept_file(
                resident.id, client_id="f", data=photo(2000, 1500), filename="a.jpg", mime="image/jpeg"
            )
    assert (text_refused.value.code, file_refused.value.code) == ("unavailable", "unavailable")
    assert await resident.history() == before


async def test_with_the_model_server_down_every_message_is_answered(
    settings: Settings, packs: Packs, clock: Clock
) -> None:
    understanding = build_understanding(f"http://127.0.0.1:{unused_port()}")
    assert isinstance(understanding, ModelUnderstanding)
    async with open_service(settings, understanding, clock=clock, packs=packs) as service:
        row = await service.gateway.open("console", "")
        for number, words in enumerate(("你好", "我想问点别的事情行不行", "我要申请低保", "人工")):
            await service.gateway.accept(row.id, client_id=str(number), text=words)
            await service.worker.idle()
        async with service.storage.read() as tx:
            rows = await tx.messages.after(row.id, 0)
            conversation = await tx.conversations.get(row.id)
    await understanding.close()
    assert conversation is not None
    assert conversation.mode == "waiting"
    authors = [row.author for row in rows]
    assert all(authors[at + 1] == "bot" for at, author in enumerate(authors) if author == "resident"), authors
    assert not any("出了点问题" in str(row.body.get("text")) for row in rows)


async def test_a_turn_that_raises_is_told_and_the_next_message_works(
    resident: Resident, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await resident.says("我要申请低保")
    before = await _state(service, resident)
    engine = type(service.turns._packs.desk(service.settings.pack).engine)
    handle = engine.handle

    def broken(self: Any, *given: Any, **named: Any) -> Any:
        raise RuntimeError("a flow with a fault")

    monkeypatch.setattr(engine, "handle", broken)
    (told,) = await resident.says("同意")
    assert "不怪您" in told["text"]
    assert "fault" not in told["text"]
    assert [button["payload"] for button in told["buttons"]] == ["x:human"]
    assert await _state(service, resident) == before
    monkeypatch.setattr(engine, "handle", handle)
    (asked,) = await resident.says("同意")
    assert "不怪您" not in asked["text"]


async def test_a_submission_that_cannot_be_made_calls_a_person(
    resident: Resident, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot import turn
    from bot.submission import SubmissionInvalid

    def broken(*_given: Any, **_named: Any) -> Any:
        raise SubmissionInvalid("contact.phone: string_pattern_mismatch")

    monkeypatch.setattr(turn, "case_payload", broken)
    for words in (
        "我要申请低保", "同意", "张秀英", "990101195403091247", "没有", "没有照片", "13800000000", "示范镇东村三组12号",
        "不填", "我同意",
    ):  # fmt: skip
        await resident.says(words)
    await resident.sends(payload="s:apply_confirm=1")
    said = await resident.news()
    assert "不怪您" in said[-1]["text"]
    assert await resident.mode() == "waiting"
    async with service.storage.read() as tx:
        assert await tx.cases.for_conversation(resident.id) == []
        assert sum((await tx.outbox.counts()).values()) == 0


async def test_readiness_says_what_is_away(
    client: TestClient[Any, Any], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    (service.settings.var / "jzt.sqlite3").rename(service.settings.var / "moved")
    for name in ("jzt.sqlite3-wal", "jzt.sqlite3-shm"):
        (service.settings.var / name).unlink(missing_ok=True)
    await service.storage.close()
    ready = await client.get("/readyz")
    assert ready.status == 503
    assert (await ready.json())["checks"]["storage"] == "unavailable"
    assert (await client.get("/healthz")).status == 200


async def _state(service: Service, resident: Resident) -> Any:
    async with service.storage.read() as tx:
        row = await tx.conversations.get(resident.id)
    assert row is not None
    return row.state
