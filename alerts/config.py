"""[watchlist.*] and [variants] of config.toml; a channel's table stands with its kind."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from store.config import Table

FieldName = Literal["title", "standfirst", "body", "caption", "author", "section", "tag", "url"]


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]


class ExampleConfig(Table):
    """A text and whether the watchlist must match it; checked whenever the file is loaded."""

    text: str = Field(description="stands in the body")
    title: str = Field("", description="stands in the title")
    expect: bool = Field(description="whether it must match")


class WatchlistConfig(Table):
    """[watchlist.ID]: what to look for and whom to tell."""

    name: str = Field("", description="shown in alerts; default: the id")
    any: Names = Field((), description="at least one of these")
    all: Names = Field((), description="and every one of these")
    none: Names = Field((), description="and none of these")
    query: str = Field("", description="one query, instead of the three lists")
    in_: Annotated[tuple[FieldName, ...], BeforeValidator(_one_or_many)] = Field(
        ("title", "standfirst", "body"), alias="in", description="the fields that are searched"
    )
    lang: Names = Field((), description="only these languages; empty: all")
    sources: Names = Field(("*",), description="only these source ids (globs)")
    min_mentions: int = Field(1, ge=1, description="places of all positive terms, counted together")
    notify: Names | None = Field(None, description="channel ids; default: every channel")
    deliver: str = Field("instant", description="instant | hourly | daily HH:MM | weekly mon HH:MM")
    updates: Literal["new", "changes"] = Field(
        "new", description='"new": once for each story; "changes": also when an article changes'
    )
    max_per_day: int = Field(50, ge=1, description="above it the rest arrives as one summary")
    examples: tuple[ExampleConfig, ...] = Field((), description="checked whenever loaded")


Variants = dict[str, tuple[str, ...]]
"""[variants]: named sets of spellings, used in queries as @name."""
