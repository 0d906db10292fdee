"""Bytes by address: local paths, `s3://`, `gs://`, `az://`, `abfs://`, `memory://`, and whatever fsspec knows.

An address is a `str`. Addresses without a scheme are absolute local paths once normalised. Every failure is
a `StorageError` that names the address and what to do about it.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import io
import os
import shutil
import stat
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, cast
from urllib.parse import unquote, urlsplit

from open_model_monitor.errors import StorageError, UsageError

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # also what links that lead nowhere give
READ_AHEAD = 8 << 20  # one request to an object store costs tens of milliseconds, so ask for much at once
RETRIES = 5
REMOVED_AT_ONCE = 1000
OBJECT_STORES = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")
FSSPEC_DRIVERS = {"hdfs": "pyarrow", "sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol"}

EMPTY_SEGMENT = "empty path segment"  # what obstore says of a key like a//b

T = TypeVar("T")
Names = list[str]  # inside the classes below, `list` is a method


@dataclass(frozen=True, slots=True)
class Stat:
    """One object or file; `modified` is aware and UTC."""

    address: str
    size: int
    modified: datetime


def normalise(address: str | os.PathLike[str]) -> str:
    """Return a local address as an absolute path, any other unchanged."""
    text = os.fspath(address)
    if text[:1] == "/" and text[-1] != "/" and "//" not in text and "/." not in text:
        return text  # as nearly all are
    if text[:7].lower() == "file://":
        text = unquote(urlsplit(text).path)
    return text if is_remote(text) else os.path.abspath(os.path.expanduser(text))


def is_remote(address: str) -> bool:
    """Whether the address has a scheme other than `file`."""
    scheme, found, _ = address.partition("://")
    return bool(found) and scheme.lower() != "file"


class Storage:
    """Reads and writes objects and files; cheap to create, and safe to share between threads.

    Access to object stores is configured by the environment variables of each cloud, such as
    `AWS_ENDPOINT_URL`, `AWS_REGION` and `AWS_ACCESS_KEY_ID`.
    """

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._making = threading.Lock()

    def list(self, prefix: str) -> list[Stat]:
        """Return every object below a folder, or the object itself, in the order of the addresses."""
        address = normalise(prefix).rstrip("/") or "/"
        with _Explained(address, "list"):
            found = self._literally(address, lambda place: self._listed(place, address))
        return sorted(found, key=lambda one: one.address)

    def folders(self, prefix: str) -> Names:
        """Return the names of the folders directly below a folder, sorted."""
        address = normalise(prefix).rstrip("/") or "/"
        with _Explained(address, "list"):
            return sorted(self._literally(address, lambda place: place.folders(address)))

    def _listed(self, place: _Place, address: str) -> builtins.list[Stat]:
        found = [*place.list(address)]
        if not found and (itself := place.stat(address)):
            found = [itself]
        return found

    def _literally(self, address: str, ask: Callable[[_Place], builtins.list[T]]) -> builtins.list[T]:
        """Ask the store; where one of its keys has an empty segment, ask again by the letter of the keys."""
        try:
            return ask(self._place(address))
        except Exception as error:
            if EMPTY_SEGMENT not in str(error) or not address.lower().startswith(("s3://", "s3a://")):
                raise
            return ask(self._keys(address))

    def stat(self, address: str) -> Stat | None:
        """Return size and time of one object, or None if there is no such object."""
        address = normalise(address)
        with _Explained(address, "look at"):
            return self._place(address).stat(address)

    def exists(self, address: str) -> bool:
        """Whether there is an object or a file (not a folder) at the address."""
        return self.stat(address) is not None

    def open(self, address: str) -> BinaryIO:
        """Open an object for buffered, seekable reading; what is not read is not fetched."""
        address = normalise(address)
        with _Explained(address, "read"):
            return self._place(address).open(address)

    def open_file(self, address: str) -> io.FileIO:
        """Open a local file for reading much at once: without a buffer, which is half the cost of a small file."""
        address = normalise(address)
        with _Explained(address, "read"):
            return io.FileIO(address)

    def fetch(self, address: str, start: int, length: int) -> tuple[bytes, int]:
        """Return up to `length` bytes from `start`, and the size of the whole object; one request."""
        address = normalise(address)
        with _Explained(address, "read"):
            return self._place(address).fetch(address, start, length)

    def read(self, address: str) -> bytes:
        """Return the whole content of an object."""
        with self.open(address) as stream, _Explained(address, "read"):
            return stream.read()

    def write(self, address: str, data: bytes) -> None:
        """Create or replace an object; readers see the old content or the new, never a part."""
        address = normalise(address)
        with _Explained(address, "write"):
            self._place(address).write(address, data)

    def remove(self, address: str) -> None:
        """Remove an object, or all that lies below a folder; what is not there is no failure."""
        address = normalise(address)
        with _Explained(address, "remove"):
            place = self._place(address)
            found = [address] if place.stat(address) else [stat.address for stat in place.list(address)]
            place.remove(address, found)

    def _place(self, address: str) -> _Place:
        if not is_remote(address):
            return _LOCAL
        scheme, _, rest = address.partition("://")
        root = f"{scheme}://{rest.partition('/')[0]}"
        if "//" in rest and scheme.lower() in ("s3", "s3a"):
            return self._keys(address)
        if scheme.lower() == "memory":
            return _MEMORY.setdefault(root, _memory(root))
        known = scheme.lower() in OBJECT_STORES
        return self._made(root, lambda: _object_store(root) if known else _Foreign(scheme))

    def _keys(self, address: str) -> _Place:
        return self._made("the keys of any bucket", lambda: _Keys(address))

    def _made(self, name: str, make: Callable[[], _Place]) -> _Place:
        """Return the place of that name, made once, for that takes long."""
        with self._making:
            if name not in self._places:
                self._places[name] = make()
            return self._places[name]


class _Place(Protocol):
    """Where some addresses lead; raises what the library behind it raises."""

    def list(self, address: str) -> Iterator[Stat]: ...
    def folders(self, address: str) -> Names: ...
    def stat(self, address: str) -> Stat | None: ...
    def open(self, address: str) -> BinaryIO: ...
    def fetch(self, address: str, start: int, length: int) -> tuple[bytes, int]: ...
    def write(self, address: str, data: bytes) -> None: ...
    def remove(self, folder: str, addresses: Names) -> None: ...


class _Local:
    """Files and folders of this machine."""

    def list(self, address: str) -> Iterator[Stat]:
        if os.path.isdir(address):
            yield from self._below(address, above=())

    def _below(self, folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[Stat]:
        info = os.stat(folder)
        identity = (info.st_dev, info.st_ino)
        if identity in above:  # a link that leads back up
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_folder(entry):
                    yield from self._below(entry.path, (*above, identity))
                elif found := self.stat(entry.path):
                    yield found

    def folders(self, address: str) -> Names:
        try:
            with os.scandir(address) as entries:
                return [entry.name for entry in entries if _is_folder(entry)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def stat(self, address: str) -> Stat | None:
        try:
            info = os.stat(address)
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise
        if stat.S_ISDIR(info.st_mode):
            return None
        return Stat(address, info.st_size, datetime.fromtimestamp(info.st_mtime, UTC))

    def open(self, address: str) -> BinaryIO:
        return open(address, "rb")

    def fetch(self, address: str, start: int, length: int) -> tuple[bytes, int]:
        return _fetched(self.open(address), start, length)

    def write(self, address: str, data: bytes) -> None:
        if os.path.exists(address) and not os.path.isfile(address):  # a pipe or a device is written to
            Path(address).write_bytes(data)
            return
        folder = Path(address).parent
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{uuid.uuid4().hex}.tmp"
        try:
            with open(temporary, "xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, address)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self, folder: str, addresses: Names) -> None:
        for address in addresses:
            Path(address).unlink(missing_ok=True)
        if os.path.isdir(folder):  # and the empty folders that are left
            shutil.rmtree(folder, ignore_errors=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # A link that leads to itself raises from is_dir, but not from isdir.
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _fetched(stream: BinaryIO, start: int, length: int) -> tuple[bytes, int]:
    with stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(start)
        return stream.read(length), size


class _Objects:
    """Objects in one bucket or container, through obstore."""

    def __init__(self, root: str, store: Any) -> None:
        self._root = root
        self._store = store

    def list(self, address: str) -> Iterator[Stat]:
        for metas in self._store.list(self._key(address) or None, chunk_size=1000):
            yield from map(self._stat, metas)

    def folders(self, address: str) -> Names:
        found = self._store.list_with_delimiter(self._key(address) or None)
        return [prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"]]

    def stat(self, address: str) -> Stat | None:
        key = self._key(address)
        try:
            return self._stat(self._store.head(key)) if key else None
        except FileNotFoundError:
            return None

    def open(self, address: str) -> BinaryIO:
        key = self._key(address)
        size = self._store.head(key)["size"]
        return io.BufferedReader(_Ranges(self._store, key, size, address), READ_AHEAD)

    def fetch(self, address: str, start: int, length: int) -> tuple[bytes, int]:
        key = self._key(address)
        try:
            found = self._store.get(key, options={"range": (start, start + length)})
        except FileNotFoundError:
            raise
        except Exception:
            size = self._store.head(key)["size"]
            if start < size:
                raise
            return b"", size  # stores refuse a range that holds nothing
        return bytes(found.bytes()), found.meta["size"]

    def write(self, address: str, data: bytes) -> None:
        self._store.put(self._key(address), data)

    def remove(self, folder: str, addresses: Names) -> None:
        for first in range(0, len(addresses), REMOVED_AT_ONCE):
            self._store.delete([self._key(one) for one in addresses[first : first + REMOVED_AT_ONCE]])

    def _key(self, address: str) -> str:
        return address[len(self._root) :].removeprefix("/")

    def _stat(self, meta: Any) -> Stat:
        return Stat(f"{self._root}/{meta['path']}", meta["size"], meta["last_modified"])


class _Ranges(io.RawIOBase):
    """One object as a file that fetches a range per read, so that no request lives long."""

    def __init__(self, store: Any, key: str, size: int, address: str) -> None:
        self._store, self._key, self._size, self._address = store, key, size, address
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        with _Explained(self._address, "read"):
            data = memoryview(self._store.get_range(self._key, start=self._at, end=end))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Keys:
    """Objects of S3 by the letter of their keys, through boto3.

    Captures lie under `prefix//endpoint` where their destination ended in a slash; obstore refuses such keys, and
    every listing that holds one.
    """

    def __init__(self, address: str) -> None:
        try:
            boto3 = importlib.import_module("boto3")
        except ImportError as error:
            raise StorageError(
                f"{address}: a key there has an empty segment (//), which takes boto3 to read; "
                "pip install 'open-model-monitor[aws]'"
            ) from error
        self._client = boto3.client("s3")

    def list(self, address: str) -> Iterator[Stat]:
        bucket, key = self._split(address)
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=f"{key}/" if key else ""):
            for found in page.get("Contents", ()):
                yield Stat(f"{self._root(address)}/{found['Key']}", found["Size"], found["LastModified"])

    def folders(self, address: str) -> Names:
        bucket, key = self._split(address)
        return self._below(bucket, f"{key}/" if key else "")

    def _below(self, bucket: str, prefix: str) -> Names:
        """Return the names of the folders below a prefix; what lies behind a doubled slash begins with one."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, Delimiter="/"
        )
        found = [
            below["Prefix"][len(prefix) : -1] for page in pages for below in page.get("CommonPrefixes", ())
        ]
        behind = self._below(bucket, f"{prefix}/") if "" in found else []
        return [name for name in found if name] + [f"/{name}" for name in behind]

    def stat(self, address: str) -> Stat | None:
        bucket, key = self._split(address)
        pages = self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        for found in pages.get("Contents", ()):
            if found["Key"] == key:
                return Stat(address, found["Size"], found["LastModified"])
        return None

    def open(self, address: str) -> BinaryIO:
        bucket, key = self._split(address)
        spooled = tempfile.SpooledTemporaryFile(READ_AHEAD)  # noqa: SIM115 — the caller closes it
        self._client.download_fileobj(bucket, key, spooled)
        spooled.seek(0)
        return cast(BinaryIO, spooled)

    def fetch(self, address: str, start: int, length: int) -> tuple[bytes, int]:
        bucket, key = self._split(address)
        try:
            found = self._client.get_object(
                Bucket=bucket, Key=key, Range=f"bytes={start}-{start + length - 1}"
            )
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRange":
                raise
            return b"", start  # S3 refuses a range that holds nothing
        return found["Body"].read(), int(found["ContentRange"].rpartition("/")[2])

    def write(self, address: str, data: bytes) -> None:
        bucket, key = self._split(address)
        self._client.put_object(Bucket=bucket, Key=key, Body=data)

    def remove(self, folder: str, addresses: Names) -> None:
        for address in addresses:
            bucket, key = self._split(address)
            self._client.delete_object(Bucket=bucket, Key=key)

    def _root(self, address: str) -> str:
        scheme, _, rest = address.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    def _split(self, address: str) -> tuple[str, str]:
        bucket, _, key = address.partition("://")[2].partition("/")
        return bucket, key


