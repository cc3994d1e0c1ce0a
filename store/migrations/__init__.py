"""The schema's history, applied by Alembic when the database is opened."""
