"""Run by Alembic: the connection is handed over by `store.schema`, never opened here."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from store import articles, deliveries, installation, revisions, sources, stories
from store.search_index import is_index_table
from store.types import UtcDateTime

TABLES = (
    articles.Article,
    deliveries.Delivery,
    installation.Installation,
    revisions.Revision,
    sources.SourceState,
    stories.Sketch,
)
"""Naming one of each module keeps the imports that fill the metadata."""


def render_type(kind: str, column_type: Any, writing: AutogenContext) -> str | Literal[False]:
    """How a new migration spells our column types."""
    if kind == "type" and isinstance(column_type, UtcDateTime):
        writing.imports.add("from store.types import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and isinstance(column_type, AutoString):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_item=render_type,
    include_name=lambda name, kind, _: kind != "table" or not is_index_table(name),
    # SQLite cannot alter most things in place: Alembic copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
