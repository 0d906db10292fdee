"""Which objects an input of a processing job means, and where its scripts find them (`api.md` §6.1, §11.3)."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import Window
from open_model_monitor.errors import DocumentError, NoData, UsageError
from open_model_monitor.storage import OBJECT_STORES, Stat, Storage, normalise

PROCESSING = "/opt/ml/processing/"
SCHEMES = (*OBJECT_STORES, "memory")
MANY_HOURS = 24 * 40  # beyond that a listing of all is cheaper than one per hour
HOUR = timedelta(hours=1)

_CAPTURES = re.compile(r"(endpoint|batch)_input_\d+$")  # the inputs of executions that hold hour folders
_HOUR_FOLDER = re.compile(r"/\d{4}/\d\d/\d\d/\d\d/?$")
_YEAR = re.compile(r"\d{4}$")


@dataclass(frozen=True, slots=True)
class WantedObject:
    """An object that a job wants as a file; `path` is where its scripts find it."""

    address: str
    path: str
    size: int
    is_gzip: bool = False  # to be decompressed
    modified: float | None = None  # seconds since 1970; of two labels the one written later counts


@dataclass(frozen=True, slots=True)
class Manifest:
    """A list of objects: names that belong to one prefix."""

    prefix: str
    names: tuple[str, ...]

    @property
    def is_absolute(self) -> bool:
        """Whether the prefix is an address, or a path from the root; not one beside the manifest."""
        return "://" in self.prefix or self.prefix.startswith(("/", "~"))


def objects_of(
    storage: Storage, given: Mapping[str, Any], window: Window | None = None, *, local_addresses: bool = False
) -> list[WantedObject]:
    """Return the objects of one ProcessingInput. Of captures of a `window`, only what lies in its hours.

    Raises NoData if there are none, UsageError for an input that is not allowed, StorageError.
    """
    name, s3 = given.get("InputName", "?"), given.get("S3Input")
    if not s3:
        raise UsageError(f"The input {name} has no S3Input; only inputs from object stores are supported")
    uri = allowed_address(s3["S3Uri"], local_addresses=local_addresses)
    folder = path_for_scripts(s3.get("LocalPath"), f"the input {name}")
    if s3.get("S3DataType") == "ManifestFile":
        found = _listed(storage, uri, local_addresses)
    elif window is not None and _CAPTURES.match(name) and not _HOUR_FOLDER.search(uri):
        found = list(_in_window(storage, uri, window))
    else:
        found = _below(storage, uri)
    if not found:
        raise NoData(
            f'No S3 objects found under S3 URL "{uri}" of the input {name}; check the address, and that '
            "whatever writes there has done so"
        )
    unpack = s3.get("S3CompressionType") == "Gzip"
    return [
        WantedObject(
            stat.address,
            f"{folder}/{_unpacked(file_name(relative, stat.address), unpack)}",
            stat.size,
            unpack,
            stat.modified.timestamp(),
        )
        for stat, relative in found
    ]


def _unpacked(name: str, unpack: bool) -> str:
    return name.removesuffix(".gz") if unpack else name


def allowed_address(uri: str, *, local_addresses: bool) -> str:
    """Return an address that a request may name.

    Raises UsageError for other schemes, and for local ones unless the installation allows them.
    """
    scheme, found, _ = uri.partition("://")
    if not found or scheme.lower() not in (*SCHEMES, "file"):
        raise UsageError(f"{uri} cannot be read or written by a processing job; write it as s3://bucket/key")
    if scheme.lower() == "file" and not local_addresses:
        raise UsageError(f"{uri} is an address of this machine, which the setting local_addresses forbids")
    return uri


def path_for_scripts(path: str | None, of: str) -> str:
    """Return the LocalPath of an input or output, without a slash at the end.

    Raises UsageError unless it lies below /opt/ml/processing.
    """
    clean = posixpath.normpath(path or "")
    if not clean.startswith(PROCESSING) or ".." in (path or "").split("/"):
        raise UsageError(f"LocalPath of {of} is {path!r}; it must lie below {PROCESSING}")
    return clean


def file_name(relative: str, address: str) -> str:
    """Return where an object goes below a folder.

    Raises UsageError for one that would lead out of it.
    """
    parts = [part for part in relative.split("/") if part]
    if not parts or any(part in (".", "..") for part in parts) or "\0" in relative:
        raise UsageError(
            f"{address} cannot become a file: its key would lead out of the folder it belongs in"
        )
    return "/".join(parts)


def window_of(environment: Mapping[str, str]) -> Window | None:
    """Return the window that a job's environment names, None without one."""
    try:
        start, end = (datetime.fromisoformat(environment[name]) for name in ("start_time", "end_time"))
    except (KeyError, ValueError):  # if it makes no sense, the analyzer says so
        return None
    return Window(_aware(start), _aware(end)) if start < end else None


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_manifest(text: bytes) -> Manifest | None:
    """Return what a manifest lists, None if it is none: an array, or a line per element, `{"prefix": …}` first."""
    text = text.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        if text.startswith(b"["):
            elements = list(parse_json(text))
        else:
            elements = [json.loads(line.strip().rstrip(b",")) for line in text.splitlines() if line.strip()]
    except ValueError:
        return None
    head, *names = elements or [None]
    if not isinstance(head, dict) or list(head) != ["prefix"] or not isinstance(head["prefix"], str):
        return None
    return Manifest(head["prefix"], tuple(names)) if all(isinstance(name, str) for name in names) else None


