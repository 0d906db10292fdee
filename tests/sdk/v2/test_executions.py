"""One-time executions of endpoints and batches, their results and logs (checks 4, 5, 6, 10, 17)."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest
from harness import (
    DEMO,
    REQUESTS,
    TRAINING,
    clean_captures,
    drifted_captures,
    executions,
    job_of,
    put_captures,
    unique,
)
from sagemaker.model_monitor import BatchTransformInput, MonitoringDatasetFormat
from sagemaker.s3 import S3Downloader


def test_captures_like_the_training_data(monitor, endpoint, baseline, one_time):
    monitored, name = endpoint(clean_captures()), unique("clean")
    monitor.create_monitoring_schedule(
        endpoint_input=monitored, monitor_schedule_name=name, **baseline, **one_time
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "Completed"
    assert execution["EndpointName"] == monitored
    described = monitor.describe_schedule()
    assert described["LastMonitoringExecutionSummary"]["MonitoringExecutionStatus"] == "Completed"
    assert described["MonitoringScheduleStatus"] == "Stopped"
    assert monitor.latest_monitoring_statistics().body_dict["dataset"]["item_count"] == 300
    assert monitor.latest_monitoring_constraint_violations().body_dict == {"violations": []}
    assert job_of(execution)["ExitMessage"].startswith("Completed: ")


def test_violations(monitor, endpoint, baseline, one_time, bucket, capsys):
    """Checks 5, 10 and 17."""
    monitored, name = endpoint(drifted_captures()), unique("drifted")
    monitor.create_monitoring_schedule(
        endpoint_input=monitored,
        monitor_schedule_name=name,
        output_s3_uri=f"s3://{bucket}/reports",
        **baseline,
        **one_time,
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
    job = job_of(execution)
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ExitMessage"].startswith("CompletedWithViolations: ")
    assert job["MonitoringScheduleArn"] == monitor.describe_schedule()["MonitoringScheduleArn"]
    found = monitor.latest_monitoring_constraint_violations().body_dict["violations"]
    assert {"feature_name": "Churn", "constraint_check_type": "data_type_check"}.items() <= found[0].items()

    (listed,) = monitor.list_executions()
    moment = execution["ScheduledTime"].astimezone(UTC)
    minute = f"{moment:/%M}" if moment.minute else ""
    expected = f"s3://{bucket}/reports/{monitored}/{name}/{moment:%Y/%m/%d/%H}{minute}"
    assert listed.output.destination == expected
    assert listed.statistics().body_dict["dataset"]["item_count"] == 334
    assert listed.constraint_violations().body_dict["violations"] == found

    monitor.get_latest_execution_logs(wait=False)
    assert execution["ProcessingJobArn"] in capsys.readouterr().out

    monitor.delete_monitoring_schedule()
    assert executions(name) == [execution]


def test_both_scripts_run(monitor, endpoint, baseline, one_time, session):
    name = unique("scripted")
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(drifted_captures()),
        record_preprocessor_script=str(DEMO / "preprocessor.py"),
        post_analytics_processor_script=str(DEMO / "postprocessor.py"),
        monitor_schedule_name=name,
        **baseline,
        **one_time,
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
    environment = job_of(execution)["Environment"]
    code = "/opt/ml/processing/code"
    assert environment["record_preprocessor_script"] == f"{code}/preprocessing/preprocessor.py"
    assert environment["post_analytics_processor_script"] == f"{code}/postprocessing/postprocessor.py"
    (listed,) = monitor.list_executions()
    assert listed.statistics().body_dict["dataset"]["item_count"] == 334 - 7  # test traffic is dropped
    drifted = S3Downloader.read_file(f"{listed.output.destination}/drifted.csv", sagemaker_session=session)
    assert drifted.startswith("feature,distance,threshold\n")


def test_a_batch(monitor, session, bucket, baseline, one_time):
    """Check 4, batch: a manifest in the hour's folder names the file that was transformed."""
    prefix = unique("transform")
    data = "".join(TRAINING.read_text().splitlines(keepends=True)[:301])
    s3 = session.boto_session.client("s3")
    s3.put_object(Bucket=bucket, Key=f"{prefix}/data/first.csv", Body=data.encode())
    manifest = json.dumps([{"prefix": f"s3://{bucket}/{prefix}/data/"}, "first.csv"])
    put_captures(bucket, f"{prefix}/captured/input", [manifest])
    name = unique("batch")
    monitor.create_monitoring_schedule(
        batch_transform_input=BatchTransformInput(
            data_captured_destination_s3_uri=f"s3://{bucket}/{prefix}/captured",
            destination="/opt/ml/processing/input",
            dataset_format=MonitoringDatasetFormat.csv(header=True),
        ),
        monitor_schedule_name=name,
        **baseline,
        **one_time,
    )
    (execution,) = executions(name)
    assert execution.get("FailureReason") is None
    assert execution["MonitoringExecutionStatus"] == "Completed"
    assert "EndpointName" not in execution
    assert "EndpointName" not in monitor.describe_schedule()
    assert monitor.latest_monitoring_statistics().body_dict["dataset"]["item_count"] == 300
    assert monitor.latest_monitoring_constraint_violations().body_dict == {"violations": []}


def test_no_captures(monitor, endpoint, baseline, one_time):
    """Check 6."""
    name = unique("empty")
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(), monitor_schedule_name=name, **baseline, **one_time
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Job inputs had no data"
    assert "ProcessingJobArn" not in execution
    assert monitor.list_executions() == []
    with pytest.raises(ValueError, match="Processing Job did not run"):
        monitor.get_latest_execution_logs()
    assert monitor.describe_schedule()["MonitoringScheduleStatus"] == "Stopped"


def test_only_the_window_is_read(monitor, endpoint, bucket, baseline, one_time):
    """Captures of yesterday are none of an hour's business."""
    monitored, name = endpoint(clean_captures(100)), unique("window")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    folder = f"model-monitor/data-capture/{monitored}/AllTraffic"
    put_captures(bucket, folder, drifted_captures(), yesterday)
    monitor.create_monitoring_schedule(
        endpoint_input=monitored, monitor_schedule_name=name, **baseline, **one_time
    )
    (execution,) = executions(name)
    assert monitor.latest_monitoring_statistics().body_dict["dataset"]["item_count"] == 100
    assert execution["MonitoringExecutionStatus"] == "Completed"


def test_no_baseline_no_checks(monitor, endpoint, one_time):
    name = unique("unchecked")
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(drifted_captures()), monitor_schedule_name=name, **one_time
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "Completed"
    with REQUESTS.open(newline="") as file:
        rows = sum(1 for _ in csv.reader(file))
    assert monitor.latest_monitoring_statistics().body_dict["dataset"]["item_count"] == rows


def test_the_baseline_of_a_job(monitor, endpoint, one_time):
    """Neither statistics nor constraints given: the monitor's own baselining job is looked up at run time."""
    monitor.suggest_baseline(str(TRAINING), {"csv": {"header": True}}, wait=False, logs=False)
    name = unique("looked-up")
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(drifted_captures()), monitor_schedule_name=name, **one_time
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations"
