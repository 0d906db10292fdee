"""Which labels an execution reads, and how the merge of a batch differs from that of an endpoint."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from open_model_monitor.control.materialise import DataInput, Resolved, Unrunnable
from open_model_monitor.control.merge_requests import find_labels, merge_request, merged_input
from open_model_monitor.control.template import template_of
from open_model_monitor.storage import Storage
from support.clients import definition


def at(hour, minute=0):
    return datetime(2026, 1, 31, hour, minute, tzinfo=UTC)


@pytest.fixture
def execution():
    return {
        "id": "0123456789abcdef01234567",
        "schedule": "quality",
        "scheduled": at(12),
        "created": at(20, 5),
        "window_start": at(10),
        "window_end": at(11),
        "trigger": "tick",
    }


@pytest.fixture
def resolved(tmp_path):
    """Return what is known of an endpoint, whose labels lie below a folder in some hours."""
    for hour in (9, 10, 12, 15, 20, 21):
        (tmp_path / f"labels/2026/01/31/{hour:02}").mkdir(parents=True)
    template = template_of({}, definition("ModelQuality"), "ModelQuality")
    return Resolved(replace(template, ground_truth=f"{tmp_path}/labels/"), "s3://b/captures")


def hours(found):
    return [one.below[-2:] for one in found]


def test_labels_from_the_windows_start_to_the_hour_of_the_tick(execution, resolved):
    assert hours(find_labels(Storage(), resolved, execution)) == ["10", "12"]


def test_a_relabelling_reads_all_that_have_come_since(execution, resolved):
    found = find_labels(Storage(), resolved, execution | {"trigger": "relabel"})
    assert hours(found) == ["10", "12", "15", "20"]


def test_no_labels_yet_names_what_was_searched(execution, resolved, tmp_path):
    nowhere = replace(resolved, template=replace(resolved.template, ground_truth=f"{tmp_path}/nothing"))
    found = find_labels(Storage(), nowhere, execution)
    assert isinstance(found, Unrunnable)
    assert found.reason.startswith(
        f"No labels yet: {tmp_path}/nothing has none of the hour folders 2026/01/31/10 to 2026/01/31/12"
    )


def test_a_batch_tells_the_merge_how_its_outputs_are_read(execution):
    batch = {
        "BatchTransformInput": {
            "DataCapturedDestinationS3Uri": "s3://b/batch",
            "DatasetFormat": {"Csv": {"Header": False}},
            "LocalPath": "/opt/ml/processing/input",
        }
    }
    template = template_of({}, definition("ModelQuality", inputs=batch), "ModelQuality")
    found = Resolved(template, "s3://b/batch", ("batchTransformOutput",))
    data = [DataInput("s3://b/batch/output/2026/01/31/10", "2026/01/31/10")]
    request = merge_request(
        execution, found, data, [DataInput("s3://b/labels/2026/01/31/10", "2026/01/31/10")]
    )
    environment = request["Environment"]
    assert json.loads(environment["dataset_format"]) == {"csv": {"header": False}}
    assert environment["sagemaker_monitoring_schedule_name"] == "quality"
    assert merged_input(execution, template) == DataInput("s3://b/out/merge/quality", "")
