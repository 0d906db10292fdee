"""Definitions and schedules of several classes of monitors: attach, update, delete (checks 8, 11, 15)."""

import pytest
from documents import NOW, OUTPUT, definition
from flows import GROUND_TRUTH, HOURLY, attach_update_delete, made
from harness import ROLE, drifted_captures, executions, unique
from sagemaker.model_monitor import (
    DefaultModelMonitor,
    EndpointInput,
    ModelMonitor,
    ModelQualityMonitor,
    MonitoringOutput,
)
from sagemaker.predictor import Predictor


def _data_quality(monitor, name, endpoint, bucket):
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint, monitor_schedule_name=name, schedule_cron_expression=HOURLY
    )


def _model_quality(monitor, name, endpoint, bucket):
    monitor.create_monitoring_schedule(
        endpoint_input=EndpointInput(
            endpoint,
            "/opt/ml/processing/input/endpoint",
            probability_attribute="0",
            probability_threshold_attribute=0.5,
            start_time_offset="-P1D",
            end_time_offset="-PT0H",
        ),
        ground_truth_input=GROUND_TRUTH,
        problem_type="BinaryClassification",
        monitor_schedule_name=name,
        schedule_cron_expression=HOURLY,
    )


def _own_image(monitor, name, endpoint, bucket):
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint,
        output=MonitoringOutput(source="/opt/ml/processing/output", destination=f"s3://{bucket}/own"),
        monitor_schedule_name=name,
        schedule_cron_expression=HOURLY,
    )


CLASSES = {
    DefaultModelMonitor: (_data_quality, "data_quality"),
    ModelQualityMonitor: (_model_quality, "model_quality"),
    ModelMonitor: (_own_image, None),
}


@pytest.fixture(params=CLASSES, ids=lambda kind: kind.__name__)
def scheduled(request, session, endpoint, bucket):
    """Return a monitor of each class with an hourly schedule."""
    own = {"image_uri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/own:1", "env": {"TEAM": "churn"}}
    monitor = made(request.param, session, **(own if request.param is ModelMonitor else {}))
    CLASSES[request.param][0](monitor, unique("any"), endpoint(), bucket)
    return monitor


def test_attach_update_delete(scheduled, session):
    attach_update_delete(scheduled, CLASSES[type(scheduled)][1], session)


def test_a_monitor_of_another_class_does_not_attach(hourly, session):
    with pytest.raises(TypeError, match="can only attach"):
        ModelQualityMonitor.attach(hourly.name, sagemaker_session=session)


def test_the_lost_constraints_of_an_own_image(session, endpoint, bucket, baseline):
    """SDK defect: an update sends the old constraints as statistics, and no constraints; the pair is kept."""
    monitor = ModelMonitor(
        role=ROLE,
        image_uri="own.example/own:1",
        env={},
        sagemaker_session=session,
        instance_type="ml.m5.large",
    )
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(),
        output=MonitoringOutput(source="/opt/ml/processing/output", destination=f"s3://{bucket}/own"),
        monitor_schedule_name=unique("own"),
        schedule_cron_expression=HOURLY,
        **baseline,
    )
    before = _embedded(monitor)["BaselineConfig"]
    assert before["ConstraintsResource"] == {"S3Uri": baseline["constraints"]}
    monitor.update_monitoring_schedule(instance_count=2)
    after = _embedded(monitor)
    assert after["MonitoringResources"]["ClusterConfig"]["InstanceCount"] == 2
    assert after["BaselineConfig"] == before


def test_an_old_template(session, endpoint, bucket, baseline):
    """A definition inside its schedule, as templates of the first years have it, without environment."""
    client, name, monitored = session.sagemaker_client, unique("embedded"), endpoint(drifted_captures())
    request = definition("DataQuality", name, monitored)
    target = OUTPUT | {"S3Uri": f"s3://{bucket}/embedded"}
    client.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={
            "ScheduleConfig": NOW,
            "MonitoringJobDefinition": {
                "MonitoringInputs": [request["DataQualityJobInput"]],
                "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": target}]},
                "MonitoringResources": request["JobResources"],
                "MonitoringAppSpecification": request["DataQualityAppSpecification"],
                "RoleArn": ROLE,
                "BaselineConfig": {
                    "StatisticsResource": {"S3Uri": baseline["statistics"]},
                    "ConstraintsResource": {"S3Uri": baseline["constraints"]},
                },
            },
        },
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert execution["MonitoringType"] == "DataQuality"
    (found,) = Predictor(monitored, sagemaker_session=session).list_monitors()
    assert type(found) is DefaultModelMonitor
    assert found.env == {}
    found.update_monitoring_schedule(schedule_cron_expression=HOURLY, instance_count=2)
    assert _embedded(found)["MonitoringResources"]["ClusterConfig"]["InstanceCount"] == 2
    found.delete_monitoring_schedule()


def test_a_baseline_of_model_quality_is_accepted(session, bucket):
    monitor = ModelQualityMonitor(role=ROLE, sagemaker_session=session)
    session.boto_session.client("s3").put_object(Bucket=bucket, Key="quality.csv", Body=b"p,l\n0.4,1\n")
    monitor.suggest_baseline(
        f"s3://{bucket}/quality.csv",
        {"csv": {"header": True}},
        problem_type="BinaryClassification",
        probability_attribute="p",
        ground_truth_attribute="l",
        probability_threshold_attribute="0.5",  # a number would be refused by the client itself
    )
    environment = monitor.describe_latest_baselining_job()["Environment"]
    assert environment["analysis_type"] == "MODEL_QUALITY"
    assert environment["problem_type"] == "BinaryClassification"


def _embedded(monitor):
    return monitor.describe_schedule()["MonitoringScheduleConfig"]["MonitoringJobDefinition"]
