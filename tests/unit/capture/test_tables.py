"""Parquet files as rows: some at a time, by row groups, times as Python has them."""

import io
from datetime import datetime, time, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.ipc import batch_from_ipc
from open_model_monitor.capture.items import items
from open_model_monitor.capture.record import Counts, Format, Part
from open_model_monitor.capture.tables import table_rows
from open_model_monitor.storage import Storage


def numbers(found):
    """Return the values read, each with the number of its row."""
    return [
        (row + place, value)
        for row, data in found
        for place, value in enumerate(batch_from_ipc(data).column("a").to_pylist())
    ]


@pytest.mark.parametrize("text", [False, True])  # with a dictionary page first, or without
@pytest.mark.parametrize("step", [1, 7, 100, 1 << 20])
def test_each_row_group_is_in_the_range_in_which_it_begins(text, step):
    values = [str(n) if text else n for n in range(95)]
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": values}), sink, row_group_size=10, use_dictionary=text)
    size = sink.tell()
    starts = list(range(0, size, step))
    found = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        found += numbers(table_rows(io.BytesIO(sink.getvalue()), start, end))
    assert found == list(enumerate(values, 1))


def test_a_table_without_rows_or_columns_is_read():
    for table in (pa.table({"a": pa.array([], pa.int64())}), pa.table({})):
        sink = io.BytesIO()
        pq.write_table(table, sink)
        assert sum(batch_from_ipc(data).num_rows for _, data in table_rows(sink)) == 0


def test_times_are_naive_or_aware_as_stored():
    sink = io.BytesIO()
    pq.write_table(pa.table({"t": [datetime(2024, 1, 1)]}), sink)  # noqa: DTZ001
    [(row, data)] = table_rows(sink)
    assert (row, batch_from_ipc(data).num_rows) == (1, 1)


def test_nanoseconds_of_a_table_become_microseconds(tmp_path):
    path = tmp_path / "t.parquet"
    times = pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"t": times}), path)
    read = blocks(Storage(), Part((str(path),)), Format("parquet"), Counts())
    values = [item.value["t"] for block in read for item in items(block, Format("parquet"), Counts())]
    assert values[0].isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert values[1] is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.duration("ns"), timedelta(microseconds=1_234_567)),
        (pa.time64("ns"), time(0, 0, 1, 234_567)),
        (pa.timestamp("ns"), datetime(1970, 1, 1, 0, 0, 1, 234_567)),  # noqa: DTZ001
    ],
)
def test_nanoseconds_become_microseconds_wherever_they_stand(tmp_path, kind, expected):
    one = pa.array([1_234_567_890, None], kind)
    columns = {
        "flat": one,
        "struct": pa.StructArray.from_arrays([pa.StructArray.from_arrays([one], ["x"])], ["y"]),
        "list": pa.ListArray.from_arrays([0, 1, 2], one),
        "large": pa.LargeListArray.from_arrays([0, 1, 2], one),
        "fixed": pa.FixedSizeListArray.from_arrays(one, 1),
    }
    if not pa.types.is_duration(kind):  # older Arrow forgets what the numbers of a map were
        columns["map"] = pa.MapArray.from_arrays([0, 1, 2], ["k", "l"], one)
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    read = blocks(Storage(), Part((str(tmp_path / "t.parquet"),)), Format("parquet"), Counts())
    first, second = [item.value for block in read for item in items(block, Format("parquet"), Counts())]
    shown = {name: [("k", expected)] if name == "map" else [expected] for name in columns}
    assert first == shown | {"flat": expected, "struct": {"y": {"x": expected}}}
    assert (second["flat"], second["struct"], second["list"]) == (None, {"y": {"x": None}}, [None])
