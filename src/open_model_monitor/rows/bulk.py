"""Many lines of delimited text become one batch at once: Arrow parses, no value is touched by Python.

A column whose texts still matter (few categories, words among the numbers) is read as text. One that is known to
hold nothing but numbers is read as numbers right away, and the batch says how they were written, so that it counts
for the profile exactly as its texts would.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from open_model_monitor.capture.record import Columns
from open_model_monitor.rows.decimals import AVAILABLE as DECIMALS
from open_model_monitor.rows.decimals import POINT, TEXT, WHOLE, Parsed, parse

INTEGRAL, FRACTIONAL = "Integral", "Fractional"  # as `profiling` calls them

Column = tuple[pa.Array, dict[bytes, bytes]]  # its values and its metadata
Arrays = list[Column]

TRIES = 3  # how often a column may disappoint

_KINDS = {INTEGRAL: WHOLE, FRACTIONAL: POINT}
_NUMBER_TYPES = {INTEGRAL: pa.int64(), FRACTIONAL: pa.float64()}
_MINUS, _DOT, _ZERO, _NINE = b"-.09"


class BulkReader:
    """Reads the texts of one section; remembers what it met there, so that no way is tried in vain for long."""

    def __init__(self) -> None:
        self._gaps = False  # whether numbers are missing; looking for that costs time
        self._inexact: dict[int, int] = {}  # place → how often its numbers were none for `decimals`

    def read(
        self, text: bytes, rows: int, width: int, numbers: Mapping[int, str], *, delimiter: str = ","
    ) -> Arrays | None:
        """Return the array and the metadata of each of `width` columns; None unless each line has that many fields.

        `text` holds filled lines of fields without quotes. `numbers` says which columns should hold nothing but
        numbers, and how these are written: all Integral or all Fractional. Columns that do not are read as text.
        """
        arrays: dict[int, Column] = {}
        if DECIMALS:
            text = self._short_decimals(text, rows, width, numbers, delimiter, arrays)
        rest = [place for place in range(width) if place not in arrays]
        if rest:
            kinds = {i: numbers[place] for i, place in enumerate(rest) if place in numbers}
            read = self._with_arrow(text, len(rest), kinds, delimiter)
            if read is None or len(read[0][0]) != rows:
                return None
            arrays.update(zip(rest, read, strict=True))
        return [arrays[place] for place in range(width)]

    def _short_decimals(
        self,
        text: bytes,
        rows: int,
        width: int,
        numbers: Mapping[int, str],
        delimiter: str,
        arrays: dict[int, Column],
    ) -> bytes:
        """Put the columns of short decimals among the arrays; returns the text of the others."""
        kinds = bytearray([TEXT]) * width
        for place, kind in numbers.items():
            if self._inexact.get(place, 0) < TRIES:
                kinds[place] = _KINDS[kind]
        for _ in range(TRIES):
            places = [place for place, kind in enumerate(kinds) if kind != TEXT]
            parsed = parse(text, bytes(kinds), rows, delimiter=delimiter) if places else None
            if isinstance(parsed, Parsed):
                for place, values in zip(places, parsed.numbers, strict=True):
                    array = pa.Array.from_buffers(pa.float64(), rows, [None, pa.py_buffer(values)])
                    arrays[place] = array, _spelled(rows, rows if kinds[place] == WHOLE else 0)
                return parsed.rest
            if parsed is None or kinds[parsed] == TEXT:
                break
            self._inexact[parsed] = self._inexact.get(parsed, 0) + 1
            kinds[parsed] = TEXT
        return text

    def _with_arrow(
        self, text: bytes, width: int, numbers: Mapping[int, str], delimiter: str
    ) -> Arrays | None:
        if numbers and (found := self._numbers(text, width, numbers, delimiter)) is not None:
            return found
        table = _parse(text, width, {}, delimiter, gaps=False)
        return None if table is None else [(_array(column), {}) for column in table.columns]

    def _numbers(self, text: bytes, width: int, numbers: Mapping[int, str], delimiter: str) -> Arrays | None:
        types = {place: _NUMBER_TYPES[kind] for place, kind in numbers.items()}
        table = _parse(text, width, types, delimiter, gaps=self._gaps)
        if table is None and not self._gaps and (table := _parse(text, width, types, delimiter, gaps=True)):
            self._gaps = True
        if table is None:
            return None
        arrays = [_array(column) for column in table.columns]
        if not _written_as_expected(text, arrays):
            return None
        return [(array, _metadata(array)) for array in arrays]


def batch_of(columns: Columns, arrays: Arrays) -> pa.RecordBatch:
    """Return the batch of arrays that stand in the order of `columns`."""
    fields = [
        pa.field(name, array.type, metadata={**more, b"section": section.encode(), b"named": b"%d" % named})
        for name, section, named, (array, more) in zip(
            columns.names, columns.sections, columns.named, arrays, strict=True
        )
    ]
    return pa.RecordBatch.from_arrays([array for array, _ in arrays], schema=pa.schema(fields))


def _parse(
    text: bytes, width: int, types: Mapping[int, pa.DataType], delimiter: str, *, gaps: bool
) -> pa.Table | None:
    names = [str(place) for place in range(width)]
    wanted = {name: types.get(place, pa.string()) for place, name in enumerate(names)}
    try:
        return pacsv.read_csv(
            pa.py_buffer(text),
            # One block, or Arrow would guess where to cut.
            read_options=pacsv.ReadOptions(
                use_threads=False, column_names=names, block_size=min(len(text) + 1, 2**31 - 1)
            ),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types=wanted, null_values=[""] if gaps else [], check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _metadata(array: pa.Array) -> dict[bytes, bytes]:
    if pa.types.is_string(array.type):
        return {}
    present = len(array) - array.null_count
    return _spelled(present, present if pa.types.is_integer(array.type) else 0)


def _spelled(numbers: int, integral: int) -> dict[bytes, bytes]:
    """Return the metadata of numbers that were texts."""
    return {b"texts": b"%d" % numbers, b"integral": b"%d" % integral}


def _written_as_expected(text: bytes, arrays: list[pa.Array]) -> bool:
    """Whether each Fractional column's numbers have a point, and no number a letter (`1e5`, `inf`, `0x1F`).

    A number has at most one point, and an Integral column parsed as integers has none: so it is enough to count
    the points of the whole text, less those of the columns read as text.
    """
    points, letters = _points_and_letters(text)
    expected = 0
    for array in arrays:
        if pa.types.is_string(array.type):
            more_points, more_letters = _points_and_letters(_bytes_of(array))
            points, letters = points - more_points, letters - more_letters
        elif pa.types.is_floating(array.type):
            expected += len(array) - array.null_count
    return not letters and points == expected and not _has_negative_zero(text)


def _has_negative_zero(text: bytes) -> bool:
    """Whether a number may be written `-0`, which a double can be and an integer cannot."""
    data = np.frombuffer(text, dtype=np.uint8)
    after = np.flatnonzero(data[:-1] == _MINUS) + 1
    after = after[data[after] == _ZERO] + 1
    return bool((after == len(data)).any() or (data[after[after < len(data)]] != _DOT).any())


def _points_and_letters(text: Any) -> tuple[int, int]:
    data = np.frombuffer(text, dtype=np.uint8)
    return int(np.count_nonzero(data == _DOT)), int(np.count_nonzero(data > _NINE))


def _bytes_of(array: pa.Array) -> Any:
    """Return the bytes of a text column."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)
    first, last = int(offsets[array.offset]), int(offsets[array.offset + len(array)])
    return array.buffers()[2].slice(first, last - first) if last > first else b""