class _Foreign:
    """Files of any other scheme, through fsspec."""

    def __init__(self, scheme: str) -> None:
        driver = FSSPEC_DRIVERS.get(scheme.lower(), f"<the driver for {scheme}>")
        try:
            fsspec = importlib.import_module("fsspec")
            self._files = fsspec.filesystem(scheme.lower())
        except (ImportError, ValueError) as error:
            raise UsageError(
                f"addresses that start with {scheme}:// need fsspec and a driver ({error}); "
                f"pip install fsspec {driver}, or use a local path, s3://, gs:// or az://"
            ) from error

    def list(self, address: str) -> Iterator[Stat]:
        for info in self._files.find(address, detail=True).values():
            yield self._stat(self._files.unstrip_protocol(info["name"]), info)

    def folders(self, address: str) -> Names:
        try:
            found = self._files.ls(address, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = (info["name"].rstrip("/").rpartition("/")[2] for info in found if info["type"] == "directory")
        return list(names)

    def stat(self, address: str) -> Stat | None:
        try:
            info = self._files.info(address)
        except FileNotFoundError:
            return None
        return None if info["type"] == "directory" else self._stat(address, info)

    def open(self, address: str) -> BinaryIO:
        stream = self._files.open(address, "rb")
        return stream if isinstance(stream, io.BufferedReader) else cast(BinaryIO, io.BufferedReader(stream))

    def fetch(self, address: str, start: int, length: int) -> tuple[bytes, int]:
        return _fetched(self.open(address), start, length)

    def write(self, address: str, data: bytes) -> None:
        self._files.makedirs(address.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(address, data)

    def remove(self, folder: str, addresses: Names) -> None:
        for address in addresses:
            self._files.rm_file(address)

    def _stat(self, address: str, info: Any) -> Stat:
        times = (info.get(key) for key in ("LastModified", "last_modified", "modified", "mtime", "created"))
        return Stat(address, info["size"] or 0, _aware(next((time for time in times if time), 0)))


_LOCAL = _Local()
_MEMORY: dict[str, _Place] = {}  # shared, so that everything in this process sees the same objects


def _memory(root: str) -> _Place:
    from obstore.store import MemoryStore

    return _Objects(root, MemoryStore())


def _object_store(root: str) -> _Place:
    from obstore.store import from_url

    # Servers of one's own often have no certificate; plain http must then be allowed expressly.
    endpoints = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
    plain = any(os.environ.get(name, "").lower().startswith("http://") for name in endpoints)
    with _Explained(root, "open"):
        # The options are the same for all stores, which the overloads of from_url cannot say.
        store = cast(Any, from_url)(
            root,
            **_profile(root),
            client_options={"allow_http": plain, "timeout": "120s"},
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=60)},
        )
    return _Objects(root, store)


