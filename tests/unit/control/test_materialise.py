"""What an execution is made of: baselines, captures, hours (`api.md` §9.3, §11)."""

import pytest

from open_model_monitor.capture.record import Window
from open_model_monitor.control.materialise import (
    Resolved,
    Unrunnable,
    Waiting,
    find_inputs,
    resolve,
)
from open_model_monitor.control.tables import jobs
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage


def resolved(store, execution, settings):
    with store.read() as transaction:
        return resolve(transaction, execution, settings)


def baselining(store, clock, status):
    output = {
        "OutputName": "o",
        "S3Output": {"S3Uri": "s3://b/results/", "LocalPath": "/opt/ml/processing/output"},
    }
    with store.begin() as transaction:
        times = {"created": clock(), "modified": clock()}
        realm = {"account": "000000000000", "region": "us-east-1", "name": "base", "id": "1"}
        request = {"ProcessingOutputConfig": {"Outputs": [output]}}
        row = {**realm, **times, "status": status, "request": request, "stop_requested": False, "attempt": 0}
        transaction.insert(jobs, **row)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("InProgress", Waiting("base")), ("Failed", Unrunnable), (None, Unrunnable)],
    ids=["running", "failed", "unknown"],
)
def test_a_baselining_job_that_has_no_results(execution, store, settings, clock, status, expected):
    if status:
        baselining(store, clock, status)
    found = resolved(store, execution(DataQualityBaselineConfig={"BaseliningJobName": "base"}), settings)
    assert found == expected or isinstance(found, expected if isinstance(expected, type) else ())


def test_a_baselining_job_that_is_done(execution, store, settings, clock):
    baselining(store, clock, "Completed")
    explicit = {"BaseliningJobName": "base", "ConstraintsResource": {"S3Uri": "s3://b/mine.json"}}
    found = resolved(store, execution(DataQualityBaselineConfig=explicit), settings)
    assert found.template.constraints == "s3://b/mine.json"
    assert found.template.statistics == "s3://b/results/statistics.json"


def test_a_clarify_baseline_is_its_analysis(execution, store, settings, clock):
    baselining(store, clock, "Completed")
    found = resolved(
        store, execution("ModelBias", ModelBiasBaselineConfig={"BaseliningJobName": "base"}), settings
    )
    assert found.template.constraints == "s3://b/results/analysis.json"


def test_where_an_endpoint_captures(execution, store, call):
    row = execution()
    assert isinstance(resolved(store, row, Settings()), Unrunnable)
    variants = [{"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large"}]
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/own/",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    call(
        "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=variants, DataCaptureConfig=capture
    )
    call("CreateEndpoint", EndpointName="churn", EndpointConfigName="c")
    found = resolved(store, row, Settings())
    assert (found.captures, found.sections) == ("s3://b/own/", ("endpointInput",))


def lay(folder, *places):
    for place in places:
        (folder / place).mkdir(parents=True)
        (folder / place / "a.jsonl").write_text("{}")


def test_hours_that_exist_are_found_by_hour_then_variant(execution, store, settings, tmp_path):
    row = execution()
    lay(
        tmp_path,
        *(f"churn/{variant}/2026/01/31/{hour}" for variant in "ab" for hour in ("08", "09", "10", "11")),
    )
    found = Resolved(resolved(store, row, settings).template, str(tmp_path))
    data = find_inputs(Storage(), found, Window(row["window_start"], row["window_end"]))
    assert [one.below for one in data] == [f"churn/{v}/2026/01/31/{h}" for h in ("09", "10") for v in "ab"]
    assert (
        find_inputs(
            Storage(),
            Resolved(found.template, str(tmp_path / "nothing")),
            Window(row["window_start"], row["window_end"]),
        )
        == []
    )
