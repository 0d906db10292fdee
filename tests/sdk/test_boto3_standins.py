"""The stand-ins for STS, IAM and CloudWatch, and the metrics that an execution publishes."""

import boto3
import pytest
from botocore.exceptions import ClientError
from documents import NOW, definition, schedule
from harness import ROLE, drifted_captures, executions, unique


def test_who_calls(server):
    identity = boto3.client("sts").get_caller_identity()
    assert identity["Account"] == "000000000000"
    assert ":assumed-role/" in identity["Arn"]
    iam = boto3.client("iam")
    assert iam.get_role(RoleName="omm")["Role"]["Arn"] == ROLE
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobody")


def test_metrics_of_an_execution(endpoint, bucket):
    client, cloudwatch = boto3.client("sagemaker"), boto3.client("cloudwatch")
    name, monitored = unique("metrics"), endpoint(drifted_captures())
    request = definition("DataQuality", name, monitored)
    request["DataQualityJobOutputConfig"]["MonitoringOutputs"][0]["S3Output"] = {
        "S3Uri": f"s3://{bucket}/metrics",
        "LocalPath": "/opt/ml/processing/output",
    }
    request["DataQualityAppSpecification"] = request["DataQualityAppSpecification"] | {
        "Environment": {"publish_cloudwatch_metrics": "Enabled"}
    }
    client.create_data_quality_job_definition(**request)
    schedule(client, name, name, NOW)
    executions(name)
    found = cloudwatch.list_metrics(
        Namespace="aws/sagemaker/Endpoints/data-metrics",
        Dimensions=[{"Name": "MonitoringSchedule", "Value": name}],
    )["Metrics"]
    assert any(one["MetricName"].startswith("feature_data_") for one in found)
    assert {"Name": "Endpoint", "Value": monitored} in found[0]["Dimensions"]


def test_what_cloudwatch_does_not_do(server):
    with pytest.raises(ClientError) as refused:
        boto3.client("cloudwatch").get_dashboard(DashboardName="none")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
