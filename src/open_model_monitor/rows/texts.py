"""Rows of nothing but texts, the usual return value of a handler, are held as lines and become batches in bulk.

One text in place of some dozen is quicker to keep, and Arrow cuts thousands of such lines into columns at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from open_model_monitor.capture.record import Columns, Origin, Row
from open_model_monitor.rows.bulk import BulkReader, batch_of

SEPARATOR = "\x1f"  # "unit separator": hardly ever in a text, and a text that holds it is no part of a line

_BOM = b"\xef\xbb\xbf"
_NOWHERE = Origin("", 0)
_join = SEPARATOR.join


class Line(msgspec.Struct, gc=False):
    """A row of nothing but texts, joined; a gap stands in it as an empty text, which a profile takes for one."""

    columns: Columns
    text: bytes

    @property
    def values(self) -> list[str | None]:
        """The row's texts; None for an empty one."""
        return [value or None for value in self.text.decode().split(SEPARATOR)]

    def row(self) -> Row:
        """Return the same as a row like others; nothing can be wrong with it, so that it needs no origin."""
        return Row(self.columns, self.values, _NOWHERE)


def line_of(values: Collection[object]) -> bytes | None:
    """Return the texts of a row as one line; None if they are not all texts of UTF-8, or one breaks the line."""
    try:
        text = _join(values)  # type: ignore[arg-type]  # the quickest way to ask for the type of all
        line = text.encode()
    except (TypeError, UnicodeEncodeError):
        return None
    whole = text.count(SEPARATOR) == len(values) - 1 and "\n" not in text and "\r" not in text
    return line if whole else None


def names_of(keys: Collection[object]) -> bytes | None:
    """Return keys as `usual_line` wants them; None if they are not all texts of UTF-8 without the separator."""
    names = [key for key in keys if isinstance(key, str) and SEPARATOR not in key]
    if len(names) != len(keys):
        return None
    try:
        return "".join(name + SEPARATOR for name in names).encode()
    except UnicodeEncodeError:
        return None


def _usual_line(mapping: dict[Any, Any], names: bytes, count: int) -> bytes | None:
    """Return the line of a dict's texts; None also if its keys are not these (`names_of`), in this order."""
    return line_of(mapping.values()) if count and names_of(mapping) == names else None


usual_line: Callable[[dict[Any, Any], bytes, int], bytes | None]
try:
    from open_model_monitor._loops import line
except ImportError:  # built without a compiler
    usual_line = _usual_line
else:
    usual_line = line


class LineReader:
    """Turns lines into batches.

    `numbers` tells at any time which columns hold nothing but numbers whose texts are done with, and how these are
    written (`DatasetProfile.number_columns`).
    """

    def __init__(self, numbers: Callable[[], Mapping[str, str]]) -> None:
        self._numbers = numbers
        self._reader = BulkReader()

    def batch(self, columns: Columns, lines: Sequence[bytes]) -> pa.RecordBatch | None:
        """Return the batch of lines with these columns; None if they cannot be told apart, or a name is odd."""
        text = b"\n".join(lines)
        if text.startswith(_BOM):
            return None
        try:
            "".join(columns.names).encode()
        except UnicodeEncodeError:
            return None
        known = self._numbers()
        places = {place: known[name] for place, name in enumerate(columns.names) if known.get(name)}
        arrays = self._reader.read(text, len(lines), len(columns.names), places, delimiter=SEPARATOR)
        return None if arrays is None else batch_of(columns, arrays)


class Lines:
    """Lines of the same columns on their way to a batch."""

    def __init__(self, columns: Columns, reader: LineReader) -> None:
        self.columns = columns
        self.texts: list[bytes] = []
        self._reader = reader
        self._measured = self._size = 0  # how many of the lines, and their size

    def measure(self) -> int:
        """Return how many bytes the lines have."""
        self._size += sum(map(len, self.texts[self._measured :]))
        self._measured = len(self.texts)
        return self._size

    def batch(self) -> pa.RecordBatch | None:
        """Return the batch of the lines, see `LineReader`."""
        return self._reader.batch(self.columns, self.texts)
