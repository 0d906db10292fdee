"""Processing jobs as rows; running them is told elsewhere."""

import pytest
from sqlalchemy import select

from open_model_monitor.control.tables import jobs
from open_model_monitor.errors import AlreadyExists, InvalidRequest, NotFound
from support.clients import ANALYZER, CLUSTER, ROLE


def request(name="job", **more):
    return {
        "ProcessingJobName": name,
        "ProcessingResources": CLUSTER,
        "AppSpecification": {"ImageUri": ANALYZER},
        "RoleArn": ROLE,
        **more,
    }


def end(store, clock, status="Completed", **values):
    with store.begin() as transaction:
        transaction.update(jobs, {"name": "job"}, status=status, ended=clock(), **values)


def given(**source):
    return [{"InputName": "data", **source}]


S3 = {"S3Uri": "s3://b/data", "LocalPath": "/opt/ml/processing/input", "S3DataType": "S3Prefix"}


def test_a_job_is_described_with_what_the_sdk_indexes(call, clock):
    arn = call("CreateProcessingJob", **request())["ProcessingJobArn"]
    found = call("DescribeProcessingJob", ProcessingJobName="job")
    times = {"CreationTime": clock().timestamp(), "LastModifiedTime": clock().timestamp()}
    assert found == {
        **request(),
        **times,
        "ProcessingInputs": [],
        "ProcessingJobArn": arn,
        "ProcessingJobStatus": "InProgress",
    }


def test_a_job_that_ended(call, store, clock):
    call("CreateProcessingJob", **request())
    end(store, clock, "Failed", exit_message="ScriptError: x", failure="x", started=clock())
    found = call("DescribeProcessingJob", ProcessingJobName="job")
    assert (found["ProcessingJobStatus"], found["ExitMessage"], found["FailureReason"]) == (
        "Failed",
        "ScriptError: x",
        "x",
    )
    assert found["ProcessingStartTime"] == found["ProcessingEndTime"] == clock().timestamp()
    [summary] = call("ListProcessingJobs", StatusEquals="Failed")["ProcessingJobSummaries"]
    assert summary["FailureReason"] == "x"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ProcessingInputs": given()}, "needs an S3Input"),
        ({"ProcessingInputs": given(S3Input=S3, DatasetDefinition={})}, "DatasetDefinition is not supported"),
        ({"ProcessingInputs": given(S3Input=S3) * 2}, "Two inputs are named data"),
        ({"ProcessingOutputConfig": {"Outputs": [{"OutputName": "a"}]}}, "needs an S3Output"),
        (
            {
                "ProcessingOutputConfig": {
                    "Outputs": [{"OutputName": "a", "FeatureStoreOutput": {"FeatureGroupName": "f"}}]
                }
            },
            "FeatureStoreOutput is not supported",
        ),
    ],
)
def test_what_is_refused(call, more, said):
    with pytest.raises(InvalidRequest, match=said):
        call("CreateProcessingJob", **request(**more))


def test_names_are_taken_once(call):
    call("CreateProcessingJob", **request())
    with pytest.raises(AlreadyExists, match="already exists"):
        call("CreateProcessingJob", **request())


def test_stopping(call, store, clock):
    call("CreateProcessingJob", **request())
    for _ in range(2):
        call("StopProcessingJob", ProcessingJobName="job")
        assert call("DescribeProcessingJob", ProcessingJobName="job")["ProcessingJobStatus"] == "Stopping"
    with store.read() as transaction:
        assert transaction.one(select(jobs))["stop_requested"]
    end(store, clock, "Stopped")
    with pytest.raises(InvalidRequest, match="is Stopped already"):
        call("StopProcessingJob", ProcessingJobName="job")


def test_deleting(call, store, clock):
    call("CreateProcessingJob", **request())
    with pytest.raises(AlreadyExists, match="in use"):
        call("DeleteProcessingJob", ProcessingJobName="job")
    end(store, clock)
    call("DeleteProcessingJob", ProcessingJobName="job")
    call("CreateProcessingJob", **request())  # the name is free


def test_unknown_jobs(call):
    for operation in ("DescribeProcessingJob", "StopProcessingJob"):
        with pytest.raises(InvalidRequest, match="Could not find requested job with name: job"):
            call(operation, ProcessingJobName="job")
    with pytest.raises(NotFound):
        call("DeleteProcessingJob", ProcessingJobName="job")


def test_the_oldest_come_first(call, clock):
    for name in "ab":
        call("CreateProcessingJob", **request(name))
        clock.forward(seconds=1)
    found = call("ListProcessingJobs")["ProcessingJobSummaries"]
    assert [one["ProcessingJobName"] for one in found] == ["a", "b"]
