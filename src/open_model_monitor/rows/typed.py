"""Tables whose columns are plain already (Parquet) become batches column by column."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from open_model_monitor.capture.ipc import batch_from_ipc
from open_model_monitor.capture.record import Block, Counts
from open_model_monitor.rows.batches import MAX_ROWS
from open_model_monitor.rows.bulk import Arrays, batch_of
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.flatten import PayloadError, flatten_row


def typed_table(block: Block, converter: Converter, counts: Counts) -> pa.RecordBatch | None:
    """Return a block of Parquet rows as a batch and count them; None if it holds what is no plain value."""
    table = batch_from_ipc(block.data)
    notes: list[str] = []
    try:
        names, _ = flatten_row(dict.fromkeys(table.schema.names), notes)
    except PayloadError:
        return None
    if notes or tuple(names) != tuple(table.schema.names) or table.num_rows > MAX_ROWS or not names:
        return None
    arrays: Arrays = []
    for array in table.columns:
        plain = _plain(array)
        if plain is None:
            return None
        arrays.append(plain)
    counts.lines_read += table.num_rows
    counts.records_in += table.num_rows
    counts.rows_out += table.num_rows
    return batch_of(converter.plain(tuple(names)), arrays)


def _plain(array: pa.Array) -> tuple[pa.Array, dict[bytes, bytes]] | None:
    """Return what `batches.column` would make of the values, None if that is not for sure."""
    kind, types = array.type, pa.types
    if array.null_count == len(array):
        return pa.nulls(len(array)), {}
    if types.is_boolean(kind):
        texts = len(array) - array.null_count
        return pc.cast(array, pa.string()), {b"texts": b"%d" % texts, b"infinite": b"0"}
    if types.is_integer(kind) and kind != pa.uint64():
        return pc.cast(array, pa.int64()), {}
    if types.is_floating(kind):
        return pc.cast(array, pa.float64()), {}
    if types.is_string(kind) or types.is_large_string(kind):
        return pc.cast(array, pa.string()), {}
    if types.is_dictionary(kind) and types.is_string(kind.value_type):
        return array.dictionary_decode(), {}
    return None
