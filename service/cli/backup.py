"""`backup`: a copy of the database while the service runs."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from service.alerting import state_path
from service.cli.context import Context
from service.cli.output import say
from service.installation import installation_id
from store.backup import copy_database
from store.engine import Store


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(context: Context, file: Path) -> None:
    """Copy the database to FILE, whole and verified, while the service runs.

    The installation's id goes beside it (FILE.id): with both restored, messages that are sent again
    carry the ids they had.
    """
    config = context.load_quietly()
    store = Store(config.service.database)
    try:
        with Progress(
            "copying", BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
        ) as progress:  # fmt: skip
            task = progress.add_task("pages", total=None)
            size = copy_database(
                store,
                file,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
    finally:
        store.close()
    known = state_path(config, store).with_suffix(".id")
    beside = file.with_name(f"{file.name}.id")
    beside.write_text(installation_id(known) + "\n")
    say(f"{file} is written: {size / 2**20:.1f} MB, verified; the installation's id is in {beside}")
    say(f"To restore: stop the service, put them back as {store.path} and {known.name} beside it.")
