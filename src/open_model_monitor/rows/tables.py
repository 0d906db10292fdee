"""Tables of pandas, Polars and whatever speaks Arrow become one Parquet file, which every step can read.

Column by column: one that Arrow or Parquet cannot hold as it is becomes the text of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from open_model_monitor.errors import UsageError
from open_model_monitor.rows.batches import column
from open_model_monitor.rows.flatten import unique_names

Warn = Callable[[str], None]

UNNAMED = "value"  # what the column of a series without a name is called

_FAULTS = (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError)


def write_table(data: Any, path: PurePath, warn: Warn) -> None:
    """Write a table, or a series as a table of one column, into a Parquet file.

    Raises UsageError for what is no table, and for a column that cannot be read.
    """
    found = list(_columns(data))
    names, doubles = unique_names([name for name, _ in found])
    for text in doubles:
        warn(text)
    arrays = [_named(name, values, warn) for name, (_, values) in zip(names, found, strict=True)]
    pq.write_table(pa.table(arrays, names=list(names)), str(path))


def _columns(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield the columns with their names: Arrow arrays, or series of pandas or Polars."""
    libraries = {kind.__module__.split(".")[0] for kind in type(data).__mro__}
    if "pandas" in libraries and hasattr(data, "iloc"):
        yield from _of_pandas(data)
    elif "polars" in libraries and hasattr(data, "to_arrow"):
        for series in data.get_columns() if hasattr(data, "get_columns") else [data]:
            yield series.name or UNNAMED, series
    elif isinstance(data, pa.Table | pa.RecordBatch) or hasattr(data, "__arrow_c_stream__"):  # DuckDB, …
        table = _of_stream(data)
        yield from zip(table.column_names, table.columns, strict=True)
    else:
        raise UsageError(
            f"Cannot read data of type {type(data).__name__}; expected a path, an address, or a pandas, Polars "
            "or Arrow table"
        )


def _of_pandas(data: Any) -> Iterator[tuple[str, Any]]:
    frame = data.to_frame(UNNAMED if data.name is None else data.name) if data.ndim == 1 else data
    for level, name in enumerate(frame.index.names):
        if name is not None:  # who names an index means it as a column
            yield str(name), frame.index.get_level_values(level).to_series()
    for place, name in enumerate(frame.columns):
        yield str(name), frame.iloc[:, place]


def _of_stream(data: Any) -> pa.Table:
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    try:
        return data if isinstance(data, pa.Table) else pa.table(data)
    except _FAULTS:
        try:  # an array without a table around it
            return pa.table([pa.chunked_array(data)], names=[UNNAMED])
        except _FAULTS as error:
            raise UsageError(f"Cannot read data of type {type(data).__name__}: {error}") from error


def _named(name: str, values: Any, warn: Warn) -> Any:
    """Return an array that Parquet can hold."""
    try:
        array = _plain(values)
        if _fits(array):
            return array
        items = _items(array)
        return _again(items) or column(items, partial(_warn, warn, name))[0]
    except _FAULTS as error:
        kind = getattr(values, "type", None) or getattr(values, "dtype", type(values).__name__)
        raise UsageError(f"Cannot read column {name!r} of type {kind}: {error}") from error


def _warn(warn: Warn, name: str, text: str) -> None:
    warn(f"column {name}: {text}")


def _plain(values: Any) -> Any:
    """Return an Arrow array of the values, or the list of them if there is none."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return _decoded(values)
    try:
        if hasattr(values, "get_chunks"):  # of Polars, whose object columns would come as addresses
            return list(values) if str(values.dtype) == "Object" else _decoded(pa.chunked_array(values))
        return _decoded(pa.array(values))
    except _FAULTS:
        return list(values)


def _decoded(array: Any) -> Any:
    """Return an array without dictionaries, of which Parquet cannot write all."""
    kind = array.type
    if not pa.types.is_dictionary(kind):
        return array
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    return pa.chunked_array([chunk.dictionary.take(chunk.indices) for chunk in chunks], kind.value_type)


def _fits(array: Any) -> bool:
    """Whether an array can be written and read again, tried with as little of it as will do."""
    if isinstance(array, list) or _is_period(array.type):
        return False
    try:
        little = array.slice(0, 1)
        little.to_pylist()
        pq.write_table(pa.table([little], names=["a"]), pa.BufferOutputStream())
    except _FAULTS:
        return False
    return True


def _is_period(kind: Any) -> bool:
    # Written as what it is stored as, a period would be a number without a meaning.
    return getattr(kind, "extension_name", "") == "pandas.period"


def _items(array: Any) -> list[Any]:
    if isinstance(array, list):
        return array
    if _is_period(array.type):
        return list(array.to_pandas())
    if pa.types.is_struct(array.type) and not array.type.num_fields:
        return [None] * len(array)  # there is nothing in it
    return array.to_pylist()  # type: ignore[no-any-return]


def _again(items: Sequence[Any]) -> Any:
    """Return an array of nested values, whose columns text would hide, if they make one."""
    if not isinstance(next((item for item in items if item is not None), None), dict | list):
        return None
    try:
        array = pa.array(items)
    except _FAULTS:
        return None
    return array if _fits(array) else None
