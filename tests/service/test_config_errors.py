"""What people read when the configuration is wrong, word for word; and that nothing else comes."""

import re
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.config import ConfigError, Problem, load
from tests.service.configs import SHIPPED, faults, load_text, write

SOURCE = '[source.dawn]\nurl = "https://www.dawn.com/"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[servcie]\nlog = 'text'",
            'config.toml:1: servcie: unknown table; did you mean "service"?',
        ),
        (
            SOURCE + "evry = '10m'",
            'config.toml:3: source.dawn.evry: unknown key; did you mean "every"?',
        ),
        (
            SOURCE + "kind = 'feeed'",
            'config.toml:3: source.dawn.kind: "feeed" is not one of auto, feed, sitemap, '
            'wordpress, listing; did you mean "feed"?',
        ),
        (
            SOURCE + "[source.dawn.select]\nbdy = 'p'",
            'config.toml:4: source.dawn.select.bdy: unknown key; did you mean "body"?',
        ),
        (
            SOURCE + "[source.dawn.select]\nbody = 'div.text >'",
            "config.toml:4: source.dawn.select.body: 'div.text >' is no CSS selector; write one "
            'like "div.article p"',
        ),
        ("[source.dawn]", "config.toml:1: source.dawn.url: is missing; it has no default"),
        (
            "[source]\ndawn = 'https://www.dawn.com/'",
            "config.toml:2: source.dawn: must be a table, not a text; write [source.ID] and below "
            "it the keys",
        ),
        (
            '[source."a b"]\nurl = "https://a.example/"',
            'config.toml:1: source."a b": an id is letters, digits and - _ . : +, a letter or '
            "digit first",
        ),
        (
            "[crawler]\nconcurrency = '16'",
            "config.toml:2: crawler.concurrency: must be a whole number, without quotes, "
            "not a text",
        ),
        ("[crawler]\nconcurrency = 0", "config.toml:2: crawler.concurrency: must be at least 1"),
        (
            "[crawler]\nobey_robots = 1",
            "config.toml:2: crawler.obey_robots: must be true or false, without quotes, not a "
            "number",
        ),
        (
            "[crawler]\nevery = 15",
            'config.toml:2: crawler.every: 15 is not a duration; write "90s", "15m", "6h" or "30d"',
        ),
        (
            "[health]\ncoverage = 08:00:00",
            "config.toml:2: health.coverage: a date or time stands in quotes here",
        ),
        (
            "[crawler]\nallow_private = [\n  '127.0.0.0/8',\n  'home',\n]",
            "config.toml:4: crawler.allow_private[1]: 'home' is not an address range; write "
            '"127.0.0.0/8"',
        ),
        (
            "[service]\ntimezone = 'Asia/Karach'",
            "config.toml:2: service.timezone: 'Asia/Karach' is not a time zone; write one like "
            '"Asia/Karachi"',
        ),
        (
            "[service]\ndatabase = 'postgresql://u:hunter22@db/w'",
            'config.toml:2: service.database: must be "sqlite:///FILE" or '
            '"postgresql+psycopg://…" (with the driver\'s name)',
        ),
        (
            "[service]\ndatabase = 'sqlite:///a.db?timeout=abc'",
            "config.toml:2: service.database: a ? begins options, and none are read; name the file "
            "alone",
        ),
        (
            "[web]\nlisten = '0.0.0.0:8780'",
            "config.toml:2: web.listen: '0.0.0.0:8780' can be reached by others; [web] needs a "
            "password",
        ),
        (
            "[web]\nlisten = '8780'\n",
            "config.toml:2: web.listen: '8780' is not an address with a port; write "
            '"127.0.0.1:8780"',
        ),
        (
            "[crawler]\nevery = '999999999d'",
            "config.toml:2: crawler.every: '999999999d' is too long; a duration is at most 3650d",
        ),
        (
            SOURCE + "silent_after = '3650d1s'",
            "config.toml:3: source.dawn.silent_after: '3650d1s' is too long; a duration is at most "
            "3650d",
        ),
        (
            f"[crawler]\nevery = '{'9' * 400}w'",
            f"config.toml:2: crawler.every: '{'9' * 400}w' is too long; a duration is at most "
            "3650d",
        ),
        ("[variants]\ndurand = []", "config.toml:2: variants.durand: holds no spelling"),
        (
            "[watchlist.w]\nany = ['a',\n  'b', 5]",
            "config.toml:3: watchlist.w.any[2]: must be a text in quotes, not a number",
        ),
        (
            "[watchlist.w]\nnone = ['a']",
            "config.toml:1: watchlist.w: has nothing to look for; give it any, all or a query",
        ),
        (
            "[watchlist.w]\nquery = 'a'\nall = ['b']",
            "config.toml:2: watchlist.w.query: stands instead of any, all and none, not "
            "beside them",
        ),
        (
            "[channel.desk]\nkind = 'maildir'\npath = 'x'\n[watchlist.w]\nany = 'a'\n"
            "notify = [\n 'desk',\n 'dsek']",
            'config.toml:8: watchlist.w.notify[1]: there is no channel "dsek"; did you mean '
            '"desk"?',
        ),
        (
            "[health]\nnotify = 'desk'",
            'config.toml:2: health.notify: there is no channel "desk"; no channel is configured',
        ),
        (
            "[channel.desk]\nkind = 'emial'",
            'config.toml:2: channel.desk.kind: "emial" is no kind of channel; did you mean '
            '"email"?',
        ),
        (
            "[crawler]\ncontact = '${DESK}'",
            "config.toml:2: crawler.contact: the environment variable DESK is not set; set it or "
            "give a default: ${DESK:-…}",
        ),
        (
            "[crawler]\ncontact = '${DE SK}'",
            "config.toml:2: crawler.contact: ${ begins no ${NAME}; write $${ for the two "
            "characters",
        ),
        (
            "[web]\npassword = { file = 'nowhere' }",
            "config.toml:2: web.password.file: nowhere cannot be read: No such file or directory",
        ),
        ("include = ['a.toml']", "config.toml:1: include[0]: there is no file a.toml"),
        (
            "include = 'a.toml'",
            'config.toml:1: include: must be a list, as in ["watchlists/*.toml"]',
        ),
    ],
)
def test_each_fault_is_told_with_file_line_path_and_remedy(
    tmp_path: Path, text: str, message: str
) -> None:
    assert faults(tmp_path, text) == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[source.dawn]\nurl = https://www.dawn.com/",
            "config.toml:2:7: not valid TOML: this is no TOML value; text stands in quotes, as in "
            'name = "Dawn"',
        ),
        (
            "[crawler\n",
            "config.toml:1:9: not valid TOML: a ] is missing at the end of the table's name",
        ),
        (
            "[crawler]\ncontact 'x'",
            "config.toml:2:9: not valid TOML: a = is missing after the key; keys with spaces or "
            "dots stand in quotes",
        ),
        (
            "[crawler]\ncontact = 'x",
            "config.toml:2:13: not valid TOML: a text is not closed: its second quote is missing",
        ),
        (
            "[crawler]\ncontact = 'x\nevery = '15m'",
            "config.toml:2:13: not valid TOML: a text is not closed before the end of the line",
        ),
        (
            "[variants]\na = ['x' 'y']",
            "config.toml:2:10: not valid TOML: a [ is not closed, or a comma is missing between "
            "two items",
        ),
        (
            "[variants]\na = [ '\"Durand Line\"', '\"ڈیورنڈ'\" ]\n",
            "config.toml:2:33: not valid TOML: a [ is not closed, or a comma is missing between "
            "two items",
        ),
        (
            SOURCE + "\n" + SOURCE,
            "config.toml:4:1: source.dawn: this source is already in line 1; give one of the two "
            "another id",
        ),
        (
            "[crawler]\nevery = '1h'\ndelay = '1s'\nevery = '2h'",
            "config.toml:4:1: crawler.every: stands twice in this file, first in line 2; write it "
            "once",
        ),
        (
            "a = " + "[" * 5000 + "]" * 5000,
            "config.toml: nested too deeply; a configuration needs a handful of levels",
        ),
        (
            "a." * 5000 + "b = 1",
            "config.toml: nested too deeply; a configuration needs a handful of levels",
        ),
        (
            "a = 1\na = 1\nb = " + "[" * 3000,
            "config.toml:2:1: a: stands twice in this file, first in line 1; write it once",
        ),
        (
            "a = ?\nb = " + "[" * 3000,
            "config.toml:1:5: not valid TOML: this is no TOML value; text stands in quotes, as in "
            'name = "Dawn"',
        ),
        ("a = " + "9" * 5000, "config.toml:1:5005: not valid TOML: a number has too many digits"),
    ],
)
def test_what_is_not_toml_is_told_in_words(tmp_path: Path, text: str, message: str) -> None:
    assert faults(tmp_path, text) == [message]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\nb = '\xe9'", "config.toml:2: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("a = 1".encode("utf-16"), "config.toml:1: is written in UTF-16; save it as UTF-8"),
        (
            b"a = 1\0",
            "config.toml:1:6: not valid TOML: the line should end here; a text that holds "
            "quotes stands in '…'",
        ),
    ],
)
def test_a_file_that_is_no_text_is_told_in_words(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert str(caught.value) == f"{tmp_path}/{message}\n1 error"


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; `wirewatch init` writes one"):
        load(tmp_path / "config.toml", {})


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory, not a file"):
        load(tmp_path, {})


def test_all_faults_come_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    write(tmp_path, "[source.b]\nurl = 'b'\n[watchlist.w]\nany = 3", "more/b.toml")
    text = """\
        include = ["more/*.toml"]
        [source.a]
        url = "https://a.example/"
        lnag = "en"
        [service]
        timezone = "Mars"
        database = "mysql://x"
        """
    found = [re.match(r"(.*?): (\S+):", fault) for fault in faults(tmp_path, text)]
    assert [(fault[1], fault[2]) for fault in found if fault] == [
        ("config.toml:4", "source.a.lnag"),
        ("config.toml:6", "service.timezone"),
        ("config.toml:7", "service.database"),
        ("more/b.toml:2", "source.b.url"),
        ("more/b.toml:4", "watchlist.w.any"),
    ]


def test_one_id_in_two_files_is_told_with_both_places(tmp_path: Path) -> None:
    write(tmp_path, "\n" + SOURCE, "more.toml")
    assert faults(tmp_path, f"include = ['more.toml']\n{SOURCE}") == [
        "more.toml:2: source.dawn: stands in two files: also config.toml:2; remove one source.dawn "
        "or rename it".replace("config.toml", f"{tmp_path}/config.toml").replace(f"{tmp_path}/", "")
    ]


def test_an_included_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    write(tmp_path, "x", "more.toml")
    (fault,) = faults(tmp_path, "include = ['more.toml']")
    assert fault.startswith("more.toml:1:2: not valid TOML")


def test_an_included_file_includes_no_others(tmp_path: Path) -> None:
    write(tmp_path, "include = []", "more.toml")
    assert faults(tmp_path, "include = ['more.toml']") == [
        "more.toml:1: include: stands only in config.toml; an included file includes no others"
    ]


def test_the_message_ends_with_the_number_of_faults(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, "[a]\n[b]\n")
    assert str(caught.value).splitlines()[-1] == "2 errors"


def test_a_message_of_very_many_faults_shows_the_first(tmp_path: Path) -> None:
    tables = "".join(f"[source.s{n}]\nurl = 'https://s{n}.example/'\nold = 1\n" for n in range(300))
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, tables)
    lines = str(caught.value).splitlines()
    assert len(caught.value.problems) == 300
    assert len(lines) == 101
    assert "source.s99.old" in lines[99]
    assert lines[-1] == "300 errors, of which the first 100 are shown"


