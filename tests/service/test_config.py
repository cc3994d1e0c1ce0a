"""config.toml to Config: values, defaults, environment, files of secrets, includes."""

import os
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.config import ConfigError, load
from tests.service.configs import SHIPPED, doubts, load_text, write

SECRETS = """
    [web]
    password = "web-literal"
    [crawler]
    proxy = "http://me:proxy-literal@127.0.0.1:3128"
    [source.dawn]
    url = "https://www.dawn.com/"
    headers = { Cookie = "cookie-literal", Accept-Language = "en-GB" }
    [channel.desk]
    kind = "email"
    to = ["a@example.org"]
    from = "w@example.org"
    smtp = "smtps://user:smtp%2Dliteral@mail.example.org"
    [channel.ops]
    kind = "webhook"
    url = "https://ops.example.org/"
    secret = { file = "signing" }
"""
SIGNING = "whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhpcnR5LWJ5dGVz"


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    config = load_text(tmp_path, "")
    assert config.service.timezone == "UTC"
    assert config.service.database == f"sqlite:///{tmp_path}/wirewatch.db"
    assert config.web.address == ("127.0.0.1", 8780)
    assert config.crawler.every == timedelta(minutes=15)
    assert (config.sources, config.watchlists, config.channels) == ({}, {}, {})


def test_the_shipped_file_starts_as_it_is_and_raises_no_doubt() -> None:
    config = load(SHIPPED, {})
    assert config.warnings == ()
    assert {"dawn", "tribune", "tolonews", "pajhwok", "khaama"} <= config.sources.keys()
    assert set(config.watchlists) == {"durand-line", "ttp"}
    assert config.channels["inbox"].kind == "maildir"


def test_a_table_becomes_values_with_units(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        """
        [service]
        retention = "1h30m"
        keep_pages = true
        [crawler]
        max_size = "512KB"
        allow_private = ["127.0.0.0/8"]
        [source.dawn]
        url = "https://www.dawn.com/"
        every = "10m"
        silent_after = "2d"
        select = { links = "h2 a" }
        [watchlist.durand-line]
        any = '"Durand Line"'
        in = ["title"]
        """,
    )
    assert config.service.retention == timedelta(minutes=90)
    assert config.service.keep_pages is True
    assert config.crawler.max_size == 512 * 1024
    assert config.crawler.allow_private == (ip_network("127.0.0.0/8"),)
    source = config.sources["dawn"]
    assert (source.every, source.silent_after) == (timedelta(minutes=10), timedelta(days=2))
    assert source.select.links == "h2 a"
    watchlist = config.watchlists["durand-line"]
    assert watchlist.any == ('"Durand Line"',)
    assert watchlist.in_ == ("title",)
    assert watchlist.notify is None


def test_a_loaded_configuration_cannot_be_changed(tmp_path: Path) -> None:
    config = load_text(tmp_path, "")
    with pytest.raises(ValidationError):
        config.service.timezone = "Asia/Kabul"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${DESK}", "a@example.org"),
        ("<${DESK}>, ${DESK}", "<a@example.org>, a@example.org"),
        ("${NONE:-b@example.org}", "b@example.org"),
        ("${EMPTY:-b@example.org}", "b@example.org"),
        ("${EMPTY}", ""),
        ("${NONE:-}", ""),
        ("$${DESK}", "${DESK}"),
        ("$DESK costs $5", "$DESK costs $5"),
    ],
)
def test_the_environment_fills_in_any_text(tmp_path: Path, written: str, value: str) -> None:
    env = {"DESK": "a@example.org", "EMPTY": ""}
    config = load_text(tmp_path, f'[crawler]\ncontact = "{written}"', env)
    assert config.crawler.contact == value


def test_a_value_from_the_environment_is_not_read_again(tmp_path: Path) -> None:
    env = {"A": "${B}", "B": "b"}
    assert load_text(tmp_path, '[crawler]\ncontact = "${A}"', env).crawler.contact == "${B}"


def test_a_secret_may_stand_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter22\n")
    config = load_text(tmp_path, '[web]\npassword = { file = "${DIR:-.}/password" }')
    assert config.web.password.get_secret_value() == "hunter22"


def test_a_source_may_be_called_file(tmp_path: Path) -> None:
    config = load_text(tmp_path, '[source.file]\nurl = "https://example.org/"')
    assert "file" in config.sources


def test_every_secret_is_gathered_and_none_is_printed(tmp_path: Path) -> None:
    (tmp_path / "signing").write_text(SIGNING)
    config = load_text(tmp_path, SECRETS)
    secrets = {"web-literal", "proxy-literal", "cookie-literal", "smtp-literal", SIGNING}
    assert secrets <= config.secrets
    assert "en-GB" not in config.secrets
    for secret in {*secrets, "smtp%2Dliteral"}:
        assert secret not in repr(config)
        assert secret not in str(config)