def _below(storage: Storage, uri: str) -> list[tuple[Stat, str]]:
    """Return the object of that very key, else all below it, each with what its key has more than the prefix."""
    if not uri.endswith("/") and (itself := storage.stat(uri)) is not None:
        return [(itself, itself.address.rpartition("/")[2])]
    prefix = normalise(uri).rstrip("/")
    found = [(stat, stat.address[len(prefix) :].lstrip("/")) for stat in storage.list(uri)]
    # Consoles mark folders by empty objects.
    return [(stat, relative) for stat, relative in found if relative and not relative.endswith("/")]


def _in_window(storage: Storage, uri: str, window: Window) -> Iterator[tuple[Stat, str]]:
    """Yield what lies in the window's hour folders, directly below the prefix or below its variants."""
    prefix, hours = normalise(uri).rstrip("/"), set(_hours(window))
    if len(hours) > MANY_HOURS:
        dated = re.compile(r"(?:^|/)(\d{4}/\d\d/\d\d/\d\d)/")
        for stat, relative in _below(storage, uri):
            if (found := dated.search(relative)) is None or found[1] in hours:
                yield stat, relative
        return
    names = storage.folders(prefix)
    roots = [prefix] if any(map(_YEAR.match, names)) else [f"{prefix}/{name}" for name in names]
    for root in roots:
        for hour in sorted(hours):
            for stat in storage.list(f"{root}/{hour}"):
                yield stat, stat.address[len(prefix) :].lstrip("/")


def _hours(window: Window) -> Iterator[str]:
    hour = window.start.replace(minute=0, second=0, microsecond=0)
    while hour < window.end:
        yield hour.strftime("%Y/%m/%d/%H")
        hour += HOUR


def _listed(storage: Storage, uri: str, local_addresses: bool) -> list[tuple[Stat, str]]:
    manifest = parse_manifest(storage.read(uri))
    if manifest is None:
        raise DocumentError(
            f'{uri} is no manifest; expected a list like [{{"prefix": "s3://bucket/folder/"}}, "a.csv", "b.csv"]'
        )
    found = []
    for name in manifest.names:
        address = allowed_address(f"{manifest.prefix}{name}", local_addresses=local_addresses)
        if (stat := storage.stat(address)) is None:
            raise NoData(f'No S3 objects found under S3 URL "{address}", which {uri} lists')
        found.append((stat, name.lstrip("/")))
    return found
