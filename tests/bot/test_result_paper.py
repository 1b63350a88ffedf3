"""The result as a file: made beside the loop, sent on every channel, kept no longer than the conversation."""

from __future__ import annotations

import io
import threading
from datetime import date
from typing import Any

import pytest
from pypdf import PdfReader

from bot import paper as module
from bot.app import Service
from bot.paper import paper
from bot.retention import Retention
from integrations.documents.cards import CardsNotMade
from integrations.ports import NotFound
from integrations.storage.privacy import erase_conversation
from policies_kb.knowledge import open_pack
from tests.bot.conftest import Client
from tests.bot.people import Resident
from tests.support.assessed import COUPLE, assess
from tests.support.clock import Clock

TODAY = date(2026, 3, 5)
Json = dict[str, Any]


def text_of(data: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).replace("\n", "")


async def told(resident: Resident) -> list[Json]:
    """Assessed; the result stands in the chat."""
    await assess(resident.service.storage, resident.id)
    await resident.sends(payload="f:assess_told")
    return await resident.news()


async def asks_for_file(resident: Resident) -> Json:
    await told(resident)
    (said,) = await resident.presses("把结果存成文件（大字）")
    (file,) = said["files"]
    assert isinstance(file, dict)
    return file


async def fetched(resident: Resident, file: Json) -> bytes:
    response = await resident.client.get(f"{resident.base}/files/{file['id']}", headers=resident.headers)
    assert response.status == 200
    assert response.content_type == "application/pdf"
    return await response.read()


@pytest.mark.parametrize("pack", ["shifan-xian", "shifan-qu"])
def test_the_paper_holds_every_likely_scheme_with_sum_clause_and_place(pack: str) -> None:
    knowledge = open_pack(pack)
    sheet = knowledge.sheet(knowledge.assess(COUPLE, today=TODAY), today=TODAY)
    data = paper(sheet, knowledge.text)
    assert len(data) < 300_000
    text = text_of(data)
    likely = sheet.of("likely", "borderline", "unclear")
    assert len(likely) > 4
    for card in likely:
        assert card.name in text
        assert card.amount in text
        assert card.told(1)[0].text in text
        kept = (*card.section("bring"), *card.section("where"), *card.section("deadline"))
        for line in card.section("where")[:1] if card.service else kept:
            assert line.text in text
    for card in sheet.of("unknown", "unlikely", service=False):
        assert card.name in text
    assert sheet.decides in text
    assert sheet.hotline in text
    assert sheet.version[:8] in text
    assert "2026年3月5日" in text


async def test_the_file_comes_with_the_reply_and_only_to_its_owner(
    resident: Resident, client: Client, service: Service
) -> None:
    file = await asks_for_file(resident)
    assert file["filename"].startswith("救助自测结果")
    data = await fetched(resident, file)
    assert len(data) < 300_000
    assert "每月大约380元" in text_of(data)
    # Without the token, and with another's, there is nothing to see.
    assert (await client.get(f"{resident.base}/files/{file['id']}")).status == 401
    other = await Resident.arrives(client, service)
    assert (await client.get(f"{other.base}/files/{file['id']}", headers=other.headers)).status == 404


async def test_the_paper_is_made_beside_the_event_loop(
    resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[threading.Thread] = []

    def watched(*values: Any) -> bytes:
        where.append(threading.current_thread())
        return paper(*values)

    monkeypatch.setattr(module, "paper", watched)
    await asks_for_file(resident)
    assert len(where) == 1
    assert where[0] is not threading.main_thread()


async def test_said_again_the_file_comes_again(resident: Resident) -> None:
    first = await fetched(resident, await asks_for_file(resident))
    again = await resident.says("再说一遍")
    (file,) = again[-1]["files"]
    assert await fetched(resident, file) == first


async def test_erasing_the_conversation_erases_the_file(resident: Resident, service: Service) -> None:
    file = await asks_for_file(resident)
    async with service.storage.read() as tx:
        row = await tx.documents.get(file["id"])
    assert row is not None
    await erase_conversation(service.storage, service.files, resident.id, who="test")
    with pytest.raises(NotFound):
        await service.files.get(row.sha256)


async def test_the_file_goes_after_the_promised_days(
    resident: Resident, service: Service, retention: Retention, clock: Clock
) -> None:
    file = await asks_for_file(resident)
    async with service.storage.read() as tx:
        row = await tx.documents.get(file["id"])
    assert row is not None
    clock.advance(days=31)
    assert await retention.run_once() == 1
    with pytest.raises(NotFound):
        await service.files.get(row.sha256)


async def test_a_file_that_cannot_be_made_is_told_kindly_and_nothing_is_lost(
    resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(resident)

    def broken(*_: object) -> bytes:
        raise CardsNotMade("no font")

    with monkeypatch.context() as patch:
        patch.setattr(module, "cards_pdf", broken)
        said = await resident.presses("把结果存成文件（大字）")
    assert "不怪您" in said[-1]["text"]
    assert not said[-1]["files"]
    await resident.sends(payload="f:assess_paper")
    (again,) = await resident.news()
    assert again["files"]


async def test_staff_see_the_file_in_the_conversation_and_no_facts_in_the_message(
    resident: Resident, service: Service
) -> None:
    await asks_for_file(resident)
    async with service.storage.read() as tx:
        rows = await tx.messages.after(resident.id, 0)
    body = rows[-1].body
    assert set(body) == {"text", "buttons", "files", "citations", "speech", "household"}


@pytest.mark.parametrize("title", ["看最低生活保障（低保）", "看其他几项"])
async def test_buttons_of_the_result_work_by_their_words_too(resident: Resident, title: str) -> None:
    await told(resident)
    (said,) = await resident.says(title)
    assert "核实" in said["text"]
