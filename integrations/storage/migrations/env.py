"""Run by Alembic inside `integrations.storage.schema`, on a connection whose transaction is open."""

from __future__ import annotations

from alembic import context

from integrations.storage.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite cannot alter a constraint: later migrations copy the table instead.
    render_as_batch=True,
)
context.run_migrations()
