"""The second act: Amazon's own SageMaker SDK, unchanged, against our server.

    eval "$(omm client-env)"; python sdk_demo.py

A baseline of the training data, an endpoint with captures, a schedule with both scripts that runs now, and what it
found. Nothing in here is ours: take the server away and it runs on AWS.
"""

import csv
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sagemaker
from captures import capture
from sagemaker.model_monitor import CronExpressionGenerator, DataCaptureConfig, DefaultModelMonitor
from sagemaker.model_monitor.dataset_format import DatasetFormat
from sagemaker.s3 import S3Uploader

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "tests" / "data" / "churn"
ROLE = "arn:aws:iam::000000000000:role/omm"
ENDPOINT = "churn-endpoint"
SCHEDULE = "churn-hourly"
SHOWN = 5


def main() -> None:
    session = sagemaker.Session()
    bucket = f"s3://{session.default_bucket()}/churn"
    monitor = DefaultModelMonitor(role=ROLE, instance_type="ml.m5.large", sagemaker_session=session)

    tell("suggest_baseline: statistics and constraints of the training data")
    monitor.suggest_baseline(
        baseline_dataset=str(DATA / "training-dataset-with-header.csv"),
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=f"{bucket}/baseline",
        logs=False,
    )
    constraints = monitor.suggested_constraints()
    print(f"   {len(constraints.body_dict['features'])} features, {constraints.file_s3_uri}")

    tell("An endpoint with data capture, and an hour of captures")
    register_endpoint(session, f"{bucket}/captures")
    print(f"   {upload_captures(f'{bucket}/captures', session)} captures of {ENDPOINT}")

    tell("create_monitoring_schedule: with a preprocessor and a postprocessor, for the last hour, now")
    monitor.create_monitoring_schedule(
        monitor_schedule_name=SCHEDULE,
        endpoint_input=ENDPOINT,
        record_preprocessor_script=upload(HERE / "preprocessor.py", f"{bucket}/code", session),
        post_analytics_processor_script=upload(HERE / "postprocessor.py", f"{bucket}/code", session),
        output_s3_uri=f"{bucket}/reports",
        statistics=monitor.baseline_statistics(),
        constraints=constraints,
        schedule_cron_expression=CronExpressionGenerator.now(),
        data_analysis_start_time="-PT1H",
        data_analysis_end_time="-PT0H",
    )
    execution = await_execution(monitor)
    print(f"   {execution['MonitoringExecutionStatus']}: {execution['ProcessingJobArn']}")

    tell("latest_monitoring_constraint_violations:")
    violations = monitor.latest_monitoring_constraint_violations().body_dict["violations"]
    for violation in violations[:SHOWN]:
        print(f"   {violation['feature_name']:<16} {violation['constraint_check_type']}")
        print(f"   {'':<16} {violation['description']}")
    if len(violations) > SHOWN:
        print(f"   … and {len(violations) - SHOWN} more")

    tell("update_monitoring_schedule: from now on every hour")
    monitor.update_monitoring_schedule(schedule_cron_expression=CronExpressionGenerator.hourly())
    described = monitor.describe_schedule()
    expression = described["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"]
    print(f"   {SCHEDULE} is {described['MonitoringScheduleStatus']}, {expression}")

    tell("delete_monitoring_schedule")
    monitor.delete_monitoring_schedule()


def register_endpoint(session: sagemaker.Session, destination: str) -> None:
    config = DataCaptureConfig(True, 100, destination, sagemaker_session=session)
    variant = {"VariantName": "AllTraffic", "ModelName": "churn", "InstanceType": "ml.m5.large"}
    session.endpoint_from_production_variants(
        ENDPOINT,
        [variant | {"InitialInstanceCount": 1}],
        data_capture_config_dict=config._to_request_dict(),
        wait=False,
    )


def upload_captures(destination: str, session: sagemaker.Session) -> int:
    """What an endpoint does while it serves: write what it was asked and answered into the hour's folder."""
    hour = datetime.now(UTC) - timedelta(minutes=30)
    with open(DATA / "test-dataset-input-cols.csv", newline="") as file:
        lines = [capture(number, request, hour) for number, request in enumerate(csv.reader(file))]
    folder = f"{destination}/{ENDPOINT}/AllTraffic/{hour:%Y/%m/%d/%H}"
    file = f"{folder}/59-58-000-demo.jsonl"
    S3Uploader.upload_string_as_file_body("\n".join(lines), file, sagemaker_session=session)
    return len(lines)


def upload(script: Path, folder: str, session: sagemaker.Session) -> str:
    return S3Uploader.upload(str(script), folder, sagemaker_session=session)


def await_execution(monitor: DefaultModelMonitor) -> dict:
    for _ in range(120):
        summary = monitor.describe_schedule().get("LastMonitoringExecutionSummary", {})
        status = summary.get("MonitoringExecutionStatus", "Pending")
        if status not in ("Pending", "InProgress"):
            if "ProcessingJobArn" not in summary:
                sys.exit(f"{status}: {summary.get('FailureReason')}")
            return summary
        time.sleep(0.5)
    sys.exit("the execution did not end within a minute")


def tell(text: str) -> None:
    print(f"\n{text}")


if __name__ == "__main__":
    main()
