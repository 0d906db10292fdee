"""The store: transactions over SQLite or PostgreSQL, and the claim that only one worker wins."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Select,
    Table,
    and_,
    create_engine,
    delete,
    event,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from open_model_monitor.errors import SettingsError, StoreError

Row = dict[str, Any]
BUSY_SECONDS = 30  # how long SQLite waits for another writer


def new_id() -> str:
    """Return a new random identifier of 32 hexadecimal digits."""
    return uuid.uuid4().hex


class Store:
    """A database of the control plane; safe to share between threads.

    `url` is SQLAlchemy's, such as `sqlite:////var/lib/omm/omm.db` or `postgresql+psycopg://user@host/name`.

    Raises SettingsError if it makes no sense; what fails later is a StoreError, to be tried again if it says so.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @property
    def is_sqlite(self) -> bool:
        """Whether one process at a time writes."""
        return self.engine.dialect.name == "sqlite"

    def begin(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that may write; what is raised inside undoes it."""
        return self._open("BEGIN IMMEDIATE")

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that only reads, which waits for nobody."""
        return self._open("BEGIN")

    @contextlib.contextmanager
    def _open(self, sqlite_begin: str) -> Iterator[Transaction]:
        with _explained(), self.engine.connect() as connection:
            connection = connection.execution_options(sqlite_begin=sqlite_begin)
            with connection.begin():
                yield Transaction(connection)

    def ping(self) -> None:
        """Raise StoreError unless the database answers."""
        with self.read() as transaction:
            transaction.scalar(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


class Transaction:
    """Statements within one transaction; rows are dictionaries."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def get(self, table: Table, **key: Any) -> Row | None:
        """Return the row whose columns have these values, None if there is none."""
        return self.one(select(table).where(_equal(table, key)))

    def insert(self, table: Table, **values: Any) -> bool:
        """Insert a row; False if its key is taken, and nothing changed."""
        dialect = sqlite if self.connection.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
        return self.connection.execute(statement.returning(next(iter(table.c)))).first() is not None

    def insert_many(self, table: Table, rows: list[Row]) -> None:
        """Insert rows whose keys are known to be free."""
        if rows:
            self.connection.execute(table.insert(), rows)

    def update(self, table: Table, where: Mapping[str, Any] | ColumnElement[bool], **values: Any) -> int:
        """Change rows; returns how many."""
        condition = _equal(table, where) if isinstance(where, Mapping) else where
        return self.connection.execute(update(table).where(condition).values(**values)).rowcount

    def delete(self, table: Table, where: Mapping[str, Any] | ColumnElement[bool]) -> int:
        """Delete rows; returns how many."""
        condition = _equal(table, where) if isinstance(where, Mapping) else where
        return self.connection.execute(delete(table).where(condition)).rowcount

    def all(self, statement: Executable) -> list[Row]:
        """Return all rows of a select."""
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def one(self, statement: Executable) -> Row | None:
        """Return the first row of a select, None if there is none."""
        found = self.connection.execute(statement).mappings().first()
        return None if found is None else dict(found)

    def scalar(self, statement: Executable) -> Any:
        """Return the first column of the first row, None if there is none."""
        return self.connection.execute(statement).scalar()

    def claim(self, table: Table, candidates: Select[Any], **values: Any) -> Row | None:
        """Change the first of the candidates (a select of `table.c.id`) and return it; None if there is none.

        One statement: of several workers that ask at once, each gets another row.
        """
        first = candidates.limit(1)
        if self.connection.dialect.name == "postgresql":
            first = first.with_for_update(skip_locked=True, of=table)
        changed = update(table).where(table.c.id.in_(first.scalar_subquery())).values(**values)
        return self.one(changed.returning(*table.c))


def held(table: Table, row: Mapping[str, Any]) -> ColumnElement[bool]:
    """Say: this row, and still claimed by the same owner; what a worker may change."""
    return and_(table.c.id == row["id"], table.c.owner == row["owner"])


def expired(table: Table, now: datetime) -> ColumnElement[bool]:
    """Say: rows whose owner has not been heard of for the length of its lease."""
    return and_(table.c.owner.is_not(None), table.c.lease < now)


def _equal(table: Table, values: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in values.items()))


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise SettingsError(f"database is {parsed.drivername}; SQLite and PostgreSQL are supported")
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() == "postgresql")
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(f"database is no SQLAlchemy URL: {error}") from error
    except ImportError as error:
        raise SettingsError(
            f"PostgreSQL needs a driver ({error}); pip install 'open-model-monitor[postgres]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = (
        None  # transactions are begun in `begin` and `read`, not guessed by the driver
    )
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        retry = error.connection_invalidated or type(error).__name__ in ("OperationalError", "TimeoutError")
        raise StoreError(f"The database failed: {error.orig}", retry=retry) from error
    except SQLAlchemyError as error:
        raise StoreError(f"The database failed: {error}", retry=True) from error
