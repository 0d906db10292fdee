"""Rows become batches: Arrow columns of some thousand rows.

A batch is a `pyarrow.RecordBatch`. What Arrow cannot say about a column stands in its field's metadata:

    section   "output", "input", "script" or ""
    named     "1" if the column has a name of its own, "0" for `_c{position}`
    texts     how many present values were text to begin with; absent: all of a string column, none of a number's
    integral  how many of a column's native numbers count as Integral, where they were texts
    finite    "1" if it is known that all are
    infinite  how many present values were infinite and stand as null

A column of one native kind is int64 or float64. A column that mixes kinds is text: every number becomes its
text, and `texts` remembers how many values were not numbers, because a column of nothing but numbers is
promoted as a whole while a column with text is judged value by value.
"""

from __future__ import annotations

import base64
import datetime
import enum
import math
import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from open_model_monitor.capture.record import SCRIPT, Columns, Counts, Row, Value
from open_model_monitor.errors import DataError
from open_model_monitor.rows.flatten import PayloadError, flatten_row, is_nested, unique_names
from open_model_monitor.rows.texts import Line, LineReader, Lines

MAX_ROWS = 8192
MAX_CELLS = 1 << 18
MAX_JOINED_CELLS = 1 << 20
MAX_JOINED_BYTES = 8 << 20
# Lines are small and quickly cut: a batch's fixed cost is paid for more of them. But from the first few the profile
# learns which columns hold only numbers.
FIRST_LINE_CELLS, MAX_LINE_CELLS = 1 << 15, 1 << 19
MAX_LINES_SIZE = 8 << 20  # bytes of lines held for a batch

Metadata = dict[bytes, bytes]

_BLANKS = " \t\n\r\v\f"
FLAT = frozenset((str, int, float, bool, type(None)))  # the types of plain values


