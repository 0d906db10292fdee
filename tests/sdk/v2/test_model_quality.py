"""Model quality by the real SDK: baseline, merge, analysis and violations, of endpoints and of batches."""

import csv
import json
from datetime import UTC, datetime

import boto3
import pytest
from harness import DATA, ROLE, executions, job_of, put_captures, unique
from sagemaker.model_monitor import (
    BatchTransformInput,
    EndpointInput,
    ModelQualityMonitor,
    MonitoringDatasetFormat,
)
from sagemaker.model_monitor.dataset_format import DatasetFormat

SCORED = DATA / "churn" / "validation_with_predictions.csv"
PROBLEM = "BinaryClassification"


@pytest.fixture(scope="module")
def scored():
    with SCORED.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def constraints(session):
    """Return the address of the constraints of the scored validation data."""
    monitor = ModelQualityMonitor(role=ROLE, sagemaker_session=session)
    monitor.suggest_baseline(
        str(SCORED),
        DatasetFormat.csv(header=True),
        problem_type=PROBLEM,
        inference_attribute="prediction",
        probability_attribute="probability",
        ground_truth_attribute="label",
        wait=True,
        logs=False,
    )
    suggested = monitor.suggested_constraints().body_dict["binary_classification_constraints"]
    assert suggested["recall"]["threshold"] == pytest.approx(0.5714285714285714)
    metrics = monitor.baseline_statistics().body_dict["binary_classification_metrics"]
    assert metrics["confusion_matrix"] == {"0": {"0": 173, "1": 0}, "1": {"0": 12, "1": 16}}
    return monitor.suggested_constraints().file_s3_uri


def label_line(name, label):
    return json.dumps(
        {
            "groundTruthData": {"data": label, "encoding": "CSV"},
            "eventMetadata": {"eventId": name},
            "eventVersion": "0",
        }
    )


