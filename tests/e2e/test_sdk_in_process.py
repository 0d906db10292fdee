"""Our own SDK over a folder, no server, no bucket, the same calls; and the client beside it, over both."""

import csv
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import open_model_monitor as omm
from open_model_monitor.errors import ApiError, UsageError
from support.browser import serving

ROOT = Path(__file__).parents[2]
TRAINING = ROOT / "tests" / "data" / "churn" / "training-dataset-with-header.csv"
SCORED = ROOT / "tests" / "data" / "churn" / "validation_with_predictions.csv"
DEMO = ROOT / "examples" / "demo"
NOW = {
    "schedule_cron_expression": omm.CronExpressionGenerator.now(),
    "data_analysis_start_time": "-PT1H",
    "data_analysis_end_time": "-PT0H",
}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    made = omm.Session(data=tmp_path_factory.mktemp("sdk") / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def endpoint(session):
    """Return an endpoint with captures of the present hour, whose decimals the training data did not have."""
    place = f"{session.place}/captured"
    capture = omm.DataCaptureConfig(True, 100, place, sagemaker_session=session)
    variant = {"VariantName": "AllTraffic", "ModelName": "churn", "InstanceType": "ml.m5.large"}
    session.endpoint_from_production_variants(
        "churn", [variant | {"InitialInstanceCount": 1}], data_capture_config_dict=capture._to_request_dict()
    )
    with TRAINING.open(newline="") as file:
        rows = list(csv.reader(file))[1:201]
    with omm.Recorder(Path(place.removeprefix("file://")), endpoint="churn") as recorder:
        for row in rows:
            recorder.log(",".join(row[1:]), f"{row[0]}.5")
    return "churn"


def ended(monitor, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        summary = monitor.describe_schedule().get("LastMonitoringExecutionSummary", {})
        if summary.get("MonitoringExecutionStatus") not in (None, "Pending", "InProgress"):
            return summary
        time.sleep(0.1)
    raise AssertionError(monitor.describe_schedule())


def test_from_a_baseline_to_violations(session, endpoint, capsys):
    monitor = omm.DefaultModelMonitor(sagemaker_session=session)
    monitor.suggest_baseline(str(TRAINING), omm.DatasetFormat.csv(header=True))
    assert monitor.describe_latest_baselining_job()["ProcessingJobArn"] in capsys.readouterr().out
    assert "Statistics of 2,333 rows" in monitor.baseline_statistics()._repr_html_()
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint,
        record_preprocessor_script=str(DEMO / "preprocessor.py"),
        statistics=monitor.baseline_statistics(),
        constraints=monitor.suggested_constraints(),
        monitor_schedule_name="now",
        **NOW,
    )
    assert ended(monitor)["MonitoringExecutionStatus"] == "CompletedWithViolations"
    found = monitor.latest_monitoring_constraint_violations()
    assert found.body_dict["violations"][0]["feature_name"] == "Churn"
    assert "Wrong type" in found._repr_html_()
    assert "Wrong type" in monitor.list_executions()[0]._repr_html_()
    described = monitor.describe_schedule()
    assert described["CreationTime"] <= datetime.now(UTC)
    assert [alert.alert_status for alert in monitor.list_monitoring_alerts()[0]] == ["InAlert"]
    again = omm.DefaultModelMonitor.attach("now", session)
    again.update_monitoring_schedule(schedule_cron_expression=omm.CronExpressionGenerator.hourly())
    again.stop_monitoring_schedule()
    [listed] = omm.Predictor(endpoint, session).list_monitors()
    assert listed.monitoring_schedule_name == "now"
    again.delete_monitoring_schedule()
    with pytest.raises(session.sagemaker_client.exceptions.ResourceNotFound):
        monitor.describe_schedule()


def test_model_quality(session):
    monitor = omm.ModelQualityMonitor(sagemaker_session=session)
    monitor.suggest_baseline(
        str(SCORED),
        omm.DatasetFormat.csv(header=True),
        problem_type="BinaryClassification",
        inference_attribute="prediction",
        probability_attribute="probability",
        ground_truth_attribute="label",
        probability_threshold_attribute=0.5,  # a number, which SageMaker's own SDK refuses
        wait=True,
    )
    assert "recall" in monitor.suggested_constraints()._repr_html_()
    assert "confusion" not in monitor.baseline_statistics()._repr_html_()


def test_refusals_tell_what_is_wrong(session, endpoint):
    monitor = omm.DefaultModelMonitor(sagemaker_session=session)
    with pytest.raises(UsageError, match="suggest_baseline"):
        monitor.baseline_statistics()
    with pytest.raises(UsageError, match="nothing to look at"):
        monitor.create_monitoring_schedule()
    with pytest.raises(ApiError) as refused:
        monitor.create_monitoring_schedule(endpoint_input=endpoint, monitor_schedule_name="x" * 70)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(UsageError, match="There is no file"):
        monitor.suggest_baseline("none.csv", omm.DatasetFormat.csv())
    with pytest.raises(UsageError, match="does not run them"):
        omm.ModelBiasMonitor(sagemaker_session=session)


def test_a_baseline_that_fails_says_why(session, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    monitor = omm.DefaultModelMonitor(sagemaker_session=session)
    with pytest.raises(omm.UnexpectedStatusException, match="Failed"):
        monitor.suggest_baseline(str(tmp_path / "empty.csv"), omm.DatasetFormat.csv(), logs=False)


@pytest.fixture(params=["a folder", "a server"])
def client(request, tmp_path):
    if request.param == "a folder":
        made = omm.connect(tmp_path / "data")
        yield made
        made.close()
        return
    with serving(tmp_path, "--local") as url:
        yield omm.connect(url)


def plans(client, folder):
    """Return a monitor of captures that differ from its baseline, and run once."""
    with omm.Recorder(folder / "captures", endpoint="plans") as recorder:
        for number in range(60):
            recorder.log(f"{number % 7},{'xyz'[number % 3]}", "0.5")
    captures = client.session.placed(str(folder / "captures"), f"{client.session.place}/captures")
    (folder / "train.csv").write_text("score,n,plan\n" + "0.5,1,x\n0.5,2,y\n" * 30)
    return client.create_monitor(
        "plans", captures=f"{captures}/plans", baseline=str(folder / "train.csv"), every="now"
    )


def test_a_server_goes_on_with_a_folder(tmp_path):
    client = omm.connect(tmp_path / "data")
    assert plans(client, tmp_path).wait(60).status == "CompletedWithViolations"
    client.close()
    with serving(tmp_path / "data", environment={"OMM_LOCAL_ADDRESSES": "true"}) as url:
        monitor = omm.connect(url).monitor("plans")
        monitor.start()
        while len(monitor.executions()) < 2 or monitor.wait(60).status == "Pending":
            time.sleep(0.2)
        assert [one.status for one in monitor.executions()] == ["CompletedWithViolations"] * 2
        assert len({one._folder() for one in monitor.executions()}) == 2


def test_a_client_for_those_who_never_used_sagemaker(client, tmp_path):
    monitor = plans(client, tmp_path)
    execution = monitor.wait(60)
    assert execution.status == "CompletedWithViolations", execution.failure
    assert [one["feature_name"] for one in execution.violations] == ["plan", "n"]
    assert 'class="bar old"' in execution.to_html()
    assert "Unknown values" in execution._repr_html_()
    assert [(one.name, one.endpoint) for one in client.monitors()] == [("plans", "plans")]
    client.monitor("plans").delete()
    assert client.monitors() == []
