"""What the operator does by hand: look at logs, run past windows, run now, tell clients where the server is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from open_model_monitor.capture.record import Window
from open_model_monitor.control.arns import partition_of
from open_model_monitor.control.executions import (
    OPEN,
    RELABEL,
    create_execution,
    next_revision,
    run_now,
    schedule_of,
)
from open_model_monitor.control.merge_requests import NO_LABELS
from open_model_monitor.control.operations.processing import TERMINAL
from open_model_monitor.control.store import Row, Store, Transaction
from open_model_monitor.control.tables import executions, jobs, log_events, schedules
from open_model_monitor.control.template import NEEDS_LABELS
from open_model_monitor.control.windows import backfill as past_ticks
from open_model_monitor.errors import SettingsError, UsageError
from open_model_monitor.settings import Settings

ROLE_FILE = Path("/opt/ml/metadata/resource-metadata.json")
SERVER_FILE = "server.json"
LOCAL_KEY = "omm"  # of the developer mode, which checks no signatures
BATCH = 100
POLL = 1.0


def log_lines(store: Store, settings: Settings, name: str, *, follow: bool = False) -> Iterator[str]:
    """Yield the lines of a job's log, or of the last job of a schedule; with `follow` until the job ends.

    Raises UsageError if there is neither a job nor a schedule of that name.
    """
    place = -1
    while True:
        with store.read() as transaction:
            job = _job(transaction, settings, name)
            rows = transaction.all(
                select(log_events)
                .where(log_events.c.job == job["id"], log_events.c.place > place)
                .order_by(log_events.c.stream, log_events.c.place)
            )
        for row in rows:
            place = row["place"]
            yield f"{row['time']:%H:%M:%S} {row['message']}"
        if job["status"] in TERMINAL:
            if job["status"] != "Completed":
                yield f"--- {job['status']}: {job['failure'] or job['exit_message'] or ''}"
            return
        if not follow:
            return
        time.sleep(POLL)


def _job(transaction: Transaction, settings: Settings, name: str) -> Row:
    job = transaction.one(select(jobs).where(jobs.c.name == name).order_by(jobs.c.created.desc()))
    if job is not None:
        return job
    last = transaction.one(
        select(executions).where(executions.c.schedule == name).order_by(executions.c.scheduled.desc())
    )
    if last is None:
        raise UsageError(f"there is neither a processing job nor a schedule with executions named {name}")
    if last["job"] is None:
        raise UsageError(
            f"the last execution of {name} ({last['scheduled']:%Y-%m-%d %H:%M}) started no job: "
            f"{last['status']}, {last['failure'] or 'no reason was recorded'}"
        )
    found = transaction.get(jobs, account=last["account"], region=last["region"], name=last["job"])
    if found is None:
        raise UsageError(f"the job {last['job']} of {name} was deleted")
    return found


def find_schedule(transaction: Transaction, settings: Settings, name: str) -> Row:
    """Return the schedule of that name, of the settings' region and account if there are several.

    Raises UsageError.
    """
    found = transaction.all(select(schedules).where(schedules.c.name == name))
    here = [row for row in found if (row["account"], row["region"]) == (settings.account, settings.region)]
    if len(found) > 1 and not here:
        places = ", ".join(f"{row['account']} {row['region']}" for row in found)
        raise UsageError(f"{name} exists in {places}; set OMM_ACCOUNT and OMM_REGION")
    if not found:
        raise UsageError(f"there is no schedule {name}")
    return (here or found)[0]


def backfill(
    store: Store,
    settings: Settings,
    name: str,
    window: Window,
    *,
    now: datetime,
    again: bool = False,
    relabel: bool = False,
) -> dict[str, int]:
    """Queue executions for the past ticks of a schedule within a window, oldest first.

    Windows that have an execution are left out, or with `again` run once more; with `relabel` only those whose
    captures did not all have a label, with all labels that have come since. Returns how many were `created`, and
    how many `present`.

    Raises UsageError.
    """
    done = {"created": 0, "present": 0}
    with store.read() as transaction:
        schedule = find_schedule(transaction, settings, name)
    if relabel and schedule["kind"] not in NEEDS_LABELS:
        raise UsageError(f"{name} is a schedule of {schedule['kind']}, which has no labels")
    parsed = schedule_of(schedule["config"], settings)
    if parsed.is_now:
        raise UsageError(f"{name} runs once and has no past windows; `omm trigger {name}` runs it again")
    ticks = list(past_ticks(parsed, window.start, min(window.end, now)))
    for first in range(0, len(ticks), BATCH):
        with store.begin() as transaction:
            for tick in ticks[first : first + BATCH]:
                revision = next_revision(transaction, schedule["id"], tick)
                wanted = again or (relabel and _lacks_labels(transaction, schedule["id"], tick))
                if revision and not wanted:
                    done["present"] += 1
                    continue
                create_execution(
                    transaction,
                    schedule,
                    tick,
                    trigger=RELABEL if relabel else "backfill",
                    now=now,
                    settings=settings,
                    revision=revision,
                )
                done["created"] += 1
    return done


def _lacks_labels(transaction: Transaction, schedule: str, tick: datetime) -> bool:
    """Whether the last execution of a tick found captures without a label, or no label at all."""
    last = transaction.one(
        select(executions)
        .where(executions.c.schedule_id == schedule, executions.c.scheduled == tick)
        .order_by(executions.c.revision.desc())
    )
    if last is None or last["status"] in OPEN:
        return False
    merge = transaction.one(
        select(jobs)
        .where(jobs.c.execution == last["id"], jobs.c.role == "merge")
        .order_by(jobs.c.created.desc())
    )
    if merge is None:
        return str(last["failure"] or "").startswith(NO_LABELS)
    labels = (merge["details"] or {}).get("labels")
    return labels is None or labels["unlabelled"] > 0


def trigger(store: Store, settings: Settings, name: str, now: datetime) -> Row:
    """Queue one execution of a schedule, whose window ends now.

    Raises UsageError.
    """
    with store.begin() as transaction:
        return run_now(transaction, find_schedule(transaction, settings, name), now, settings, "run")


def default_bucket(settings: Settings) -> str:
    """Return the bucket that SageMaker's clients use unless told."""
    return f"sagemaker-{settings.region}-{settings.account}"


