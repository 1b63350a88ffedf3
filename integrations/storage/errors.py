"""Which database errors are passing (locked, full, gone for a moment) and which are somebody's mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from integrations.ports import StorageUnavailable

# SQLite primary result codes: BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN.
_SQLITE_PASSING: Final = frozenset({5, 6, 8, 10, 13, 14})
# PostgreSQL: connection, rollback (serialisation, deadlock), insufficient resources (disk full, too many connections),
# operator intervention (restart, statement cancelled).
_SQLSTATE_CLASSES: Final = frozenset({"08", "40", "53", "57"})
# A standby after a switch-over; a lock not granted within lock_timeout; idle too long in a transaction.
_SQLSTATES: Final = frozenset({"25006", "55P03", "25P03"})


class DatabaseProblem(Exception):
    """The database cannot be used as set up: a wrong URL, no such database, a refused password. Names the cure."""


def passing(error: BaseException) -> bool:
    """True when the same work may succeed later, without anybody changing the settings."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and passing(error.orig))
    if isinstance(error, OSError | PoolTimeout):  # OSError: connection refused or reset, time-out
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in _SQLITE_PASSING
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return state[:2] in _SQLSTATE_CLASSES or state in _SQLSTATES
    # What asyncpg says of a connection that died under a statement carries no SQLSTATE.
    return "connection" in str(error).lower() and "clos" in str(error).lower()


@contextmanager
def translated() -> Iterator[None]:
    """Passing database errors come out as StorageUnavailable, everything else as it is.

    Of the operating system's errors only those of a connection: a file the caller missed is not the database's.
    """
    try:
        yield
    except (DBAPIError, PoolTimeout, ConnectionError, TimeoutError) as error:
        if passing(error):
            raise StorageUnavailable(_reason(error)) from error
        raise


def _reason(error: BaseException) -> str:
    """Without the statement and its parameters: those do not belong in logs."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return f"{type(cause).__name__}: {cause}"
