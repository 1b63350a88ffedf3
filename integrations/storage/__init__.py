"""One SQLAlchemy model for SQLite and PostgreSQL, migrations by Alembic."""
