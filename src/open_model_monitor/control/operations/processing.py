"""Processing jobs: baselines, executions, and whatever users launch themselves (`api.md` §6)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_

from open_model_monitor.control.operations.listing import Noun, listed
from open_model_monitor.control.operations.registry import JSON, Context, operation
from open_model_monitor.control.operations.tags import add_tags, drop_tags
from open_model_monitor.control.store import Row, Transaction, new_id
from open_model_monitor.control.tables import executions, jobs, log_events
from open_model_monitor.errors import AlreadyExists, InvalidRequest, NotFound

DEFAULT_MAX_RUNTIME = 86_400
TERMINAL = ("Completed", "Failed", "Stopped")

_JOBS = Noun(
    jobs,
    sort={"CreationTime": "created", "Name": "name", "Status": "status"},
    equal={"StatusEquals": "status"},
    times={"CreationTime": "created", "LastModifiedTime": "modified"},
)


@operation("CreateProcessingJob")
def create_processing_job(context: Context, request: JSON) -> JSON:
    """Queue a processing job; a worker starts it within a moment."""
    tags = request.pop("Tags", None)
    _check(request)
    if not insert_job(context.transaction, request, context.realm, context.now):
        raise AlreadyExists(
            f"Processing job {request['ProcessingJobName']} already exists; choose another name"
        )
    arn = context.arn("processing-job", request["ProcessingJobName"])
    add_tags(context, arn, tags)
    return {"ProcessingJobArn": arn}


def insert_job(
    transaction: Transaction, request: JSON, realm: dict[str, str], now: Any, **links: Any
) -> bool:
    """Queue a job: the one way for users and for executions; False if its name is taken.

    `links` say which execution of which schedule it belongs to (columns of `tables.jobs`).
    """
    row = {"id": new_id(), **realm, "name": request["ProcessingJobName"], "created": now, "modified": now}
    return transaction.insert(
        jobs, **row, status="InProgress", request=request, stop_requested=False, attempt=0, **links
    )


def _check(request: JSON) -> None:
    for given in request.get("ProcessingInputs") or ():
        if "DatasetDefinition" in given:
            raise InvalidRequest(
                f"Input {given['InputName']}: DatasetDefinition is not supported; give an S3Input"
            )
        if "S3Input" not in given:
            raise InvalidRequest(f"Input {given['InputName']} needs an S3Input")
    for output in (request.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
        if "FeatureStoreOutput" in output:
            raise InvalidRequest(
                f"Output {output['OutputName']}: FeatureStoreOutput is not supported; give an S3Output"
            )
        if "S3Output" not in output:
            raise InvalidRequest(f"Output {output['OutputName']} needs an S3Output")
    names = [given["InputName"] for given in request.get("ProcessingInputs") or ()]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidRequest(f"Two inputs are named {twice}")


@operation("DescribeProcessingJob")
def describe_processing_job(context: Context, request: JSON) -> JSON:
    """Describe a job; lists that the SDK indexes are there, if empty."""
    row = _existing(context, request["ProcessingJobName"])
    return {
        "ProcessingInputs": [],
        **row["request"],
        "ProcessingJobArn": context.arn("processing-job", row["name"]),
        "ProcessingJobStatus": row["status"],
        "CreationTime": row["created"],
        "LastModifiedTime": row["modified"],
        "ProcessingStartTime": row["started"],
        "ProcessingEndTime": row["ended"],
        "ExitMessage": row["exit_message"],
        "FailureReason": row["failure"] if row["status"] == "Failed" else None,
        "MonitoringScheduleArn": row["schedule_arn"],
    }


@operation("ListProcessingJobs")
def list_processing_jobs(context: Context, request: JSON) -> JSON:
    """List jobs, oldest first unless told otherwise."""

    def summary(row: Row) -> JSON:
        return {
            "ProcessingJobName": row["name"],
            "ProcessingJobArn": context.arn("processing-job", row["name"]),
            "CreationTime": row["created"],
            "ProcessingEndTime": row["ended"],
            "LastModifiedTime": row["modified"],
            "ProcessingJobStatus": row["status"],
            "FailureReason": row["failure"] if row["status"] == "Failed" else None,
            "ExitMessage": row["exit_message"],
        }

    return listed(context, "ListProcessingJobs", request, _JOBS, summary)


@operation("StopProcessingJob")
def stop_processing_job(context: Context, request: JSON) -> None:
    """Ask for a job to be stopped; its worker does so, and keeps what was written."""
    row = _existing(context, request["ProcessingJobName"])
    if row["status"] in TERMINAL:
        raise InvalidRequest(f"Processing job {row['name']} is {row['status']} already and cannot be stopped")
    context.transaction.update(
        jobs,
        and_(jobs.c.id == row["id"], jobs.c.status == "InProgress"),
        status="Stopping",
        stop_requested=True,
        modified=context.now,
    )
    if row["execution"]:
        context.transaction.update(
            executions,
            and_(executions.c.id == row["execution"], executions.c.status == "InProgress"),
            status="Stopping",
            modified=context.now,
        )


@operation("DeleteProcessingJob")
def delete_processing_job(context: Context, request: JSON) -> None:
    """Delete the record of a job that ended; its execution names it no longer."""
    row = context.transaction.get(jobs, **context.realm, name=request["ProcessingJobName"])
    if row is None:
        raise NotFound(_missing(request["ProcessingJobName"]))
    if row["status"] not in TERMINAL:
        raise AlreadyExists(f"Processing job {row['name']} is in use: it is {row['status']}; stop it first")
    drop_job(context.transaction, row)
    drop_tags(context, context.arn("processing-job", row["name"]))


def drop_job(transaction: Transaction, row: Row) -> None:
    """Remove a job and its log; every job that an execution names can be described, so it names it no longer."""
    if row["execution"]:
        transaction.update(executions, {"id": row["execution"], "job": row["name"]}, job=None)
        transaction.update(executions, {"id": row["execution"], "merge_job": row["name"]}, merge_job=None)
    transaction.delete(log_events, {"job": row["id"]})
    transaction.delete(jobs, {"id": row["id"]})


def _existing(context: Context, name: str) -> Row:
    row = context.transaction.get(jobs, **context.realm, name=name)
    if row is None:
        raise InvalidRequest(_missing(name))
    return row


def _missing(name: str) -> str:
    return f"Could not find requested job with name: {name}"
