"""Bring a finished folder to its destination: old complete output or new complete output, never a mixture."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from pathlib import Path

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.errors import StorageError, UsageError
from open_model_monitor.storage import Storage, normalise

SCRIPT_ERROR, LOG = "script_error.json", "script.log"
SUMMARY = "run_summary.json"  # what tells a folder of ours from somebody else's; uploaded last
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_RENAME_SWAP = 2  # macOS


def check_destination(address: str) -> None:
    """Refuse a local folder that holds something else than a former run.

    Raises UsageError, before any work is done.
    """
    address = normalise(address)
    if "://" in address:
        return
    folder = Path(address)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"The output {folder} is a file; name a folder")
    ours = any((folder / name).exists() for name in (SUMMARY, SCRIPT_ERROR))
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise UsageError(
            f"The output folder {folder} holds files that are not of a former run (there is no {SUMMARY}); "
            "name an empty or a new folder"
        )


def deliver(finished: Path, address: str, storage: Storage) -> None:
    """Put the files of the folder `finished` at `address`.

    A local folder is swapped in whole, in one step; files that somebody added beside a former run's stay.
    An object store has no such step: the documents are written one by one, the run summary last.

    Raises StorageError.
    """
    address = normalise(address)
    if "://" in address:
        _upload(finished, address, storage)
        return
    folder = Path(address)
    try:
        if not folder.exists():
            _move(finished, folder)
        else:
            _keep_additions(folder, finished)
            _exchange(finished, folder)
    except OSError as error:
        raise StorageError(f"Cannot write the output folder {folder}: {error}") from error


def add(folder: Path, address: str, storage: Storage) -> None:
    """Put the files of a folder at `address`, each atomically, leaving everything else there as it is."""
    for path in _files(folder):
        storage.write(_below(normalise(address), folder, path), path.read_bytes())


def _upload(finished: Path, address: str, storage: Storage) -> None:
    for path in sorted(_files(finished), key=lambda path: path.name == SUMMARY):
        storage.write(_below(address, finished, path), path.read_bytes())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _below(address: str, folder: Path, path: Path) -> str:
    return f"{address.rstrip('/')}/{path.relative_to(folder).as_posix()}"


def _keep_additions(former: Path, finished: Path) -> None:
    """Carry over what the former run did not write itself."""
    written = _written_by_run(former)
    for path in sorted(former.rglob("*")):
        relative = path.relative_to(former)
        if path.is_dir() or relative.as_posix() in written or (finished / relative).exists():
            continue
        (finished / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, finished / relative, follow_symlinks=False)


def _written_by_run(former: Path) -> set[str]:
    try:
        names = parse_json((former / SUMMARY).read_bytes()).get("files", ())
        # The file may have been edited: only plain names below the folder count.
        inside = {name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()}
        return {SUMMARY, *inside, SCRIPT_ERROR, LOG}
    except (OSError, ValueError, AttributeError, TypeError):
        return {SUMMARY, SCRIPT_ERROR, LOG}


def _move(finished: Path, folder: Path) -> None:
    try:
        finished.rename(folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        folder.mkdir(parents=True)
        _replace_files(finished, folder)


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders in one step; afterwards `new` holds the former output, which goes with the workspace."""
    if Path.cwd().is_relative_to(old.resolve()):  # somebody stands in it
        _replace_files(new, old)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(new), os.fsencode(old)
    if sys.platform == "linux":
        done = libc.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE)
    elif sys.platform == "darwin":
        done = libc.renamex_np(first, second, _RENAME_SWAP)
    else:
        done = -1
        ctypes.set_errno(errno.ENOSYS)
    if done == 0:
        return
    if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS, errno.EBUSY, errno.EXDEV):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(old))
    _replace_files(new, old)


def _replace_files(new: Path, old: Path) -> None:
    """For file systems that cannot swap, and mount points: each file atomically, the run summary last."""
    former = _written_by_run(old)
    files = [path.relative_to(new) for path in new.rglob("*") if path.is_file()]
    for relative in sorted(files, key=lambda path: path.name == SUMMARY):
        target = old / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        shutil.copy2(new / relative, partial)
        partial.replace(target)
    for name in former - {path.as_posix() for path in files}:
        (old / name).unlink(missing_ok=True)
