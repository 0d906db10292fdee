"""Which lines belong to a range of bytes: those that begin in it, so that each is in one of a row of ranges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

try:
    from open_model_monitor._loops import line_ends as _line_ends
except ImportError:  # built without a compiler
    HAS_LOOPS = False
else:
    HAS_LOOPS = True

MANY = 2048


def skip_to_line(chunks: Iterator[bytes], at: int, end: int | None) -> tuple[int, bytes]:
    """Drop bytes up to the first line end; return the offset of what follows it, and what follows in its chunk.

    `at` is the offset of the first chunk. Gives up where no line can begin before `end` any more.
    """
    for chunk in chunks:
        if found := chunk.find(b"\n") + 1:
            return at + found, chunk[found:]
        at += len(chunk)
        if end is not None and at >= end:
            break
    return at, b""


def until(chunks: Iterable[bytes], at: int, end: int) -> Iterator[bytes]:
    """Yield bytes to the end of the last line that begins before `end`; `at` is the offset of the first chunk."""
    if at >= end:
        return
    for chunk in chunks:
        if at + len(chunk) >= end and (stop := chunk.find(b"\n", max(end - 1 - at, 0)) + 1):
            yield chunk[:stop]
            return
        yield chunk
        at += len(chunk)


def line_ends(data: bytes) -> int:
    """Return the number of line ends."""
    if HAS_LOOPS:
        return _line_ends(data)
    if len(data) < MANY:
        return data.count(b"\n")
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == 10))  # five times faster than bytes.count
