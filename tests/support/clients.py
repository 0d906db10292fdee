"""Requests as clients send them, and a clock that tests hold."""

from datetime import UTC, datetime, timedelta
from functools import partial

ROLE = "arn:aws:iam::000000000000:role/omm"
OUTPUT = {
    "MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/output"}}]
}
CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 20}}
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
HOURLY = "cron(0 * ? * * *)"


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self):
        self.now = datetime(2026, 1, 31, 10, 30, tzinfo=UTC)

    def __call__(self):
        return self.now

    def forward(self, **span):
        self.now += timedelta(**span)


def endpoint_input(name="churn", **more):
    return {"EndpointInput": {"EndpointName": name, "LocalPath": "/opt/ml/processing/input/endpoint", **more}}


def definition(kind="DataQuality", name="definition", inputs=None, **more):
    """Return a request to create a job definition."""
    job_input = dict(inputs or endpoint_input())
    application = {"ImageUri": ANALYZER}
    if kind in ("ModelQuality", "ModelBias"):
        job_input["GroundTruthS3Input"] = {"S3Uri": "s3://b/labels"}
    if kind == "ModelQuality":
        application["ProblemType"] = "BinaryClassification"
        job_input.get("EndpointInput", {})["InferenceAttribute"] = "0"
    if kind in ("ModelBias", "ModelExplainability"):
        application["ConfigUri"] = "s3://b/config.json"
    return {
        "JobDefinitionName": name,
        f"{kind}AppSpecification": application,
        f"{kind}JobInput": job_input,
        f"{kind}JobOutputConfig": OUTPUT,
        "JobResources": CLUSTER,
        "RoleArn": ROLE,
        **more,
    }


def embedded(**more):
    """Return an embedded job definition."""
    return {
        "MonitoringInputs": [endpoint_input()],
        "MonitoringOutputConfig": OUTPUT,
        "MonitoringResources": CLUSTER,
        "MonitoringAppSpecification": {"ImageUri": ANALYZER},
        "RoleArn": ROLE,
        **more,
    }


def named(name="definition", kind="DataQuality", expression=HOURLY, **timing):
    """Return a MonitoringScheduleConfig that names a definition."""
    config = {"MonitoringJobDefinitionName": name, "MonitoringType": kind}
    return config | ({"ScheduleConfig": {"ScheduleExpression": expression, **timing}} if expression else {})


now = partial(named, expression="NOW", DataAnalysisStartTime="-PT1H", DataAnalysisEndTime="-PT0H")
