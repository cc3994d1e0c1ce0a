"""The log: one event for each outcome, text or JSON on standard error, no secret in it."""

import logging
import math
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.config.filling import hide_userinfo
from service.printable import show_controls, to_json

LEAST_SECRET = 4
"""Shorter secrets are not searched for: they would black out half of every line."""


class Redaction:
    """A step of the log that puts *** for every configured secret and every URL's user."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets` as `Config.secrets` gathers them."""
        self._pattern: re.Pattern[str] | None = None
        self.replace_secrets(secrets)

    def replace_secrets(self, secrets: Iterable[str]) -> None:
        """Takes the secrets of a configuration that was loaded anew."""
        known = {form for secret in secrets for form in (secret, repr(secret)[1:-1])}
        long = sorted((s for s in known if len(s) >= LEAST_SECRET), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, long))) if long else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """The event with every text in it made safe, however deep it lies."""
        return {self.text(str(key)): self.value(value) for key, value in event.items()}

    def value(self, value: Any) -> Any:
        """A value of an event: numbers as they are, everything else as safe text."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if isinstance(value, datetime) and value.tzinfo:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return self.text(value if isinstance(value, str) else str(value))

    def text(self, text: str) -> str:
        """A text without secrets and without control characters."""
        if self._pattern:
            text = self._pattern.sub("***", text)
        return show_controls(hide_userinfo(text))


def set_up_log(
    form: Literal["text", "json"],
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
    level: int = logging.INFO,
    steps: Sequence[Processor] = (),
) -> Redaction:
    """Sends the log of this program and of its libraries to standard error; call it once.

    `steps` see every event of this program before it is written. Returns the redaction, so that a
    reloaded configuration can bring its own secrets.
    """
    redaction = Redaction(secrets)
    output = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: list[Processor] = [redaction, _as_json if form == "json" else _as_text]
    structlog.configure(
        processors=[*steps, *shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    libraries = logging.StreamHandler(output)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[libraries], level=logging.WARNING, force=True)
    # What it warns of, looks that take longer than a second, is no fault or an event of ours.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return redaction


def _logger_name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger"] = event["_record"].name
    return event


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return to_json(event)


def _as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """`2026-03-01T08:15:00Z info visited source=dawn entries=12`."""
    at, level, name = event.pop("timestamp", ""), event.pop("level", ""), event.pop("event", "")
    pairs = [f"{key}={_quoted(value)}" for key, value in event.items()]
    return " ".join(part for part in (str(at), str(level), str(name), *pairs) if part)


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else to_json(value)
    return to_json(text) if isinstance(value, str) and re.search(r"[\s\"=]|^$", text) else text