def _profile(root: str) -> dict[str, Any]:
    """Return the credentials of the user's AWS profile, where the environment holds none and boto3 is there."""
    if not root.lower().startswith("s3") or "AWS_ACCESS_KEY_ID" in os.environ:
        return {}
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider

        return {"credential_provider": Boto3CredentialProvider()}
    except (ImportError, ValueError):  # no boto3, or no profile
        return {}


class _Explained:
    """Turns what a library raises inside into a StorageError; a class, for a file costs little more than this."""

    __slots__ = ("_address", "_verb")

    def __init__(self, address: str, verb: str) -> None:
        self._address, self._verb = address, verb

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, StorageError | UsageError):
            return
        remedy, retry = _remedy(error)
        if remedy is None:
            return
        cause = str(error).partition("\n\nDebug source:")[0].strip() or type(error).__name__
        raise StorageError(f"cannot {self._verb} {self._address}: {cause}. {remedy}", retry=retry) from error


def _remedy(error: Exception) -> tuple[str | None, bool]:
    """Return what to do about a failure, None if it is not one of storage, and whether to try again."""
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return "Check that the address is complete and names an object, not a folder", False
    if isinstance(error, PermissionError) or kind == "PermissionDeniedError":
        return "Give the account that runs this job permission to read and write there", False
    if kind == "UnauthenticatedError":
        return "Check the credentials, for S3 AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION", False
    if kind in ("NoSuchKey", "NoSuchBucket"):
        return "Check that the address is complete and names an object, not a folder", False
    if kind in ("NoCredentialsError", "ClientError", "EndpointConnectionError", "PartialCredentialsError"):
        return "Check the bucket's name, the credentials and the endpoint (AWS_ENDPOINT_URL)", False
    if kind == "InvalidPathError" or isinstance(error, ValueError):
        return "Object stores cannot be asked for empty, `.` or `..` path segments; rename or copy it", False
    if isinstance(error, OSError):
        return "Check the file system: space, quota, whether it is mounted", False
    if type(error).__module__.startswith("obstore"):
        return (
            "Check the endpoint (AWS_ENDPOINT_URL), the bucket's name and region, and the credentials",
            True,
        )
    return None, False


def _aware(time: Any) -> datetime:
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    if not isinstance(time, datetime):
        return datetime.fromtimestamp(time, UTC)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
