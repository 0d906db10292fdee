"""The ground-truth merge of an execution: which labels there are, and the job that joins them (`api.md` §11.6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from open_model_monitor.capture.record import Window
from open_model_monitor.control.executions import RELABEL
from open_model_monitor.control.job_requests import (
    JSON,
    OUTPUT,
    data_inputs,
    dataset_format,
    job_name,
    max_runtime,
    processing_input,
    stamp,
    without_none,
)
from open_model_monitor.control.materialise import DataInput, Resolved, Unrunnable, existing_hours
from open_model_monitor.control.store import Row
from open_model_monitor.control.template import Template
from open_model_monitor.control.windows import label_hours
from open_model_monitor.storage import Storage

NO_LABELS = "No labels yet"
GROUND_TRUTH = "/opt/ml/processing/groundtruth"
MERGER = "sagemaker-model-monitor-groundtruth-merger"


def find_labels(storage: Storage, resolved: Resolved, execution: Row) -> list[DataInput] | Unrunnable:
    """Return the hour folders of labels that exist, from the window's start to the tick, or to now for `relabel`.

    Raises StorageError.
    """
    until = execution["created"] if execution["trigger"] == RELABEL else execution["scheduled"]
    window = Window(execution["window_start"], execution["window_end"])
    searched = label_hours(window, until)
    root = (resolved.template.ground_truth or "").rstrip("/")
    span = Window(searched[0], searched[-1] + timedelta(hours=1))
    found = [DataInput(f"{root}/{hour}", hour) for hour in existing_hours(storage, root, span)]
    if not found:
        return Unrunnable(
            f"{NO_LABELS}: {root} has none of the hour folders {searched[0]:%Y/%m/%d/%H} to "
            f"{searched[-1]:%Y/%m/%d/%H}; omm backfill --relabel runs the window again once they are there"
        )
    return found


def merge_request(
    execution: Row, resolved: Resolved, data: Sequence[DataInput], truths: Sequence[DataInput]
) -> JSON:
    """Return the CreateProcessingJob request of an execution's ground-truth merge (§11.6)."""
    template = resolved.template
    truth_inputs = [
        processing_input(f"groundtruth_input_{place}", one.address, f"{GROUND_TRUTH}/{one.below}")
        for place, one in enumerate(truths, 1)
    ]
    output = {
        "OutputName": "result",
        "AppManaged": False,
        "S3Output": {"S3Uri": merged_root(template), "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"},
    }
    return without_none(
        {
            "ProcessingJobName": job_name(template.kind, execution, merge=True),
            "ProcessingInputs": [*truth_inputs, *data_inputs(resolved, data)],
            "ProcessingOutputConfig": {"Outputs": [output]},
            "ProcessingResources": {"ClusterConfig": template.resources},
            "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime(resolved)},
            "AppSpecification": {"ImageUri": _merger_image(template.image)},
            "Environment": {
                "dataset_source": template.input["LocalPath"],
                "ground_truth_source": GROUND_TRUTH,
                "output_path": OUTPUT,
                "start_time": stamp(execution["window_start"]),
                "end_time": stamp(execution["window_end"]),
                **(_of_batch(execution, resolved) if template.is_batch else {}),
            },
            "NetworkConfig": template.network,
            "RoleArn": template.role,
        }
    )


def _of_batch(execution: Row, resolved: Resolved) -> dict[str, str]:
    return {
        "dataset_format": json.dumps(dataset_format(resolved, merged=False)),
        "sagemaker_monitoring_schedule_name": execution["schedule"],
    }


def merged_root(template: Template) -> str:
    """Return where merged captures are written."""
    return f"{template.output['MonitoringOutputs'][0]['S3Output']['S3Uri'].rstrip('/')}/merge"


def merged_input(execution: Row, template: Template) -> DataInput:
    """Return the folder of an execution's merged captures, and where it goes: that of the endpoint or schedule."""
    below = template.endpoint or ""
    return DataInput(f"{merged_root(template)}/{template.endpoint or execution['schedule']}", below)


def _merger_image(image: str) -> str:
    registry = image.rpartition("/")[0]
    return f"{registry}/{MERGER}" if registry else MERGER
