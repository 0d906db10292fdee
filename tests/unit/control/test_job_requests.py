"""An execution's job request, as SageMaker makes it (`api.md` §11)."""

import json

from sqlalchemy import select

from open_model_monitor.control.job_requests import analysis_request, job_name
from open_model_monitor.control.materialise import (
    DataInput,
    resolve,
)
from open_model_monitor.control.merge_requests import merge_request
from open_model_monitor.control.tables import executions
from support.clients import named

BATCH = {
    "DataCapturedDestinationS3Uri": "s3://b/batch",
    "DatasetFormat": {"Csv": {"Header": True}},
    "LocalPath": "/opt/ml/processing/input",
}


def resolved(store, execution, settings):
    with store.read() as transaction:
        return resolve(transaction, execution, settings)


def inputs_of(request):
    return {
        one["InputName"]: (one["S3Input"]["S3Uri"], one["S3Input"]["LocalPath"])
        for one in request["ProcessingInputs"]
    }


HOURS = [
    DataInput(
        f"s3://b/captures/churn/AllTraffic/2026/01/31/{hour:02}", f"churn/AllTraffic/2026/01/31/{hour:02}"
    )
    for hour in range(12)
]


def test_a_data_quality_execution(execution, store, settings):
    baseline = {
        "ConstraintsResource": {"S3Uri": "s3://b/base/constraints.json"},
        "StatisticsResource": {"S3Uri": "s3://b/base/statistics.json"},
    }
    row = execution(DataQualityBaselineConfig=baseline)
    request = analysis_request(row, resolved(store, row, settings), HOURS[9:11])
    assert request["ProcessingJobName"] == f"model-monitoring-202601311030-{row['id'][:24]}"
    assert len(request["ProcessingJobName"]) <= 63
    base = "/opt/ml/processing/input/endpoint/churn/AllTraffic/2026/01/31"
    assert inputs_of(request) == {
        "endpoint_input_1": (HOURS[9].address, f"{base}/09"),
        "endpoint_input_2": (HOURS[10].address, f"{base}/10"),
        "baseline": ("s3://b/base/statistics.json", "/opt/ml/processing/baseline/stats"),
        "constraints": ("s3://b/base/constraints.json", "/opt/ml/processing/baseline/constraints"),
    }
    [output] = request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == "s3://b/out/churn/schedule/2026/01/31/10/30"
    assert request["Environment"] == {
        "dataset_source": "/opt/ml/processing/input/endpoint",
        "dataset_format": '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}',
        "start_time": "2026-01-31T09:00:00Z",
        "end_time": "2026-01-31T11:00:00Z",
        "metric_time": "2026-01-31T09:00:00Z",
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_monitoring_schedule_name": "schedule",
        "sagemaker_endpoint_name": "churn",
        "sagemaker_endpoint_datacapture_prefix": "s3://b/captures",
        "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "monitoring_input_type": "ENDPOINT_INPUT",
    }


def test_users_entries_stay_and_publishing_is_theirs(execution, store, settings):
    application = {"ImageUri": "x/sagemaker-model-monitor-analyzer"}
    own = {"MINE": "1", "publish_cloudwatch_metrics": "Disabled", "start_time": "never"}
    row = execution(DataQualityAppSpecification={**application, "Environment": own})
    environment = analysis_request(row, resolved(store, row, settings), HOURS[:1])["Environment"]
    assert (environment["MINE"], environment["publish_cloudwatch_metrics"]) == ("1", "Disabled")
    assert environment["start_time"] == "2026-01-31T09:00:00Z"


def test_scripts_have_the_places_that_samples_name(execution, store, settings):
    application = {
        "ImageUri": "x/sagemaker-model-monitor-analyzer",
        "RecordPreprocessorSourceUri": "s3://b/code/pre.py",
        "PostAnalyticsProcessorSourceUri": "s3://b/code/post.py",
    }
    row = execution(DataQualityAppSpecification=application)
    request = analysis_request(row, resolved(store, row, settings), HOURS[:1])
    assert inputs_of(request)["pre_processor_script"] == (
        "s3://b/code/pre.py",
        "/opt/ml/processing/code/preprocessing",
    )
    environment = request["Environment"]
    assert environment["record_preprocessor_script"] == "/opt/ml/processing/code/preprocessing/pre.py"
    assert environment["post_analytics_processor_script"] == "/opt/ml/processing/code/postprocessing/post.py"


