"""Tables of pandas, Polars and Arrow become one Parquet file."""

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from open_model_monitor.errors import UsageError
from open_model_monitor.rows.tables import write_table


@pytest.fixture
def written(tmp_path):
    def write(data):
        notes = []
        write_table(data, tmp_path / "t.parquet", notes.append)
        return pq.read_table(tmp_path / "t.parquet").to_pydict(), notes

    return write


def one(array):
    return pa.table({"a": array})


UNION = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pl.DataFrame({"a": pl.Series(["x", "y", None], dtype=pl.Categorical)}), {"a": ["x", "y", None]}),
        (pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"]))}), {"a": ["x", "y"]}),
        (pl.DataFrame({"a": pl.Series([["x"]], dtype=pl.List(pl.Categorical))}), {"a": [["x"]]}),
        (pl.DataFrame({"a": pl.Series([1, None], dtype=pl.Int128)}), {"a": [1, None]}),
        (pl.Series("s", [1, 2]), {"s": [1, 2]}),
        (pl.Series([1, 2]), {"value": [1, 2]}),
        (pl.DataFrame(), {}),
        (pd.Series([1, 2], name="s"), {"s": [1, 2]}),
        (pd.Series([1, 2]), {"value": [1, 2]}),
        (pd.DataFrame({"a": [1, "x", 2.5, None]}), {"a": ["1", "x", "2.5", None]}),
        (pd.DataFrame({"a": [10**30, 1]}), {"a": [str(10**30), "1"]}),
        (pd.DataFrame({"a": [1.5, None]}), {"a": [1.5, None]}),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}), {"a": [0, 0, 1]}),
        (pd.DataFrame({"a": pd.Categorical(["x", "y", None])}), {"a": ["x", "y", None]}),
        (pd.DataFrame({0: [1], ("a", "b"): [2]}), {"0": [1], "('a', 'b')": [2]}),
        (pd.DataFrame({"a": [1, 2]}, index=pd.Index(["u", "v"], name="id")), {"id": ["u", "v"], "a": [1, 2]}),
        (pd.DataFrame({"a": [1, 2]}, index=["u", "v"]), {"a": [1, 2]}),
        (
            pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("u", 7)], names=[None, "k"])),
            {"k": [7], "a": [1]},
        ),
        (pd.DataFrame(), {}),
        (one(pa.array([{}] * 2, pa.struct([]))), {"a": [None, None]}),
        (one(pa.RunEndEncodedArray.from_arrays([2, 3], ["x", "y"])), {"a": ["x", "x", "y"]}),
        (one(UNION), {"a": ["1", "b"]}),
        (one(pa.array(["x", "y"]).dictionary_encode()), {"a": ["x", "y"]}),
        (pa.chunked_array([[1], [2]]), {"value": [1, 2]}),
        (pa.RecordBatch.from_pydict({"a": [dt.date(2020, 1, 1)]}), {"a": [dt.date(2020, 1, 1)]}),
    ],
)
def test_columns_are_kept_or_become_their_text(written, data, expected):
    assert written(data) == (expected, [])


@pytest.mark.parametrize(
    ("data", "first"),
    [
        (pd.DataFrame({"a": [1j, 2j]}), "1j"),
        (pd.DataFrame({"a": pd.period_range("2020-01", periods=2, freq="M")}), "2020-01"),
        (pa.table(pd.DataFrame({"a": pd.period_range("2020-01", periods=2, freq="M")})), "2020-01"),
        (
            one(pa.array([(1, 2, 3)], pa.month_day_nano_interval())),
            "MonthDayNano(months=1, days=2, nanoseconds=3)",
        ),
    ],
)
def test_values_of_strange_kinds_are_text_with_a_warning(written, data, first):
    found, notes = written(data)
    assert found["a"][0] == first
    assert set(notes) <= {note for note in notes if note.startswith("column a: values of type")}
    assert notes


def test_objects_of_polars_are_text(written):
    found, notes = written(pl.DataFrame({"a": pl.Series([{1, 2}], dtype=pl.Object)}))
    assert found == {"a": ["{1, 2}"]}
    assert notes == ["column a: values of type set were turned into text"]


@pytest.mark.parametrize(
    "data",
    [
        pa.Table.from_arrays([pa.array([1]), pa.array(["x"])], names=["a", "a"]),
        pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    ],
)
def test_no_column_of_a_doubled_name_is_lost(written, data):
    found, notes = written(data)
    assert found == {"a": [1], "a_2": ["x"]}
    assert notes == ["more than one column is called 'a'; a later one became 'a_2'"]


class Unspeakable:
    def __str__(self):
        raise ValueError("no words")


def test_what_cannot_be_read_is_named(written):
    with pytest.raises(UsageError, match="column 'b' of type object: no words"):
        written(pd.DataFrame({"a": [1], "b": [Unspeakable()]}))


def test_a_struct_with_a_doubled_name_is_refused(written):
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(UsageError, match="column 'a' of type struct<x: int64, x: int64>"):
        written(one(twice))


@pytest.mark.parametrize(
    "data", [[1], {"a": [1]}, None, pd.Timestamp(0), pl.DataFrame({"a": [1]}).lazy(), pd.DataFrame().groupby]
)
def test_what_is_no_table_is_refused(written, data):
    with pytest.raises(UsageError, match=type(data).__name__):
        written(data)
