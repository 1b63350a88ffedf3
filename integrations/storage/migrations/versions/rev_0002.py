"""Consents say which household of the conversation they are for, and who gave them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("household", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(
            sa.Column("given_by", sa.String(length=64), server_default="self", nullable=False)
        )
