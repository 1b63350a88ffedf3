"""The reference back office as an aiohttp application."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp_jinja2
import aiohttp_session
import jinja2
from aiohttp import web
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet

from integrations.backoffice.connector import HttpConnector
from integrations.backoffice.reference import api, pages
from integrations.backoffice.reference.database import Database
from integrations.backoffice.reference.keys import CLOCK, DATABASE, PASSWORD, SECRET, SIGN_INS, WORKER
from integrations.backoffice.reference.signins import SignIns
from integrations.backoffice.worker import OutboxWorker
from integrations.crypto import Keyring
from integrations.secretfile import load_or_make

HERE = Path(__file__).parent
COOKIE = "jzt_backoffice"
SESSION_SECONDS = 8 * 3600
MAX_BODY = 1024 * 1024
PASSWORD_FILE = "backoffice-password.txt"  # noqa: S105 - a file name


@dataclass(frozen=True)
class ReferenceSettings:
    """What the reference back office needs.

    var: folder of its database and password file. secret: the `whsec_` secret shared with the service. events_url:
    full address status events are posted to. database_url: SQLAlchemy async URL, SQLite under var by default.
    poll: seconds between looks for undelivered events.
    """

    var: Path
    keyring: Keyring
    secret: str
    events_url: str
    database_url: str | None = None
    secure_cookies: bool = False
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    poll: float = 5.0

    @property
    def url(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite+aiosqlite:///{self.var.absolute() / 'backoffice.sqlite3'}"


def create_app(settings: ReferenceSettings) -> web.Application:
    """The application; opens its database and starts delivering events when it is started.

    The sign-in password is made at the first call and kept in `<var>/backoffice-password.txt` (mode 0600).

    Raises:
        OSError: the var folder cannot be written.
    """
    app = web.Application(client_max_size=MAX_BODY, middlewares=[api.errors])
    # Sessions end when the process does: nothing to keep, nothing to leak.
    aiohttp_session.setup(
        app,
        EncryptedCookieStorage(
            Fernet(Fernet.generate_key()),
            cookie_name=COOKIE,
            max_age=SESSION_SECONDS,
            secure=settings.secure_cookies,
            httponly=True,
            samesite="Strict",
        ),
    )
    app.middlewares.append(pages.guard)
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        filters=pages.FILTERS,
    )
    app[SECRET] = settings.secret
    app[CLOCK] = settings.clock
    app[SIGN_INS] = SignIns(settings.clock)
    app[PASSWORD] = load_or_make(settings.var / PASSWORD_FILE, lambda: secrets.token_urlsafe(9))
    app[DATABASE] = Database(settings.url, settings.keyring)
    app[WORKER] = OutboxWorker(
        app[DATABASE],
        HttpConnector(settings.events_url, settings.secret),
        clock=settings.clock,
        poll=settings.poll,
        queue="events",
    )
    app.cleanup_ctx.append(_running)
    app.add_routes(api.routes)
    app.add_routes(pages.routes)
    app.router.add_static("/static", HERE / "static")
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    await app[DATABASE].open()
    await app[WORKER].start()
    yield
    await app[WORKER].stop()
    await app[DATABASE].close()