SECRETS_AT_WRONG_PLACES = """
    [web]
    listen = "${PASSWORD}"
    password = 31337
    [crawler]
    proxy = "https://me:hunter22@127.0.0.1:3128"
    contact = { file = "secret" }
    timeout = "${PASSWORD}"
    [source.dawn]
    url = "ftp://me:hunter22@www.dawn.com/"
    kind = "${PASSWORD}"
    every = { file = "secret" }
    headers = { Cookie = ["hunter22"] }
    [service]
    database = "mysql://me:hunter22@db/"
    timezone = { file = "secret" }
    [channel.desk]
    kind = "${PASSWORD}"
    smtp = "smtps://me:hunter22@mail.example.org"
    [channel.ops]
    kind = "email"
    to = ["hunter22"]
    from = "${PASSWORD}"
    smtp = "smtqs://me:hunter22@mail.example.org"
    [watchlist.w]
    any = ["x"]
    notify = ["${PASSWORD}"]
"""


def test_no_message_shows_a_secret_wherever_it_was_put(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter23")
    found = faults(tmp_path, SECRETS_AT_WRONG_PLACES, {"PASSWORD": "hunter24"})
    assert len(found) >= 10
    told = "\n".join(found)
    assert not re.search(r"hunter2[234]", told)


# ---- Whatever is done to the shipped file -------------------------------------------------------

LINES = SHIPPED.read_text(encoding="utf-8").splitlines()
OTHER_VALUES = st.sampled_from(
    [
        "1",
        "-1",
        "1.5",
        "nan",
        "true",
        '""',
        '"x"',
        "[]",
        "['']",
        "[1]",
        "{}",
        "{a=1}",
        "[[]]",
        "1979-05-27",
        "'${NONE}'",
        "{file='nowhere'}",
        "'\"'",
        "'('",
        "'AND'",
        "'''",
        "[[{",
        "=",
    ]
)
WORDS = re.compile(r"[A-Za-z_-]+")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        change = draw(st.sampled_from([_renamed, _other_value, _deleted, _doubled, _cut]))
        lines[number] = change(draw, lines[number])
    return "\n".join(lines)


def _renamed(draw: st.DrawFn, line: str) -> str:
    return WORDS.sub(draw(st.sampled_from(["x", "url", "kind", "path", "é", ""])), line, count=1)


def _other_value(draw: st.DrawFn, line: str) -> str:
    return re.sub(r"=.*", lambda _: f"= {draw(OTHER_VALUES)}", line)


def _deleted(_: st.DrawFn, line: str) -> str:
    return ""


def _doubled(_: st.DrawFn, line: str) -> str:
    return f"{line}\n{line}"


def _cut(draw: st.DrawFn, line: str) -> str:
    return line[: draw(st.integers(0, len(line)))] + draw(st.text(max_size=2))


def problems(path: Path) -> tuple[Problem, ...]:
    """What is wrong with a file, nothing when it loads; any other exception ends the test."""
    try:
        load(path, {})
    except ConfigError as error:
        return error.problems
    return ()


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_any_change_to_the_shipped_file_gives_a_config_or_a_config_error(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "config.toml")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        lines = text.count("\n") + 1
        assert all(p.line is None or 1 <= p.line <= lines for p in problems(path))


TOML_VALUES = st.recursive(
    st.one_of(
        st.integers(), st.floats(), st.booleans(), st.text(max_size=5), st.dates(), st.times()
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)


def _keys(table: dict[str, object], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [(*path, key) for key in table]
    for key, value in table.items():
        if isinstance(value, dict):
            found += _keys(value, (*path, key))
    return found


KEYS = _keys(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))


@settings(deadline=None)
@given(st.sampled_from(KEYS), TOML_VALUES)
def test_any_value_under_any_key_gives_a_config_or_a_config_error(
    path: tuple[str, ...], value: object
) -> None:
    keys = ".".join(f'"{key}"' for key in path)
    with TemporaryDirectory() as folder:
        file = write(Path(folder), f"{keys} = {_toml(value)}\n")
        assert all(problem.line == 1 for problem in problems(file))


def _toml(value: object) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(letter):08x}" for letter in value) + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_fault_of_a_watchlist_hides_no_other_fault_of_it(tmp_path: Path) -> None:
    text = """
        [watchlist.w]
        any = ["Durand Line", "Torkham"]
        notfy = ["desk"]
        notify = ["nobody"]
        min_mentions = "2"
        examples = [ { text = "nothing of it", expect = true } ]
        """
    told = faults(tmp_path, text)
    assert [fault.split(": ")[1] for fault in told] == [
        "watchlist.w.any[0]",
        "watchlist.w.notfy",
        "watchlist.w.notify[0]",
        "watchlist.w.min_mentions",
    ]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (r'Cookie = "a=1\r\nX-Other: 2"', "the value of the header Cookie holds a line break"),
        (r'"X-Token\nHost" = "secret-value"', "is no name of a header"),
        ('"X Token" = "secret-value"', "is no name of a header"),
        ('"" = "secret-value"', "is no name of a header"),
        ('Cookie = "a=ن-secret-value"', "or a character that no header can"),
        ('Host = "other.example"', "is part of the connection"),
    ],
)
def test_headers_that_no_request_can_carry_are_refused(
    tmp_path: Path, header: str, why: str
) -> None:
    text = f'[source.a]\nurl = "https://a.example/"\n[source.a.headers]\n{header}\n'
    [fault] = faults(tmp_path, text)
    assert why in fault
    assert "source.a.headers" in fault
    assert "secret-value" not in fault


