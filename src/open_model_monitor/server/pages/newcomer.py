"""A first monitor, from the playground: script uploaded, endpoint registered, baseline ordered, schedule created.

Everything is what a client of SageMaker would ask for, through the same door, so nothing here is special.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from open_model_monitor.control.job_requests import PREPROCESSING
from open_model_monitor.control.operating import default_bucket
from open_model_monitor.errors import InvalidRequest
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.samples import Sample, captures, sample_of
from open_model_monitor.server.pages.visits import Visit, found

JSON = dict[str, Any]
IMAGE = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}}
SCRIPT = "preprocessor.py"
ROWS = 600  # of a sample
OFTEN = {"now": "NOW", "hourly": "cron(0 * ? * * *)", "daily": "cron(0 0 ? * * *)"}


def create(desk: Desk, visit: Visit, script: str) -> str:
    """Create a monitor of a sample, or of an endpoint with a baseline data set; returns its name.

    Raises ApiError for what the operations refuse.
    """
    name = visit.form.get("name", "").strip()
    often = OFTEN.get(visit.form.get("often", "now"))
    if often is None:
        raise InvalidRequest(f"how often: one of {', '.join(OFTEN)}")
    place = f"s3://{default_bucket(desk.settings)}/monitors/{name}"
    source = visit.form.get("source", "")
    kind, _, chosen = source.partition(":")
    # Refused before anything is written; the schedule's own creation checks the rest.
    _refuse_taken(desk, visit, name)
    role = f"arn:{visit.caller.partition}:iam::{visit.caller.account}:role/omm"
    with ExitStack() as undo:  # a monitor that is refused in the end leaves nothing behind
        if kind == "sample":
            sample = found(sample_of(chosen), "such sample")
            endpoint = _sample_endpoint(desk, visit, name, place, role, sample, undo)
            dataset = f"{place}/sample-baseline"
        else:
            endpoint = visit.form.get("endpoint", "").strip()
            dataset = visit.form.get("baseline", "").strip()
            if not endpoint or not dataset:
                raise InvalidRequest(
                    "An endpoint, and the address of captures to make a baseline of, are needed"
                )
        desk.storage.write(f"{place}/code/{SCRIPT}", script.encode())
        baseline = _order_baseline(desk, visit, name, place, role, dataset)
        undo.callback(desk.service.call, "StopProcessingJob", {"ProcessingJobName": baseline}, visit.caller)
        schedule = _schedule(endpoint, place, role, often, baseline)
        request = {"MonitoringScheduleName": name, "MonitoringScheduleConfig": schedule}
        desk.service.call("CreateMonitoringSchedule", request, visit.caller)
        undo.pop_all()
    return name


def _refuse_taken(desk: Desk, visit: Visit, name: str) -> None:
    request = {"NameContains": name or "?", "MaxResults": 100}
    known = desk.service.call("ListMonitoringSchedules", request, visit.caller)["MonitoringScheduleSummaries"]
    if any(one["MonitoringScheduleName"] == name for one in known):
        raise InvalidRequest(f"There is a monitor {name} already; choose another name")


def _sample_endpoint(
    desk: Desk, visit: Visit, name: str, place: str, role: str, sample: Sample, undo: ExitStack
) -> str:
    """Lay calm captures for the baseline and drifted ones for the first run; register the endpoint they are of."""
    call, caller = desk.service.call, visit.caller
    destination = f"{place}/captures"
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": destination,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    config = {"ProductionVariants": [variant], "DataCaptureConfig": capture}
    made: list[tuple[str, JSON]] = [
        ("Model", {"ExecutionRoleArn": role}),
        ("EndpointConfig", config),
        ("Endpoint", {"EndpointConfigName": name}),
    ]
    for noun, members in made:
        call(f"Create{noun}", {f"{noun}Name": name, **members}, caller)
        undo.callback(call, f"Delete{noun}", {f"{noun}Name": name}, caller)
    hour = visit.now.replace(minute=0, second=0, microsecond=0)
    calm = captures(sample, ROWS, hour=hour)
    desk.storage.write(f"{place}/sample-baseline/calm.jsonl", calm.encode())
    drifted = captures(sample, ROWS, drifted=True, hour=hour)
    folder = f"{destination}/{name}/AllTraffic/{hour:%Y/%m/%d/%H}"
    desk.storage.write(f"{folder}/00-00-000-sample.jsonl", drifted.encode())
    return name


def _order_baseline(desk: Desk, visit: Visit, name: str, place: str, role: str, dataset: str) -> str:
    """Create the job that makes the baseline; the schedule's runs wait for it."""
    job = f"{name[:40]}-baseline-{visit.now:%Y%m%d%H%M%S}"
    data, code = "/opt/ml/processing/input/baseline_dataset_input", PREPROCESSING
    environment = {
        "dataset_source": data,
        "dataset_format": json.dumps(
            {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
        ),
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Disabled",
        "record_preprocessor_script": f"{code}/{SCRIPT}",
    }
    desk.service.call(
        "CreateProcessingJob",
        {
            "ProcessingJobName": job,
            "ProcessingInputs": [
                _input("baseline_dataset_input", dataset, data),
                _input("pre_processor_script", f"{place}/code/{SCRIPT}", code),
            ],
            "ProcessingOutputConfig": {"Outputs": [_output(f"{place}/baseline")]},
            "ProcessingResources": CLUSTER,
            "AppSpecification": {"ImageUri": IMAGE},
            "Environment": environment,
            "RoleArn": role,
        },
        visit.caller,
    )
    return job


def _input(name: str, address: str, path: str) -> JSON:
    how = {"S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {"S3Uri": address, "LocalPath": path, **how}}


def _output(address: str) -> JSON:
    path = "/opt/ml/processing/output"
    return {
        "OutputName": "result",
        "S3Output": {"S3Uri": address, "LocalPath": path, "S3UploadMode": "EndOfJob"},
    }


def _schedule(endpoint: str, place: str, role: str, often: str, baseline: str) -> JSON:
    timing = {"ScheduleExpression": often}
    if often == "NOW":
        timing |= {"DataAnalysisStartTime": "-PT1H", "DataAnalysisEndTime": "-PT0H"}
    output = {
        "S3Uri": f"{place}/reports",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    given = {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/input/endpoint"}
    return {
        "ScheduleConfig": timing,
        "MonitoringJobDefinition": {
            "BaselineConfig": {"BaseliningJobName": baseline},
            "MonitoringInputs": [{"EndpointInput": given}],
            "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
            "MonitoringResources": CLUSTER,
            "MonitoringAppSpecification": {
                "ImageUri": IMAGE,
                "RecordPreprocessorSourceUri": f"{place}/code/{SCRIPT}",
            },
            "RoleArn": role,
        },
        "MonitoringType": "DataQuality",
    }
