"""What a PostgreSQL database knows of the installation that several machines are parts of."""

from __future__ import annotations

from sqlmodel import Field, Session, SQLModel


class Installation(SQLModel, table=True):
    """One fact that all processes of an installation must agree on."""

    __tablename__ = "installation"

    name: str = Field(primary_key=True)
    """id (part of every delivery's id) | started (when the service last did, ISO 8601) |
    damage (of the file, as found at the start; empty when there was none)"""
    value: str


def fact(session: Session, name: str) -> str | None:
    """The value of a fact; None when nobody has said it yet."""
    found = session.get(Installation, name)
    return None if found is None else found.value


def keep_fact(session: Session, name: str, value: str) -> None:
    """Says it for everybody."""
    session.merge(Installation(name=name, value=value))
