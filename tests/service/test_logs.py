"""The log: one line an event, in two forms, whatever strangers put into it."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from service.logs import Redaction, set_up_log
from service.printable import show_controls
from service.scheduler import Scheduler
from tests.service.test_clock import Idle


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    handlers, level, usual = logging.root.handlers[:], logging.root.level, structlog.get_config()
    yield
    structlog.configure(**usual)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_an_event_is_one_line_of_text_with_its_values() -> None:
    output = io.StringIO()
    set_up_log("text", stream=output)
    structlog.get_logger().info("visited", source="dawn", entries=12, title="two words", why=None)
    (line,) = output.getvalue().splitlines()
    at, rest = line.split(" ", 1)
    assert at.endswith("Z")
    assert rest == 'info visited source=dawn entries=12 title="two words" why=null'


def test_every_time_in_a_line_has_one_form() -> None:
    written = io.StringIO()
    set_up_log("text", stream=written)
    structlog.get_logger("crawler").info("visit", next_visit=datetime(2026, 3, 1, 8, tzinfo=UTC))
    at, *_, named = written.getvalue().split()
    assert re.fullmatch(r"\S{10}T\S+Z", at)
    assert named == "next_visit=2026-03-01T08:00:00Z"


def test_an_event_is_one_object_of_json() -> None:
    output = io.StringIO()
    set_up_log("json", stream=output)
    structlog.get_logger().warning("visited", source="dawn", hosts=("a", "b"))
    event = json.loads(output.getvalue())
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "visited",
        "level": "warning",
        "source": "dawn",
        "hosts": ["a", "b"],
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_reaches_the_log_however_deep_it_lies(form: str) -> None:
    output = io.StringIO()
    set_up_log(form, {"hunter22", 'with "quotes"'}, stream=output)  # type: ignore[arg-type]
    log = structlog.get_logger()
    log.info("sent hunter22", hunter22=[{"deep": ("hunter22", 'with "quotes"')}])
    log.info("sent", to="smtps://me:other%20one@mail.example.org/x", error=ValueError("hunter22"))
    try:
        raise ValueError("smtp said hunter22")
    except ValueError:
        log.exception("failed")
    for secret in ("hunter22", "quotes", "other", "me:"):
        assert secret not in output.getvalue()
    assert "smtps://***@mail.example.org/x" in output.getvalue()


def test_the_libraries_warnings_go_the_same_way() -> None:
    output = io.StringIO()
    set_up_log("json", {"hunter22"}, stream=output)
    logging.getLogger("library.core").warning("proxy %s refused\x1b[2J", "hunter22")
    logging.getLogger("library.core").info("not told")
    event = json.loads(output.getvalue())
    assert event["event"] == "proxy *** refused\\x1b[2J"
    assert event["logger"] == "library.core"


def test_a_reloaded_configuration_brings_its_own_secrets() -> None:
    redaction = Redaction({"first-secret"})
    redaction.replace_secrets({"second-secret"})
    assert redaction.text("first-secret second-secret") == "first-secret ***"


def test_a_secret_too_short_to_be_one_blacks_nothing_out() -> None:
    assert Redaction({"", "a", "abc"}).text("a cab, abc") == "a cab, abc"


def test_what_is_longer_goes_first() -> None:
    assert Redaction({"secret", "secret-and-more"}).text("secret-and-more") == "***"


JSON_LIKE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters()),
        st.binary(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.text(st.characters()), JSON_LIKE, st.sampled_from(["text", "json"]))
def test_any_event_is_exactly_one_line_that_no_terminal_obeys(
    name: str, value: object, form: str
) -> None:
    output = io.StringIO()
    set_up_log(form, stream=output)  # type: ignore[arg-type]
    structlog.get_logger().info(name, value=value)
    line = output.getvalue()
    assert line.endswith("\n")
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line[:-1])
    line.encode("utf-8")
    if form == "json":
        assert json.loads(line)["level"] == "info"


def test_nan_is_told_in_json_as_text() -> None:
    output = io.StringIO()
    set_up_log("json", stream=output)
    structlog.get_logger().info("measured", share=float("nan"))
    assert json.loads(output.getvalue())["share"] == "nan"


def test_controls_are_shown_and_letters_kept() -> None:
    assert show_controls("ڈیورنڈ\x1b]0;x\x07\u202e\n") == "ڈیورنڈ\\x1b]0;x\\x07\\u202e\\x0a"


async def test_a_look_that_takes_long_is_an_event_of_ours_and_no_line_of_the_library() -> None:
    output = io.StringIO()
    set_up_log("text", stream=output)

    async def look() -> int:
        await asyncio.sleep(2.4)
        return 0

    async with Scheduler(cast(Any, Idle()), {"match": look}, slow=0.1).running():
        await asyncio.sleep(3.3)
    assert "maximum number" not in output.getvalue()
    assert "apscheduler" not in output.getvalue()
    assert 'warning job job=match status="still running"' in output.getvalue()
