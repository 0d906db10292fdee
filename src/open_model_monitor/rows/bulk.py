"""Many lines of delimited text become one batch at once: Arrow parses, no value is touched by Python.

A column whose texts still matter (few categories, words among the numbers) is read as text. One that is known to
hold nothing but numbers is read as numbers right away, and the batch says how they were written, so that it counts
for the profile exactly as its texts would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from open_model_monitor.capture.record import Columns
from open_model_monitor.rows.decimals import AVAILABLE as DECIMALS
from open_model_monitor.rows.decimals import CANONICAL, POINT, TEXT, WHOLE, Parsed, parse

INTEGRAL, FRACTIONAL, FEW_INTEGERS = "Integral", "Fractional", "few integers"  # as `profiling` calls them

Column = tuple[pa.Array, dict[bytes, bytes]]  # its values and its metadata
Arrays = list[Column]

TRIES = 3  # how often a column may disappoint

_KINDS = {INTEGRAL: WHOLE, FRACTIONAL: POINT, FEW_INTEGERS: CANONICAL}
_NUMBER_TYPES = {INTEGRAL: pa.int64(), FRACTIONAL: pa.float64()}
_BOM = b"\xef\xbb\xbf"
_MINUS, _DOT, _ZERO, _NINE, _EXPONENT, _LOWER = b"-.09e\x20"
_NUMBER_BEFORE = re.compile(rb"[^0-9.+-]")  # ends in front of the number whose exponent comes
LONGEST = 400  # characters of a number that are looked at
FEW = 8  # one exponent in so many numbers is worth a look at each


_FINITE = {b"finite": b"1"}  # short decimals are, so that nobody needs to look again


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
        numbers, and how these are written (`DatasetProfile.number_columns`). Columns that do not are read as text.
        """
        arrays: dict[int, Column] = {}
        if DECIMALS:
            text = self._short_decimals(text, rows, width, numbers, delimiter, arrays)
        rest = [place for place in range(width) if place not in arrays]
        if rest:
            kinds = {i: numbers[place] for i, place in enumerate(rest) if numbers.get(place) in _NUMBER_TYPES}
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
                    arrays[place] = _numbers_as_written(values, kinds[place])
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
    if text.startswith(_BOM):  # which Arrow would take for a mark, not for a value
        return None
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


def _numbers_as_written(values: NDArray[np.float64], kind: int) -> Column:
    rows = len(values)
    if kind == CANONICAL:  # integers, whose texts can be told from their values
        return _from_numpy(pa.int64(), values.astype(np.int64)), _spelled(rows, rows) | _FINITE
    return _from_numpy(pa.float64(), values), _spelled(rows, rows if kind == WHOLE else 0) | _FINITE


def _from_numpy(kind: pa.DataType, values: NDArray[Any]) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _spelled(numbers: int, integral: int) -> dict[bytes, bytes]:
    """Return the metadata of numbers that were texts."""
    return {b"texts": b"%d" % numbers, b"integral": b"%d" % integral}


def _written_as_expected(text: bytes, arrays: list[pa.Array]) -> bool:
    """Whether each Fractional number has a point or an exponent, and none another letter (`inf`, `0x1F`).

    A number has at most one of each, and an Integral column parsed as integers has neither: so it is enough to
    count those of the whole text, less those of the columns read as text.
    """
    points, letters = _points_and_letters(text)
    expected = 0
    for array in arrays:
        if pa.types.is_string(array.type):
            more_points, more_letters = _points_and_letters(_bytes_of(array))
            points, letters = points - more_points, letters - more_letters
        elif pa.types.is_floating(array.type):
            expected += len(array) - array.null_count
    if letters:
        if any(pa.types.is_string(array.type) for array in arrays):
            return False
        points += _exponents_without_point(text, letters, expected)
    return points == expected and not _has_negative_zero(text) and all(map(_is_finite, arrays))


def _exponents_without_point(text: bytes, letters: int, numbers: int) -> int:
    """Return how many numbers have an exponent and no point; less than none if there are other letters, or many."""
    data = np.frombuffer(text, dtype=np.uint8)
    places = np.flatnonzero((data | _LOWER) == _EXPONENT)
    if len(places) != letters or len(places) * FEW > numbers:
        return -numbers - 1
    return sum(
        b"." not in _NUMBER_BEFORE.split(text[max(0, place - LONGEST) : place])[-1]
        for place in places.tolist()
    )


def _is_finite(array: pa.Array) -> bool:
    finite = pc.all(pc.is_finite(array)) if pa.types.is_floating(array.type) else None
    return finite is None or finite.as_py() is not False


def _has_negative_zero(text: bytes) -> bool:
    """Whether a number may be written `-0`, which a double can be and an integer cannot."""
    data = np.frombuffer(text, dtype=np.uint8)
    after = np.flatnonzero(data[:-1] == _MINUS) + 1
    of_exponent = (after > 1) & (data[after - 2] > _NINE)
    after = after[(data[after] == _ZERO) & ~of_exponent] + 1
    return bool((after == len(data)).any() or (data[after[after < len(data)]] != _DOT).any())


def _points_and_letters(text: Any) -> tuple[int, int]:
    data = np.frombuffer(text, dtype=np.uint8)
    return int(np.count_nonzero(data == _DOT)), int(np.count_nonzero(data > _NINE))


def _bytes_of(array: pa.Array) -> Any:
    """Return the bytes of a text column."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)
    first, last = int(offsets[array.offset]), int(offsets[array.offset + len(array)])
    return array.buffers()[2].slice(first, last - first) if last > first else b""
