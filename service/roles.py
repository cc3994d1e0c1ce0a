"""What a process does where several share one database; one that is alone does everything."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["schedule", "web", "crawl", "match", "deliver"]
Roles = frozenset[Role]

ALL: tuple[Role, ...] = get_args(Role)
OF_RUN = ("schedule", "web")
OF_WORKER = ("crawl", "match", "deliver")


def parse_roles(text: str) -> Roles:
    """`crawl,match` as roles. Raises ValueError that names those there are."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if unknown := [word for word in words if word not in ALL] or ([] if words else ["nothing"]):
        raise ValueError(f"{unknown[0]} is no role; there are {', '.join(ALL)}")
    return frozenset(role for role in ALL if role in words)