def test_a_secret_in_a_file_that_all_may_read_is_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "signing").write_text(SIGNING)
    path = write(tmp_path, SECRETS)
    assert load(path, {}).warnings == ()
    path.chmod(0o644)
    warned = [(problem.line, problem.path) for problem in load(path, {}).warnings]
    assert warned == [
        (3, ("web", "password")),
        (5, ("crawler", "proxy")),
        (8, ("source", "dawn", "headers", "Cookie")),
        (13, ("channel", "desk", "smtp")),
    ]


def test_a_secret_from_elsewhere_is_no_doubt(tmp_path: Path) -> None:
    path = write(tmp_path, '[web]\npassword = "${PASSWORD}"')
    path.chmod(0o644)
    assert load(path, {"PASSWORD": "hunter22"}).warnings == ()


def test_files_are_included_by_pattern_and_merged(tmp_path: Path) -> None:
    write(tmp_path, '[source.a]\nurl = "https://a.example/"', "sources/a.toml")
    write(tmp_path, '[source.b]\nurl = "https://b.example/"', "sources/b.toml")
    write(tmp_path, "[crawler]\ndelay = '5s'", "polite.toml")
    config = load_text(
        tmp_path,
        """
        include = ["sources/*.toml", "*.toml", "sources/a.toml"]
        [source.c]
        url = "https://c.example/"
        [crawler]
        every = "1h"
        """,
    )
    assert set(config.sources) == {"a", "b", "c"}
    assert config.crawler.every == timedelta(hours=1)
    assert config.crawler.delay == timedelta(seconds=5)
    names = ["config.toml", "sources/a.toml", "sources/b.toml", "polite.toml"]
    assert config.files == tuple(tmp_path / name for name in names)


def test_relative_paths_begin_at_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[service]\ndatabase = "sqlite:///state/w.db"', "etc/config.toml")
    monkeypatch.chdir(tmp_path)
    config = load(Path("etc/config.toml"), {})
    assert config.path == tmp_path / "etc/config.toml"
    assert config.service.database == f"sqlite:///{tmp_path}/etc/state/w.db"


def test_an_absolute_database_stays_where_it_is(tmp_path: Path) -> None:
    config = load_text(tmp_path, '[service]\ndatabase = "sqlite:////var/lib/w.db"')
    assert config.service.database == "sqlite:////var/lib/w.db"


def test_a_byte_order_mark_and_line_ends_of_other_systems_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes('\ufeff[crawler]\r\ncontact = """a\r\nb"""\r\n'.encode())
    assert load(path, {}).crawler.contact == "a\nb"


def test_sources_that_no_id_matches_are_a_doubt_with_the_nearest(tmp_path: Path) -> None:
    text = """
        [source.dawn]
        url = "https://www.dawn.com/"
        [channel.inbox]
        kind = "maildir"
        path = "inbox"
        [watchlist.w]
        any = ["x"]
        sources = ["da*", "dwan"]
        """
    assert doubts(tmp_path, text) == [
        'config.toml:9: watchlist.w.sources[1]: no source has an id like "dwan"; '
        'did you mean "dawn"?'
    ]


def test_watchlists_without_a_channel_are_a_doubt(tmp_path: Path) -> None:
    assert doubts(tmp_path, '[watchlist.w]\nany = ["x"]') == [
        "config.toml:1: watchlist.w: no channel is configured: nobody is told of matches"
    ]


def test_one_address_under_two_ids_is_a_doubt(tmp_path: Path) -> None:
    text = '[source.a]\nurl = "https://a.example/"\n[source.b]\nurl = "https://a.example/"'
    assert doubts(tmp_path, text) == ["config.toml:4: source.b.url: is the address of source.a too"]


@pytest.fixture
def without_rights() -> Iterator[None]:
    """Root may read everything: as root, be nobody for a moment."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = write(tmp_path, "")
    path.chmod(0)
    request.getfixturevalue("without_rights")
    with pytest.raises(ConfigError, match="Permission denied"):
        load(path, {})


@pytest.mark.parametrize(("retention", "doubts"), [("30d", 0), ("0d", 0), ("7d", 1)])
def test_a_retention_shorter_than_a_story_lives_is_doubted(
    tmp_path: Path, retention: str, doubts: int
) -> None:
    config = load_text(tmp_path, f'[service]\nretention = "{retention}"\n')
    found = [str(doubt) for doubt in config.warnings if "service.retention" in str(doubt)]
    assert len(found) == doubts
    assert all("told as news" in doubt for doubt in found)