def client_environment(
    settings: Settings, *, url: str | None = None, folder: Path | None = None, write: bool = False
) -> dict[str, str]:
    """Return the variables that point SageMaker's clients here, and write the configuration of the SDK.

    `write` also writes the file from which `get_execution_role()` takes its role (`api.md` §2.2).

    Raises SettingsError if a file cannot be written.
    """
    address = url or server_address(settings)
    role = f"arn:{partition_of(settings.region)}:iam::{settings.account}:role/omm"
    config = (folder or Path(settings.data)) / "sagemaker-config.yaml"
    _write(config, _SDK_CONFIG.format(bucket=default_bucket(settings), role=role))
    if write:
        _write(ROLE_FILE, json.dumps({"ExecutionRoleArn": role, "ResourceName": "omm"}))
    exports = {
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config.resolve()),
    }
    if not _keys_needed(settings):
        exports |= {"AWS_ACCESS_KEY_ID": LOCAL_KEY, "AWS_SECRET_ACCESS_KEY": LOCAL_KEY}
    return exports


_SDK_CONFIG = """\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {bucket}
  MonitoringSchedule:
    MonitoringScheduleConfig:
      MonitoringJobDefinition:
        RoleArn: {role}
"""


def _keys_needed(settings: Settings) -> bool:
    return settings.auth == "keys" or (settings.auth == "auto" and settings.host not in LOOPBACK)


LOOPBACK = ("127.0.0.1", "localhost", "::1")


def server_address(settings: Settings) -> str:
    """Return where the server is reached: as set, as the running one told, or as it would listen."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    try:
        told = json.loads((Path(settings.data) / SERVER_FILE).read_text(encoding="utf-8"))
        return str(told["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"http://{settings.host}:{settings.port}{settings.path_prefix}"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"cannot write {path}: {error}; run it as a user who may, or write it by hand"
        ) from error
