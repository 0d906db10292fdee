"""Embedded and named definitions give the same template."""

import pytest

from open_model_monitor.control.template import KINDS, template_of

INPUT = {"EndpointName": "e", "LocalPath": "/opt/ml/processing/input/endpoint", "StartTimeOffset": "-PT2H"}
OUTPUT = {
    "MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/output"}}]
}
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 20}
COMMON = {"RoleArn": "arn:aws:iam::000000000000:role/omm", "StoppingCondition": {"MaxRuntimeInSeconds": 1800}}
BASELINE = {
    "ConstraintsResource": {"S3Uri": "s3://b/c.json"},
    "StatisticsResource": {"S3Uri": "s3://b/s.json"},
}


def definition(kind, **inputs):
    return {
        "JobDefinitionName": "d",
        f"{kind}AppSpecification": {"ImageUri": "image", "Environment": {"A": "b"}},
        f"{kind}BaselineConfig": BASELINE,
        f"{kind}JobInput": {"EndpointInput": INPUT, **inputs},
        f"{kind}JobOutputConfig": OUTPUT,
        "JobResources": {"ClusterConfig": CLUSTER},
        **COMMON,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_named_definition(kind):
    template = template_of({}, definition(kind, GroundTruthS3Input={"S3Uri": "s3://b/labels"}), kind)
    assert (template.endpoint, template.offsets, template.is_batch) == ("e", ("-PT2H", None), False)
    assert (template.constraints, template.statistics) == ("s3://b/c.json", "s3://b/s.json")
    assert (template.environment, template.max_runtime) == ({"A": "b"}, 1800)
    assert template.ground_truth == "s3://b/labels"


def test_an_embedded_definition():
    embedded = {
        "MonitoringInputs": [{"EndpointInput": INPUT}],
        "MonitoringOutputConfig": OUTPUT,
        "MonitoringResources": {"ClusterConfig": CLUSTER},
        "MonitoringAppSpecification": {"ImageUri": "image", "RecordPreprocessorSourceUri": "s3://b/p.py"},
        "BaselineConfig": {"BaseliningJobName": "job"},
        **COMMON,
    }
    template = template_of({"MonitoringJobDefinition": embedded}, None, "DataQuality")
    assert (template.preprocessor, template.baselining_job) == ("s3://b/p.py", "job")
    assert (template.constraints, template.environment) == (None, {})


def test_a_batch_input():
    inputs = {"BatchTransformInput": {"DataCapturedDestinationS3Uri": "s3://b/batch", "LocalPath": "/x"}}
    document = definition("DataQuality")
    document["DataQualityJobInput"] = inputs
    template = template_of({}, document, "DataQuality")
    assert template.is_batch
    assert template.endpoint is None


def test_a_problem_type_in_the_environment_counts():
    document = definition("ModelQuality")
    document["ModelQualityAppSpecification"]["Environment"] = {"problem_type": "Regression"}
    assert template_of({}, document, "ModelQuality").problem_type == "Regression"
