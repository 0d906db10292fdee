"""The C library's memory, tuned for a process that makes large arrays over and over."""

from __future__ import annotations

import contextlib
import ctypes
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGE = 32 << 20  # bytes that an array takes at least that is still handed back; glibc allows no more
_KEEP = 16 << 20  # bytes


def keep_freed_memory() -> None:
    """Let glibc keep what is freed, up to a bound; other C libraries are left alone.

    It would hand every large array back to the system at once, and take the next one page fault by page fault:
    that can cost more than the work on it.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEEP)
