"""The schema's number without Alembic, held to Alembic."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from store import schema
from store.engine import Store
from store.errors import StoreError
from store.integrity import check_database
from store.revision import REVISIONS, require_current


def test_the_last_revision_is_the_one_that_alembic_upgrades_to() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert REVISIONS[-1] == scripts.get_current_head()
    assert set(REVISIONS) == {script.revision for script in scripts.walk_revisions()}


def test_a_migrated_database_is_current_and_whole(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/w.db")
    schema.migrate(store)
    require_current(store)
    assert check_database(store) == []
    store.close()


def test_an_empty_database_is_older(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/w.db")
    with pytest.raises(StoreError, match="older than this program"):
        require_current(store)
    store.close()


def test_a_database_with_a_dangling_row_is_not_whole(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/w.db")
    schema.migrate(store)
    with store.write_engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("INSERT INTO article_url (url_key, article_id) VALUES ('a', 1)")
    assert check_database(store) == ["row 1 of article_url points to no article"]
    store.close()
