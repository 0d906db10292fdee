import json

import pytest

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.record import Format
from open_model_monitor.errors import Malformed, UsageError
from open_model_monitor.jobs.contract import Job, Labelling
from open_model_monitor.jobs.labelled_input import (
    coverage_metrics,
    judge_coverage,
    merge_warnings,
    with_labels,
)
from open_model_monitor.storage import Storage


def test_a_job_without_labels_to_merge_stays_as_it_is(tmp_path):
    for job in (Job("s", True), Job("s", True, labelling=Labelling("Regression"))):
        assert with_labels(job, tmp_path, Storage()) == (job, None)


def test_the_job_then_reads_what_was_merged(data, tmp_path):
    labelling = Labelling("BinaryClassification", ground_truth=str(data / "sdk/actuals.jsonl"))
    job, merged = with_labels(
        Job(str(data / "sdk/capture.jsonl"), False, labelling=labelling), tmp_path, Storage()
    )
    assert job.source == f"{tmp_path}/merge"
    assert job.format.kind == "merged"
    assert (merged.coverage.joined, merged.coverage.unlabelled) == (44, 0)
    assert merge_warnings(merged) == ()
    [path] = (tmp_path / "merge").rglob("*.jsonl")
    assert "groundTruthData" in json.loads(path.read_text().splitlines()[0])


def test_merged_captures_are_not_merged_again(data, tmp_path):
    job = Job("s", False, format=Format("merged"), labelling=Labelling("Regression", ground_truth="labels"))
    with pytest.raises(UsageError, match="holds merged captures already"):
        with_labels(job, tmp_path, Storage())


def test_too_few_labels_for_the_settings():
    judge_coverage(Coverage(joined=1, unlabelled=1), 0.5)
    judge_coverage(None, 1.0)
    with pytest.raises(
        Malformed, match=r"1 of 2 captures have a label, 50.0%; min_ground_truth_coverage is 60.0%"
    ):
        judge_coverage(Coverage(joined=1, unlabelled=1), 0.6)


def test_coverage_as_metrics():
    found = {metric.name: metric.value for metric in coverage_metrics(Coverage(joined=3, unlabelled=1))}
    assert found == {"ground_truth_coverage": 0.75, "unlabelled_records": 1.0}
    assert coverage_metrics(None) == ()


def test_lines_that_could_not_be_read_are_told_of(data, tmp_path):
    lines = (data / "sdk/actuals.jsonl").read_text().splitlines()
    (tmp_path / "labels.jsonl").write_text("\n".join([*lines, "{broken"]))
    labelling = Labelling("BinaryClassification", ground_truth=str(tmp_path / "labels.jsonl"))
    source = Job(str(data / "sdk/capture.jsonl"), False, labelling=labelling)
    _, merged = with_labels(source, tmp_path / "out", Storage())
    [warning] = merge_warnings(merged)
    assert warning.startswith("1 of 89 lines of captures and labels could not be read")
    assert "labels.jsonl:45: no label" in warning
