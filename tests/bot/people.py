"""A resident at the chat page and a member of staff at the staff page, over HTTP. All made up."""

from __future__ import annotations

import io
import uuid
from typing import Any, ClassVar

import aiohttp
from aiohttp.test_utils import TestClient
from PIL import Image

from bot.app import Service
from bot.handoff.accounts import hash_password
from integrations.ports import StaffRow, Storage

PASSWORD = "correct horse 9"
STAFF = "/api/v1/staff"

Json = dict[str, Any]


def photo(width: int = 640, height: int = 400) -> bytes:
    """A JPEG with something in it."""
    picture = Image.new("RGB", (width, height), "white")
    for x in range(0, width, 7):
        picture.putpixel((x, x % height), (x % 255, 0, 0))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue()


async def add_staff(
    storage: Storage, name: str, display_name: str, role: str = "worker", password: str = PASSWORD
) -> None:
    async with storage.begin() as tx:
        await tx.staff.add(StaffRow(name, display_name, hash_password(password), role, active=True))  # type: ignore[arg-type]


class Resident:
    """Opens a conversation, writes, reads. `said` and `read` wait until the service has nothing in hand."""

    def __init__(self, client: TestClient, service: Service, opened: Json) -> None:
        self.client = client
        self.service = service
        self.id: str = opened["conversation_id"]
        self.token: str = opened["token"]
        self.base = f"/api/v1/web/conversations/{self.id}"
        self.seen = 0

    @classmethod
    async def arrives(cls, client: TestClient, service: Service) -> Resident:
        response = await client.post("/api/v1/web/conversations")
        assert response.status == 201
        return cls(client, service, await response.json())

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, body: Json) -> aiohttp.ClientResponse:
        return await self.client.post(f"{self.base}/messages", json=body, headers=self.headers)

    async def sends(self, **body: Any) -> Json:
        response = await self.post({"client_id": str(uuid.uuid4()), **body})
        assert response.status == 202, await response.text()
        accepted: Json = await response.json()
        return accepted

    async def says(self, text: str) -> list[Json]:
        """Write; returns what is new for the resident, one's own line excepted."""
        await self.sends(text=text)
        return await self.news()

    async def presses(self, title: str) -> list[Json]:
        """Press the last button of that title."""
        for message in reversed(await self.history()):
            for button in message["buttons"]:
                if button["title"] == title:
                    await self.sends(payload=button["payload"])
                    return await self.news()
        raise AssertionError(f"no button {title!r}")

    async def sends_file(
        self, data: bytes, filename: str = "photo.jpg", mime: str = "image/jpeg", caption: str | None = None
    ) -> aiohttp.ClientResponse:
        form = aiohttp.FormData()
        form.add_field("client_id", str(uuid.uuid4()))
        if caption is not None:
            form.add_field("text", caption)
        form.add_field("file", data, filename=filename, content_type=mime)
        return await self.client.post(f"{self.base}/messages", data=form, headers=self.headers)

    async def history(self, after: int = 0) -> list[Json]:
        return list((await self.fetch(after))["messages"])

    async def fetch(self, after: int = 0) -> Json:
        response = await self.client.get(f"{self.base}/messages?after={after}", headers=self.headers)
        assert response.status == 200, await response.text()
        found: Json = await response.json()
        return found

    async def news(self) -> list[Json]:
        await self.service.worker.idle()
        found = await self.history(self.seen)
        if found:
            self.seen = found[-1]["seq"]
        return [message for message in found if message["author"] != "resident"]

    async def mode(self) -> str:
        return str((await self.fetch())["mode"])


class StaffMember:
    """Signed in, with the CSRF token at hand. Each has a cookie jar of their own (`close_all` ends them)."""

    sessions: ClassVar[list[aiohttp.ClientSession]] = []

    def __init__(self, client: aiohttp.ClientSession, name: str, me: Json) -> None:
        self.client = client
        self.name = name
        self.me = me

    @classmethod
    async def signs_in(cls, client: TestClient, name: str, password: str = PASSWORD) -> StaffMember:
        # The jar keeps cookies of addresses like 127.0.0.1 only when told to.
        own = aiohttp.ClientSession(client.make_url("/"), cookie_jar=aiohttp.CookieJar(unsafe=True))
        cls.sessions.append(own)
        response = await own.post(f"{STAFF}/login", json={"name": name, "password": password})
        assert response.status == 200, await response.text()
        return cls(own, name, await response.json())

    @classmethod
    async def close_all(cls) -> None:
        while cls.sessions:
            await cls.sessions.pop().close()

    async def get(self, path: str) -> Json:
        response = await self.client.get(STAFF + path)
        assert response.status == 200, await response.text()
        found: Json = await response.json()
        return found

    async def post(self, path: str, body: Json | None = None) -> aiohttp.ClientResponse:
        return await self.client.post(
            STAFF + path, json=body or {}, headers={"X-CSRF-Token": self.me["csrf"]}
        )

    async def does(self, path: str, body: Json | None = None) -> None:
        response = await self.post(path, body)
        assert response.status == 200, await response.text()

    async def replies(self, conversation_id: str, text: str) -> None:
        await self.does(
            f"/conversations/{conversation_id}/reply", {"client_id": str(uuid.uuid4()), "text": text}
        )
