"""The folder of a processing job: inputs become its files, what the job leaves there becomes objects.

The folder holds `opt/ml/...` as a processing container sees it. Manifests of batch captures name objects that lie
elsewhere; those are fetched as well, and their copies named instead.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import mmap
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from open_model_monitor.capture.record import JSON
from open_model_monitor.control.inputs import (
    WantedObject,
    allowed_address,
    file_name,
    objects_of,
    parse_manifest,
    path_for_scripts,
    window_of,
)
from open_model_monitor.control.job_process import CONFIG, MESSAGE, METRICS, REMOTE
from open_model_monitor.errors import Malformed, OutsideError, StorageError, UsageError
from open_model_monitor.results.delivery import SUMMARY
from open_model_monitor.storage import Stat, Storage, is_remote, normalise

AT_ONCE = 8  # objects fetched or written side by side
CHUNK = 8 << 20
LARGE = 32 << 20
MAX_MANIFEST = 64 << 20
CONFIG_COPY = "opt/ml/processing/processingjobconfig.json"
RESOURCES = "opt/ml/config/resourceconfig.json"

Check = Callable[[], None]  # called between two steps, by several threads; what it raises ends the work

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class StagedInputs:
    """How much was laid out."""

    objects: int
    bytes: int


def go_on() -> None:
    """Check nothing: the work is to be done to its end."""


def lay_out(request: JSON, arn: str, folder: Path, *, local_addresses: bool = False) -> None:
    """Make the folders and the two configuration files that every job finds.

    Raises UsageError for an output that is not allowed, OutsideError.
    """
    config = json.dumps({**request, "ProcessingJobArn": arn}, indent=2)
    hosts = json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]})
    with explained(folder):
        for path in (MESSAGE, f"{METRICS}/here"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        for path, text in ((CONFIG, config), (CONFIG_COPY, config), (RESOURCES, hosts)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        for _, path in _outputs(request, local_addresses=local_addresses):
            Path(f"{folder}{path}").mkdir(parents=True, exist_ok=True)


def stage_inputs(
    request: JSON,
    folder: Path,
    storage: Storage,
    *,
    local_addresses: bool = False,
    is_ours: bool = True,
    check: Check = go_on,
) -> StagedInputs:
    """Lay the request's ProcessingInputs out below `folder`, each at its LocalPath.

    `is_ours` says that an analyzer of ours reads them: it gets what manifests of batch captures list as well.

    Raises NoData for an input that means no object, UsageError for one that is not allowed, Malformed for one that
    is not compressed as it should be, StorageError, OutsideError.
    """
    inputs, environment = request.get("ProcessingInputs") or [], request.get("Environment") or {}
    window = window_of(environment)

    def find(given: JSON) -> list[WantedObject]:
        check()
        return objects_of(storage, given, window, local_addresses=local_addresses)

    wanted = _each_once([one for found in _side_by_side(find, inputs) for one in found])

    def fetch(one: WantedObject) -> None:
        _fetch(storage, one, Path(f"{folder}{one.path}"), check)

    _side_by_side(fetch, wanted)
    if (
        is_ours and "sagemaker" not in environment.get("dataset_format", "").lower()
    ):  # not captures themselves
        likely = [one for one in wanted if one.path.endswith((".json", ".jsonl"))]
        listed = [one for each in likely for one in _follow(each, folder, storage, local_addresses)]
        _side_by_side(fetch, listed := _each_once(listed))
        wanted += listed
    return StagedInputs(len(wanted), sum(one.size for one in wanted))


def upload_outputs(
    request: JSON, folder: Path, storage: Storage, *, local_addresses: bool = False, check: Check = go_on
) -> list[str]:
    """Write what lies at each output's LocalPath to its S3Uri; returns the addresses.

    Each object is written in one step, the run summary last. Links, pipes and the like are left out.

    Raises UsageError for an output that is not allowed, StorageError.
    """
    found = [
        (path, f"{uri.rstrip('/')}/{relative}")
        for uri, shown in _outputs(request, local_addresses=local_addresses)
        for path, relative in _files(Path(f"{folder}{shown}"), folder)
    ]

    def write(one: tuple[Path, str]) -> str:
        check()
        path, address = one
        _write(storage, address, path)
        return address

    last = [one for one in found if one[0].name == SUMMARY]
    return [*_side_by_side(write, [one for one in found if one not in last]), *map(write, last)]


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn failures to write our own files into OutsideError, with what to do about them."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = (
                "Free space in the worker's folder, put it on a larger volume, or run fewer jobs at a time"
            )
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            remedy = "Give the account that runs the worker permission to write there"
        else:
            remedy = "Check the worker's folder: whether it is mounted, and what lies in the way"
        raise OutsideError(f"cannot write {path}: {error.strerror or error}. {remedy}") from error


# ---------------------------------------------------------------- inputs


def _each_once(wanted: Sequence[WantedObject]) -> list[WantedObject]:
    """Return every file once; two objects for one file are refused."""
    by_path: dict[str, WantedObject] = {}
    for one in wanted:
        former = by_path.setdefault(one.path, one)
        if former.address != one.address:
            raise UsageError(f"Two inputs want {one.path}: {former.address} and {one.address}")
    return list(by_path.values())


def _fetch(storage: Storage, one: WantedObject, target: Path, check: Check) -> None:
    check()
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if one.is_gzip:
            _unpack(storage, one.address, target)
        elif is_remote(one.address):
            _download(storage, one.address, target, check)
        else:
            _link_or_copy(normalise(one.address), target)
            return
        if one.modified is not None:
            os.utime(target, (one.modified, one.modified))


def _download(storage: Storage, address: str, target: Path, check: Check) -> None:
    """Fetch an object in pieces; a small one takes one request."""
    with target.open("xb") as file:
        data, size = storage.fetch(address, 0, CHUNK)
        file.write(data)
        while (at := file.tell()) < size:
            check()
            data, now = storage.fetch(address, at, CHUNK)
            if now != size or not data:
                raise StorageError(f"{address} changed while it was read", retry=True)
            file.write(data)


def _unpack(storage: Storage, address: str, target: Path) -> None:
    try:
        with storage.open(address) as packed, gzip.open(packed) as stream, target.open("xb") as file:
            shutil.copyfileobj(stream, file, CHUNK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Malformed(
            f"{address} is not compressed with gzip, as its S3CompressionType says: {error}"
        ) from error


def _link_or_copy(source: str, target: Path) -> None:
    """Give a job a local file: by a link where there can be one, for it may be large."""
    with contextlib.suppress(OSError):
        return os.link(os.path.realpath(source), target)
    shutil.copy2(source, target)


def _follow(one: WantedObject, folder: Path, storage: Storage, local_addresses: bool) -> list[WantedObject]:
    """Let a file that is a manifest name copies in the folder; returns what is to be copied."""
    path = Path(f"{folder}{one.path}")
    manifest = parse_manifest(path.read_bytes()) if _may_be_manifest(path) else None
    if manifest is None or not manifest.is_absolute:
        return []
    if not is_remote(allowed_address(manifest.prefix, local_addresses=local_addresses)):
        return []
    located = _side_by_side(lambda name: _locate(storage, manifest.prefix, name), manifest.names)
    copies = [file_name(address.replace("://", "/", 1), address) for address, _ in located]
    path.unlink()  # it may be linked
    path.write_text(json.dumps([{"prefix": f"{folder / REMOTE}/"}, *copies]), encoding="utf-8")
    # Of those that are not there the analyzer tells.
    return [
        WantedObject(address, f"/{REMOTE}/{copy}", stat.size)
        for copy, (address, stat) in zip(copies, located, strict=True)
        if stat is not None
    ]


def _locate(storage: Storage, prefix: str, name: str) -> tuple[str, Stat | None]:
    """Return a listed object and its address; people forget the slash between prefix and name."""
    address = f"{prefix.rstrip('/')}/{name.lstrip('/')}"
    stat = storage.stat(address)
    if stat is None and not prefix.endswith("/") and (plain := storage.stat(f"{prefix}{name}")) is not None:
        return plain.address, plain
    return address, stat


def _may_be_manifest(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    return b'"prefix"' in head and path.stat().st_size <= MAX_MANIFEST


# ---------------------------------------------------------------- outputs


def _outputs(request: JSON, *, local_addresses: bool) -> Iterator[tuple[str, str]]:
    """Yield S3Uri and LocalPath of every output."""
    for given in (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []:
        name, s3 = given.get("OutputName", "?"), given.get("S3Output")
        if not s3:
            raise UsageError(
                f"The output {name} has no S3Output; only outputs to object stores are supported"
            )
        uri = allowed_address(s3["S3Uri"], local_addresses=local_addresses)
        yield uri, path_for_scripts(s3.get("LocalPath"), f"the output {name}")


def _files(output: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield an output's regular files, in order; the folder may be a link, but only within the job's tree."""
    real = Path(os.path.realpath(output))
    if not real.is_relative_to(os.path.realpath(folder / "opt" / "ml")):
        return
    for parent, folders, names in os.walk(real):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                yield path, path.relative_to(real).as_posix()


def _write(storage: Storage, address: str, path: Path) -> None:
    """Write a file as an object; a large one is mapped, for it may be larger than memory."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size <= LARGE:
            storage.write(address, file.read())
        else:
            # Not closed by us: a store may hold on to it for longer.
            storage.write(address, cast(bytes, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


def _side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Do some at a time; returns the results in order. The first failure ends what has not begun."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(AT_ONCE, len(items)), thread_name_prefix="staging") as pool:
        return list(pool.map(work, items))
