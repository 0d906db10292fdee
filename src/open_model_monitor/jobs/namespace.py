"""A private view of /opt/ml for one process, by a mount namespace of its own. Linux only.

The process must still have a single thread and must not be shared with anybody who minds the mounts.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
OPT = Path("/opt")


def enter(tree: Path) -> bool:
    """Show `tree`/opt/ml as /opt/ml to this process and its children; False if the system does not allow it."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "unshare") or not OPT.is_dir():
            return False
        _unshare(libc)
        _mount(libc, "none", "/", None, MS_REC | MS_PRIVATE)
        if (OPT / "ml").is_dir():
            _mount(libc, str(tree / "opt" / "ml"), str(OPT / "ml"), None, MS_BIND | MS_REC)
        else:
            _rebuild_opt(libc, tree)
    except OSError:
        return False
    return True


def _unshare(libc: ctypes.CDLL) -> None:
    if libc.unshare(CLONE_NEWNS) == 0:
        return
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _mount(libc: ctypes.CDLL, source: str, target: str, kind: str | None, flags: int) -> None:
    texts = [os.fsencode(text) if text is not None else None for text in (source, target, kind)]
    if libc.mount(*texts, ctypes.c_ulong(flags), None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}")


def _rebuild_opt(libc: ctypes.CDLL, tree: Path) -> None:
    """Lay a small file system over /opt that holds what /opt held, and `ml`: nothing is made on the host."""
    view = tree / "opt-view"
    view.mkdir(exist_ok=True)
    _mount(libc, "tmpfs", str(view), "tmpfs", 0)
    for entry in sorted(OPT.iterdir()):
        place = view / entry.name
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
            continue
        if entry.is_dir():
            place.mkdir()
        else:
            place.touch()
        _mount(libc, str(entry), str(place), None, MS_BIND | MS_REC)
    (view / "ml").mkdir()
    _mount(libc, str(tree / "opt" / "ml"), str(view / "ml"), None, MS_BIND | MS_REC)
    _mount(libc, str(view), str(OPT), None, MS_BIND | MS_REC)