@pytest.mark.parametrize("host", ["[::1", "127.0.0.1:abc", "127.0.0.1:99999", ":3128", ""])
def test_a_proxy_that_names_no_host_or_port_is_refused(tmp_path: Path, host: str) -> None:
    [fault] = faults(tmp_path, f'[crawler]\nproxy = "http://user:hunter22@{host}"\n')
    assert fault.startswith("config.toml:2: crawler.proxy: ")
    assert "names no proxy; write one like" in fault
    assert "hunter22" not in fault


def test_a_proxy_is_named_by_host_or_address_with_or_without_a_port(tmp_path: Path) -> None:
    for proxy in ("http://[::1]:3128", "http://proxy.example", "http://u:p@10.0.0.1:3128/", ""):
        assert load_text(tmp_path, f'[crawler]\nproxy = "{proxy}"\n').crawler.proxy == proxy


@pytest.mark.parametrize("url", ["http://[::1/", "https://a.example:abc/"])
def test_a_web_address_that_cannot_be_taken_apart_is_refused(tmp_path: Path, url: str) -> None:
    [fault] = faults(tmp_path, f'[source.a]\nurl = "{url}"\n')
    assert fault.startswith(f"config.toml:2: source.a.url: {url!r} is not a web address")


@pytest.mark.parametrize("place", ["[::1", "u:hunter22@127.0.0.1:abc/x", "u:hunter22@db:/x"])
def test_a_database_server_that_cannot_be_read_is_refused(tmp_path: Path, place: str) -> None:
    [fault] = faults(tmp_path, f'[service]\ndatabase = "postgresql+psycopg://{place}"\n')
    assert fault.startswith(
        "config.toml:2: service.database: the database's address cannot be read; host and port "
    )
    assert "hunter22" not in fault


def test_ten_years_are_a_duration(tmp_path: Path) -> None:
    assert load_text(tmp_path, '[service]\nretention = "3650d"').service.retention.days == 3650


@pytest.mark.parametrize("name", ["a" * 5000, f"{'a/' * 3000}b.toml"])
def test_an_included_name_that_is_too_long_is_told_at_its_place(tmp_path: Path, name: str) -> None:
    [fault] = faults(tmp_path, f'include = [\n  "{name}",\n]\n')
    assert fault.startswith("config.toml:2: include[0]: ")
    assert fault.endswith("cannot be looked for: File name too long")


def test_an_included_link_that_leads_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    [fault] = faults(tmp_path, 'include = ["loop.*"]\n')
    assert "loop.toml: cannot be read: " in fault
