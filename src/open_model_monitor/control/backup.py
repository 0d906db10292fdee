"""The whole database in one file, and back: of either kind into either kind, of any version into this one's.

The file is gzip of JSON lines: a head, then `[table, {column: value}]`. Secrets in it stay encrypted.
"""

from __future__ import annotations

import base64
import gzip
import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Boolean, LargeBinary, Table, func, select, text, true

from open_model_monitor.control.migrating import current, migrate
from open_model_monitor.control.store import Store, Transaction
from open_model_monitor.control.tables import metadata, metric_values, workers
from open_model_monitor.errors import DocumentError, OutsideError, UsageError

FORMAT = "open-model-monitor/backup/1"
BATCH = 1000
_LEFT_OUT = {workers.name}  # who worked when the backup was made


def write_backup(store: Store, path: Path, now: datetime) -> Counter[str]:
    """Write a new file, atomically, of one moment; returns the number of rows by table.

    Raises UsageError if the file exists, OutsideError if it cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} exists; name a new file")
    head = {"format": FORMAT, "version": current(store), "created": now.isoformat()}
    rows: Counter[str] = Counter()
    partial = path.with_name(f".{path.name}.partial")
    try:
        with gzip.open(partial, "wb", compresslevel=6) as file, store.read() as transaction:
            if not store.is_sqlite:
                transaction.connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            file.write(msgspec.json.encode(head) + b"\n")
            for table in metadata.sorted_tables:
                for row in _rows(transaction, table):
                    file.write(msgspec.json.encode([str(table.name), row]) + b"\n")
                    rows[str(table.name)] += 1
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        raise OutsideError(f"cannot write the backup {path}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _rows(transaction: Transaction, table: Table) -> Iterator[dict[str, Any]]:
    """Yield rows as the database keeps them: times as numbers, documents as texts."""
    if table.name in _LEFT_OUT:
        return
    names = ", ".join(table.c.keys())
    statement = text(f"SELECT {names} FROM {table.name}")  # noqa: S608 — names of our own tables
    with transaction.connection.execute(statement, execution_options={"stream_results": True}) as found:
        for row in found.mappings():
            yield {name: _told(value) for name, value in row.items()}


def _told(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value


def read_backup(store: Store, path: Path) -> Counter[str]:
    """Fill an empty database from a file, whole or not at all; returns the number of rows by table.

    Raises UsageError if the database is not empty, DocumentError if the file is no backup.
    """
    rows: Counter[str] = Counter()
    try:
        with gzip.open(path, "rb") as file:
            head = msgspec.json.decode(file.readline() or b"null")
            if not isinstance(head, dict) or head.get("format") != FORMAT:
                raise DocumentError(f"{path} is no backup of Open Model Monitor ({FORMAT})")
            _check_version(store, head, path)
            with store.begin() as transaction:
                _check_empty(transaction)
                for table, batch in _batches(file):
                    _insert(transaction, table, batch)
                    rows[table] += len(batch)
    except OSError as error:
        raise DocumentError(f"cannot read the backup {path}: {error}") from error
    except (msgspec.DecodeError, ValueError, KeyError, EOFError) as error:
        raise DocumentError(f"the backup {path} is damaged: {error}") from error
    migrate(store)
    return rows


def _check_version(store: Store, head: dict[str, Any], path: Path) -> None:
    if head.get("version") != current(store):
        raise DocumentError(
            f"{path} is of schema version {head.get('version')}, the database of {current(store)}: restore it "
            "with the release that wrote it, then upgrade"
        )


def _check_empty(transaction: Transaction) -> None:
    for table in metadata.sorted_tables:
        if table.name in ("facts", *_LEFT_OUT):  # the first start fills it
            transaction.delete(table, true())
        elif count := transaction.scalar(select(func.count()).select_from(table)):
            raise UsageError(
                f"the database is not empty: {table.name} has {count} rows; restore into a new one"
            )


def _batches(file: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    name, batch = "", list[dict[str, Any]]()
    for line in file:
        table, row = msgspec.json.decode(line, type=tuple[str, dict[str, Any]])
        if table != name or len(batch) == BATCH:
            if batch:
                yield name, batch
            name, batch = table, []
        batch.append(row)
    if batch:
        yield name, batch


def _insert(transaction: Transaction, name: str, batch: list[dict[str, Any]]) -> None:
    table = metadata.tables[name]
    given = set(batch[0])
    if name == metric_values.name:
        given.discard("id")  # the database counts on
    columns = [column for column in table.c if column.name in given]
    names = ", ".join(column.name for column in columns)
    places = ", ".join(f":{column.name}" for column in columns)
    statement = text(f"INSERT INTO {name} ({names}) VALUES ({places})")  # noqa: S608 — names of our own tables
    rows = [{column.name: _kept(column, row[column.name]) for column in columns} for row in batch]
    transaction.connection.execute(statement, rows)


def _kept(column: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    return bool(value) if isinstance(column.type, Boolean) else value
