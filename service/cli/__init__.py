"""The command line: one file a command group, loaded when its command is called."""

import importlib
import keyword
import os
from collections.abc import Sequence
from pathlib import Path

import click

from service.cli.output import complain, prepare_streams
from service.problems import ConfigError, InstallationError
from store.errors import StoreError

COMMANDS = {
    "init": ("service.cli.setup", "Write a commented config.toml."),
    "check": ("service.cli.setup", "Load the configuration and say what it means."),
    "run": ("service.cli.run", "Visit, match and deliver until told to stop."),
    "worker": ("service.cli.worker", "Take work from the shared queue of a PostgreSQL database."),
    "demo": (
        "service.cli.demo",
        "Watch the whole service at work on a news site of its own.",
    ),
    "status": ("service.cli.status", "Show the sources, the waiting lines and the last error."),
    "source": ("service.cli.source", "Sources: what there is and how each fares."),
    "articles": ("service.cli.listing", "List what was found and stored."),
    "matches": ("service.cli.listing", "List what matched a watchlist, with the sentences."),
    "deliveries": ("service.cli.listing", "List what was sent, or waits to be."),
    "search": ("service.cli.search", "Search everything stored, in the language of watchlists."),
    "try": ("service.cli.trial", "Show what a watchlist would have brought; send nothing."),
    "suggest": ("service.cli.suggest", "Find spellings in the store that a watchlist misses."),
    "explain": ("service.cli.explain", "Tell why an address did or did not lead to an alert."),
    "diff": ("service.cli.diff", "Show an article's revisions side by side, words marked."),
    "match": ("service.cli.match", "Match rows of JSON Lines against the watchlists."),
    "extract": ("service.cli.extract", "Print the article that a page yields."),
    "import": (
        "service.cli.importing",
        "Take in sources (OPML) and articles (JSON Lines, WARC, HTML).",
    ),
    "export": ("service.cli.export", "Write articles, matches or sources for other programs."),
    "backup": ("service.cli.backup", "Copy the database to a file while the service runs."),
    "migrate": ("service.cli.migrate", "Move the database from SQLite to PostgreSQL."),
    "retry": ("service.cli.retry", "Send dead letters again."),
}
"""Where each command is and what it does; the help page needs no more than this."""

OK, FAILED, WRONG_USAGE = 0, 1, 2


def command_of(name: str) -> click.Command:
    """The command of that name; Python's own words end in an underscore in their module."""
    attribute = f"{name}_" if keyword.iskeyword(name) else name
    command = getattr(importlib.import_module(COMMANDS[name][0]), attribute)
    assert isinstance(command, click.Command)
    return command


class LazyGroup(click.Group):
    """Commands by name; a command's module is imported when it is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which is the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command from its module, None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        return command_of(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help page, without importing what it lists."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Default: $WIREWATCH_CONFIG, ./config.toml, $WIREWATCH_HOME/config.toml.",
)
@click.version_option(package_name="wirewatch", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, file: Path | None) -> None:
    """Wirewatch visits news sites and tells you when one writes about what you care about.

    Exit status: 0 done, 1 something failed, 2 wrong usage or configuration.
    """
    # Imported here like the commands: --help and --version need no configuration.
    started = importlib.import_module("service.cli.context")
    context.obj = started.Context(file, os.environ)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0, 1 or 2.

    Whatever a person can cause ends here as a message; a traceback is a fault of ours.
    """
    prepare_streams()
    try:
        status = cli.main(arguments, prog_name="wirewatch", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return WRONG_USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return FAILED
    except ConfigError as error:
        complain(str(error))
        return WRONG_USAGE
    except (StoreError, InstallationError) as error:
        complain(str(error))
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        complain("stopped")
        return FAILED
    except OSError as error:
        complain(_in_words(error))
        return FAILED
    return status if isinstance(status, int) else OK


def _in_words(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"
