"""Segments: the rows of each value of one column, profiled by themselves beside the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pyarrow as pa

from open_model_monitor.errors import DataError

MISSING = "(missing)"  # the segment of rows without a value
_SHOWN = 5

P = TypeVar("P")


def rows_by_segment(batch: pa.RecordBatch, values: pa.Array) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield each value of a column with the rows of a batch that have it, in the order in which values appear."""
    texts = values.cast(pa.string()) if not pa.types.is_string(values.type) else values
    encoded = texts.fill_null("").dictionary_encode()
    names = [text.strip() or MISSING for text in encoded.dictionary.to_pylist()]
    codes = np.asarray(encoded.indices)
    for name in dict.fromkeys(names):
        alike = [code for code, other in enumerate(names) if other == name]
        rows = np.isin(codes, alike)
        yield name, batch if rows.all() else batch.filter(pa.array(rows))


def merged_segments(left: dict[str, P], right: dict[str, P], merge: Callable[[P, P], P]) -> dict[str, P]:
    """Return the segments of both."""
    return {
        name: merge(left[name], right[name]) if name in left and name in right else {**right, **left}[name]
        for name in dict.fromkeys([*left, *right])
    }


def refuse_too_many(names: dict[str, P], column: str, most: int) -> None:
    """Raise DataError if a column has more values than may be told apart."""
    if len(names) > most:
        shown = ", ".join(map(repr, [*names][:_SHOWN]))
        raise DataError(
            f"the column {column!r} has more than {most} values ({shown}, …), too many segments; take a column of "
            "fewer values, or allow more (--max-segments): each is kept in memory"
        )
