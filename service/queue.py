"""Crawls that wait for a worker: Procrastinate's tables and functions in the store's database.

One job a host. Its `queueing_lock` keeps it from waiting twice, its `lock` from running twice,
wherever the workers are. Jobs are put into the queue and taken out of it in our own transactions,
together with what they are about, and deleted when they end: the queue never holds the only copy
of anything (docs/scale.md). Procrastinate's own worker is not used: it stops at the first lost
connection and leaves a job running for ever whose end it could not record.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from procrastinate import PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from sqlalchemy import text
from sqlmodel import Session

from crawler.handing import Handed
from crawler.run import HostJob
from store.engine import Store
from store.errors import StoreError
from store.postgresql import connect_arguments
from store.turns import Turn, await_turn

QUEUE = TASK = "crawl"
ANNOUNCED = f"procrastinate_queue_v1#{QUEUE}"
"""The channel on which PostgreSQL tells that a job was put into the queue."""
MOST_WAITING = 500
"""Jobs in the queue. Taking one costs time that grows with their number; what has no room in it
waits as ever, in the tables of sources and entries."""
_MANY = 50
"""Jobs after which PostgreSQL looks anew at how many there are; by itself it does so once a minute
at best."""
VISITS_FIRST = 10
"""Priority of jobs with a due source: a backlog of pages must not keep a feed from being read."""
_CONNECT = 5.0
"""Seconds in which a connection must be had."""
PATIENCE = 10.0
"""Seconds in which the queue must answer; a server that has hung itself keeps its connections."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that a worker has taken."""

    id: int
    worker: int
    handed: Handed


