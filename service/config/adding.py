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


def table_text(section: str, key: str, values: Mapping[str, str]) -> str:
    """`[source.dawn]` and its keys as they are written, the equals signs below each other."""
    widest = max(map(len, values))
    header = tomlkit.document()
    header.add(section, tomlkit.table(is_super_table=True))
    header[section].add(key, tomlkit.table())
    lines = [tomlkit.dumps(header).strip()]
    lines += [
        f"{name:<{widest}} = {tomlkit.string(text).as_string()}" for name, text in values.items()
    ]
    return "\n".join(lines) + "\n"


def with_table(text: str, section: str, key: str, values: Mapping[str, str]) -> str:
    """The text with the table after the last one of its section, else at its end.

    Raises ValueError when the text is no TOML, or cannot be added to without changing it.
    """
    new = table_text(section, key, values)
    try:
        at = _end_of_section(text, section)
    except TOMLKitError as error:
        raise ValueError(str(error)) from error
    before, after = text[:at].rstrip("\n"), text[at:].lstrip("\n")
    joined = f"{before}\n\n{new}" + (f"\n{after}" if after else "") if before else f"{new}\n{after}"
    wanted: dict[str, Any] = tomllib.loads(text)
    wanted.setdefault(section, {})[key] = dict(values)
    if tomllib.loads(joined) != wanted:
        raise ValueError(f"a [{section}.{key}] cannot be added to it as it is written")
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


def add_table(
    path: Path, env: Mapping[str, str], section: str, key: str, values: Mapping[str, str]
) -> None:
    """Writes the table into the file, whole or not at all; its mode stays as it is.

    Raises ConfigError when the file would not load with it, ValueError as `with_table`, OSError.
    """
    target = path.resolve()
    written = target.read_bytes().decode("utf-8")
    mark = "\ufeff" if written.startswith("\ufeff") else ""
    ends = "\r\n" if "\r\n" in written else "\n"
    text = written.removeprefix(mark).replace("\r\n", "\n")
    changed = mark + with_table(text, section, key, values).replace("\n", ends)
    # Not *.toml: a running service reads every file of that name beside its configuration.
    descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(changed)
            os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            file.flush()
            os.fsync(file.fileno())
        load(Path(name), env)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
