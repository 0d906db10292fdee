"""A run of SageMaker's done again from what it read, to compare what both wrote."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from open_model_monitor import api
from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.run import run
from open_model_monitor.moving.agreement import Agreement, agreement
from open_model_monitor.sdk.session import Session
from open_model_monitor.storage import Storage, normalise

JSON = dict[str, Any]
DOCUMENTS = ("statistics.json", "constraints.json", "constraint_violations.json")
PLACE = "/opt/ml/processing"


def recorded(folder: str) -> dict[str, JSON]:
    """Return the documents of a report by file name, of those that are there.

    Raises UsageError if there are none, DocumentError for one that is none.
    """
    storage, below = Storage(), normalise(folder).rstrip("/")
    found = {}
    for name in DOCUMENTS:
        if storage.exists(address := f"{below}/{name}"):
            try:
                found[name] = parse_json(storage.read(address))
            except ValueError as error:
                raise DocumentError(f"{address} is not JSON: {error}") from error
    if not found:
        raise UsageError(
            f"There is none of {', '.join(DOCUMENTS)} in {below}; name the folder of a recorded report"
        )
    return found


def parity(report: str, data: str, *, is_baseline: bool = False, **options: Any) -> Agreement:
    """Do a run again and compare its documents with recorded ones.

    `report` is the folder that SageMaker wrote, `data` what it read; `options` are those of `api.check`, or with
    `is_baseline` of `api.suggest`, which then suggests as SageMaker does. The constraints of a baseline that SageMaker
    made are judged as SageMaker does. Raises the errors of a run.
    """
    theirs = recorded(report)
    made = api.suggest(data, like="sagemaker", **options) if is_baseline else api.check(data, **options)
    return agreement(theirs, made.documents())


def parity_of_execution(session: Session, job: str, tell: Any = lambda text: None) -> Agreement:
    """Do the job of an execution again, from its own description, and compare what both wrote.

    Inputs are read where they lie. Raises UsageError for a job that is no monitoring of data or model quality.
    """
    described = session.describe_processing_job(job)
    environment = described.get("Environment") or {}
    if "dataset_source" not in environment:
        raise UsageError(f"The job {job} is no monitoring job: its environment has no dataset_source")
    if described["ProcessingJobStatus"] != "Completed":
        raise UsageError(
            f"The job {job} is {described['ProcessingJobStatus']}; only completed jobs left a report"
        )
    outputs = described["ProcessingOutputConfig"]["Outputs"]
    with tempfile.TemporaryDirectory(prefix="omm-parity-") as folder:
        tell("Fetching what the job read")
        local = _fetched(session, described["ProcessingInputs"], Path(folder))
        tell("Running it again")
        ours = _run_again(environment, local, Path(folder))
        theirs = _report(session, outputs[0]["S3Output"]["S3Uri"])
    return agreement(theirs, ours)


def _fetched(session: Session, inputs: list[JSON], folder: Path) -> Path:
    """Lay the inputs of a job where its container saw them, below a folder of ours."""
    for one in inputs:
        source = one["S3Input"]["S3Uri"].rstrip("/")
        inside = Path(one["S3Input"]["LocalPath"]).relative_to(PLACE)
        for address in session.list_files(source):
            below = address.removeprefix(source).lstrip("/") or address.rpartition("/")[2]
            target = (folder / inside / below).resolve()
            if target.is_relative_to(folder.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(session.read(address))
    return folder


def _run_again(environment: Mapping[str, str], local: Path, folder: Path) -> dict[str, JSON]:
    """Run the job that an environment describes; returns its documents."""
    output = folder / "again"
    moved = {name: value.replace(PLACE, str(local)) for name, value in environment.items()}
    job = Job.from_environment(
        {**moved, "output_path": str(output), "publish_cloudwatch_metrics": "Disabled"}
    )
    return run(job).documents()


def _report(session: Session, folder: str) -> dict[str, JSON]:
    found = {}
    names = {address.rpartition("/")[2]: address for address in session.list_files(folder)}
    for name in DOCUMENTS:
        if name in names:
            found[name] = json.loads(session.read(names[name]))
    if not found:
        raise UsageError(f"There is none of {', '.join(DOCUMENTS)} in {folder}")
    return found