def test_more_hours_than_inputs_become_one(execution, store, settings):
    row = execution()
    request = analysis_request(row, resolved(store, row, settings), HOURS)
    place = "/opt/ml/processing/input/endpoint/churn/AllTraffic"
    assert inputs_of(request) == {"endpoint_input_1": ("s3://b/captures/churn/AllTraffic", place)}
    other = [
        DataInput(one.address.replace("AllTraffic", "B"), one.below.replace("AllTraffic", "B"))
        for one in HOURS
    ]
    request = analysis_request(row, resolved(store, row, settings), [*HOURS, *other])
    assert inputs_of(request) == {
        "endpoint_input_1": ("s3://b/captures/churn", place.removesuffix("/AllTraffic"))
    }


def test_a_batch_execution(execution, store, settings):
    row = execution(inputs={"BatchTransformInput": BATCH})
    found = resolved(store, row, settings)
    data = [DataInput("s3://b/batch/input/2026/01/31/09", "2026/01/31/09")]
    request = analysis_request(row, found, data)
    environment = request["Environment"]
    assert inputs_of(request)["batch_input_1"] == (data[0].address, "/opt/ml/processing/input/2026/01/31/09")
    assert json.loads(environment["dataset_format"]) == {"csv": {"header": True}}
    assert environment["monitoring_input_type"] == "BATCH_TRANSFORM_INPUT"
    assert "sagemaker_endpoint_name" not in environment
    [output] = request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == "s3://b/out/schedule/2026/01/31/10/30"


def test_a_model_quality_execution_merges_first(execution, store, settings):
    row = execution("ModelQuality", StoppingCondition={"MaxRuntimeInSeconds": 3600})
    found = resolved(store, row, settings)
    truths = [DataInput("s3://b/labels/2026/01/31/09", "2026/01/31/09")]
    merge = merge_request(row, found, HOURS[9:11], truths)
    assert merge["ProcessingJobName"] == f"groundtruth-merge-202601311030-{row['id'][:24]}"
    assert merge["AppSpecification"]["ImageUri"].endswith("/sagemaker-model-monitor-groundtruth-merger")
    assert merge["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == "s3://b/out/merge"
    assert merge["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}
    assert inputs_of(merge)["groundtruth_input_1"] == (
        "s3://b/labels/2026/01/31/09",
        "/opt/ml/processing/groundtruth/2026/01/31/09",
    )
    analysis = analysis_request(
        row, found, [DataInput("s3://b/out/merge/churn", "churn")], merged="s3://b/out/merge"
    )
    environment = analysis["Environment"]
    assert environment["analysis_type"] == "MODEL_QUALITY"
    assert environment["problem_type"] == "BinaryClassification"
    assert environment["inference_attribute"] == "0"
    assert json.loads(environment["dataset_format"]) == {
        "sagemakerMergeJson": {"captureIndexNames": ["endpointOutput"]}
    }


def test_names_of_all_kinds_fit(execution):
    row = execution()
    for kind in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability"):
        assert len(job_name(kind, row)) <= 63
    assert named("definition")["MonitoringType"] == "DataQuality"


def test_two_runs_of_one_minute_keep_their_results_apart(call, store, settings, execution):
    first = execution()
    with store.begin() as transaction:
        later = first["scheduled"].replace(second=(first["scheduled"].second + 1) % 60)
        earlier, later = sorted((first["scheduled"], later))
        transaction.update(executions, {"id": first["id"]}, scheduled=earlier)
        transaction.insert(executions, **{**first, "id": "second", "scheduled": later})
    with store.read() as transaction:
        rows = transaction.all(select(executions).order_by(executions.c.scheduled))
    found = []
    for row in rows:
        request = analysis_request(row, resolved(store, row, settings), HOURS)
        found.append(request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"])
    assert found[1] == f"{found[0]}/{later:%S}"
