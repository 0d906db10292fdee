"""What monitors are told, as requests spell it."""

import pytest

from open_model_monitor.sdk.inputs import (
    BatchTransformInput,
    CronExpressionGenerator,
    DataCaptureConfig,
    DatasetFormat,
    EndpointInput,
    MonitoringDatasetFormat,
    MonitoringOutput,
    NetworkConfig,
)

PLACE = "/opt/ml/processing/input"


def test_schedules():
    assert CronExpressionGenerator.hourly() == "cron(0 * ? * * *)"
    assert CronExpressionGenerator.daily(5) == "cron(0 5 ? * * *)"
    assert CronExpressionGenerator.daily_every_x_hours(6, 2) == "cron(0 2/6 ? * * *)"
    assert CronExpressionGenerator.now() == "NOW"


def test_formats_of_baselines():
    assert DatasetFormat.csv() == {"csv": {"header": True, "output_columns_position": "START"}}
    assert DatasetFormat.json(lines=False) == {"json": {"lines": False}}
    assert DatasetFormat.sagemaker_capture_json() == {"sagemakerCaptureJson": {}}


@pytest.mark.parametrize(
    ("told", "spelled"),
    [
        (MonitoringDatasetFormat.csv(header=False), {"Csv": {"Header": False}}),
        (MonitoringDatasetFormat.json(), {"Json": {"Line": True}}),
        (MonitoringDatasetFormat.parquet(), {"Parquet": {}}),
    ],
)
def test_batches(told, spelled):
    made = BatchTransformInput("s3://b/captured", PLACE, told, end_time_offset="-PT0H")._to_request_dict()
    assert made["BatchTransformInput"] == {
        "DataCapturedDestinationS3Uri": "s3://b/captured",
        "DatasetFormat": spelled,
        "LocalPath": PLACE,
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "EndTimeOffset": "-PT0H",
    }


def test_endpoints():
    made = EndpointInput("e", PLACE, probability_attribute=0, probability_threshold_attribute=0.5)
    request = made._to_request_dict()["EndpointInput"]
    assert (request["ProbabilityAttribute"], request["ProbabilityThresholdAttribute"]) == ("0", 0.5)
    assert "StartTimeOffset" not in request


def test_captures_outputs_networks():
    capture = DataCaptureConfig(True, 50, "s3://b/c", capture_options=["RESPONSE"])._to_request_dict()
    assert capture["CaptureOptions"] == [{"CaptureMode": "Output"}]
    assert "KmsKeyId" not in capture
    output = MonitoringOutput("/out", "s3://b/o")._to_request_dict()["S3Output"]
    assert output == {"S3Uri": "s3://b/o", "LocalPath": "/out", "S3UploadMode": "Continuous"}
    assert NetworkConfig(False)._to_request_dict() == {"EnableNetworkIsolation": False}
    network = NetworkConfig(subnets=["s"], security_group_ids=["g"])._to_request_dict()
    assert network == {"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}}
