"""Writes the tables of keys in docs/configuration.md from the models, so that they cannot differ.

    .venv/bin/python scripts/manual.py [--check]

The text around the tables is written by hand. `--check` writes nothing and fails if anything would
change; a test calls it.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from alerts.channels import CHANNEL_KINDS
from alerts.channels.base import ChannelTable
from alerts.config import ExampleConfig, WatchlistConfig
from crawler.config import CrawlerConfig, SelectConfig, SourceConfig
from service.config.models import HealthConfig, ServiceConfig, WebConfig
from store.config import parse_size

ROOT = Path(__file__).resolve().parent.parent
MANUAL = ROOT / "docs" / "configuration.md"
TABLES: dict[str, type[BaseModel]] = {
    "service": ServiceConfig,
    "web": WebConfig,
    "crawler": CrawlerConfig,
    "source": SourceConfig,
    "source.select": SelectConfig,
    "watchlist": WatchlistConfig,
    "watchlist.examples": ExampleConfig,
    "channel": ChannelTable,
    **{f"channel {kind}": model for kind, model in CHANNEL_KINDS.items()},
    "health": HealthConfig,
}

_PART = re.compile(r"(<!-- keys: ([a-z. ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def manual(text: str) -> str:
    """The manual with every table of keys as the models are now."""
    return _PART.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", text)


def table(name: str) -> str:
    """The keys of one model as a table: name, type, default, meaning."""
    head = "| key | type | default | meaning |\n|---|---|---|---|\n"
    return head + "".join(f"{row}\n" for row in _rows(name))


def _rows(name: str) -> Iterator[str]:
    shared = set(ChannelTable.model_fields) if name.startswith("channel ") else set()
    for key, field in TABLES[name].model_fields.items():
        if key in shared:
            continue
        cells = [
            f"`{field.alias or key}`",
            _type(field),
            _default(field),
            (field.description or "names this kind").replace("|", "\\|"),
        ]
        yield f"| {' | '.join(cells)} |"


def _type(field: FieldInfo) -> str:
    if any(getattr(step, "func", None) is parse_size for step in field.metadata):
        return "size"
    return _kind(field.annotation)


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in inner)
    if origin in {Union, UnionType}:
        return " or ".join(_kind(part) for part in inner if part is not NoneType)
    if origin is tuple:
        return f"list of {_plural(_kind(inner[0]))}"
    if origin is not None and hasattr(annotation, "__metadata__"):
        return _kind(inner[0])
    return _PLAIN.get(annotation) or _named(annotation)


_PLAIN: dict[Any, str] = {
    bool: "true or false",
    int: "number",
    float: "number",
    str: "text",
    timedelta: "duration",
    SecretStr: "secret",
}


def _named(annotation: Any) -> str:
    name = getattr(annotation, "__name__", "")
    if "Network" in name:
        return "address range"
    return "table"


def _plural(kind: str) -> str:
    if kind.startswith("`"):
        return kind
    return "address ranges" if kind.startswith("address range") else f"{kind}s"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if any(getattr(step, "func", None) is parse_size for step in field.metadata):
        return f'`"{value // 1024**2}MB"`'
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        size, unit = next((u for u in _UNITS if seconds and seconds % u[0] == 0), (1, "d"))
        return f'"{seconds // size}{unit}"'
    if isinstance(value, SecretStr):
        return '""'
    if isinstance(value, BaseModel | dict):
        return "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def main() -> int:
    """Rewrites the manual, or says whether it would have to be."""
    old = MANUAL.read_text(encoding="utf-8")
    new = manual(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            print("docs/configuration.md differs from the models; run scripts/manual.py")
        return int(new != old)
    MANUAL.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
