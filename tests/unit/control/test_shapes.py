"""Requests against the model: what is refused, and how it is said."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from open_model_monitor.control.shapes import is_mutation, operations, render, validate
from open_model_monitor.errors import InvalidRequest, Misshapen, UnknownOperation

ROOT = Path(__file__).parents[3]


def tags(*pairs):
    given = [{"Key": key, "Value": value} for key, value in pairs]
    return {"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/m", "Tags": given}


def job(**members):
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 20}
    request = {
        "ProcessingJobName": "job",
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "image"},
        "RoleArn": "arn:aws:iam::000000000000:role/omm",
    }
    return {**request, **members}


def test_the_operations_are_those_of_the_specification():
    assert len(operations()) == 52 - 1  # DeleteTransformJob is none of AWS's
    assert is_mutation("CreateModel")
    assert not is_mutation("DescribeModel")


def test_nulls_and_unknown_members_are_left_out():
    clean = validate("CreateProcessingJob", job(Environment=None, Future={"a": 1}))
    assert set(clean) == set(job())


def test_times_come_as_numbers_or_texts():
    expected = datetime(2026, 1, 31, 10, tzinfo=UTC)
    for given in (
        expected.timestamp(),
        "2026-01-31T10:00:00Z",
        "2026-01-31T11:00:00+01:00",
        "2026-01-31T10:00:00",
    ):
        clean = validate("ListMonitoringSchedules", {"CreationTimeAfter": given})
        assert clean["CreationTimeAfter"] == expected


def test_a_whole_float_is_an_integer():
    assert validate("ListMonitoringSchedules", {"MaxResults": 5.0}) == {"MaxResults": 5}


NAME, LISTED, MODEL = (
    "MonitoringScheduleName",
    "ListMonitoringSchedules",
    "arn:aws:sagemaker:r:000000000000:model/m",
)
DESCRIBED, AT = "DescribeMonitoringSchedule", "monitoringScheduleName"


@pytest.mark.parametrize(
    ("operation", "request_", "path", "rule"),
    [
        (DESCRIBED, {}, AT, "must not be null"),
        (DESCRIBED, {NAME: "a" * 64}, AT, "less than or equal to 63"),
        (DESCRIBED, {NAME: "a_b"}, AT, "regular expression pattern"),
        (DESCRIBED, {NAME: "a\n"}, AT, "regular expression pattern"),
        (LISTED, {"SortBy": "zzz"}, "sortBy", r"enum value set: [Name, CreationTime, Status]"),
        (LISTED, {"MaxResults": 1000}, "maxResults", "value less than or equal to 100"),
        ("ListTags", {"ResourceArn": MODEL, "MaxResults": 1}, "maxResults", "greater than or equal to 50"),
        ("AddTags", tags(("a", "1"), ("b", "x" * 257)), "tags.2.member.value", "less than or equal to 256"),
        ("AddTags", tags(("a", "1"), ("a", "2")), "tags.2.member.key", "unique"),
        ("AddTags", tags(("AWS:mine", "1")), "tags.1.member.key", "not begin with aws:"),
        ("CreateProcessingJob", job(Environment={"1a": "x"}), "environment.key", "regular expression"),
        ("CreateProcessingJob", job(Environment={"a": "x" * 4097}), "environment.a.member", "or equal to 4096"),
        ("CreateProcessingJob", job(RoleArn="admin-role-of-mine-here"), "roleArn", "regular expression"),
    ],
)  # fmt: skip
def test_what_is_refused(operation, request_, path, rule):
    with pytest.raises(InvalidRequest) as caught:
        validate(operation, request_)
    message = str(caught.value)
    assert message.startswith("1 validation error detected: ")
    assert f"at '{path}' failed to satisfy constraint: Member" in message
    assert rule in message


def test_everything_wrong_is_told_at_once_and_long_values_are_cut():
    with pytest.raises(InvalidRequest) as caught:
        validate("ListMonitoringSchedules", {"SortBy": "z" * 5000, "MaxResults": 0, "StatusEquals": "x"})
    assert str(caught.value).startswith("3 validation errors detected: ")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("ListTags", []),
        ("ListTags", None),
        ("ListTags", "text"),
        ("ListTags", {"ResourceArn": 5}),
        ("ListMonitoringSchedules", {"MaxResults": "5"}),
        ("ListMonitoringSchedules", {"MaxResults": True}),
        ("ListMonitoringSchedules", {"MaxResults": 1.5}),
        ("ListMonitoringSchedules", {"CreationTimeAfter": "yesterday"}),
        ("ListMonitoringSchedules", {"CreationTimeAfter": 1e300}),
        ("AddTags", {"ResourceArn": "x", "Tags": {"Key": "a"}}),
        ("CreateProcessingJob", job(Environment=[])),
        ("CreateProcessingJob", job(NetworkConfig={"EnableNetworkIsolation": "yes"})),
    ],
)
def test_another_type_is_misshapen(operation, request_):
    with pytest.raises(Misshapen):
        validate(operation, request_)


def test_an_unknown_operation():
    with pytest.raises(UnknownOperation, match="CreateNotebookInstance"):
        validate("CreateNotebookInstance", {})


def test_what_is_wider_than_the_model():
    cluster = {"InstanceCount": 1, "InstanceType": "ml.new9.large", "VolumeSizeInGB": 20}
    address = {"S3Uri": "s3://b/k", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    inputs = [{"InputName": "a", "S3Input": {**address, "S3InputMode": "FastFile"}}]
    request = job(ProcessingResources={"ClusterConfig": cluster}, ProcessingInputs=inputs)
    assert validate("CreateProcessingJob", request) == request


def test_local_addresses_are_a_setting():
    address = {"S3Uri": "file:///data", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    request = job(ProcessingInputs=[{"InputName": "a", "S3Input": address}])
    assert validate("CreateProcessingJob", request, local_addresses=True) == request
    with pytest.raises(InvalidRequest):
        validate("CreateProcessingJob", request)


def test_letters_of_all_languages_are_letters_in_tags():
    request = tags(("größe", "東京 7"))
    assert validate("AddTags", request) == request


def test_responses():
    moment = datetime(2026, 1, 31, 10, 0, 0, 123_456, tzinfo=UTC)
    summary = {"MonitoringScheduleName": "a", "CreationTime": moment, "EndpointName": None, "Ours": 1}
    rendered = render(
        "ListMonitoringSchedules", {"MonitoringScheduleSummaries": [summary], "NextToken": None}
    )
    assert rendered == {
        "MonitoringScheduleSummaries": [
            {"MonitoringScheduleName": "a", "CreationTime": moment.timestamp().__round__(3)}
        ]
    }
    with pytest.raises(ValueError, match="is missing"):
        render("ListMonitoringSchedules", {"MonitoringScheduleSummaries": [summary]}, strict=True)
    assert render("DeleteMonitoringSchedule", {"Anything": 1}) == {}


def test_the_model_is_that_of_the_installed_botocore():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "service_model.py", "--check"], capture_output=True, text=True
    )
    model = json.loads((ROOT / "src/open_model_monitor/control/service_model.json").read_text())
    import botocore

    if f"botocore {botocore.__version__} " in model["origin"]:  # a newer one may know more
        assert done.returncode == 0, done.stdout
    else:
        assert done.returncode in (0, 1), done.stderr
