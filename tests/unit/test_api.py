import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import open_model_monitor as omm
from open_model_monitor.api import window_of
from open_model_monitor.errors import DataError, UsageError

COLUMNS = {"age": [30, None, 41], "city": ["Oslo", "Bergen", "Oslo"], "score": [0.5, 0.25, 1.0]}


@pytest.mark.parametrize("table", [pd.DataFrame, pl.DataFrame, pa.table, pa.RecordBatch.from_pydict])
def test_tables_of_every_kind(table):
    report = omm.profile(table(COLUMNS))
    found = {f.name: (f.inferred_type, f.num_missing) for f in report.statistics.features}
    expected = {"age": ("Integral", 1), "city": ("String", 0), "score": ("Fractional", 0)}
    if table is pd.DataFrame:  # pandas turns integers with a gap into floats
        expected["age"] = ("Fractional", 1)
    assert found == expected


def test_check_takes_what_suggest_returned():
    baseline = omm.suggest(pl.DataFrame({"a": ["x", "y"] * 20}))
    report = omm.check(pl.DataFrame({"a": ["x", "z"] * 20}), baseline)
    assert {v["constraint_check_type"] for v in report.violations} >= {"categorical_values_check"}
    assert report.outcome == "CompletedWithViolations"
    assert "a: Categorical value match" in repr(report)
    assert "Categorical" not in report._repr_html_()
    assert "categorical_values_check" in report._repr_html_()
    assert report.to_arrow().column("violations").to_pylist()[0].startswith("categorical_values_check")


def test_hostile_names_are_escaped_in_notebooks():
    report = omm.profile(pa.table({"<script>alert(1)</script>": [1]}))
    assert "<script>" not in report._repr_html_()


def test_what_was_changed_in_a_table_is_said():
    table = pa.Table.from_arrays([pa.array([1, 2]), pa.array(["x", "y"])], names=["a", "a"])
    report = omm.profile(table)
    assert [f.name for f in report.statistics.features] == ["a", "a_2"]
    assert report.warnings[0] == "more than one column is called 'a'; a later one became 'a_2'"
    report = omm.check(pd.DataFrame({"a": [1j, 2j]}))
    assert report.warnings[0] == "column a: values of type complex were turned into text"
    assert len([text for text in report.warnings if "complex" in text]) == 1


def test_files_that_are_no_utf8_text_of_lines_are_refused(tmp_path):
    for name, data in {"wide.csv": "a,b\n1,2\n".encode("utf-16"), "cr.csv": b"a,b\r1,2\r3,4\r"}.items():
        (tmp_path / name).write_bytes(data)
        for format in (None, "csv"):
            with pytest.raises(DataError, match=name):
                omm.profile(tmp_path / name, format=format)


def test_what_is_no_data_is_refused():
    with pytest.raises(UsageError, match="type list"):
        omm.profile([1, 2])
    with pytest.raises(AttributeError, match="has no attribute"):
        omm.nothing  # noqa: B018


def test_windows():
    assert window_of(None, None) is None
    window = window_of("2026-01-31T10:00:00Z", "2026-01-31T13:00:00+02:00")
    assert (window.start.hour, window.end.hour) == (10, 11)
    with pytest.raises(UsageError, match="empty"):
        window_of("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z")
    with pytest.raises(UsageError, match="yesterday"):
        window_of("yesterday", None)