def capture_line(name, row):
    moment = datetime.now(UTC)
    output = {"observedContentType": "text/csv", "mode": "OUTPUT", "encoding": "CSV"}
    return json.dumps(
        {
            "captureData": {
                "endpointOutput": output | {"data": f"{row['prediction']},{row['probability']}\n"}
            },
            "eventMetadata": {
                "eventId": unique("event"),
                "inferenceId": name,
                "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            },
            "eventVersion": "0",
        }
    )


def test_an_endpoint_whose_model_got_worse(session, endpoint, bucket, scored, constraints, one_time):
    names = [unique("inference") for _ in scored]
    monitored = endpoint([capture_line(name, row) for name, row in zip(names, scored, strict=True)])
    labels = unique("labels")
    # Every third label turns out otherwise, and a few have not come yet.
    turned = [
        label_line(name, str(int(row["label"]) ^ (n % 3 == 0)))
        for n, (name, row) in enumerate(zip(names, scored, strict=True))
    ]
    put_captures(bucket, labels, turned[:-10])
    monitor = ModelQualityMonitor(role=ROLE, sagemaker_session=session)
    name = unique("quality")
    monitor.create_monitoring_schedule(
        endpoint_input=EndpointInput(
            monitored,
            "/opt/ml/processing/input/endpoint",
            inference_attribute="0",
            probability_attribute="1",
            start_time_offset="-PT1H",
            end_time_offset="-PT0H",
        ),
        ground_truth_input=f"s3://{bucket}/{labels}",
        problem_type=PROBLEM,
        output_s3_uri=f"s3://{bucket}/quality",
        monitor_schedule_name=name,
        constraints=constraints,
        **one_time,
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations", execution.get("FailureReason")
    assert execution["ProcessingJobArn"].rpartition("/")[2].startswith("model-quality-monitoring-")
    statistics = monitor.latest_monitoring_statistics().body_dict
    assert statistics["dataset"]["item_count"] == len(scored) - 10
    assert "receiver_operating_characteristic_curve" in statistics["binary_classification_metrics"]
    found = monitor.latest_monitoring_constraint_violations().body_dict["violations"]
    assert [one["metric_name"] for one in found][:3] == ["auc", "precision", "truePositiveRate"]
    assert all(one["metric_name"] != "f05" for one in found)

    job = job_of(execution)
    assert job["Environment"]["analysis_type"] == "MODEL_QUALITY"
    merged = job["ProcessingInputs"][0]["S3Input"]["S3Uri"]
    assert merged == f"s3://{bucket}/quality/merge/{monitored}"
    (line, *_) = read_lines(bucket, f"quality/merge/{monitored}/AllTraffic/")
    assert set(json.loads(line)) == {"groundTruthData", "captureData", "eventMetadata", "eventVersion"}
    merge = boto3.client("sagemaker").list_processing_jobs(NameContains="groundtruth-merge-")
    messages = [
        boto3.client("sagemaker").describe_processing_job(ProcessingJobName=one["ProcessingJobName"])[
            "ExitMessage"
        ]
        for one in merge["ProcessingJobSummaries"]
    ]
    assert any(
        f"{len(scored) - 10} of {len(scored)} captures have a label; 10 have none yet" in m for m in messages
    )

    metrics = boto3.client("cloudwatch").list_metrics(
        Namespace="aws/sagemaker/Endpoints/model-metrics",
        Dimensions=[{"Name": "MonitoringSchedule", "Value": name}],
    )["Metrics"]
    assert {"accuracy", "auc", "total_number_of_violations"} <= {one["MetricName"] for one in metrics}


def read_lines(bucket, prefix):
    client = boto3.client("s3")
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    bodies = [
        client.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        for key in keys
        if key.endswith(".jsonl")
    ]
    return [line for body in bodies for line in body.splitlines()]


def test_the_same_data_have_no_violation(session, endpoint, bucket, scored, constraints, one_time):
    names = [unique("inference") for _ in scored]
    monitored = endpoint([capture_line(name, row) for name, row in zip(names, scored, strict=True)])
    labels = unique("labels")
    put_captures(bucket, labels, [label_line(n, row["label"]) for n, row in zip(names, scored, strict=True)])
    monitor = ModelQualityMonitor(role=ROLE, sagemaker_session=session)
    monitor.create_monitoring_schedule(
        endpoint_input=EndpointInput(
            monitored, "/opt/ml/processing/input/endpoint", inference_attribute="0", probability_attribute="1"
        ),
        ground_truth_input=f"s3://{bucket}/{labels}",
        problem_type=PROBLEM,
        monitor_schedule_name=unique("quality"),
        constraints=constraints,
        **one_time,
    )
    (execution,) = executions(monitor.monitoring_schedule_name)
    assert execution["MonitoringExecutionStatus"] == "Completed", execution.get("FailureReason")
    assert monitor.latest_monitoring_constraint_violations().body_dict == {"violations": []}


def test_no_labels_yet(session, endpoint, bucket, scored, one_time):
    monitored = endpoint([capture_line(unique("inference"), scored[0])])
    monitor = ModelQualityMonitor(role=ROLE, sagemaker_session=session)
    monitor.create_monitoring_schedule(
        endpoint_input=EndpointInput(monitored, "/opt/ml/processing/input/endpoint", inference_attribute="0"),
        ground_truth_input=f"s3://{bucket}/{unique('labels')}",
        problem_type=PROBLEM,
        monitor_schedule_name=unique("quality"),
        **one_time,
    )
    (execution,) = executions(monitor.monitoring_schedule_name)
    assert execution["MonitoringExecutionStatus"] == "Failed"
    assert execution["FailureReason"].startswith("No labels yet: ")


def test_outputs_of_a_batch_transform(session, bucket, scored, constraints, one_time):
    client, prefix, labels = boto3.client("s3"), unique("batch"), unique("labels")
    names = [f"{n:08x}-0000-4000-8000-{unique('')[-10:]}00" for n in range(len(scored))]
    rows = "".join(
        f"{n},{row['prediction']},{row['probability']},{name}, 2026-01-05T11:04:09Z\n"
        for n, (name, row) in enumerate(zip(names, scored, strict=True))
    )
    client.put_object(Bucket=bucket, Key=f"{prefix}/data/scored.csv.out", Body=rows.encode())
    manifest = json.dumps([{"prefix": f"s3://{bucket}/{prefix}/data/"}, "scored.csv.out"])
    hour = f"{datetime.now(UTC):%Y/%m/%d/%H}"
    client.put_object(Bucket=bucket, Key=f"{prefix}/capture/output/{hour}/m.json", Body=manifest.encode())
    put_captures(bucket, labels, [label_line(n, row["label"]) for n, row in zip(names, scored, strict=True)])
    monitor = ModelQualityMonitor(role=ROLE, sagemaker_session=session)
    name = unique("batch-quality")
    monitor.create_monitoring_schedule(
        batch_transform_input=BatchTransformInput(
            data_captured_destination_s3_uri=f"s3://{bucket}/{prefix}/capture",
            destination="/opt/ml/processing/input",
            dataset_format=MonitoringDatasetFormat.csv(header=False),
            inference_attribute="1",
            probability_attribute="2",
        ),
        ground_truth_input=f"s3://{bucket}/{labels}",
        problem_type=PROBLEM,
        output_s3_uri=f"s3://{bucket}/{prefix}/quality",
        monitor_schedule_name=name,
        constraints=constraints,
        **one_time,
    )
    (execution,) = executions(name)
    assert execution["MonitoringExecutionStatus"] == "Completed", execution.get("FailureReason")
    statistics = monitor.latest_monitoring_statistics().body_dict
    assert statistics["dataset"]["item_count"] == len(scored)
    first = json.loads(read_lines(bucket, f"{prefix}/quality/merge/{name}/{hour}/")[0])
    assert first["eventMetadata"] == {"eventId": names[0]}
    assert first["captureData"]["batchTransformOutput"]["data"].count(",") == 2
