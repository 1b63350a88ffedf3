"""The web channel as a page (or an attacker) meets it."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from bot.app import Service, create_app
from tests.bot.people import Resident, photo

BASE = "/api/v1/web/conversations"


async def _error(response: aiohttp.ClientResponse, status: int, code: str) -> str:
    body = await response.json()
    assert (response.status, body["error"]["code"]) == (status, code), body
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    message = str(body["error"]["message"])
    assert any("\u4e00" <= char <= "\u9fff" for char in message)
    return message


# -- the way it is meant


async def test_a_page_opens_with_the_greeting_and_its_buttons(resident: Resident) -> None:
    (greeting,) = await resident.news()
    assert greeting["author"] == "bot"
    assert "救助通" in greeting["text"]
    assert [button["title"] for button in greeting["buttons"]]


async def test_a_conversation_may_name_its_pack(client: TestClient[Any, Any], service: Service) -> None:
    response = await client.post(BASE, json={"pack": "shifan-qu"})
    assert response.status == 201
    opened = await response.json()
    async with service.storage.read() as tx:
        row = await tx.conversations.get(opened["conversation_id"])
    assert row is not None
    assert row.pack == "shifan-qu"


@pytest.mark.parametrize("pack", ["nope", "", "../../etc", "shifan-xian/../shifan-qu"])
async def test_an_unknown_pack_opens_nothing(
    client: TestClient[Any, Any], service: Service, pack: str
) -> None:
    await _error(await client.post(BASE, json={"pack": pack}), 422, "unknown_pack")


@pytest.mark.parametrize(
    ("body", "code"), [(b"{bad", "malformed_json"), (b"[1]", "bad_request"), (b'{"pack": 7}', "bad_request")]
)
async def test_a_malformed_wish_opens_nothing(client: TestClient[Any, Any], body: bytes, code: str) -> None:
    await _error(await client.post(BASE, data=body), 400, code)


async def test_half_an_emoji_does_not_lose_the_words_around_it(resident: Resident) -> None:
    response = await resident.client.post(
        f"{resident.base}/messages",
        data='{"client_id": "half", "text": "\\ud83d低保"}'.encode(),
        headers=resident.headers,
    )
    assert response.status == 202
    assert (await resident.history())[-1]["text"] == "低保"


async def test_a_wrong_address_is_told_in_plain_words_and_names_no_library(
    client: TestClient[Any, Any],
) -> None:
    response = await client.get("/nowhere")
    assert (response.status, await response.text()) == (404, "没有找到您要的内容。")
    assert response.headers["Server"] == "jzt"


async def test_a_message_is_accepted_at_once_and_answered_in_order(resident: Resident) -> None:
    accepted = await resident.sends(text="低保怎么申请")
    assert accepted == {"accepted": True, "duplicate": False, "seq": accepted["seq"]}
    history = await resident.news() and await resident.history()
    assert [message["seq"] for message in history] == sorted(message["seq"] for message in history)
    mine = next(message for message in history if message["author"] == "resident")
    assert mine["text"] == "低保怎么申请"
    assert mine["client_id"]
    assert history[-1]["author"] == "bot"


async def test_a_pressed_button_shows_its_words(resident: Resident) -> None:
    greeting = (await resident.news())[0]
    button = greeting["buttons"][0]
    await resident.sends(payload=button["payload"])
    await resident.news()
    mine = [message for message in await resident.history() if message["author"] == "resident"]
    assert (mine[-1]["text"], mine[-1]["payload"]) == (button["title"], button["payload"])


async def test_the_same_message_twice_is_one_message(resident: Resident) -> None:
    body = {"client_id": str(uuid.uuid4()), "text": "你好"}
    first = await (await resident.post(body)).json()
    await resident.news()
    before = await resident.history()
    again = await (await resident.post(body)).json()
    await resident.news()
    assert (first["duplicate"], again["duplicate"], first["seq"]) == (False, True, again["seq"])
    assert await resident.history() == before


async def test_the_same_message_twice_at_once_is_one_message(resident: Resident) -> None:
    body = {"client_id": str(uuid.uuid4()), "text": "你好"}
    answers = await asyncio.gather(*(resident.post(body) for _ in range(8)))
    accepted = [await answer.json() for answer in answers]
    assert sorted(answer["duplicate"] for answer in accepted) == [False] + [True] * 7
    await resident.news()
    assert sum(message["author"] == "resident" for message in await resident.history()) == 1


async def test_a_cry_for_help_below_a_photo_is_heard(resident: Resident) -> None:
    await resident.sends_file(photo(), caption="我不想活了")
    assert any(message["speech"] == "urgent" for message in await resident.news())
    assert await resident.mode() == "waiting"


async def test_a_photo_is_kept_and_can_be_seen_again(resident: Resident) -> None:
    response = await resident.sends_file(photo())
    assert response.status == 202
    await resident.news()
    mine = next(message for message in await resident.history() if message["files"])
    (file,) = mine["files"]
    assert file["mime"] == "image/jpeg"
    shown = await resident.client.get(f"{resident.base}/files/{file['id']}", headers=resident.headers)
    assert (shown.status, shown.content_type) == (200, "image/jpeg")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert (await shown.read())[:3] == b"\xff\xd8\xff"


async def test_files_of_another_conversation_are_not_found(
    resident: Resident, client: TestClient[Any, Any], service: Service
) -> None:
    await resident.sends_file(photo())
    await resident.news()
    file_id = next(message for message in await resident.history() if message["files"])["files"][0]["id"]
    other = await Resident.arrives(client, service)
    response = await client.get(f"{other.base}/files/{file_id}", headers=other.headers)
    await _error(response, 404, "not_found")


async def test_what_the_page_needs_to_know(client: TestClient[Any, Any], service: Service) -> None:
    config = await (await client.get("/api/v1/web/config")).json()
    assert config["pack"] == service.knowledge.pack
    assert config["office"]["name"] == service.knowledge.text("office.name")
    assert config["max_file_bytes"] == service.settings.max_file_bytes
    assert "image/jpeg" in config["file_types"]


# -- WebSocket


async def _frames(socket: aiohttp.ClientWebSocketResponse, until: int) -> list[dict[str, Any]]:
    """Frames up to the message numbered `until`."""
    found = []
    async with asyncio.timeout(20):
        async for frame in socket:
            found.append(json.loads(frame.data))
            if found[-1]["type"] == "message" and found[-1]["message"]["seq"] >= until:
                return found
    raise AssertionError(f"closed ({socket.close_code}) after {found}")


async def test_a_websocket_replays_then_goes_on_live_and_a_reconnect_doubles_nothing(
    resident: Resident,
) -> None:
    await resident.says("你好")
    last = (await resident.history())[-1]["seq"]
    address = f"{resident.base}/ws?after=0"
    async with resident.client.ws_connect(address, protocols=("jzt", f"bearer.{resident.token}")) as socket:
        assert socket.protocol == "jzt"
        replayed = await _frames(socket, last)
        await resident.says("低保怎么申请")
        now = (await resident.history())[-1]["seq"]
        live = await _frames(socket, now)
    seen = [frame["message"]["seq"] for frame in replayed + live if frame["type"] == "message"]
    assert seen == [message["seq"] for message in await resident.history()]

    # The page was away while two messages came: it asks from the last one it has.
    await resident.says("谢谢")
    newest = (await resident.history())[-1]["seq"]
    async with resident.client.ws_connect(f"{resident.base}/ws?after={now}&token={resident.token}") as socket:
        rest = await _frames(socket, newest)
    missed = [frame["message"]["seq"] for frame in rest if frame["type"] == "message"]
    assert missed == [message["seq"] for message in await resident.history(now)]


async def test_a_websocket_tells_who_is_answering(resident: Resident) -> None:
    async with resident.client.ws_connect(f"{resident.base}/ws", headers=resident.headers) as socket:
        await resident.says("人工")
        modes = []
        async with asyncio.timeout(20):
            async for frame in socket:
                data = json.loads(frame.data)
                if data["type"] == "mode":
                    modes.append(data["mode"])
                if modes[-1:] == ["waiting"]:
                    break
    assert modes == ["bot", "waiting"]


async def test_a_stopping_service_tells_the_pages(
    service: Service, aiohttp_client: Any, backoffice_secret: str
) -> None:
    client = await aiohttp_client(create_app(service, backoffice_secret=backoffice_secret))
    resident = await Resident.arrives(client, service)
    socket = await client.ws_connect(f"{resident.base}/ws?after=1000", headers=resident.headers)
    assert json.loads((await socket.receive()).data)["type"] == "mode"
    closing = asyncio.create_task(client.server.close())
    frame = await socket.receive()
    assert frame.type is WSMsgType.CLOSE
    assert socket.close_code == 1001
    await socket.close()
    await closing


# -- bad input


@pytest.mark.parametrize("token", ["", "x", "Bearer", "0" * 43, "é"])
@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_forged_token_is_refused(resident: Resident, token: str, way: str) -> None:
    address = f"{resident.base}/messages"
    if way == "header":
        response = await resident.client.get(address, headers={"Authorization": f"Bearer {token}"})
    else:
        response = await resident.client.get(address, params={"token": token})
    await _error(response, 401, "unauthorized")


async def test_a_forged_token_opens_no_websocket(resident: Resident) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await resident.client.ws_connect(f"{resident.base}/ws", protocols=("jzt", "bearer.wrong"))
    assert refused.value.status == 401


async def test_another_conversations_token_is_refused(
    resident: Resident, client: TestClient[Any, Any], service: Service
) -> None:
    other = await Resident.arrives(client, service)
    response = await client.get(f"{resident.base}/messages", headers=other.headers)
    await _error(response, 401, "unauthorized")


@pytest.mark.parametrize("unknown", [str(uuid.UUID(int=1)), "1", "..", "%00", "a" * 500, "' OR 1=1 --"])
async def test_an_unknown_conversation_is_not_found(client: TestClient[Any, Any], unknown: str) -> None:
    response = await client.get(f"{BASE}/{unknown}/messages", headers={"Authorization": "Bearer x"})
    assert response.status in (400, 404)
    if response.content_type == "application/json":
        await _error(response, 404, "not_found")


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"text"', "{\"client_id\": 1", "\x00", '{"client_id":"a"}', '{"text":"a"}',
             '{"client_id":"a","text":1}', '{"client_id":"a","text":"a","payload":"b"}', "[" * 10_000]
)  # fmt: skip
async def test_malformed_json_is_refused_and_nothing_is_stored(resident: Resident, body: str) -> None:
    response = await resident.client.post(
        f"{resident.base}/messages",
        data=body.encode(),
        headers={**resident.headers, "Content-Type": "application/json"},
    )
    assert (await response.json())["error"]["code"] in ("bad_request", "malformed_json")
    assert response.status == 400
    assert not [message for message in await resident.history() if message["author"] == "resident"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": ""}, 400, "empty"),
        ({"text": "\x00\u200b"}, 400, "empty"),
        ({"text": "长" * 30_000}, 413, "too_long"),
        ({"text": "长" * 100_000}, 413, "too_large"),
        ({"payload": "x" * 65}, 400, "bad_payload"),
        ({"payload": ""}, 400, "bad_payload"),
    ],
)
async def test_unusable_messages_get_a_kind_word(
    resident: Resident, body: dict[str, str], status: int, code: str
) -> None:
    message = await _error(await resident.post({"client_id": "a", **body}), status, code)
    assert not set("错误非法异常") & set(message)


@pytest.mark.parametrize("text", ["😀😀😀", "👍", "。。。", "？"])
async def test_emoji_and_bare_punctuation_are_answered(resident: Resident, text: str) -> None:
    await resident.news()
    assert await resident.says(text)


async def test_an_unknown_button_is_answered(resident: Resident) -> None:
    await resident.news()
    await resident.sends(payload="zz:nothing")
    assert await resident.news()


@pytest.mark.parametrize(
    ("data", "filename", "mime", "status", "code"),
    [
        (b"", "a.jpg", "image/jpeg", 415, "unsupported_file"),
        (b"hello", "a.txt", "text/plain", 415, "unsupported_file"),
        (b"MZ\x90\x00" * 100, "a.jpg", "image/jpeg", 415, "unsupported_file"),
        (photo()[:300], "a.jpg", "image/jpeg", 415, "unsupported_file"),
        (b"\xff" * (10 * 1024 * 1024 + 1), "a.jpg", "image/jpeg", 413, "file_too_large"),
        (b"\xff" * (11 * 1024 * 1024), "a.jpg", "image/jpeg", 413, "file_too_large"),
    ],
)
async def test_unusable_files_get_a_kind_word_and_nothing_is_kept(
    resident: Resident, data: bytes, filename: str, mime: str, status: int, code: str
) -> None:
    await _error(await resident.sends_file(data, filename, mime), status, code)
    assert not [message for message in await resident.history() if message["files"]]


async def test_a_broken_upload_is_refused(resident: Resident) -> None:
    for body in (
        b"--x\r\nbroken",
        b"",
        b"--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="client_id"\r\n\r\na\r\n--x--\r\n',
    ):
        response = await resident.client.post(
            f"{resident.base}/messages",
            data=body,
            headers={**resident.headers, "Content-Type": "multipart/form-data; boundary=x"},
        )
        await _error(response, 400, "bad_request")


async def test_too_fast_is_said_kindly_and_what_was_accepted_stays(
    service: Service, client: TestClient[Any, Any]
) -> None:
    from dataclasses import replace

    service.gateway.limits = replace(service.gateway.limits, rate=3)
    resident = await Resident.arrives(client, service)
    for number in range(3):
        await resident.sends(text=f"第{number}句")
    response = await resident.post({"client_id": "late", "text": "第四句"})
    assert response.headers["Retry-After"]
    await _error(response, 429, "too_fast")
    await resident.news()
    mine = [message["text"] for message in await resident.history() if message["author"] == "resident"]
    assert mine == ["第0句", "第1句", "第2句"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/web/conversations/x/y"])
async def test_unknown_api_addresses_answer_in_json(client: TestClient[Any, Any], path: str) -> None:
    await _error(await client.get(path), 404, "not_found")


async def test_wrong_methods_answer_in_json(client: TestClient[Any, Any]) -> None:
    await _error(await client.delete(BASE), 405, "method_not_allowed")


async def test_an_internal_fault_shows_no_stack_trace(
    service: Service, client: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_key: str) -> str:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(service.knowledge), "text", lambda _self, key: broken(key))
    message = await _error(await client.get("/api/v1/web/config"), 500, "internal")
    assert "secret" not in message


# -- the door


async def test_no_other_site_may_read_and_nothing_may_run(client: TestClient[Any, Any]) -> None:
    for path in ("/", "/staff", "/healthz", "/api/v1/web/config", "/api/v1/nothing"):
        response = await client.get(path, headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in response.headers
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_openapi_document_is_valid_and_complete(
    client: TestClient[Any, Any], service: Service
) -> None:
    document = await (await client.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    mounted = {
        (route.method, route.resource.canonical)
        for route in client.server.app.router.routes()  # type: ignore[attr-defined]
        if route.method != "HEAD" and route.resource and route.resource.canonical.startswith("/api/")
    } - {("GET", "/api/v1/openapi.json")}
    assert mounted <= described


async def test_health_readiness_and_metrics(client: TestClient[Any, Any], resident: Resident) -> None:
    assert (await client.get("/healthz")).status == 200
    ready = await client.get("/readyz")
    assert (await ready.json()) == {
        "status": "ok",
        "checks": {"storage": "ok", "bus": "ok", "policies": "ok"},
    }
    await resident.says("你好")
    metrics = await (await client.get("/metrics")).text()
    assert 'jzt_messages_accepted_total{channel="web",kind="text"}' in metrics
    assert resident.id not in metrics
