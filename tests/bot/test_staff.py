"""The staff's side: sign-in, waiting list, take-over, replies, hand-back, and what is recorded of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bot.app import Service, create_app, open_service
from bot.handoff.accounts import ensure_admin
from bot.packs import Packs
from bot.settings import Settings
from nlu.rules import RuleUnderstanding
from tests.bot.people import PASSWORD, STAFF, Resident, StaffMember, add_staff, photo
from tests.support.clock import Clock

Client = TestClient[Any, Any]


async def _waiting(resident: Resident, staff: StaffMember) -> dict[str, Any]:
    """The resident asks for a person; returns the entry in the list."""
    await resident.says("人工")
    inbox = await staff.get("/inbox")
    return next(entry for entry in inbox["waiting"] if entry["conversation_id"] == resident.id)


# -- sign-in


async def test_nothing_without_signing_in(client: Client) -> None:
    for path in ("/me", "/inbox", "/colleagues", "/outbox", "/conversations/x", "/ws"):
        response = await client.get(STAFF + path)
        assert (response.status, (await response.json())["error"]["code"]) == (401, "unauthorized")


async def test_sign_in_gives_a_closed_cookie(client: Client, service: Service) -> None:
    await add_staff(service.storage, "wangfang", "王芳")
    response = await client.post(f"{STAFF}/login", json={"name": "wangfang", "password": PASSWORD})
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "wangfang" not in cookie
    assert (await response.json()) | {"csrf": ""} == {
        "name": "wangfang", "display_name": "王芳", "role": "worker", "csrf": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "password"), [("wangfang", "wrong"), ("nobody", PASSWORD), ("", ""), ("admin'--", "x")]
)
async def test_which_of_name_and_password_was_wrong_is_not_told(
    client: Client, service: Service, name: str, password: str
) -> None:
    await add_staff(service.storage, "wangfang", "王芳")
    response = await client.post(f"{STAFF}/login", json={"name": name, "password": password})
    assert (response.status, (await response.json())["error"]["message"]) == (401, "姓名或密码不对。")


async def test_guessing_is_throttled(client: Client, service: Service) -> None:
    await add_staff(service.storage, "wangfang", "王芳")
    for _ in range(service.settings.login_limit):
        assert (
            await client.post(f"{STAFF}/login", json={"name": "wangfang", "password": "no"})
        ).status == 401
    # Even the right password waits now: otherwise guessing would only be slower to see.
    response = await client.post(f"{STAFF}/login", json={"name": "wangfang", "password": PASSWORD})
    assert (response.status, response.headers["Retry-After"]) == (429, "300")


async def test_signing_in_rightly_is_no_guess(client: Client, service: Service) -> None:
    await add_staff(service.storage, "wangfang", "王芳")
    for _ in range(service.settings.login_limit + 1):
        response = await client.post(f"{STAFF}/login", json={"name": "wangfang", "password": PASSWORD})
        assert response.status == 200


async def test_another_sites_page_cannot_sign_anybody_in(client: Client, service: Service) -> None:
    await add_staff(service.storage, "wangfang", "王芳")
    response = await client.post(
        f"{STAFF}/login",
        data=json.dumps({"name": "wangfang", "password": PASSWORD}),
        headers={"Origin": "https://evil.example", "Content-Type": "text/plain"},
    )
    assert (response.status, (await response.json())["error"]["code"]) == (403, "origin")


async def test_behind_https_cookies_are_secure_and_the_public_address_is_our_own(
    settings: Settings, clock: Clock, packs: Packs, aiohttp_client: Any, backoffice_secret: str
) -> None:
    public = settings.model_copy(update={"public_url": "https://bot.example"})
    async with open_service(public, RuleUnderstanding(), clock=clock, packs=packs) as service:
        await add_staff(service.storage, "wangfang", "王芳")
        client = await aiohttp_client(create_app(service, backoffice_secret=backoffice_secret))
        for origin, status in (("https://bot.example", 200), ("https://evil.example", 403)):
            response = await client.post(
                f"{STAFF}/login",
                json={"name": "wangfang", "password": PASSWORD},
                headers={"Origin": origin},
            )
            assert response.status == status
            assert ("Secure" in response.headers.get("Set-Cookie", "")) == (status == 200)


async def test_a_photo_sent_to_a_person_is_in_the_draft_when_the_bot_is_back(
    resident: Resident, staff: StaffMember, service: Service
) -> None:
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    await resident.news()
    assert (await resident.sends_file(photo())).status == 202
    assert await resident.news() == [], "a person holds the conversation: the bot is silent"
    await staff.does(f"/handoffs/{entry['id']}/close")
    async with service.storage.read() as tx:
        row = await tx.conversations.get(resident.id)
        (document,) = await tx.documents.for_conversation(resident.id)
    assert row is not None
    assert row.state is not None
    assert [file["document_id"] for file in row.state["files"]] == [document.id]


async def test_a_post_needs_the_csrf_token(staff: StaffMember, resident: Resident) -> None:
    entry = await _waiting(resident, staff)
    for headers in ({}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": "é"}):
        response = await staff.client.post(f"{STAFF}/handoffs/{entry['id']}/take", json={}, headers=headers)
        assert (response.status, (await response.json())["error"]["code"]) == (403, "csrf")
    assert await resident.mode() == "waiting"


async def test_another_sites_page_cannot_listen(staff: StaffMember) -> None:
    response = await staff.client.get(f"{STAFF}/ws", headers={"Origin": "https://evil.example"})
    assert (response.status, (await response.json())["error"]["code"]) == (403, "origin")


async def test_signing_out_a_new_password_or_a_closed_account_ends_the_session(
    staff: StaffMember, client: Client, service: Service
) -> None:
    other = await StaffMember.signs_in(client, "wangfang")
    await other.does("/logout")
    assert (await other.client.get(f"{STAFF}/me")).status == 401
    assert (await staff.get("/me"))["name"] == "wangfang"
    async with service.storage.begin() as tx:
        await tx.staff.set_active("wangfang", False)
    assert (await staff.client.get(f"{STAFF}/me")).status == 401


async def test_a_forged_session_is_refused(client: Client) -> None:
    response = await client.get(f"{STAFF}/me", headers={"Cookie": "jzt_staff=gAAAAABforged"})
    assert response.status == 401


async def test_the_first_administrator(service: Service) -> None:
    file = await ensure_admin(service.storage, service.settings.var)
    assert file is not None
    assert file.stat().st_mode & 0o777 == 0o600
    assert await ensure_admin(service.storage, service.settings.var) == file
    async with service.storage.read() as tx:
        (admin,) = await tx.staff.list()
    assert (admin.name, admin.role) == ("admin", "admin")


# -- waiting list


async def test_urgent_first_then_longest_waiting(
    client: Client, service: Service, staff: StaffMember, clock: Clock
) -> None:
    people = []
    for words in ("人工", "我要找人工", "我不想活了"):
        person = await Resident.arrives(client, service)
        await person.says(words)
        clock.advance(timedelta(minutes=1))
        people.append(person.id)
    inbox = await staff.get("/inbox")
    assert [entry["conversation_id"] for entry in inbox["waiting"]] == [people[2], people[0], people[1]]
    assert inbox["waiting"][0]["urgent"] is True


async def test_danger_brings_the_emergency_numbers_at_once(resident: Resident, service: Service) -> None:
    said = await resident.says("我不想活了")
    words = "\n".join(message["text"] for message in said)
    assert service.knowledge.text("emergency.crisis") in words
    assert any(message["speech"] == "urgent" for message in said)
    assert await resident.mode() == "waiting"


async def test_the_list_shows_masked_words_only(resident: Resident, staff: StaffMember) -> None:
    await resident.says("人工")
    await resident.says("我的电话是13800001234，身份证990101195001011239")
    (entry,) = (await staff.get("/inbox"))["waiting"]
    assert "13800001234" not in entry["preview"]
    assert "195001011239" not in entry["preview"]
    assert entry["preview"].startswith("我的电话是138****")


async def test_while_waiting_the_bot_goes_on_helping(resident: Resident, staff: StaffMember) -> None:
    await _waiting(resident, staff)
    assert await resident.says("低保怎么申请")


# -- the gate


async def test_while_a_person_holds_it_the_bot_is_silent(resident: Resident, staff: StaffMember) -> None:
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    (arrived,) = await resident.news()
    assert (arrived["author"], "王芳" in arrived["text"]) == ("system", True)
    for words in ("低保怎么申请", "人工", "你好"):
        assert await resident.says(words) == []
    view = await staff.get(f"/conversations/{resident.id}")
    assert [message["text"] for message in view["messages"] if message["author"] == "resident"][-3:] == [
        "低保怎么申请", "人工", "你好",
    ]  # fmt: skip
    await staff.replies(resident.id, "您好，我来帮您。")
    (reply,) = await resident.news()
    assert (reply["author"], reply["name"], reply["text"]) == ("staff", "王芳", "您好，我来帮您。")


async def test_a_take_over_while_the_bot_is_thinking_silences_that_very_reply(
    resident: Resident, staff: StaffMember, service: Service
) -> None:
    """The gate stands in the transaction, not before the thinking."""
    entry = await _waiting(resident, staff)
    thinking, go_on = asyncio.Event(), asyncio.Event()
    turns = service.turns
    understand = turns._understanding.understand

    async def slow(text: str, context: Any) -> Any:
        thinking.set()
        await go_on.wait()
        return await understand(text, context)

    turns._understanding.understand = slow  # type: ignore[method-assign]
    await resident.sends(text="低保怎么申请")
    await thinking.wait()
    await staff.does(f"/handoffs/{entry['id']}/take")
    go_on.set()
    said = await resident.news()
    assert [message["author"] for message in said] == ["system"]


async def test_danger_while_a_person_holds_it_makes_it_urgent(resident: Resident, staff: StaffMember) -> None:
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    await resident.says("我不想活了")
    (mine,) = (await staff.get("/inbox"))["mine"]
    assert mine["urgent"] is True


async def test_two_cannot_take_the_same_one(
    client: Client, service: Service, resident: Resident, staff: StaffMember
) -> None:
    await add_staff(service.storage, "lihua", "李华")
    other = await StaffMember.signs_in(client, "lihua")
    entry = await _waiting(resident, staff)
    answers = await asyncio.gather(
        staff.post(f"/handoffs/{entry['id']}/take"), other.post(f"/handoffs/{entry['id']}/take")
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    loser = next(answer for answer in answers if answer.status == 409)
    assert (await loser.json())["error"]["code"] == "already_taken"
    winner, second = (staff, other) if answers[0].status == 200 else (other, staff)
    assert [entry["conversation_id"] for entry in (await winner.get("/inbox"))["mine"]] == [resident.id]
    assert [entry["conversation_id"] for entry in (await second.get("/inbox"))["others"]] == [resident.id]
    # Who does not hold it can neither write, nor give it back, nor end it.
    reply = await second.post(f"/conversations/{resident.id}/reply", {"client_id": "1", "text": "我来"})
    assert (reply.status, (await reply.json())["error"]["code"]) == (409, "not_taken")
    for step in ("release", "close"):
        assert (await second.post(f"/handoffs/{entry['id']}/{step}")).status == 403


async def test_hand_back_asks_the_open_question_again_once(resident: Resident, staff: StaffMember) -> None:
    await resident.news()
    asked = (await resident.presses("看看能不能申请"))[-1]["text"]
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    await staff.replies(resident.id, "您接着填就行。")
    await resident.news()
    await staff.does(f"/handoffs/{entry['id']}/close")
    back = await resident.news()
    assert [message["author"] for message in back] == ["bot"] * len(back)
    question = asked.splitlines()[-1]
    assert "\n".join(message["text"] for message in back).count(question) == 1
    assert await resident.mode() == "bot"
    assert await resident.says("三口人")
    assert (await staff.get("/inbox")) == {"waiting": [], "mine": [], "others": []}


async def test_release_puts_it_back_into_the_list_and_the_bot_helps_meanwhile(
    resident: Resident, staff: StaffMember
) -> None:
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    await staff.does(f"/handoffs/{entry['id']}/release")
    (back,) = (await staff.get("/inbox"))["waiting"]
    assert (back["id"], back["waiting_since"], back["assignee"]) == (
        entry["id"],
        entry["waiting_since"],
        None,
    )
    await resident.news()
    assert await resident.says("低保怎么申请")


async def test_assigning_to_a_colleague(
    client: Client, service: Service, resident: Resident, staff: StaffMember
) -> None:
    await add_staff(service.storage, "lihua", "李华")
    colleague = await StaffMember.signs_in(client, "lihua")
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    assert (await staff.post(f"/handoffs/{entry['id']}/assign", {"to": "nobody"})).status == 400
    assert [entry["assignee"] for entry in (await staff.get("/inbox"))["mine"]] == ["wangfang"]
    await staff.does(f"/handoffs/{entry['id']}/assign", {"to": "lihua"})
    assert (await staff.get("/inbox"))["mine"] == []
    await colleague.replies(resident.id, "您好，我是李华。")
    assert (await resident.news())[-1]["name"] == "李华"
    assert {person["name"] for person in (await staff.get("/colleagues"))["staff"]} == {"wangfang", "lihua"}


async def test_a_reply_sent_twice_is_one_reply(resident: Resident, staff: StaffMember) -> None:
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    await resident.news()
    body = {"client_id": "click", "text": "您好"}
    answers = await asyncio.gather(
        *(staff.post(f"/conversations/{resident.id}/reply", body) for _ in range(4))
    )
    assert [answer.status for answer in answers] == [200] * 4
    assert [message["text"] for message in await resident.news()] == ["您好"]


async def test_an_ended_handoff_cannot_be_taken(resident: Resident, staff: StaffMember) -> None:
    entry = await _waiting(resident, staff)
    await staff.does(f"/handoffs/{entry['id']}/take")
    await staff.does(f"/handoffs/{entry['id']}/close")
    for step in ("take", "release", "close"):
        assert (await staff.post(f"/handoffs/{entry['id']}/{step}")).status == 404
    assert (await staff.post("/handoffs/nothing/take")).status == 404


# -- what staff see, and that it is recorded


async def test_every_look_is_recorded(resident: Resident, staff: StaffMember, service: Service) -> None:
    entry = await _waiting(resident, staff)
    await staff.get(f"/conversations/{resident.id}")
    await staff.does(f"/handoffs/{entry['id']}/take")
    await staff.replies(resident.id, "您好")
    await staff.does(f"/handoffs/{entry['id']}/close")
    async with service.storage.read() as tx:
        records = await tx.records.accesses(resident.id)
    assert [record["what"] for record in reversed(records)] == ["view_conversation", "take", "reply", "close"]
    assert {record["who"] for record in records} == {"wangfang"}


async def test_staff_see_no_conversation_in_which_nobody_asked_for_them(
    resident: Resident, staff: StaffMember, service: Service
) -> None:
    await resident.says("低保怎么申请")
    response = await staff.client.get(f"{STAFF}/conversations/{resident.id}")
    assert response.status == 403
    async with service.storage.read() as tx:
        assert await tx.records.accesses(resident.id) == []


async def test_staff_see_the_draft_masked(resident: Resident, staff: StaffMember) -> None:
    await resident.says("我要申请低保")
    await _waiting(resident, staff)
    view = await staff.get(f"/conversations/{resident.id}")
    assert view["handoff"]["conversation_id"] == resident.id
    assert isinstance(view["draft"], dict)
    assert view["mode"] == "waiting"


async def test_staff_pages_hear_of_news(resident: Resident, staff: StaffMember) -> None:
    async with staff.client.ws_connect(f"{STAFF}/ws") as socket:
        await resident.says("人工")
        await resident.says("还在吗")
        heard: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while {"type": "message", "conversation_id": resident.id} not in heard or {
                "type": "inbox"
            } not in heard:
                heard.append(json.loads((await socket.receive()).data))


async def test_after_only_newer_messages(resident: Resident, staff: StaffMember, service: Service) -> None:
    service.gateway.limits = replace(service.gateway.limits, rate=1000)
    await _waiting(resident, staff)
    everything = (await staff.get(f"/conversations/{resident.id}"))["messages"]
    newer = (await staff.get(f"/conversations/{resident.id}?after={everything[0]['seq']}"))["messages"]
    assert newer == everything[1:]
