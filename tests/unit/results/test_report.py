import json
import math

import pyarrow as pa
import pytest

import open_model_monitor as omm
from open_model_monitor.errors import ScriptFailure
from open_model_monitor.results.report import to_json


@pytest.fixture(scope="module")
def baseline():
    return omm.suggest(pa.table({"a": ["x", "y"] * 20, "n": [1.5, 2.5] * 20}))


@pytest.fixture(scope="module")
def report(baseline):
    return omm.check(pa.table({"a": ["x", "z"] * 20, "n": [1.5, 2.5] * 20}), baseline)


def test_outcome_and_sentence(baseline, report):
    assert (baseline.outcome, baseline.violations) == ("Completed", None)
    assert report.outcome == "CompletedWithViolations"
    number = len(report.violations)
    assert (
        report.exit_message
        == f"CompletedWithViolations: Job completed successfully with {number} violations."
    )


def test_documents_by_file_name(baseline, report):
    assert set(baseline.documents()) == {"statistics.json", "constraints.json"}
    assert set(report.documents()) - set(baseline.documents()) == {"constraint_violations.json"}


def test_a_summary_is_json_and_the_same_each_time(report):
    assert json.loads(to_json(report.to_dict())) == report.to_dict()
    assert report.to_dict()["counts"]["records_in"] == 40


def test_a_failed_postprocessor_follows_the_standard_sentence(report):
    import dataclasses

    failed = dataclasses.replace(
        report,
        script_failure=ScriptFailure("postprocessor", "call", "q.py", "ValueError", "no"),
        scripts={"postprocessor": "hash"},
    )
    assert failed.exit_message.startswith(
        report.exit_message + " Exception while invoking postprocessor script: "
    )
    assert failed.to_dict()["PostprocessingStatus"] == "Failed"


def test_arrow_has_a_row_per_feature(report):
    table = report.to_arrow()
    assert table.column("feature").to_pylist() == ["a", "n"]
    assert table.column("mean").to_pylist() == [None, 2.0]


def test_json_has_no_bare_nan_and_keeps_doubles():
    text = to_json({"a": math.nan, "b": 2.0, "c": 0.1, "name": "Größe"})
    assert json.loads(text) == {"a": None, "b": 2.0, "c": 0.1, "name": "Größe"}
    assert b'"b": 2.0' in text
    assert "Größe".encode() in text


def test_infinite_values_are_counted():
    report = omm.suggest(pa.table({"a": [1.5, math.inf] * 20, "b": [-math.inf] + [1.0] * 39}))
    assert report.to_dict()["counts"]["non_finite_values"] == 21
