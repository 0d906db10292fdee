"""Endpoints that are registered, their capture, and the monitors found through them (check 14)."""

from harness import unique
from sagemaker.model_monitor import DataCaptureConfig, DefaultModelMonitor
from sagemaker.predictor import Predictor


def test_an_endpoint_with_capture(session, bucket):
    name = unique("registered")
    capture = DataCaptureConfig(True, 100, f"s3://{bucket}/captured", sagemaker_session=session)
    session.endpoint_from_production_variants(
        name,
        [
            {
                "VariantName": "AllTraffic",
                "ModelName": "churn",
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
        ],
        data_capture_config_dict=capture._to_request_dict(),
        wait=False,
    )
    described = session.sagemaker_client.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "InService"
    assert described["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket}/captured",
        "KmsKeyId": "",
    }


def test_capture_is_changed_and_monitors_are_listed(hourly, session, bucket):
    predictor = Predictor(hourly.endpoint, sagemaker_session=session)
    predictor.update_data_capture_config(
        DataCaptureConfig(True, 50, f"s3://{bucket}/elsewhere", sagemaker_session=session)
    )
    described = session.sagemaker_client.describe_endpoint(EndpointName=hourly.endpoint)
    assert described["EndpointConfigName"].startswith(f"{hourly.endpoint}-")
    assert described["DataCaptureConfig"]["CurrentSamplingPercentage"] == 50
    assert described["DataCaptureConfig"]["DestinationS3Uri"] == f"s3://{bucket}/elsewhere"
    (found,) = predictor.list_monitors()
    assert isinstance(found, DefaultModelMonitor)
    assert found.monitoring_schedule_name == hourly.name
    assert Predictor("nobody", sagemaker_session=session).list_monitors() == []
