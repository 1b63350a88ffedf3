"""Migrations, run by the program itself."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from integrations.storage.errors import DatabaseProblem

MIGRATIONS = Path(__file__).parent / "migrations"


def config(connection: Connection) -> Config:
    """Alembic's settings for an open connection."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision, in the transaction that is open.

    Raises:
        DatabaseProblem: the database was written by a newer release.
    """
    try:
        command.upgrade(config(connection), "head")
    except CommandError as error:
        raise DatabaseProblem(
            f"the database cannot be brought up to date: {error}. Cure: it was probably written by a newer release; "
            "run that release, or go back to a backup."
        ) from error
