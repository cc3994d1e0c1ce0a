"""A new table in config.toml, with everything else in the file left as it stands.

Raises ConfigError when the file, with the new table, would not load; then nothing is written.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from service.config import load

Values = Mapping[str, str | bool]
"""The keys of one table."""


def table_text(section: str, key: str, values: Values) -> str:
    """`[source.dawn]` and its keys as they are written, the equals signs below each other.

    What strangers wrote is no reference to the environment: `${` is written so that it stays one.
    """
    widest = max(map(len, values))
    header = tomlkit.document()
    header.add(section, tomlkit.table(is_super_table=True))
    header[section].add(key, tomlkit.table())
    lines = [tomlkit.dumps(header).strip()]
    for name, value in _written(values).items():
        shown = tomlkit.string(value).as_string() if isinstance(value, str) else str(value).lower()
        lines.append(f"{name:<{widest}} = {shown}")
    return "\n".join(lines) + "\n"


def _written(values: Values) -> dict[str, str | bool]:
    """The values as they stand in the file."""
    return {
        name: value.replace("${", "$${") if isinstance(value, str) else value
        for name, value in values.items()
    }


def with_table(text: str, section: str, key: str, values: Values) -> str:
    """As `with_tables`, for one."""
    return with_tables(text, section, {key: values})


def with_tables(text: str, section: str, tables: Mapping[str, Values]) -> str:
    """The text with the tables after the last one of their section, else at its end.

    Raises ValueError when the text is no TOML, or cannot be added to without changing it.
    """
    new = "\n".join(table_text(section, key, values) for key, values in tables.items())
    try:
        at = _end_of_section(text, section)
    except TOMLKitError as error:
        raise ValueError(str(error)) from error
    before, after = text[:at].rstrip("\n"), text[at:].lstrip("\n")
    joined = f"{before}\n\n{new}" + (f"\n{after}" if after else "") if before else f"{new}\n{after}"
    wanted: dict[str, Any] = tomllib.loads(text)
    wanted.setdefault(section, {}).update({k: _written(values) for k, values in tables.items()})
    if tomllib.loads(joined) != wanted:
        raise ValueError(
            f"a [{section}.{next(iter(tables))}] cannot be added to it as it is written"
        )
    return joined


def _end_of_section(text: str, section: str) -> int:
    """Where the last table of a section ends: the offset at which another may begin."""
    at = end = 0
    for name, item in tomlkit.parse(text).body:
        own = len(_rendered(name, item))
        at += own
        if name is not None and name.key == section:
            end = at
    return end or len(text)


def _rendered(name: Any, item: Any) -> str:
    """One part of a document as it was written."""
    part = tomlkit.document()
    part.body.append((name, item))
    return tomlkit.dumps(part)


def add_table(path: Path, env: Mapping[str, str], section: str, key: str, values: Values) -> None:
    """As `add_tables`, for one."""
    add_tables(path, env, section, {key: values})


def add_tables(
    path: Path,
    env: Mapping[str, str],
    section: str,
    tables: Mapping[str, Values],
    *,
    only_try: bool = False,
) -> None:
    """Writes the tables into the file, all or none; its mode stays as it is.

    `only_try` leaves it as it is, after everything that may fail has been tried.
    Raises ConfigError when the file would not load with them, ValueError as `with_tables`, OSError.
    """
    target = path.resolve()
    written = target.read_bytes().decode("utf-8")
    mark = "\ufeff" if written.startswith("\ufeff") else ""
    ends = "\r\n" if "\r\n" in written else "\n"
    text = written.removeprefix(mark).replace("\r\n", "\n")
    changed = mark + with_tables(text, section, tables).replace("\n", ends)
    # Not *.toml: a running service reads every file of that name beside its configuration.
    descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(changed)
            os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            file.flush()
            os.fsync(file.fileno())
        load(Path(name), env)
        if not only_try:
            Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
