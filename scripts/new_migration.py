"""Writes a migration for what changed in the tables since the last one.

    .venv/bin/python scripts/new_migration.py "What the change is for."

Read and mend what it wrote before committing it; tests/store/test_schema.py holds it to the tables.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from store.engine import Store
from store.schema import alembic_config, migrate

ROOT = Path(__file__).resolve().parent.parent


def main(message: str) -> None:
    """Compares the tables with a scratch database at the newest migration."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(f"sqlite:///{scratch}/scratch.db")
        migrate(store)
        with store.write_engine.begin() as connection:
            config = alembic_config(connection)
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04}")
        store.close()
    written = next((ROOT / "store" / "migrations" / "versions").glob(f"{number:04}_*.py"))
    for step in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
        subprocess.run([ROOT / ".venv" / "bin" / "ruff", *step, str(written)], check=True)
    print(written.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1])
