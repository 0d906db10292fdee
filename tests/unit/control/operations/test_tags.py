"""Tags of resources of every kind."""

import pytest

from open_model_monitor.errors import InvalidRequest, LimitExceeded
from support.clients import ROLE, definition

ARN = "arn:aws:sagemaker:us-east-1:000000000000:model/churn"


@pytest.fixture
def model(call):
    call("CreateModel", ModelName="churn", ExecutionRoleArn=ROLE, Tags=[{"Key": "a", "Value": "1"}])


@pytest.mark.usefixtures("model")
def test_adding_listing_deleting(call):
    given = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}]
    expected = {"Tags": [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]}
    assert call("AddTags", ResourceArn=ARN, Tags=given) == expected
    assert call("ListTags", ResourceArn=ARN, MaxResults=50) == expected
    assert call("DeleteTags", ResourceArn=ARN, TagKeys=["a", "missing"]) == {}
    assert call("ListTags", ResourceArn=ARN) == {"Tags": [{"Key": "b", "Value": "2"}]}


@pytest.mark.usefixtures("model")
def test_at_most_fifty(call):
    call("AddTags", ResourceArn=ARN, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(49)])
    with pytest.raises(LimitExceeded):
        call("AddTags", ResourceArn=ARN, Tags=[{"Key": "more", "Value": ""}])
    assert len(call("ListTags", ResourceArn=ARN)["Tags"]) == 50


@pytest.mark.parametrize("arn", [ARN, "arn:aws:sagemaker:us-east-1:111111111111:model/churn"])
def test_what_is_not_there(call, arn):
    with pytest.raises(InvalidRequest, match="Could not find"):
        call("ListTags", ResourceArn=arn)


def test_tags_go_with_their_resource(call, scheduled):
    scheduled()
    arn = "arn:aws:sagemaker:us-east-1:000000000000:monitoring-schedule/schedule"
    call("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    call("DeleteMonitoringSchedule", MonitoringScheduleName="schedule")
    call("DeleteDataQualityJobDefinition", JobDefinitionName="schedule")
    scheduled()
    assert call("ListTags", ResourceArn=arn) == {"Tags": []}


def test_a_definition_and_a_job(call):
    arn = call("CreateModelBiasJobDefinition", **definition("ModelBias"))["JobDefinitionArn"]
    assert call("ListTags", ResourceArn=arn) == {"Tags": []}
