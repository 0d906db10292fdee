"""The ground-truth merge job of an execution: captures and labels in, merged captures out (`api.md` §11.6)."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from open_model_monitor.capture.formats import parse_format
from open_model_monitor.capture.record import Format
from open_model_monitor.control.inputs import window_of
from open_model_monitor.errors import MonitorError, OutsideError
from open_model_monitor.jobs.container import fail
from open_model_monitor.jobs.merge import merge
from open_model_monitor.jobs.merge_job import Merged, MergeJob
from open_model_monitor.storage import Storage

log = logging.getLogger(__name__)

MANY_HOURS = 24 * 366 * 10


def run_merge(
    folder: Path, environment: Mapping[str, str], real: Mapping[str, str]
) -> tuple[int, dict[str, Any], str]:
    """Merge what is laid out in a folder; returns exit code, summary and exit message.

    `real` says where the paths that the environment names really are: source, labels and output.
    """
    batch = environment.get("dataset_format")
    try:
        with tempfile.TemporaryDirectory(prefix="merge-", dir=folder) as scratch:
            job = MergeJob(
                source=real["dataset_source"],
                labels=real["ground_truth_source"],
                output=_root(real["output_path"], environment),
                scratch=scratch,
                format=parse_format(json.loads(batch)) if batch else Format("capture"),
                window=window_of(environment),
                lookback=MANY_HOURS,  # the request has chosen the folders of labels already
            )
            merged = merge(job, Storage())
    except MonitorError as error:
        return fail(error, folder), {"error": type(error).__name__}, ""
    except OSError as error:
        outside = OutsideError(f"{type(error).__name__}: {error}")
        return fail(outside, folder), {"error": "OutsideError"}, ""
    message = _message(merged)
    for warning in merged.counts.warnings:
        log.warning(warning)
    log.info(message)
    return 0, _summary(merged), message


def _root(output: str, environment: Mapping[str, str]) -> str:
    """Merged outputs of a batch transform lie below their schedule (`datasets.md` §11.4)."""
    schedule = environment.get("sagemaker_monitoring_schedule_name")
    return f"{output}/{schedule}" if environment.get("dataset_format") and schedule else output


def _message(merged: Merged) -> str:
    coverage = merged.coverage
    more = f"; {coverage.unlabelled} have none yet" if coverage.unlabelled else ""
    return (
        f"Completed: {coverage.joined} of {coverage.captured} captures have a label{more}; "
        f"{coverage.labels_unmatched} labels have no capture, {coverage.labels_superseded} were replaced by later ones."
    )


def _summary(merged: Merged) -> dict[str, Any]:
    return {
        "kind": "merge",
        "labels": merged.coverage.summary(),
        "counts": merged.counts.summary(),
        "warnings": list(merged.counts.warnings),
    }
