"""Migrations, run by the program itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, inspect, text

from integrations.storage.errors import DatabaseProblem

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"


def newest() -> str:
    """The newest revision: revisions are numbered, each in a file rev_<number>.py."""
    return max(file.stem.removeprefix("rev_") for file in (MIGRATIONS / "versions").glob("rev_*.py"))


def current(connection: Connection) -> str | None:
    """The database's revision; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision, in the transaction that is open.

    Raises:
        DatabaseProblem: the database was written by a newer release.
    """
    before, after = current(connection), newest()
    if before == after:
        return
    # Alembic takes a noticeable time to load; most starts and every command find nothing to do.
    from alembic import command
    from alembic.util import CommandError

    logging.getLogger("alembic").setLevel(logging.WARNING)
    log.info("bringing the database up to date", revision=before or "empty", to=after)
    try:
        command.upgrade(config(connection), "head")
    except CommandError as error:
        raise DatabaseProblem(
            f"the database cannot be brought up to date: {error}. Cure: it was probably written by a newer release; "
            "run that release, or go back to a backup."
        ) from error


def config(connection: Connection) -> Config:
    """Alembic's settings for an open connection."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    # New revisions: the next number, in a file named after it (see `newest`).
    made.set_main_option("file_template", "rev_%%(rev)s")
    made.attributes["connection"] = connection
    return made
