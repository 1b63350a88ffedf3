"""Storage on SQLite or PostgreSQL behind `integrations.ports.Storage`."""

from __future__ import annotations

from integrations.storage.errors import DatabaseProblem
from integrations.storage.storage import open_storage

__all__ = ["DatabaseProblem", "open_storage"]
