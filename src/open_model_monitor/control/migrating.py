"""The store, brought to this version's schema: at the start of every process that uses it."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from open_model_monitor.control.store import Store
from open_model_monitor.errors import SettingsError, StoreError
from open_model_monitor.settings import Settings

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x6F6D6D  # "omm": one process at a time changes the schema of a PostgreSQL database


def open_store(settings: Settings) -> Store:
    """Open the database of an installation, made or upgraded where it has to be.

    Raises SettingsError if the data folder cannot be made, StoreError if the database cannot be used.
    """
    if not settings.database:
        try:
            Path(settings.data).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"cannot make the data folder {settings.data}: {error}") from error
    store = Store(settings.database_url)
    migrate(store)
    return store


def migrate(store: Store, to: str = "head") -> None:
    """Upgrade the schema; nothing happens if it is up to date.

    Raises StoreError if the database was made by a newer version.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # one line of ours says it all
    former = current(store)
    if to == "head" and former == head():
        return
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with store.begin() as transaction:
        connection = transaction.connection
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, to)
        except CommandError as error:
            raise StoreError(
                f"The database is of a newer version of Open Model Monitor ({error}); upgrade this installation"
            ) from error
    log.info("schema from=%s to=%s", former or "nothing", head() if to == "head" else to)


def current(store: Store) -> str | None:
    """Return the version of a database's schema, None for an empty one."""
    with store.read() as transaction:
        return _current(transaction.connection)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the version that this installation needs."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return ScriptDirectory.from_config(config).get_current_head() or ""
