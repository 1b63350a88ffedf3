"""Operators' errors of the commands: what is wrong and how it is cured, without a stack trace."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

import click
from pydantic import ValidationError

from integrations.crypto import KeyProblem
from integrations.ports import StorageUnavailable
from integrations.redis import BusProblem
from integrations.storage import DatabaseProblem
from policies_kb.errors import DataFileError

_CURES = {
    errno.EADDRINUSE: ". Cure: end what uses the port, or choose another with --port",
    errno.ENOSPC: ". Cure: make room on the disk",
    errno.EROFS: ". Cure: set JZT_VAR to a folder that can be written",
    errno.EACCES: ". Cure: give the service's user access to it",
}


@contextlib.contextmanager
def operator_errors() -> Iterator[None]:
    """Turn the errors an operator can cure into a message and exit code 1."""
    try:
        yield
    except ValidationError as error:
        if error.title != "Settings":
            raise
        found = error.errors(include_url=False, include_input=False)
        lines = [f"JZT_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in found]
        raise click.ClickException("\n".join(lines)) from None
    except (KeyProblem, DatabaseProblem, BusProblem, DataFileError) as error:
        raise click.ClickException(str(error)) from None
    except StorageUnavailable as error:
        raise click.ClickException(
            f"the database cannot be reached: {error}. Cure: check JZT_DATABASE_URL"
        ) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        cure = _CURES.get(error.errno or 0, "")
        raise click.ClickException(f"{place}{error.strerror or error}{cure}") from None
