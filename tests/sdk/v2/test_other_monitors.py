"""Definitions and schedules of every class of monitors: attach, update, delete (checks 8, 11, 15)."""

import pytest
from documents import NOW, OUTPUT, definition
from harness import ROLE, drifted_captures, executions, unique
from sagemaker import clarify
from sagemaker.model_monitor import (
    BiasAnalysisConfig,
    CronExpressionGenerator,
    DefaultModelMonitor,
    EndpointInput,
    ExplainabilityAnalysisConfig,
    ModelBiasMonitor,
    ModelExplainabilityMonitor,
    ModelMonitor,
    ModelQualityMonitor,
    MonitoringOutput,
)
from sagemaker.network import NetworkConfig
from sagemaker.predictor import Predictor

HOURLY = CronExpressionGenerator.hourly()
GROUND_TRUTH = "s3://labels/churn"
BIAS = clarify.BiasConfig(
    label_values_or_threshold=[1], facet_name="Account Length", facet_values_or_threshold=[100]
)
SHAP = clarify.SHAPConfig(baseline=[[0.0] * 3], num_samples=10, agg_method="mean_abs")
MODEL = clarify.ModelConfig(model_name="churn", instance_count=1, instance_type="ml.m5.large")


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


def _bias(monitor, name, endpoint, bucket):
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint,
        ground_truth_input=GROUND_TRUTH,
        analysis_config=BiasAnalysisConfig(BIAS, headers=["Account Length", "Churn"], label="Churn"),
        output_s3_uri=f"s3://{bucket}/bias",
        monitor_schedule_name=name,
        schedule_cron_expression=HOURLY,
    )


def _explainability(monitor, name, endpoint, bucket):
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint,
        analysis_config=ExplainabilityAnalysisConfig(SHAP, MODEL, headers=["a", "b", "c"]),
        output_s3_uri=f"s3://{bucket}/explainability",
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
    ModelBiasMonitor: (_bias, "model_bias"),
    ModelExplainabilityMonitor: (_explainability, "model_explainability"),
    ModelMonitor: (_own_image, None),
}


@pytest.fixture(params=CLASSES, ids=lambda kind: kind.__name__)
def scheduled(request, session, endpoint, bucket):
    """Return a monitor of each class with an hourly schedule and a network that lacks one of its switches."""
    own = {"image_uri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/own:1", "env": {"TEAM": "churn"}}
    network = NetworkConfig(
        enable_network_isolation=False, security_group_ids=["sg-0123456789abcdef0"], subnets=["subnet-1"]
    )
    monitor = request.param(
        role=ROLE,
        instance_type="ml.m5.large",
        max_runtime_in_seconds=1800,
        tags=[{"Key": "team", "Value": "churn"}],
        network_config=network,
        sagemaker_session=session,
        **(own if request.param is ModelMonitor else {}),
    )
    CLASSES[request.param][0](monitor, unique("any"), endpoint(), bucket)
    return monitor


def test_attach_update_delete(scheduled, session):
    kind, client = type(scheduled), session.sagemaker_client
    family, name = CLASSES[kind][1], scheduled.monitoring_schedule_name
    attached = kind.attach(name, sagemaker_session=session)
    assert attached.monitoring_schedule_name == name
    assert attached.role == ROLE
    assert attached.instance_type == "ml.m5.large"
    assert attached.max_runtime_in_seconds == 1800
    assert attached.tags == [{"Key": "team", "Value": "churn"}]
    assert attached.network_config.subnets == ["subnet-1"]
    assert attached.network_config.encrypt_inter_container_traffic is False
    assert attached.job_definition_name == scheduled.job_definition_name
    described = attached.describe_schedule()
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    assert ("MonitoringJobDefinition" in described["MonitoringScheduleConfig"]) == (family is None)

    attached.update_monitoring_schedule(max_runtime_in_seconds=900)
    config = attached.describe_schedule()["MonitoringScheduleConfig"]
    assert config["ScheduleConfig"]["ScheduleExpression"] == HOURLY  # check 8: also if the SDK leaves it out
    if family:
        describe = getattr(client, f"describe_{family}_job_definition")
        definition = describe(JobDefinitionName=attached.job_definition_name)
        old = describe(JobDefinitionName=scheduled.job_definition_name)
        assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 900}
        assert old["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}
    else:
        definition = config["MonitoringJobDefinition"]
        assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 900}
        assert definition["Environment"] == {"TEAM": "churn"}

    attached.update_monitoring_schedule(schedule_cron_expression=CronExpressionGenerator.daily())
    attached.stop_monitoring_schedule()
    attached.start_monitoring_schedule()
    assert attached.describe_schedule()["MonitoringScheduleStatus"] == "Scheduled"
    attached.delete_monitoring_schedule()
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_monitoring_schedule(MonitoringScheduleName=name)


def test_a_monitor_of_another_class_does_not_attach(hourly, session):
    with pytest.raises(TypeError, match="can only attach"):
        ModelBiasMonitor.attach(hourly.name, sagemaker_session=session)


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


def test_baselines_of_bias_and_explainability(session, endpoint, bucket):
    """Check 15 as far as requests go: the definition names the job whose analysis becomes the baseline."""
    data = clarify.DataConfig(
        s3_data_input_path=f"s3://{bucket}/train.csv",
        s3_output_path=f"s3://{bucket}/{unique('clarify')}",
        label="Churn",
        headers=["Churn", "a", "b", "c"],
        dataset_type="text/csv",
    )
    session.boto_session.client("s3").put_object(Bucket=bucket, Key="train.csv", Body=b"1,2,3,4\n")
    bias = ModelBiasMonitor(role=ROLE, sagemaker_session=session)
    label = clarify.ModelPredictedLabelConfig(probability_threshold=0.8)
    bias.suggest_baseline(data, BIAS, MODEL, model_predicted_label_config=label)
    bias.create_monitoring_schedule(
        endpoint_input=endpoint(), ground_truth_input=GROUND_TRUTH, schedule_cron_expression=HOURLY
    )
    explainability = ModelExplainabilityMonitor(role=ROLE, sagemaker_session=session)
    explainability.suggest_baseline(data, SHAP, model_config=MODEL)
    explainability.create_monitoring_schedule(endpoint_input=endpoint(), schedule_cron_expression=HOURLY)
    client = session.sagemaker_client
    for monitor, family, prefix in [
        (bias, "model_bias", "ModelBias"),
        (explainability, "model_explainability", "ModelExplainability"),
    ]:
        definition = getattr(client, f"describe_{family}_job_definition")(
            JobDefinitionName=monitor.job_definition_name
        )
        baselining = definition[f"{prefix}BaselineConfig"]
        assert baselining == {"BaseliningJobName": monitor.latest_baselining_job_name}
        job = monitor.describe_latest_baselining_job()
        assert [one["InputName"] for one in job["ProcessingInputs"]] == ["dataset", "analysis_config"]


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
