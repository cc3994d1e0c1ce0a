"""config.toml to Config: read, fill in, validate, cross-check; every fault at once."""

from collections.abc import Mapping
from pathlib import Path

from service.config.checks import check
from service.config.files import Tree, read_tree
from service.config.filling import fill_in
from service.config.models import Config
from service.config.tables import TableReader, read_tables
from service.problems import ConfigError, Problem

__all__ = ["Config", "ConfigError", "Problem", "load"]


def load(path: Path, env: Mapping[str, str]) -> Config:
    """Loads a configuration and all it includes; what may only be doubtful is in `warnings`.

    Raises ConfigError, and nothing else, with every fault found: file, line, TOML path, what is
    wrong and the nearest valid spelling. No message holds a secret.
    """
    tree = read_tree(path)
    reader = TableReader(tree, fill_in(tree, env))
    config = check(read_tables(reader), reader)
    if tree.problems:
        raise ConfigError(_in_order(tree, tree.problems))
    return config.model_copy(
        update={
            "warnings": tuple(_in_order(tree, tree.warnings)),
            "secrets": frozenset(reader.secrets),
        }
    )


def _in_order(tree: Tree, problems: list[Problem]) -> list[Problem]:
    rank = {document.name: number for number, document in enumerate(tree.documents)}
    last = len(rank)
    return sorted(problems, key=lambda problem: (rank.get(problem.file, last), problem.line or 0))
