"""The C library's memory, tuned for a process that makes large arrays over and over."""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Iterator
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGE = 32 << 20  # bytes that an array takes at least that is still handed back; glibc allows no more
_KEEP = 16 << 20  # bytes


def keep_freed_memory() -> None:
    """Let glibc keep what is freed, up to a bound; other C libraries are left alone.

    It would hand every large array back to the system at once, and take the next one page fault by page fault:
    that can cost more than the work on it.
    """
    with _glibc() as libc:
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEEP)


def give_back_freed_memory() -> None:
    """Hand what is freed back to the system: a process that only waits and merges now and then needs none of it."""
    with _glibc() as libc:
        libc.malloc_trim(0)


@contextlib.contextmanager
def _glibc() -> Iterator[Any]:
    """Give the C library, if it is the one whose names are used here; whatever it lacks is left out."""
    with contextlib.suppress(OSError, AttributeError):
        yield ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
