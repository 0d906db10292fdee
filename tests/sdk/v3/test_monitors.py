"""The monitor classes of generation 3: the flows of generation 2 once more (check 19)."""

import pytest
from botocore.exceptions import ClientError
from harness import DEMO, ROLE, TRAINING, drifted_captures, executions, job_of, unique
from sagemaker.core import s3
from sagemaker.core.model_monitor import (
    CronExpressionGenerator,
    DatasetFormat,
    DefaultModelMonitor,
    EndpointInput,
    ModelBiasMonitor,
    ModelMonitor,
    ModelQualityMonitor,
    MonitoringOutput,
    NetworkConfig,
)

HOURLY = CronExpressionGenerator.hourly()


def test_a_baseline_with_logs(monitor, capsys):
    monitor.suggest_baseline(str(TRAINING), DatasetFormat.csv(header=True), wait=True, logs=True)
    described = monitor.describe_latest_baselining_job()
    assert described["ProcessingJobArn"] in capsys.readouterr().out
    assert described["ProcessingJobStatus"] == "Completed"
    assert monitor.baseline_statistics().body_dict["dataset"]["item_count"] == 2333
    assert len(monitor.suggested_constraints().body_dict["features"]) == 70


def test_violations_with_both_scripts(monitor, endpoint, baseline, one_time, session, bucket, capsys):
    monitored, name = endpoint(drifted_captures()), unique("drifted")
    code = f"s3://{bucket}/{unique('code')}"
    scripts = {
        argument: s3.S3Uploader.upload(str(DEMO / file), code, sagemaker_session=session)
        for argument, file in [
            ("record_preprocessor_script", "preprocessor.py"),
            ("post_analytics_processor_script", "postprocessor.py"),
        ]
    }
    monitor.create_monitoring_schedule(
        endpoint_input=monitored,
        output_s3_uri=f"s3://{bucket}/reports",
        monitor_schedule_name=name,
        **scripts,
        **baseline,
        **one_time,
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert job_of(execution)["ProcessingJobStatus"] == "Completed"
    statistics = monitor.latest_monitoring_statistics().body_dict
    assert statistics["dataset"]["item_count"] == 334 - 7
    violations = monitor.latest_monitoring_constraint_violations().body_dict["violations"]
    (listed,) = monitor.list_executions()
    assert listed.constraint_violations().body_dict["violations"] == violations != []
    assert listed.output.s3_output.s3_uri.startswith(f"s3://{bucket}/reports/{monitored}/{name}/")

    (alert,), _ = monitor.list_monitoring_alerts()
    assert alert.alert_status == "InAlert"
    monitor.update_monitoring_alert(alert.alert_name, data_points_to_alert=2, evaluation_period=2)
    history, _ = monitor.list_monitoring_alert_history()
    assert "InAlert" in [entry.alert_status for entry in history]

    monitor.get_latest_execution_logs(wait=False)
    assert execution["ProcessingJobArn"] in capsys.readouterr().out


def test_no_captures(monitor, endpoint, baseline, one_time):
    name = unique("empty")
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(), monitor_schedule_name=name, **baseline, **one_time
    )
    (execution,) = executions(name)
    assert execution["FailureReason"] == "Job inputs had no data"
    assert monitor.list_executions() == []


def test_the_life_of_a_schedule(monitor, endpoint, baseline, session):
    monitored, name = endpoint(), unique("life")
    with pytest.raises(ClientError) as refused:
        monitor.create_monitoring_schedule(endpoint_input=monitored, monitor_schedule_name="x" * 70)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    monitor.create_monitoring_schedule(
        endpoint_input=monitored,
        monitor_schedule_name=name,
        schedule_cron_expression=HOURLY,
        **baseline,
    )
    assert monitor.describe_schedule()["MonitoringScheduleStatus"] == "Scheduled"
    first = monitor.job_definition_name
    monitor.update_monitoring_schedule(schedule_cron_expression=CronExpressionGenerator.daily(5))
    monitor.update_monitoring_schedule(instance_count=2, env={"TEAM": "churn"})
    config = monitor.describe_schedule()["MonitoringScheduleConfig"]
    assert config["ScheduleConfig"] == {"ScheduleExpression": "cron(0 5 ? * * *)"}
    assert config["MonitoringJobDefinitionName"] == monitor.job_definition_name != first
    for _ in range(2):
        monitor.stop_monitoring_schedule()
        assert monitor.describe_schedule()["MonitoringScheduleStatus"] == "Stopped"
    monitor.start_monitoring_schedule()
    attached = DefaultModelMonitor.attach(name, sagemaker_session=session)
    assert attached.instance_count == 2
    assert attached.describe_schedule()["MonitoringScheduleStatus"] == "Scheduled"
    attached.delete_monitoring_schedule()
    client = session.sagemaker_client
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_monitoring_schedule(MonitoringScheduleName=name)


def test_monitors_of_other_classes(session, endpoint, bucket):
    network = NetworkConfig(enable_network_isolation=True, security_group_ids=["sg-1"], subnets=["subnet-1"])
    common = {
        "role": ROLE,
        "sagemaker_session": session,
        "network_config": network,
        "max_runtime_in_seconds": 1800,
    }
    quality = ModelQualityMonitor(**common)
    quality.create_monitoring_schedule(
        endpoint_input=EndpointInput(
            endpoint(), "/opt/ml/processing/input/endpoint", inference_attribute="0"
        ),
        ground_truth_input="s3://labels/churn",
        problem_type="Regression",
        monitor_schedule_name=unique("quality"),
        schedule_cron_expression=HOURLY,
    )
    bias = ModelBiasMonitor(**common)
    bias.create_monitoring_schedule(
        endpoint_input=endpoint(),
        ground_truth_input="s3://labels/churn",
        analysis_config=f"s3://{bucket}/analysis_config.json",
        output_s3_uri=f"s3://{bucket}/bias",
        monitor_schedule_name=unique("bias"),
        schedule_cron_expression=HOURLY,
    )
    own = ModelMonitor(image_uri="own.example/own:1", env={}, **common)
    own.create_monitoring_schedule(
        endpoint_input=endpoint(),
        output=MonitoringOutput(source="/opt/ml/processing/output", destination=f"s3://{bucket}/own"),
        monitor_schedule_name=unique("own"),
        schedule_cron_expression=HOURLY,
    )
    for monitor in (quality, bias, own):
        attached = type(monitor).attach(monitor.monitoring_schedule_name, sagemaker_session=session)
        assert attached.network_config.encrypt_inter_container_traffic is False
        attached.update_monitoring_schedule(max_runtime_in_seconds=900)
        config = attached.describe_schedule()["MonitoringScheduleConfig"]
        assert config["ScheduleConfig"]["ScheduleExpression"] == HOURLY
        attached.delete_monitoring_schedule()
