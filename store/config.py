"""Values that people write in config.toml: durations, sizes, secrets; every package uses them."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)")
_BYTES = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


LONGEST_DURATION = timedelta(days=3650)
"""A longer one is a slip of the pen, and the time now plus some of them is no time any more."""


def parse_duration(value: object) -> timedelta:
    """`90s`, `15m`, `1h30m`, `30d` to a timedelta. Raises ValueError with the accepted forms."""
    if isinstance(value, timedelta):
        return value
    text = value.replace(" ", "") if isinstance(value, str) else ""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'{value!r} is not a duration; write "90s", "15m", "6h" or "30d"')
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def configured_duration(value: object) -> timedelta:
    """A duration that is added to the time now. Raises ValueError as `parse_duration`, and for one
    above LONGEST_DURATION."""
    try:
        duration = parse_duration(value)
    except OverflowError:
        duration = timedelta.max
    if duration > LONGEST_DURATION:
        raise ValueError(f"{value!r} is too long; a duration is at most {LONGEST_DURATION.days}d")
    return duration


def parse_size(value: object) -> int:
    """`512KB`, `10MB` to bytes (1 KB is 1,024). Raises ValueError with the accepted forms."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(f'{value!r} is not a size; write "512KB" or "10MB"')
    return int(float(found[1]) * _BYTES[found[2]])


Duration = Annotated[timedelta, BeforeValidator(configured_duration)]
Size = Annotated[int, BeforeValidator(parse_size)]
Secret = SecretStr
"""Shown as *** wherever it is printed; `{ file = "…" }` is resolved before the models see it."""


class Table(BaseModel):
    """A TOML table: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
