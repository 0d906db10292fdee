"""Four kinds of job definitions."""

import pytest

from open_model_monitor.control.template import KINDS
from open_model_monitor.errors import AlreadyExists, InvalidRequest, NotFound
from support.clients import definition, endpoint_input, named

BATCH = {
    "BatchTransformInput": {
        "DataCapturedDestinationS3Uri": "s3://b/batch",
        "DatasetFormat": {"Csv": {"Header": True}},
        "LocalPath": "/opt/ml/processing/input",
    }
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_described_can_be_created_again(call, kind, clock):
    request = definition(kind, Tags=[{"Key": "a", "Value": "b"}])
    arn = call(f"Create{kind}JobDefinition", **request)["JobDefinitionArn"]
    found = call(f"Describe{kind}JobDefinition", JobDefinitionName="definition")
    assert found.pop("JobDefinitionArn") == arn
    assert found.pop("CreationTime") == clock().timestamp()
    assert found == {name: value for name, value in request.items() if name != "Tags"}
    call(f"Create{kind}JobDefinition", **{**found, "JobDefinitionName": "again"})
    assert call("ListTags", ResourceArn=arn) == {"Tags": [{"Key": "a", "Value": "b"}]}


@pytest.mark.parametrize("kind", KINDS)
def test_lists_and_deletes(call, kind):
    call(f"Create{kind}JobDefinition", **definition(kind, "first"))
    other = "DataQuality" if kind != "DataQuality" else "ModelBias"
    call(f"Create{other}JobDefinition", **definition(other, "second"))
    [summary] = call(f"List{kind}JobDefinitions")["JobDefinitionSummaries"]
    assert (summary["MonitoringJobDefinitionName"], summary["EndpointName"]) == ("first", "churn")
    call(f"Delete{kind}JobDefinition", JobDefinitionName="first")
    with pytest.raises(NotFound):
        call(f"Delete{kind}JobDefinition", JobDefinitionName="first")
    with pytest.raises(NotFound, match="first"):
        call(f"Describe{kind}JobDefinition", JobDefinitionName="first")


def test_a_batch_definition_is_listed_without_an_endpoint(call):
    call("CreateDataQualityJobDefinition", **definition(inputs=BATCH))
    [summary] = call("ListDataQualityJobDefinitions")["JobDefinitionSummaries"]
    assert summary["EndpointName"] == ""


def test_names_are_taken_once_within_a_kind(call):
    call("CreateDataQualityJobDefinition", **definition())
    call("CreateModelBiasJobDefinition", **definition("ModelBias"))
    with pytest.raises(AlreadyExists, match="already exists"):
        call("CreateDataQualityJobDefinition", **definition())


def test_a_definition_in_use_cannot_be_deleted(call):
    call("CreateDataQualityJobDefinition", **definition())
    call("CreateMonitoringSchedule", MonitoringScheduleName="user", MonitoringScheduleConfig=named())
    with pytest.raises(InvalidRequest, match="schedule user"):
        call("DeleteDataQualityJobDefinition", JobDefinitionName="definition")


def without(kind, *path):
    request = definition(kind)
    *above, last = path
    node = request
    for name in above:
        node = node[name]
    del node[last]
    return request


@pytest.mark.parametrize(
    ("kind", "request_", "said"),
    [
        ("ModelQuality", without("ModelQuality", "ModelQualityAppSpecification", "ProblemType"), "problemType"),
        (
            "ModelQuality",
            without("ModelQuality", "ModelQualityJobInput", "EndpointInput", "InferenceAttribute"),
            "required field is missing",
        ),
        ("ModelQuality", without("ModelQuality", "ModelQualityJobInput", "GroundTruthS3Input"), "groundTruthS3Input"),
        ("DataQuality", without("DataQuality", "DataQualityJobInput", "EndpointInput"), "Exactly one"),
        ("ModelBias", without("ModelBias", "ModelBiasAppSpecification", "ConfigUri"), "configUri"),
        ("DataQuality", definition(inputs={**BATCH, **endpoint_input()}), "Exactly one"),
    ],
)  # fmt: skip
def test_what_is_refused(call, kind, request_, said):
    with pytest.raises(InvalidRequest, match=said):
        call(f"Create{kind}JobDefinition", **request_)
