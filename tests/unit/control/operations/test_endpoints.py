"""The registry of models, configurations, endpoints and transform jobs."""

import pytest

from open_model_monitor.errors import AlreadyExists, InvalidRequest
from support.clients import ROLE

VARIANTS = [{"VariantName": "AllTraffic", "ModelName": "churn", "InstanceType": "ml.m5.large"}]
CAPTURE = {
    "InitialSamplingPercentage": 20,
    "DestinationS3Uri": "s3://b/captures",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
}
ARN = "arn:aws:sagemaker:us-east-1:000000000000"


@pytest.fixture
def endpoint(call):
    call(
        "CreateEndpointConfig",
        EndpointConfigName="config",
        ProductionVariants=VARIANTS,
        DataCaptureConfig=CAPTURE,
    )
    call("CreateEndpoint", EndpointName="churn", EndpointConfigName="config")


@pytest.mark.usefixtures("endpoint")
def test_an_endpoint_is_in_service_at_once_and_tells_its_capture(call):
    found = call("DescribeEndpoint", EndpointName="churn")
    assert (found["EndpointStatus"], found["EndpointArn"]) == ("InService", f"{ARN}:endpoint/churn")
    assert found["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/captures",
        "KmsKeyId": "",
    }
    config = call("DescribeEndpointConfig", EndpointConfigName="config")
    assert (config["ProductionVariants"], config["DataCaptureConfig"]) == (VARIANTS, CAPTURE)


@pytest.mark.usefixtures("endpoint")
def test_an_update_changes_the_configuration(call, clock):
    clock.forward(minutes=1)
    call("CreateEndpointConfig", EndpointConfigName="plain", ProductionVariants=VARIANTS)
    call("UpdateEndpoint", EndpointName="churn", EndpointConfigName="plain")
    found = call("DescribeEndpoint", EndpointName="churn")
    assert found["EndpointConfigName"] == "plain"
    assert found["LastModifiedTime"] - found["CreationTime"] == 60
    assert "DataCaptureConfig" not in found


@pytest.mark.usefixtures("endpoint")
def test_a_configuration_in_use_stays(call):
    with pytest.raises(InvalidRequest, match="used by endpoint churn"):
        call("DeleteEndpointConfig", EndpointConfigName="config")
    call("DeleteEndpoint", EndpointName="churn")
    call("DeleteEndpointConfig", EndpointConfigName="config")
    assert call("ListEndpoints")["Endpoints"] == call("ListEndpointConfigs")["EndpointConfigs"] == []


def test_what_is_not_there_is_said_as_clients_look_for_it(call):
    missing = {
        "Endpoint": f'Could not find endpoint "{ARN}:endpoint/x".',
        "EndpointConfig": f'Could not find endpoint configuration "{ARN}:endpoint-config/x".',
        "Model": f'Could not find model "{ARN}:model/x".',
        "TransformJob": "Could not find requested job with name: x",
    }
    for noun, text in missing.items():
        with pytest.raises(InvalidRequest) as caught:
            call(f"Describe{noun}", **{f"{noun}Name": "x"})
        assert str(caught.value).startswith(text)
    with pytest.raises(InvalidRequest, match="Could not find endpoint configuration"):
        call("CreateEndpoint", EndpointName="churn", EndpointConfigName="x")


@pytest.mark.usefixtures("endpoint")
def test_what_is_there_already(call):
    with pytest.raises(InvalidRequest, match="Cannot create already existing endpoint configuration"):
        call("CreateEndpointConfig", EndpointConfigName="config", ProductionVariants=VARIANTS)
    with pytest.raises(InvalidRequest, match="Cannot create already existing endpoint"):
        call("CreateEndpoint", EndpointName="churn", EndpointConfigName="config")


def test_models(call):
    call("CreateModel", ModelName="churn", ExecutionRoleArn=ROLE)
    assert call("DescribeModel", ModelName="churn")["ExecutionRoleArn"] == ROLE
    assert [one["ModelName"] for one in call("ListModels", NameContains="chu")["Models"]] == ["churn"]
    call("DeleteModel", ModelName="churn")
    assert call("ListModels")["Models"] == []


def test_transform_jobs(call):
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}}
    request = {
        "TransformJobName": "batch",
        "ModelName": "churn",
        "TransformInput": source,
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    call("CreateTransformJob", **request)
    found = call("DescribeTransformJob", TransformJobName="batch")
    assert (found["TransformJobStatus"], found["ModelName"]) == ("Completed", "churn")
    [summary] = call("ListTransformJobs")["TransformJobSummaries"]
    assert summary["TransformJobName"] == "batch"
    with pytest.raises(AlreadyExists, match="already exists"):
        call("CreateTransformJob", **request)
