"""An execution's processing jobs as SageMaker makes them: inputs, environment, names (`api.md` §11). Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from open_model_monitor.control.materialise import DataInput, Resolved
from open_model_monitor.control.store import Row
from open_model_monitor.control.template import NEEDS_LABELS, Template

JSON = dict[str, Any]

MAX_DATA_INPUTS = 10
DEFAULT_MAX_RUNTIME = 3600
STATISTICS = "/opt/ml/processing/baseline/stats"
CONSTRAINTS = "/opt/ml/processing/baseline/constraints"
PREPROCESSING = "/opt/ml/processing/code/preprocessing"
POSTPROCESSING = "/opt/ml/processing/code/postprocessing"
ANALYSIS_CONFIG = "/opt/ml/processing/input/config"
OUTPUT = "/opt/ml/processing/output"

_PREFIXES = {
    "DataQuality": "model-monitoring-",
    "ModelQuality": "model-quality-monitoring-",
    "ModelBias": "model-bias-monitoring-",
    "ModelExplainability": "model-explain-monitoring-",
}
_ANALYSES = {
    "ModelQuality": "MODEL_QUALITY",
    "ModelBias": "MODEL_BIAS",
    "ModelExplainability": "MODEL_EXPLAINABILITY",
}


def job_name(kind: str, execution: Row, *, merge: bool = False) -> str:
    """Return the name of an execution's job: type, tick, and the execution's own digits (§11.2)."""
    prefix = "groundtruth-merge-" if merge else _PREFIXES[kind]
    return f"{prefix}{execution['scheduled']:%Y%m%d%H%M}-{execution['id'][:24]}"


def analysis_request(
    execution: Row, resolved: Resolved, data: Sequence[DataInput], *, merged: str | None = None
) -> JSON:
    """Return the CreateProcessingJob request of an execution's analysis.

    `merged` is the root of the merged captures of types that need labels; `data` then lies below it.
    """
    template = resolved.template
    return without_none(
        {
            "ProcessingJobName": job_name(template.kind, execution),
            "ProcessingInputs": [*data_inputs(resolved, data), *_other_inputs(template)],
            "ProcessingOutputConfig": _output_config(execution, template, seconds=resolved.shares_minute),
            "ProcessingResources": {"ClusterConfig": template.resources},
            "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime(resolved)},
            "AppSpecification": {
                "ImageUri": template.image,
                "ContainerEntrypoint": template.entrypoint,
                "ContainerArguments": template.arguments,
            },
            "Environment": _environment(execution, resolved, merged=merged is not None),
            "NetworkConfig": template.network,
            "RoleArn": template.role,
        }
    )


def data_inputs(resolved: Resolved, data: Sequence[DataInput]) -> list[JSON]:
    """Return the ProcessingInputs of captures."""
    template = resolved.template
    local = template.input["LocalPath"].rstrip("/")
    name = "batch_input" if template.is_batch else "endpoint_input"
    how = template.input.get("S3DataDistributionType") or "FullyReplicated"
    if len(data) > MAX_DATA_INPUTS:  # one input for all; only the window's hours are taken from it
        data = [_common(data)]
    return [
        processing_input(f"{name}_{place}", one.address, f"{local}/{one.below}".rstrip("/"), how)
        for place, one in enumerate(data, 1)
    ]


def _common(data: Sequence[DataInput]) -> DataInput:
    """Return the folder that holds all of them: of one variant, of the endpoint, or of the batch side."""
    depth = 4  # yyyy/mm/dd/HH
    roots = {tuple(one.below.split("/")[:-depth]) for one in data}
    cut = depth if len(roots) == 1 else depth + 1
    first = data[0]
    below = "/".join(first.below.split("/")[:-cut])
    return DataInput("/".join(first.address.split("/")[:-cut]), below)


def _other_inputs(template: Template) -> list[JSON]:
    given = (
        ("baseline", template.statistics, STATISTICS),
        ("constraints", template.constraints, CONSTRAINTS),
        ("pre_processor_script", template.preprocessor, PREPROCESSING),
        ("post_processor_script", template.postprocessor, POSTPROCESSING),
        ("analysis_config", template.config, ANALYSIS_CONFIG),
    )
    return [processing_input(name, address, path) for name, address, path in given if address]


def processing_input(name: str, address: str, path: str, how: str = "FullyReplicated") -> JSON:
    """Return a ProcessingInput of everything below an address."""
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": address,
            "LocalPath": path,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": how,
            "S3CompressionType": "None",
        },
    }


def _output_config(execution: Row, template: Template, *, seconds: bool) -> JSON:
    given = template.output["MonitoringOutputs"][0]["S3Output"]
    parts = [given["S3Uri"].rstrip("/"), template.endpoint, execution["schedule"]]
    scheduled: datetime = execution["scheduled"]
    path = "/".join([part for part in parts if part] + [scheduled.strftime("%Y/%m/%d/%H")])
    if scheduled.minute or seconds:
        path += scheduled.strftime("/%M")
    if seconds:
        path += scheduled.strftime("/%S")
    output = {
        "OutputName": "result",
        "AppManaged": False,
        "S3Output": {
            "S3Uri": path,
            "LocalPath": given["LocalPath"],
            "S3UploadMode": given.get("S3UploadMode", "Continuous"),
        },
    }
    return without_none({"Outputs": [output], "KmsKeyId": template.output.get("KmsKeyId")})


def max_runtime(resolved: Resolved) -> int:
    """Return the time limit: what was asked for, clamped to the schedule's period; half of it beside a merge."""
    limit = resolved.template.max_runtime or DEFAULT_MAX_RUNTIME
    if resolved.period:
        limit = min(limit, int(resolved.period))
    return max(1, limit // 2 if resolved.template.kind in NEEDS_LABELS else limit)


def _environment(execution: Row, resolved: Resolved, *, merged: bool) -> dict[str, str]:
    template, given = resolved.template, resolved.template.input
    start = stamp(execution["window_start"])
    computed = {
        "dataset_source": given["LocalPath"],
        "dataset_format": json.dumps(dataset_format(resolved, merged=merged)),
        "start_time": start,
        "end_time": stamp(execution["window_end"]),
        "metric_time": start,
        "output_path": template.output["MonitoringOutputs"][0]["S3Output"]["LocalPath"],
        "publish_cloudwatch_metrics": template.environment.get("publish_cloudwatch_metrics", "Enabled"),
        "sagemaker_monitoring_schedule_name": execution["schedule"],
        "sagemaker_endpoint_name": template.endpoint,
        "sagemaker_endpoint_datacapture_prefix": None if template.is_batch else resolved.captures,
        "baseline_statistics": _below(STATISTICS, template.statistics),
        "baseline_constraints": _below(CONSTRAINTS, template.constraints),
        "record_preprocessor_script": _below(PREPROCESSING, template.preprocessor),
        "post_analytics_processor_script": _below(POSTPROCESSING, template.postprocessor),
        "analysis_type": _ANALYSES.get(template.kind),
        "problem_type": template.problem_type,
        "inference_attribute": given.get("InferenceAttribute"),
        "probability_attribute": given.get("ProbabilityAttribute"),
        "probability_threshold_attribute": given.get("ProbabilityThresholdAttribute"),
        "features_attribute": given.get("FeaturesAttribute"),
        "exclude_features_attribute": given.get("ExcludeFeaturesAttribute"),
        "monitoring_input_type": "BATCH_TRANSFORM_INPUT" if template.is_batch else "ENDPOINT_INPUT",
    }
    return {
        **template.environment,
        **{key: str(value) for key, value in computed.items() if value is not None},
    }


def dataset_format(resolved: Resolved, *, merged: bool) -> JSON:
    """Return the `dataset_format` of a job's environment, as a document."""
    template = resolved.template
    if merged:
        labelled = {"ModelQuality": ["endpointOutput"]}.get(
            template.kind, ["endpointInput", "endpointOutput"]
        )
        return {
            "sagemakerMergeJson": {
                "captureIndexNames": list(resolved.sections) if template.is_batch else labelled
            }
        }
    if not template.is_batch:
        return {"sagemakerCaptureJson": {"captureIndexNames": list(resolved.sections)}}
    [(kind, options)] = template.input["DatasetFormat"].items()
    names = {"Header": "header", "Line": "line"}
    return {kind.lower(): {names[key]: value for key, value in (options or {}).items() if key in names}}


def _below(folder: str, address: str | None) -> str | None:
    return f"{folder}/{address.rstrip('/').rpartition('/')[2]}" if address else None


def stamp(moment: datetime) -> str:
    """Return a moment as environments spell it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def without_none(value: JSON) -> JSON:
    """Return a request without the members that are None."""
    return {
        key: without_none(one) if isinstance(one, dict) else one
        for key, one in value.items()
        if one is not None
    }
