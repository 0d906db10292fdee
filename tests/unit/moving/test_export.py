"""Exports, saved and loaded; what definitions name."""

import json

import pytest

from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.moving.export import Export, addresses, baselining_job, endpoint_name, results_of
from support.clients import definition


def test_saved_and_loaded(tmp_path):
    made = Export(
        schedules=[{"MonitoringScheduleName": "a"}],
        files={"s3://b/../../x.py": b"1", "s3://b/y.py": b"2"},
        failures={"file z": "no"},
    )
    made.save(tmp_path / "export")
    made.save(tmp_path / "export")  # again, over its own
    assert Export.load(tmp_path / "export") == made
    assert sorted(path.name for path in (tmp_path / "export" / "files").iterdir()) == ["0000", "0001"]


def test_nothing_else_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="something else"):
        Export().save(tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"version": 2}', '{"version": 1, "files": {"s3://b/x": "../../../etc/passwd"}}']
)
def test_damaged_ones_are_refused(tmp_path, text):
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(DocumentError, match="no export that can be read"):
        Export.load(tmp_path)


def test_a_folder_without_one(tmp_path):
    with pytest.raises(UsageError, match="--save"):
        Export.load(tmp_path)


def test_what_a_definition_names():
    made = definition(
        DataQualityBaselineConfig={"BaseliningJobName": "j", "ConstraintsResource": {"S3Uri": "s3://b/c"}}
    )
    made["DataQualityAppSpecification"]["RecordPreprocessorSourceUri"] = "s3://b/pre.py"
    assert addresses(made) == ["s3://b/pre.py", "s3://b/c"]
    assert (endpoint_name(made), baselining_job(made)) == ("churn", "j")
    assert endpoint_name({"MonitoringInputs": [{"BatchTransformInput": {}}]}) is None


def test_results_of_a_job_that_completed():
    job = json.loads('{"ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": "s3://b/out/"}}]}}')
    assert results_of(job) == {}
    assert results_of(job | {"ProcessingJobStatus": "Completed"}) == {
        "StatisticsResource": "s3://b/out/statistics.json",
        "ConstraintsResource": "s3://b/out/constraints.json",
    }
