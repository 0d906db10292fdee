import datetime

import pyarrow as pa
import pytest

from open_model_monitor.capture.ipc import batch_to_ipc
from open_model_monitor.capture.record import Block, Counts, Format
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.lane import Lane
from open_model_monitor.rows.typed import typed_table

PARQUET = Format("parquet")


def both(columns):
    block = Block("a.parquet", 1, batch_to_ipc(pa.RecordBatch.from_pydict(columns)))
    slow_counts, fast_counts = Counts(), Counts()
    slow = list(Lane(PARQUET, Converter(PARQUET)).batches(block, slow_counts))
    fast = typed_table(block, Converter(PARQUET), fast_counts)
    return slow, fast, slow_counts, fast_counts


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, None, 3], pa.int8()),
        pa.array([1, 2, 3], pa.uint32()),
        pa.array([0.1, None, float("nan")], pa.float32()),
        pa.array([0.1, float("inf"), 3], pa.float64()),
        pa.array([True, None, False]),
        pa.array(["a", None, "é"]),
        pa.array(["a", "b", "a"], pa.large_string()),
        pa.array(["a", None, "a"]).dictionary_encode(),
        pa.array([None, None, None], pa.int64()),
    ],
)
def test_a_plain_column_is_what_the_reference_lane_makes_of_it(values):
    (slow,), fast, slow_counts, fast_counts = both({"n": [1, 2, 3], "a": values})
    assert fast.schema.equals(slow.schema, check_metadata=True)
    assert str(fast.to_pydict()) == str(slow.to_pydict())
    assert fast_counts == slow_counts


@pytest.mark.parametrize(
    "column",
    [
        {"a": [[1, 2]]},
        {"a": [{"b": 1}]},
        {"a": [datetime.date(2026, 1, 1)]},
        {"a": [b"bytes"]},
        {"a": pa.array([2**63], pa.uint64())},
    ],
)
def test_what_is_no_plain_column_is_left(column):
    assert both(column)[1] is None
