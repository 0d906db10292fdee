"""Parquet tables as blocks: some rows at a time, as Arrow IPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from open_model_monitor.capture.ipc import batch_to_ipc

if TYPE_CHECKING:
    import pyarrow.parquet as pq

TABLE_ROWS = 4096


def table_rows(stream: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield rows of a Parquet file, with the 1-based number of the first; of the row groups that begin in a range.

    Raises ArrowException if it is none.
    """
    import pyarrow.parquet as pq  # ten megabytes, which most runs need not carry

    file = pq.ParquetFile(stream)
    row, groups = 1, []
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        if _first_byte(group) < start:
            row += group.num_rows
        elif end is None or _first_byte(group) < end:
            groups.append(number)
    if not groups:  # Arrow takes no groups for all of them
        return
    for batch in file.iter_batches(batch_size=TABLE_ROWS, row_groups=groups):
        yield row, batch_to_ipc(_in_microseconds(batch))
        row += batch.num_rows


def _first_byte(group: pq.RowGroupMetaData) -> int:
    if not group.num_columns:
        return 0
    column = group.column(0)
    # Some writers leave the offset of a dictionary that is not there at zero.
    offsets = (column.dictionary_page_offset, column.data_page_offset)
    return min((offset for offset in offsets if offset), default=0)


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch without nanoseconds, which Python's times do not have."""
    fields = [_field_in_microseconds(field) for field in batch.schema]
    return batch if fields == list(batch.schema) else batch.cast(pa.schema(fields), safe=False)


def _field_in_microseconds(field: pa.Field) -> pa.Field:
    return field.with_type(_type_in_microseconds(field.type))


def _type_in_microseconds(kind: pa.DataType) -> pa.DataType:
    """Return a type with microseconds for nanoseconds, at every depth."""
    types = pa.types
    if types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    if types.is_struct(kind):
        return pa.struct([_field_in_microseconds(field) for field in kind])
    if types.is_map(kind):
        return pa.map_(_type_in_microseconds(kind.key_type), _field_in_microseconds(kind.item_field))
    if types.is_fixed_size_list(kind):
        return pa.list_(_field_in_microseconds(kind.value_field), kind.list_size)
    if types.is_large_list(kind):
        return pa.large_list(_field_in_microseconds(kind.value_field))
    return pa.list_(_field_in_microseconds(kind.value_field)) if types.is_list(kind) else kind
