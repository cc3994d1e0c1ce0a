"""`wirewatch run`: the service, its status page and its reloads, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from pathlib import Path

import structlog
from watchfiles import Change, awatch

from crawler.guard import GuardedResolver
from service.app import App, running, utc_now
from service.config import ConfigError, load
from service.metrics import Metrics
from service.scheduler import Scheduler
from service.serving import listening
from service.soundness import looked_through
from service.status import configured
from service.supervised import supervised
from service.web import status_app
from store.errors import StoreError

log = structlog.get_logger("service")

WATCH_AGAIN = 60.0
"""Seconds after the configuration's folders could not be watched."""


async def serve(
    path: Path,
    env: Mapping[str, str],
    resolver: GuardedResolver,
    stop: asyncio.Event,
    metrics: Metrics | None = None,
) -> None:
    """Runs on a configuration file until `stop` is set, then finishes the work in hand.

    `metrics` is what /metrics shows; its owner has put it into the log's way.
    Raises ConfigError, StoreError, InstallationError or OSError when it cannot start.
    """
    config = load(path, env)
    loop = asyncio.get_running_loop()
    alone = running(config, resolver, displaced=partial(loop.call_soon_threadsafe, stop.set))
    async with alone as app, status_page(app, metrics), reloading(app, env):
        log.info("service", status="started", sources=len(config.sources), config=str(path))
        beside = looked_through(app.store, app.writer)
        async with beside, Scheduler(app).running(), supervised(env):
            await stop.wait()
            log.info("service", status="stopping")
    log.info("service", status="stopped")


@contextlib.asynccontextmanager
async def status_page(app: App, metrics: Metrics | None) -> AsyncIterator[None]:
    """Serves the page, where the configuration wants it. Raises OSError when it cannot."""
    address = app.config.web.address
    if address is None:
        yield
        return
    password = app.config.web.password.get_secret_value()
    hosts = (address[0], *app.config.web.hosts)
    page = status_app(app.store, utc_now, password, metrics, hosts, lambda: configured(app.config))
    try:
        listener = listening(page, *address)
        url = await listener.__aenter__()
    except OSError as error:
        raise OSError(
            error.errno,
            f"the status page cannot listen on {app.config.web.listen} ({error.strerror}); is a "
            'second service running? Choose another port in [web] listen, or turn it off with ""',
        ) from error
    log.info("web", status="listening", url=url)
    try:
        yield
    finally:
        await listener.__aexit__(None, None, None)


@contextlib.asynccontextmanager
async def reloading(app: App, env: Mapping[str, str]) -> AsyncIterator[None]:
    """Takes every saved configuration that is whole; keeps the old one in force otherwise."""
    task = asyncio.create_task(_reload_when_saved(app, env))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _reload_when_saved(app: App, env: Mapping[str, str]) -> None:
    while True:
        try:
            await _reload_until_elsewhere(app, env)
        except Exception as error:  # the job's edge: a folder may come back
            log.error("config", status="not watched", why=str(error), exc_info=_is_ours(error))
            await asyncio.sleep(WATCH_AGAIN)
            await _reload(app, env)


async def _reload_until_elsewhere(app: App, env: Mapping[str, str]) -> None:
    """Until other folders are to be watched than those that are, or the same ones made anew."""
    folders = app.config.folders
    watched = _to_watch(folders)
    seen = _ConfigFiles(folders)
    async for changes in awatch(
        *watched, watch_filter=seen, recursive=False, debounce=400, step=100
    ):
        await _reload(app, env)
        is_moved = any(not path.endswith(".toml") for _, path in changes)
        if is_moved or _to_watch(app.config.folders) != watched:
            return


def _to_watch(folders: Iterable[Path]) -> set[Path]:
    """Each folder and the one above, in which it may be made anew; of what is not there the
    nearest that is.

    Editors save by renaming another file over the old one: folders see it, files do not.
    """
    wanted = {each for folder in folders for each in (folder, folder.parent)}
    return {next(path for path in (each, *each.parents) if path.is_dir()) for each in wanted}


class _ConfigFiles:
    """Lets changes of TOML files pass, and those of the folders that they are or may be in."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = {str(each) for folder in folders for each in (folder, *folder.parents)}

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(".toml") or path in self._folders


async def _reload(app: App, env: Mapping[str, str]) -> None:
    try:
        config = await asyncio.to_thread(load, app.config.path, env)
        await app.reload(config)
    except Exception as error:  # the job's edge: the next save is looked at again
        kept, ours = "the one loaded before", _is_ours(error)
        log.error("config", status="refused", why=str(error), kept=kept, exc_info=ours)
        return
    log.info(
        "config", status="reloaded", sources=len(config.sources), watchlists=len(config.watchlists)
    )


def _is_ours(error: Exception) -> bool:
    """Whether it is a fault of the program, which wants a traceback, not of a file or a disk."""
    return not isinstance(error, ConfigError | StoreError | OSError)
