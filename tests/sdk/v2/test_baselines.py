"""suggest_baseline with logs, without, with scripts (checks 1 and 2)."""

import textwrap

import pytest
from harness import ROLE, TRAINING, unique
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.model_monitor import DefaultModelMonitor, ModelMonitor, Statistics
from sagemaker.model_monitor.data_quality_monitoring_config import (
    DataQualityDistributionConstraints,
    DataQualityMonitoringConfig,
)
from sagemaker.model_monitor.dataset_format import DatasetFormat
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.s3 import S3Downloader, S3Uploader

CSV = DatasetFormat.csv(header=True)
PREPROCESSOR = """
    import csv

    def preprocess_handler(csv_line):
        cells = next(csv.reader([csv_line]))
        if cells[0] == "Churn":
            return []
        return {"churned": cells[0], "account length": cells[1]}
    """
POSTPROCESSOR = """
    import os

    def postprocess_handler():
        with open("/opt/ml/processing/output/seen.txt", "w") as file:
            file.write(os.environ["dataset_format"])
    """


def test_a_baseline_with_logs(monitor, capsys):
    job = monitor.suggest_baseline(str(TRAINING), CSV, wait=True, logs=True)
    printed = capsys.readouterr().out
    assert job.describe()["ProcessingJobArn"] in printed
    statistics, constraints = monitor.baseline_statistics(), monitor.suggested_constraints()
    assert statistics.body_dict["dataset"]["item_count"] == 2333
    features = constraints.body_dict["features"]
    assert [feature["name"] for feature in features][:2] == ["Churn", "Account Length"]
    assert len(features) == 70
    described = monitor.describe_latest_baselining_job()
    assert described["ProcessingJobStatus"] == "Completed"
    assert described["ExitMessage"].startswith("Completed: ")
    assert described["ProcessingStartTime"] <= described["ProcessingEndTime"]


def test_scripts_from_s3_and_from_here(monitor, bucket, session, tmp_path):
    preprocessor, postprocessor = tmp_path / "preprocessor.py", tmp_path / "postprocessor.py"
    preprocessor.write_text(textwrap.dedent(PREPROCESSOR))
    postprocessor.write_text(textwrap.dedent(POSTPROCESSOR))
    there = S3Uploader.upload(str(preprocessor), f"s3://{bucket}/{unique('code')}", sagemaker_session=session)
    output = f"s3://{bucket}/{unique('baseline')}"
    monitor.suggest_baseline(
        str(TRAINING),
        CSV,
        record_preprocessor_script=there,
        post_analytics_processor_script=str(postprocessor),
        output_s3_uri=output,
        logs=False,
    )
    inputs = "/opt/ml/processing/input"
    expected = {
        "dataset_source": f"{inputs}/baseline_dataset_input",
        "record_preprocessor_script": f"{inputs}/record_preprocessor_script_input/preprocessor.py",
        "post_analytics_processor_script": f"{inputs}/post_analytics_processor_script_input/postprocessor.py",
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Disabled",
    }
    environment = monitor.describe_latest_baselining_job()["Environment"]
    assert expected.items() <= environment.items()
    assert [one["name"] for one in monitor.baseline_statistics().body_dict["features"]] == [
        "account length",
        "churned",
    ]
    seen = S3Downloader.read_file(f"{output}/seen.txt", sagemaker_session=session)
    assert seen == environment["dataset_format"]


def test_the_settings_of_drift_reach_the_constraints(monitor):
    drift = DataQualityDistributionConstraints(categorical_drift_method="ChiSquared")
    monitor.suggest_baseline(
        str(TRAINING),
        CSV,
        logs=False,
        monitoring_config_override=DataQualityMonitoringConfig(distribution_constraints=drift),
    )
    configured = monitor.suggested_constraints().body_dict["monitoring_config"]["distribution_constraints"]
    assert configured["categorical_drift_method"] == "ChiSquared"


def test_constraints_edited_and_saved(session, baseline, bucket):
    statistics = Statistics.from_s3_uri(baseline["statistics"], sagemaker_session=session)
    copied = Statistics.from_string(
        '{"version": 0.0, "dataset": {"item_count": 1}, "features": []}',
        file_name="copy.json",
        sagemaker_session=session,
    )
    assert statistics.body_dict["dataset"]["item_count"] == 2333
    assert S3Downloader.read_file(copied.file_s3_uri, sagemaker_session=session).startswith('{"version"')
    destination = f"s3://{bucket}/{unique('edited')}/statistics.json"
    statistics.body_dict["dataset"]["item_count"] = 7
    saved = statistics.save(new_save_location_s3_uri=destination)
    assert saved == destination
    read = Statistics.from_s3_uri(destination, sagemaker_session=session)
    assert read.body_dict["dataset"]["item_count"] == 7


def test_a_baseline_that_fails_says_why(session, tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    monitor = DefaultModelMonitor(role=ROLE, sagemaker_session=session)
    with pytest.raises(UnexpectedStatusException, match="Failed") as raised:
        monitor.suggest_baseline(str(empty), CSV, logs=False)
    described = session.describe_processing_job(monitor.latest_baselining_job_name)
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"] in str(raised.value)


def test_a_foreign_image_fails_with_the_remedy(session, bucket):
    """run_baseline, which is for images of one's own, without a runner for them."""
    monitor = ModelMonitor(
        role=ROLE,
        image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/own:1",
        instance_type="ml.m5.large",
        sagemaker_session=session,
        env={"TEAM": "churn"},
    )
    monitor.run_baseline(
        baseline_inputs=[ProcessingInput(source=str(TRAINING), destination="/opt/ml/processing/input/data")],
        output=ProcessingOutput(source="/opt/ml/processing/output", destination=f"s3://{bucket}/own"),
        wait=False,
        logs=False,
    )
    with pytest.raises(UnexpectedStatusException, match="runner"):
        monitor.latest_baselining_job.wait(logs=False)
    described = monitor.describe_latest_baselining_job()
    assert described["Environment"] == {"TEAM": "churn"}
    assert described["ProcessingJobStatus"] == "Failed"
