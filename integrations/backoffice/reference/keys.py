"""Keys of what the application carries for its handlers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from integrations.backoffice.reference.database import Database
from integrations.backoffice.reference.signins import SignIns
from integrations.backoffice.worker import OutboxWorker

DATABASE = web.AppKey("database", Database)
WORKER = web.AppKey("worker", OutboxWorker)
SECRET = web.AppKey("secret", str)
PASSWORD = web.AppKey("password", str)
CLOCK: web.AppKey[Callable[[], datetime]] = web.AppKey("clock")
SIGN_INS = web.AppKey("sign_ins", SignIns)
