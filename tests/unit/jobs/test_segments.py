import pyarrow as pa
import pytest

from open_model_monitor.errors import DataError
from open_model_monitor.jobs.segments import MISSING, merged_segments, refuse_too_many, rows_by_segment


def test_rows_go_to_their_value_in_the_order_of_appearance():
    batch = pa.RecordBatch.from_pydict({"n": [1, 2, 3, 4, 5], "c": ["b", "a", " b", None, ""]})
    found = {name: rows.column(0).to_pylist() for name, rows in rows_by_segment(batch, batch.column(1))}
    assert found == {"b": [1, 3], "a": [2], MISSING: [4, 5]}


def test_numbers_and_nothing_at_all():
    batch = pa.RecordBatch.from_pydict({"n": [1, 2]})
    assert [name for name, _ in rows_by_segment(batch, batch.column(0))] == ["1", "2"]
    assert [name for name, _ in rows_by_segment(batch, pa.nulls(2, pa.string()))] == [MISSING]


def test_segments_of_both_are_merged():
    assert merged_segments({"a": 1, "b": 2}, {"b": 3, "c": 4}, lambda x, y: x + y) == {"a": 1, "b": 5, "c": 4}


def test_too_many_segments():
    with pytest.raises(DataError, match=r"'id' has more than 2 values \('x', 'y', 'z', …\).*--max-segments"):
        refuse_too_many(dict.fromkeys("xyz", 0), "id", 2)
