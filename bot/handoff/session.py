"""Staff sessions: an encrypted cookie that ends by itself, and a CSRF token beside it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

import aiohttp_session
from aiohttp import web
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from yarl import URL

from bot.api.http import ApiError
from bot.handoff.accounts import fingerprint
from integrations.crypto import Keyring
from integrations.ports import StaffRow, Storage

COOKIE = "jzt_staff"
CSRF_HEADER = "X-CSRF-Token"
_PATH = "/api/v1/staff"
_RENEW_SECONDS = 600.0
_ORIGIN = web.AppKey("public_origin", object)


def setup(app: web.Application, keyring: Keyring, *, hours: float, public_url: str | None) -> None:
    """Add sessions to the application.

    Args:
        hours: idle life of a session.
        public_url: address staff open, when it differs from the one this server sees. With https, cookies are Secure.
    """
    app[_ORIGIN] = public_url and str(URL(public_url).origin())
    # The keyring's keyed hash is as secret as the key and the same in every worker.
    key = hashlib.sha256(keyring.blind_index("staff session cookie").encode()).digest()
    storage = EncryptedCookieStorage(
        key,
        cookie_name=COOKIE,
        max_age=int(hours * 3600),
        path=_PATH,
        secure=(public_url or "").startswith("https://"),
        httponly=True,
        samesite="Strict",
    )
    aiohttp_session.setup(app, storage)


def require_own_page(request: web.Request) -> None:
    """Refuse what another site's page makes a browser send.

    Raises:
        ApiError: 403.
    """
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.app[_ORIGIN] and origin.partition("://")[2] != request.host:
        raise ApiError(403, "origin", "请从本系统的页面操作。")


async def begin(request: web.Request, staff: StaffRow) -> str:
    """A new session for `staff`; returns its CSRF token."""
    session = await aiohttp_session.new_session(request)
    csrf = secrets.token_urlsafe(32)
    session.update({"name": staff.name, "password": fingerprint(staff), "csrf": csrf, "renewed": time.time()})
    return csrf


async def end(request: web.Request) -> None:
    """Sign out."""
    (await aiohttp_session.get_session(request)).invalidate()


async def csrf_token(request: web.Request) -> str:
    """The CSRF token of the request's session."""
    return str((await aiohttp_session.get_session(request))["csrf"])


async def signed_in(request: web.Request, storage: Storage) -> StaffRow:
    """Who is signed in. A POST must carry the CSRF token, a WebSocket must come from our own page.

    Raises:
        ApiError: 401 or 403.
    """
    session = await aiohttp_session.get_session(request)
    name = session.get("name")
    row = None
    if isinstance(name, str):
        async with storage.read() as tx:
            row = await tx.staff.get(name)
    # A changed password or a closed account ends the sessions begun before.
    if row is None or not row.active or session.get("password") != fingerprint(row):
        raise ApiError(401, "unauthorized", "请先登录。")
    if request.method not in ("GET", "HEAD"):
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), str(session.get("csrf", "")).encode()):
            raise ApiError(403, "csrf", "页面已经过期。请刷新后再试一次。")
    require_own_page(request)
    # Renewed now and then, so that its life counts from the last use. Not at every request: one that was under way
    # during a sign-out would bring the session back.
    if time.time() - float(session.get("renewed", 0)) > _RENEW_SECONDS and "Upgrade" not in request.headers:
        session["renewed"] = time.time()
    return row
