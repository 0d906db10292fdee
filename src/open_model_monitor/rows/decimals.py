"""Short decimal numbers out of delimited text, several times faster than the libraries read them (ADR 0017).

The loop is in `_loops.c`, which is built where there is a compiler. Without it, and for all that it does not take,
Arrow reads: slower, never different.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

try:
    from open_model_monitor._loops import parse as _parse
except ImportError:  # built without a compiler
    AVAILABLE = False
else:
    AVAILABLE = True

# What a column holds: integers, the same written as Python would, numbers with a point, or what is not to be read.
WHOLE, CANONICAL, POINT, TEXT = b"icft"

_LINE = 8  # doubles in a cache line
_PAGE = 512  # doubles in a page


@dataclass(frozen=True, slots=True)
class Parsed:
    """The numbers, a row per column of numbers, and the other columns as delimited lines."""

    numbers: NDArray[np.float64]
    rest: bytes


def parse(text: bytes, kinds: bytes, rows: int, *, delimiter: str = ",") -> Parsed | int:
    """Read `rows` lines of fields without quotes; `kinds` has one of the above for each column.

    Returns the place of the first column that is not as expected: there a number is missing, has more digits than
    a double holds exactly, or is written in another way, or a line has more or fewer fields.
    """
    columns = len(kinds) - kinds.count(TEXT)
    # Columns must not lie a multiple of a page apart: their places would all compete for the same cache lines.
    stride = -(-rows // _PAGE) * _PAGE + _LINE
    numbers = np.empty((columns, stride))
    rest = bytearray(len(text) + 1 if columns < len(kinds) else 0)
    failed, length = _parse(text, delimiter, kinds, numbers, stride, rows, rest)
    return Parsed(numbers[:, :rows], bytes(rest[:length])) if failed < 0 else int(failed)