class Batcher:
    """Collects rows and cuts them into batches.

    Bounded by rows and by cells; who feeds large texts calls `flush`, or `settle`, after each block it has read.
    With a `reader`, rows of nothing but texts are held as lines as long as all have the same columns.
    """

    def __init__(
        self,
        counts: Counts,
        *,
        max_rows: int = MAX_ROWS,
        max_cells: int = MAX_CELLS,
        reader: LineReader | None = None,
    ) -> None:
        self.counts = counts
        self.full = False  # whether the batch should be cut now
        self._max_rows = max_rows
        self._max_cells = max_cells
        self._reader = reader
        self._lines: Lines | None = None  # if there are any, all rows are among them
        self._rows: list[Row] = []
        self._shapes: dict[int, Columns] = {}  # held, so that no other gets the same id
        self._width = 0  # of the union of all shapes, at most
        self._line_cells = FIRST_LINE_CELLS  # of the next batch of lines
        self._most_lines = 0  # of this one

    def add(self, row: Row | Line) -> None:
        """Take one more row."""
        if not isinstance(row, Line):
            self._add_row(row)
            return
        lines = self._lines
        if lines is None and not self._rows and self._reader is not None:
            lines = self._lines = Lines(row.columns, self._reader)
            self._most_lines = min(self._max_rows, -(-self._line_cells // len(row.columns.names)))
        if lines is not None and row.columns is lines.columns:
            lines.texts.append(row.text)
            self.full = len(lines.texts) >= self._most_lines
        else:
            self._add_row(row.row())

    def _add_row(self, row: Row) -> None:
        if self._lines is not None:
            self._give_up_lines(self._lines)
        self._rows.append(row)
        if id(row.columns) not in self._shapes:
            self._shapes[id(row.columns)] = row.columns
            self._width += len(row.columns.names)
        rows = len(self._rows)
        self.full = rows >= self._max_rows or rows * self._width >= self._max_cells

    def _give_up_lines(self, lines: Lines) -> None:
        """Hold the rest of this batch as rows: it is never turned to and fro."""
        self._lines = None
        for text in lines.texts:
            self._add_row(Line(lines.columns, text).row())

    def settle(self) -> pa.RecordBatch | None:
        """Return what should not wait for more at the end of a block, if there is such."""
        # Objects by the thousand crowd the processor's caches; lines may wait until there are many.
        wait = self._lines.measure() < MAX_LINES_SIZE if self._lines is not None else not self._rows
        return None if wait else self.flush()

    def flush(self) -> pa.RecordBatch | None:
        """Return what was collected as a batch, or None if there is nothing."""
        batch, lines = None, self._lines
        if lines is not None:
            self._line_cells = min(4 * self._line_cells, MAX_LINE_CELLS)
        if lines is not None and (batch := lines.batch()) is None:
            self._give_up_lines(lines)
        if self._rows:
            batch = to_batch(self._rows, self.counts)
        self._lines, self._rows, self._shapes = None, [], {}
        self._width, self.full = 0, False
        self.counts.rows_out += 0 if batch is None else batch.num_rows
        return batch


def to_batch(rows: Sequence[Row], counts: Counts) -> pa.RecordBatch:
    """Turn rows into one batch; rows of different columns share the union of their columns.

    Raises DataError if nested values make more columns than a row may have.
    """
    shape, columns = _columns(rows)
    texts = [_texts_at_once(values) for values in columns]
    if any(text is None and _any_nested(values) for text, values in zip(texts, columns, strict=True)):
        shape, columns = _columns(_flattened(rows, counts))
        texts = [_texts_at_once(values) for values in columns]
    if not columns:  # a batch without columns still has rows
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
    arrays, fields = [], []
    for i, (name, sound) in enumerate(zip(shape.names, _sound_names(shape.names, counts), strict=True)):
        text = texts[i]
        array, metadata = (text, {}) if text is not None else column(columns[i], partial(_warn, counts, name))
        metadata[b"section"] = shape.sections[i].encode()
        metadata[b"named"] = b"1" if shape.named[i] else b"0"
        arrays.append(array)
        fields.append(pa.field(sound, array.type, metadata=metadata))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _texts_at_once(values: Sequence[Any]) -> pa.Array | None:
    """Return the array of a column of nothing but texts, the usual case, without a look at each; else None."""
    if type(next((value for value in values if value is not None), None)) is not str:
        return None
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, TypeError, ValueError):  # something else among them, or no UTF-8
        return None


def _warn(counts: Counts, name: str, text: str) -> None:
    counts.warn(f"column {name}: {text}")


def _columns(rows: Sequence[Row]) -> tuple[Columns, list[Sequence[Any]]]:
    """Return the columns of all rows and their values; None where a row lacks the column."""
    first = rows[0].columns
    if all(row.columns is first for row in rows):
        return first, list(zip(*(row.values for row in rows), strict=True))
    places: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        places.setdefault(id(row.columns), []).append(i)
    union: dict[str, tuple[str, bool]] = {}
    values: dict[str, list[Any]] = {}
    for at in places.values():
        shape = rows[at[0]].columns
        for name, section, named in zip(shape.names, shape.sections, shape.named, strict=True):
            if name not in union:
                union[name], values[name] = (section, named), [None] * len(rows)
        for name, column in zip(shape.names, zip(*(rows[i].values for i in at), strict=True), strict=True):
            target = values[name]
            for i, value in zip(at, column, strict=True):
                target[i] = value
    sections = tuple(section for section, _ in union.values())
    return Columns(tuple(union), sections, tuple(named for _, named in union.values())), list(values.values())


def _any_nested(values: Sequence[Any]) -> bool:
    # Only what has a length can hold several values: this spares asking each number of NumPy.
    able = {
        kind
        for kind in set(map(type, values)) - FLAT
        if hasattr(kind, "__len__") and not issubclass(kind, (str, bytes))
    }
    return bool(able) and any(is_nested(value) for value in values if type(value) in able)


def _flattened(rows: Sequence[Row], counts: Counts) -> list[Row]:
    """Return flat rows in place of nested ones, which scripts and tables hold, captures never."""
    shapes: dict[tuple[int, tuple[str, ...]], Columns] = {}
    flat = []
    for row in rows:
        notes: list[str] = []
        try:
            names, values = flatten_row(dict(zip(row.columns.names, row.values, strict=True)), notes)
        except PayloadError as error:
            raise DataError(f"{row.origin.place}: {error}") from error
        for text in notes:
            counts.warn(text)
        key = (id(row.columns), names)
        if key not in shapes:
            shapes[key] = _after_flattening(row.columns, names)
        flat.append(Row(shapes[key], values, row.origin))
    return flat


def _after_flattening(columns: Columns, names: tuple[str, ...]) -> Columns:
    before = {
        name: (section, named)
        for name, section, named in zip(columns.names, columns.sections, columns.named, strict=True)
    }
    rest = SCRIPT if SCRIPT in columns.sections else ""
    after = [before.get(name, (rest, True)) for name in names]
    return Columns(names, tuple(section for section, _ in after), tuple(named for _, named in after))


def _sound_names(names: tuple[str, ...], counts: Counts) -> tuple[str, ...]:
    """Return the names with lone surrogates escaped: a name then is the same, and another's not, in every batch."""
    sound = tuple([name.encode("utf-8", "backslashreplace").decode() for name in names])
    if sound == names:
        return names
    unique, doubles = unique_names(sound)
    for text in doubles:
        counts.warn(text)
    return unique


def _sound(text: str) -> str:
    """Return a text with what UTF-8 cannot say replaced: lone surrogates, which JSON can spell."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def column(values: Sequence[Any], warn: Callable[[str], None]) -> tuple[pa.Array, Metadata]:
    """Turn one column's values into an Arrow array and its metadata; see the module's text."""
    kinds = set(map(type, values))
    if not kinds <= FLAT:
        values = [plain(value, warn) for value in values]
        kinds = set(map(type, values))
    kinds.discard(type(None))
    if kinds == {str}:
        return _text(values), {}
    if kinds == {int}:
        try:
            return pa.array(values, pa.int64()), {}
        except OverflowError:
            return _text([None if v is None else number_text(v) for v in values]), {b"texts": b"0"}
    if kinds == {float}:
        return pa.array(values, pa.float64()), {}
    if not kinds:
        return pa.nulls(len(values)), {}
    return _mixed(values)


def _mixed(values: Sequence[Value]) -> tuple[pa.Array, Metadata]:
    texts = infinite = 0
    written: list[str | None] = []
    for value in values:
        if isinstance(value, bool):
            written.append("true" if value else "false")
            texts += 1
        elif isinstance(value, str):
            written.append(value)
            texts += _counts_as_text(value)
        elif isinstance(value, float) and not math.isfinite(value):
            written.append(None)
            infinite += math.isinf(value)
        else:
            written.append(None if value is None else number_text(value))
    return _text(written), {b"texts": str(texts).encode(), b"infinite": str(infinite).encode()}


def _counts_as_text(value: str) -> bool:
    # Not what is missing, nor the word that may mean so: neither keeps a column of numbers from promotion.
    return value.strip(_BLANKS).lower() not in ("", "nan")


def number_text(value: int | float) -> str:
    """Return the text that stands for a number where a column mixes numbers and text."""
    if isinstance(value, float):
        return repr(value)
    try:
        return str(value)
    except ValueError:  # beyond the digits that Python agrees to write
        return format(Decimal(value), "f")


def _text(values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([v and _sound(v) for v in values], pa.string())


def plain(value: Any, warn: Callable[[str], None]) -> Value:
    """Return the plain value that stands for what a script or a Parquet file holds.

    Numbers of NumPy and pandas become Python's, times and ids their ISO or plain text, bytes their UTF-8 or
    base64 text; an unknown object its `str`, with a warning.
    """
    if value is None or type(value) in FLAT:
        return value  # type: ignore[no-any-return]
    name = type(value).__name__
    if name in ("NAType", "NaTType"):
        return None
    if isinstance(value, enum.Enum):
        return plain(value.value, warn)
    if isinstance(value, str | int | float):  # subclasses, numpy.str_ and numpy.float64 among them
        return next(kind(value) for kind in (str, int, float) if isinstance(value, kind))
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID | datetime.timedelta) or hasattr(value, "__fspath__"):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes_text(bytes(value))
    if name in ("datetime64", "timedelta64"):  # whose item() is a bare number when they count nanoseconds
        return None if str(value) == "NaT" else str(value)
    if callable(item := getattr(value, "item", None)) and getattr(value, "ndim", None) == 0:
        inner = item()  # a scalar of NumPy, or an array without dimensions
        if type(inner) is not type(value):
            return plain(inner, warn)
        if name == "longdouble":
            return float(inner)
    warn(f"values of type {name} were turned into text")
    return str(value)


def _decimal(value: Decimal) -> int | float | None:
    if value.is_nan():
        return None
    return int(value) if value.is_finite() and value.as_tuple().exponent == 0 else float(value)


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


class Joiner:
    """Joins small batches of one schema into larger ones: a column's fixed cost is then paid for more rows.

    A batch whose metadata count something (`texts`, `infinite`) stays by itself.
    """

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Take a batch; yields what is ready, in order."""
        if self._held and (
            _counting(batch) or not self._held[0].schema.equals(batch.schema, check_metadata=True)
        ):
            yield from self.flush()
        self._held.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        many = self._rows >= self._max_rows or self._rows * batch.num_columns >= MAX_JOINED_CELLS
        if many or self._bytes >= MAX_JOINED_BYTES or _counting(batch):
            yield from self.flush()

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Yield what is still held."""
        held, self._held = self._held, []
        self._rows = self._bytes = 0
        if len(held) == 1:
            yield held[0]
        elif held:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()


def _counting(batch: pa.RecordBatch) -> bool:
    return any(
        b"texts" in (field.metadata or ()) or b"infinite" in (field.metadata or ()) for field in batch.schema
    )
