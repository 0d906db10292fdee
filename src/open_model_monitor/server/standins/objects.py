"""Buckets and objects on disk: the bytes in files whose names say nothing, everything else in a SQLite file.

A put writes a new file and syncs it before the index learns of it, in one transaction: a crash at any moment leaves
the old object or the new. Files that the index does not know are swept away at the next start.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from open_model_monitor.errors import StorageError
from open_model_monitor.server.standins.checksums import CheckedBody, S3Error

CHUNK = 1 << 20
VERSION = 1
SCHEMA = """
CREATE TABLE buckets (name TEXT PRIMARY KEY, created REAL NOT NULL, location TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE objects (
    bucket TEXT NOT NULL REFERENCES buckets, key BLOB NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified REAL NOT NULL, blob TEXT NOT NULL, about TEXT NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL REFERENCES buckets ON DELETE CASCADE, key BLOB NOT NULL,
    started REAL NOT NULL, about TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (
    upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, number INTEGER NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modified REAL NOT NULL, blob TEXT NOT NULL, about TEXT NOT NULL,
    PRIMARY KEY (upload, number)) WITHOUT ROWID;
"""
COLUMNS = "key, size, etag, modified, blob, about"


@dataclass(frozen=True, slots=True)
class About:
    """What is kept with an object's bytes: headers, checksum headers and tags, by name."""

    headers: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as the index knows it; of a part of an upload, `key` is its number."""

    key: str
    size: int
    etag: str
    modified: datetime
    blob: str
    about: About


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """Objects and common prefixes, each in the order of the keys' bytes; `after` is where the next page begins."""

    entries: list[Entry]
    prefixes: list[str]
    after: bytes | None


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that comes in parts and is not complete yet."""

    id: str
    key: str
    started: datetime
    about: About


Allow = Callable[[Entry | None], None]  # raises S3Error if what is there now must not be replaced


def _anything(_: Entry | None) -> None:
    pass


class Objects:
    """The store in a folder, for one process; safe to share between threads. Refusals are S3Error."""

    def __init__(self, folder: Path, *, clock: Callable[[], datetime]) -> None:
        self._blobs, self._index, self._clock = folder / "blobs", folder / "index.sqlite3", clock
        self._idle: list[sqlite3.Connection] = []
        self._lending = threading.Lock()
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._lock = open(folder / "lock", "ab")  # noqa: SIM115 — held until close
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise StorageError(f"{folder}: another process serves these objects; stop it first") from error
        self._prepare()
        self._sweep()

    def close(self) -> None:
        """Let go of the folder; nothing is lost without."""
        while self._idle:
            self._idle.pop().close()
        self._lock.close()

    # Buckets

    def create_bucket(self, name: str, location: str = "") -> None:
        """Create a bucket, or leave the one there is."""
        with self._write() as index:
            row = (name, self._clock().timestamp(), location)
            index.execute("INSERT OR IGNORE INTO buckets VALUES (?, ?, ?)", row)

    def buckets(self) -> list[tuple[str, datetime]]:
        """Return names and times of creation, by name."""
        rows = self._rows("SELECT name, created FROM buckets ORDER BY name")
        return [(name, datetime.fromtimestamp(created, UTC)) for name, created in rows]

    def location(self, bucket: str) -> str:
        """Return the region a bucket was asked for; raises NoSuchBucket."""
        for (found,) in self._rows("SELECT location FROM buckets WHERE name = ?", bucket):
            return str(found)
        raise S3Error("NoSuchBucket", 404, "The specified bucket does not exist")

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket and what was uploaded to it in parts."""
        self.location(bucket)
        try:
            with self._write() as index:
                index.execute("DELETE FROM buckets WHERE name = ?", (bucket,))
        except sqlite3.IntegrityError:
            raise S3Error("BucketNotEmpty", 409, "The bucket you tried to delete is not empty") from None

    # Objects

    def put(
        self,
        bucket: str,
        key: str,
        body: CheckedBody,
        about: About,
        *,
        etag: str = "",
        allow: Allow = _anything,
    ) -> Entry:
        """Create or replace an object; `etag` is for one whose bytes came in parts."""
        self.location(bucket)
        with self._stored(body) as blob:
            about = about if about.checksums else About(about.headers, body.checksums, about.tags)
            entry = Entry(key, body.size, etag or body.etag, self._clock(), blob, about)
            with self._write() as index:
                old = _found(index, bucket, key)
                allow(old)
                index.execute("REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", (bucket, *_row(entry)))
        self._drop(old)
        return entry

    def get(self, bucket: str, key: str) -> Entry:
        """Return what is known of an object; raises NoSuchBucket or NoSuchKey."""
        self.location(bucket)
        with self._lent() as index:
            return _there(_found(index, bucket, key))

    def open(self, bucket: str, key: str) -> tuple[Entry, BinaryIO]:
        """Return an object and its bytes, which stay readable when it is replaced or deleted meanwhile."""
        while True:
            entry = self.get(bucket, key)
            try:
                return entry, self._path(entry.blob).open("rb")
            except FileNotFoundError:
                if self.get(bucket, key) == entry:  # not replaced since: somebody took the file
                    raise

    def tag(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of an object."""
        self.location(bucket)
        with self._write() as index:
            about = _there(_found(index, bucket, key)).about
            text = json.dumps(asdict(About(about.headers, about.checksums, tags)))
            row = (text, bucket, key.encode())
            index.execute("UPDATE objects SET about = ? WHERE bucket = ? AND key = ?", row)

    def delete(self, bucket: str, key: str, *, allow: Allow = _anything) -> None:
        """Delete an object, if it is there."""
        self.location(bucket)
        with self._write() as index:
            old = _found(index, bucket, key)
            allow(old)
            index.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode()))
        self._drop(old)

    def list(self, bucket: str, prefix: str, delimiter: str, after: bytes, limit: int) -> ObjectPage:
        """Return up to `limit` objects and common prefixes behind `after`."""
        self.location(bucket)
        start, cut = prefix.encode(), delimiter.encode()
        entries: list[Entry] = []
        prefixes: list[str] = []
        while room := limit - len(entries) - len(prefixes):
            query = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key >= ? AND key > ? AND key < ?"  # noqa: S608
            # No key has the byte FF, so it ends whatever begins with the bytes before it.
            rows = self._rows(f"{query} ORDER BY key LIMIT ?", bucket, start, after, start + b"\xff", room)
            for row in rows:
                key: bytes = row[0]
                if cut and (at := key.find(cut, len(start))) >= 0:
                    prefixes.append(key[: at + len(cut)].decode())
                    after = key[: at + len(cut)] + b"\xff"
                    break
                entries.append(_entry(row))
                after = key
            else:
                if len(rows) < room:
                    return ObjectPage(entries, prefixes, None)
        more = "SELECT 1 FROM objects WHERE bucket = ? AND key >= ? AND key > ? AND key < ? LIMIT 1"
        left = limit and self._rows(more, bucket, start, after, start + b"\xff")
        return ObjectPage(entries, prefixes, after if left else None)

    # Uploads in parts

    def begin(self, bucket: str, key: str, about: About) -> str:
        """Begin an upload and return its id."""
        self.location(bucket)
        upload, now = uuid.uuid4().hex, self._clock().timestamp()
        with self._write() as index:
            row = (upload, bucket, key.encode(), now, json.dumps(asdict(about)))
            index.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?)", row)
        return upload

    def uploads(self, bucket: str, prefix: str = "") -> Sequence[Upload]:
        """Return the uploads to keys that begin so, by key."""
        self.location(bucket)
        bounds = (bucket, prefix.encode(), prefix.encode() + b"\xff")
        query = "SELECT id, key, started, about FROM uploads WHERE bucket = ? AND key >= ? AND key < ?"
        return [
            Upload(name, key.decode(), datetime.fromtimestamp(started, UTC), About(**json.loads(about)))
            for name, key, started, about in self._rows(f"{query} ORDER BY key, started", *bounds)
        ]

    def upload(self, bucket: str, key: str, upload: str) -> Upload:
        """Return an upload to exactly that key; raises NoSuchUpload."""
        for found in self.uploads(bucket, key):
            if (found.id, found.key) == (upload, key):
                return found
        raise S3Error("NoSuchUpload", 404, "The upload does not exist; it may be aborted or completed")

    def put_part(self, upload: Upload, number: int, body: CheckedBody) -> Entry:
        """Store a part of an upload, in place of the one that had its number."""
        with self._stored(body) as blob:
            about = About(checksums=body.checksums)
            entry = Entry(str(number), body.size, body.etag, self._clock(), blob, about)
            try:
                with self._write() as index:
                    query = f"SELECT number AS {COLUMNS} FROM parts WHERE upload = ? AND number = ?"  # noqa: S608
                    old = index.execute(query, (upload.id, number)).fetchone()
                    row = (upload.id, number, *_row(entry)[1:])
                    index.execute("REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:  # aborted or completed while the bytes came
                raise S3Error("NoSuchUpload", 404, "The upload does not exist any more") from None
        self._drop(old and _entry(old))
        return entry

    def parts(self, upload: Upload) -> Sequence[Entry]:
        """Return the parts there are, by number."""
        query = f"SELECT number AS {COLUMNS} FROM parts WHERE upload = ? ORDER BY number"  # noqa: S608
        return [_entry(row) for row in self._rows(query, upload.id)]

    def open_part(self, part: Entry) -> BinaryIO:
        """Return the bytes of a part."""
        return self._path(part.blob).open("rb")

    def forget(self, upload: Upload) -> None:
        """End an upload; its parts go."""
        parts = self.parts(upload)
        with self._write() as index:
            index.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
        for part in parts:
            self._drop(part)

    # Files and index

    def _path(self, blob: str) -> Path:
        return self._blobs / blob

    @contextmanager
    def _stored(self, body: CheckedBody) -> Iterator[str]:
        """Write a body into a new file that is on disk before the index learns of it; gone again upon failure."""
        blob = uuid.uuid4().hex
        path = self._path(blob)
        try:
            with path.open("xb") as file:
                while data := body.read(CHUNK):
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _sync(self._blobs)
            yield blob
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _drop(self, entry: Entry | None) -> None:
        if entry is not None:
            self._path(entry.blob).unlink(missing_ok=True)

    def _prepare(self) -> None:
        with self._write() as index:
            (version,) = index.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise StorageError(
                    f"{self._index} is of version {version}, this program knows {VERSION}: update it"
                )
            if not version:
                for statement in SCHEMA.split(";\n"):
                    index.execute(statement)
                index.execute(f"PRAGMA user_version = {VERSION}")

    def _sweep(self) -> None:
        known = {blob for (blob,) in self._rows("SELECT blob FROM objects UNION ALL SELECT blob FROM parts")}
        for path in self._blobs.iterdir():
            if path.name not in known:
                path.unlink()

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection to one thread at a time."""
        with self._lending:
            index = self._idle.pop() if self._idle else None
        if index is None:
            index = sqlite3.connect(self._index, timeout=60, isolation_level=None, check_same_thread=False)
            index.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"
            )
        try:
            yield index
        finally:
            self._idle.append(index)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lent() as index:
            index.execute("BEGIN IMMEDIATE")
            try:
                yield index
                index.execute("COMMIT")
            except BaseException:
                index.rollback()  # nothing where SQLite has rolled back itself, as when the disk is full
                raise

    def _rows(self, query: str, *values: Any) -> Sequence[Any]:
        with self._lent() as index:
            return index.execute(query, values).fetchall()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _found(index: sqlite3.Connection, bucket: str, key: str) -> Entry | None:
    query = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key = ?"  # noqa: S608
    row = index.execute(query, (bucket, key.encode())).fetchone()
    return row and _entry(row)


def _there(entry: Entry | None) -> Entry:
    if entry is None:
        raise S3Error("NoSuchKey", 404, "The specified key does not exist.")
    return entry


def _entry(row: tuple[Any, ...]) -> Entry:
    key, size, etag, modified, blob, about = row
    name = key.decode() if isinstance(key, bytes) else str(key)
    return Entry(name, size, etag, datetime.fromtimestamp(modified, UTC), blob, About(**json.loads(about)))


def _row(entry: Entry) -> tuple[Any, ...]:
    about = json.dumps(asdict(entry.about))
    return entry.key.encode(), entry.size, entry.etag, entry.modified.timestamp(), entry.blob, about
