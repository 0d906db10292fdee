"""Where one CSV record ends: newlines inside quoted fields do not (RFC 4180)."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A quote opens a quoted field only where a field begins; elsewhere (5" pipe) it is a character like any other.
_OPENING = re.compile(rb'(?:^|,)[ \t]*"')


def left_open(line: bytes, inside: bool) -> bool:
    """Whether a quoted field is open at the end of `line`, given whether one was at its beginning."""
    if b'"' not in line:
        return inside
    at = 0
    while True:
        if not inside:
            opening = _OPENING.search(line, at)
            if opening is None:
                return False
            at, inside = opening.end(), True
        closing = line.find(b'"', at)
        if closing < 0:
            return True
        at = closing + 1
        if line[at : at + 1] == b'"':  # a doubled quote stands for itself
            at += 1
        else:
            inside = False
            at = _field_end(line, at)


def _field_end(line: bytes, at: int) -> int:
    comma = line.find(b",", at)
    return len(line) if comma < 0 else comma


def cut(data: bytes) -> int:
    """Return how many bytes of whole lines are whole records; what follows is left open by a quote."""
    if b'"' not in data:
        return len(data)
    done = position = 0
    inside = False
    while position < len(data):
        end = data.find(b"\n", position) + 1 or len(data)
        inside = left_open(data[position:end].rstrip(b"\r\n"), inside)
        position = end
        if not inside:
            done = end
    return done


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the records of whole lines, each with the number of lines before it; line ends removed."""
    pending: list[bytes] = []
    first, inside = 0, False
    for number, line in enumerate(data.split(b"\n")):
        if not pending:
            first = number
        inside = left_open(line.rstrip(b"\r"), inside)
        pending.append(line)
        if not inside:
            yield first, b"\n".join(pending).rstrip(b"\r")
            pending = []
    if pending:
        yield first, b"\n".join(pending).rstrip(b"\r\n")