class CrawlQueue:
    """The queue of one database; `async with` it to take jobs."""

    def __init__(self, store: Store) -> None:
        """Names the queue; nothing is opened yet."""
        self._store = store
        self._putting = JobManager(SyncPsycopgConnector())
        address = store.url.set(drivername="postgresql")
        self._connector = PsycopgConnector(
            conninfo=address.render_as_string(hide_password=False),
            min_size=1,
            max_size=2,
            timeout=_CONNECT,
            kwargs=connect_arguments(store.url) | {"connect_timeout": str(int(_CONNECT))},
        )
        self._taking = JobManager(self._connector)

    async def __aenter__(self) -> CrawlQueue:
        try:
            await self._connector.open_async()
        except (ConnectorException, psycopg.Error) as error:
            raise StoreError(
                f"{self._store.place}: the queue cannot be opened ({error})"
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connector.close_async()

    def put(self, session: Session, jobs: Iterable[Handed]) -> None:
        """Puts jobs into the queue when the session commits; none may be there already."""
        waiting = [
            Job(
                queue=QUEUE,
                task_name=TASK,
                lock=each.job.host,
                queueing_lock=each.job.host,
                priority=VISITS_FIRST if each.job.sources else 0,
                task_kwargs=_arguments(each),
            )
            for each in jobs
        ]
        if waiting:
            self._putting.batch_defer_jobs(waiting, connection=_connection(session))
        if len(waiting) >= _MANY:
            # Without knowing how many there are, PostgreSQL compares each with every other to find
            # the next: 500 ms of 2,000, and 8 ms with that knowledge.
            session.connection().execute(text("ANALYZE procrastinate_jobs"))

    async def take(self, worker: int) -> Taken | None:
        """The next job for a worker; None when there is none.

        Raises StoreError; a job may have been taken all the same (`forgotten`).
        """
        with self._asking("no job could be taken"):
            async with asyncio.timeout(PATIENCE):
                job = await self._taking.fetch_job(queues=[QUEUE], worker_id=worker)
        if job is None:
            return None
        assert job.id is not None
        return Taken(job.id, worker, _handed(job.task_kwargs))

    async def forgotten(self, worker: int, known: Collection[int]) -> list[Taken]:
        """A worker's jobs that it does not know of: the answer to its `take` never arrived.

        Raises StoreError.
        """
        query = (
            "SELECT id, args FROM procrastinate_jobs "
            "WHERE worker_id = %(worker)s AND status = 'doing' ORDER BY id"
        )
        with self._asking("a worker's jobs could not be read"):
            async with asyncio.timeout(PATIENCE):
                rows = await self._connector.execute_query_all_async(query, worker=worker)
        return [
            Taken(row["id"], worker, _handed(row["args"])) for row in rows if row["id"] not in known
        ]

    @contextmanager
    def _asking(self, failure: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            why = f"no answer within {PATIENCE:.0f} s"
            raise StoreError(f"{self._store.place}: {failure} ({why})") from error
        except (ConnectorException, psycopg.Error) as error:
            why = str(error.__cause__ or error)
            raise StoreError(f"{self._store.place}: {failure} ({why})") from error


def hosts_in_queue(session: Session) -> tuple[set[str], int]:
    """The hosts that have a job, and how many of those wait to be taken."""
    query = text("SELECT lock, status = 'todo' FROM procrastinate_jobs WHERE queue_name = :queue")
    rows = session.connection().execute(query, {"queue": QUEUE}).all()
    return {row[0] for row in rows}, sum(bool(row[1]) for row in rows)


def finish(session: Session, taken: Taken) -> bool:
    """Ends a job; False when it was taken away from its worker meanwhile."""
    connection = session.connection()
    mine = text(
        "SELECT id FROM procrastinate_jobs "
        "WHERE id = :id AND worker_id = :worker AND status = 'doing' FOR UPDATE"
    )
    values = {"id": taken.id, "worker": taken.worker}
    if connection.execute(mine, values).first() is None:
        return False
    _end(session, taken.id)
    return True


def signs_of_life(session: Session) -> dict[int, datetime]:
    """When each worker gave its last sign, by its number and the database's clock."""
    rows = session.connection().execute(
        text("SELECT id, last_heartbeat FROM procrastinate_workers")
    )
    return {row[0]: row[1] for row in rows}


def abandoned(session: Session, dead: Mapping[int, datetime]) -> list[Handed]:
    """Ends the jobs of workers that are gone.

    `dead`: those to be struck off, with their last sign; who has given another one since is alive.
    """
    strike = text("DELETE FROM procrastinate_workers WHERE id = :id AND last_heartbeat = :sign")
    for worker, sign in dead.items():
        session.connection().execute(strike, {"id": worker, "sign": sign})
    theirs = text(
        "SELECT job.id, job.args FROM procrastinate_jobs AS job "
        "LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id "
        "WHERE job.queue_name = :queue AND job.status = 'doing' AND worker.id IS NULL "
        "ORDER BY job.id FOR UPDATE OF job SKIP LOCKED"
    )
    rows = session.connection().execute(theirs, {"queue": QUEUE}).all()
    for row in rows:
        _end(session, row[0])
    return [_handed(row[1]) for row in rows]


def _end(session: Session, job: int) -> None:
    """Jobs are deleted when they end, their events with them: nothing is left to be pruned."""
    ended = text("SELECT procrastinate_finish_job_v1(:id, 'succeeded', true)")
    session.connection().execute(ended, {"id": job})


def _arguments(handed: Handed) -> dict[str, Any]:
    return {
        "host": handed.job.host,
        "sources": list(handed.job.sources),
        "until": handed.until.isoformat(),
    }


def _handed(arguments: dict[str, Any]) -> Handed:
    job = HostJob(arguments["host"], tuple(arguments["sources"]))
    return Handed(job, datetime.fromisoformat(arguments["until"]))


def _connection(session: Session) -> Any:
    """The driver's connection under a session."""
    return session.connection().connection.driver_connection


# Its tables


def install(session: Session) -> None:
    """Makes the queue's tables, or brings them to the version of the library that is installed.

    Raises StoreError when a newer version of the library has made them.
    """
    await_turn(session, Turn.MIGRATE)
    wanted, found = version("procrastinate"), _installed(session)
    if found == wanted:
        return
    if found is None:
        _connection(session).execute(SchemaManager.get_schema())
    elif _numbers(found) > _numbers(wanted):
        raise StoreError(
            f"the queue's tables are those of procrastinate {found}, and {wanted} is installed "
            "here; upgrade this machine too"
        )
    else:
        for script in scripts_after(found, Path(SchemaManager.get_migrations_path()).iterdir()):
            _connection(session).execute(script.read_text(encoding="utf-8"))
    keep = f"COMMENT ON TABLE procrastinate_jobs IS '{_MADE_BY}{wanted}'"
    session.connection().execute(text(keep))


_MADE_BY = "made by procrastinate "
"""What the table is said to be; the version follows."""


def _installed(session: Session) -> str | None:
    """The version that made the tables; None when there are none."""
    query = text("SELECT to_regclass('procrastinate_jobs'), obj_description(to_regclass(:name))")
    table, said = session.connection().execute(query, {"name": "procrastinate_jobs"}).one()
    if table is None:
        return None
    if not (said or "").startswith(_MADE_BY):
        raise StoreError(
            "the database holds a queue of another program (procrastinate_jobs); give Wirewatch a "
            "database of its own"
        )
    return str(said).removeprefix(_MADE_BY)


def scripts_after(installed: str, scripts: Iterable[Path]) -> Sequence[Path]:
    """Those of the library's migrations that came after a version, in their order."""
    later = [
        script
        for script in scripts
        if (named := re.match(r"(\d+\.\d+\.\d+)_", script.name))
        and _numbers(named[1]) > _numbers(installed)
    ]
    return sorted(later, key=lambda script: script.name)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release)[:3])
