"""`migrate`: from SQLite to PostgreSQL."""

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service.alerting import state_path
from service.cli.context import Context
from service.cli.output import counted, note, say
from service.config import Config
from service.installation import installation_id, only_service
from service.problems import InstallationError
from store.engine import Store
from store.installation import keep_fact
from store.moving import Moved, move


@click.command()
@click.option("--to", "url", required=True, metavar="URL", help="postgresql+psycopg://…, empty.")
@click.option("--anew", is_flag=True, help="Forget what an earlier, stopped call has copied.")
@click.pass_obj
def migrate(context: Context, url: str, anew: bool) -> None:
    """Copy the SQLite database to an empty PostgreSQL database, and compare both.

    The service must be stopped. A call that was stopped goes on where it was when it is called
    again. The SQLite database is left as it is.
    """
    config = context.load_quietly()
    source, target = Store(config.service.database), Store(url)
    try:
        if source.path is None:
            raise click.UsageError("[service] database is no SQLite database; nothing to move")
        with only_service(source.path.with_suffix(".lock"), source.place):
            known = _take_id_along(config, source, target)
            moved = _move(source, target, anew=anew)
            with target.writing() as session:
                keep_fact(session, "id", known)
    finally:
        source.close()
        target.close()
    say(f"{counted(sum(each.rows for each in moved), 'row')} of {counted(len(moved), 'table')} are "
        f"in {target.place}, compared with {source.place}")  # fmt: skip
    say("Now name that database in [service] of config.toml and start the service.")
    pages = source.path.parent / "pages"
    if pages.is_dir() and pages.parent != config.path.parent:
        say(f"Move the kept pages too: {pages} to {config.path.parent}")


def _move(source: Store, target: Store, *, anew: bool) -> list[Moved]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        tasks: dict[str, object] = {}

        def tell(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bar.add_task(table, total=total or None)
            bar.update(tasks[table], completed=done)  # type: ignore[arg-type]

        return move(source, target, tell, anew=anew)


def _take_id_along(config: Config, source: Store, target: Store) -> str:
    """Messages keep the ids they would have had, so that repeats can be recognised."""
    assert source.path is not None
    here = source.path.with_suffix(".id")
    there = state_path(config, target).with_suffix(".id")
    known = installation_id(here)
    if there.exists() and installation_id(there) != known:
        raise InstallationError(
            f"{there} holds the id of another installation; {here} belongs to the moved database: "
            "copy it there"
        )
    if not there.exists():
        there.write_text(known + "\n")
        note(f"the installation's id is in {there}")
    return known
