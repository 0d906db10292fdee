"""An execution that waits gets its job: claimed by one worker, inputs found, the job queued, in this order."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, or_, select

from open_model_monitor.capture.record import Window
from open_model_monitor.control.arns import arn
from open_model_monitor.control.executions import end_execution, schedule_of
from open_model_monitor.control.job_requests import analysis_request
from open_model_monitor.control.materialise import (
    NO_DATA,
    Resolved,
    Unrunnable,
    Waiting,
    find_inputs,
    resolve,
)
from open_model_monitor.control.merge_requests import find_labels, merge_request, merged_input, merged_root
from open_model_monitor.control.operations.processing import insert_job
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.store import Row, Store, Transaction, held, new_id
from open_model_monitor.control.tables import executions, schedules
from open_model_monitor.control.template import NEEDS_LABELS
from open_model_monitor.errors import MonitorError, OutsideError
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage

log = logging.getLogger(__name__)

RETRY_STORAGE = timedelta(seconds=30)
AGAIN = timedelta(seconds=2)  # how often a baselining job is looked at


class _Taken(Exception):
    """Another execution of the schedule was faster."""


def advance_next(store: Store, storage: Storage, settings: Settings, now: datetime) -> bool:
    """Claim one execution that waits and bring it a step further; False if none waits."""
    execution = _claim(store, settings, now)
    if execution is None:
        return False
    try:
        with store.read() as transaction:
            found = resolve(transaction, execution, settings)
        step = found if isinstance(found, Waiting | Unrunnable) else _requests(storage, execution, found)
    except OutsideError as error:
        _try_again(store, execution, settings, now, str(error), RETRY_STORAGE)
        return True
    except MonitorError as error:
        step = Unrunnable(str(error))
    except Exception as error:
        log.exception("execution %s cannot be started; this is a bug of ours", execution["id"])
        step = Unrunnable(f"{type(error).__name__}: {error}")
    if isinstance(step, Waiting):
        _try_again(store, execution, settings, now, f"the baselining job {step.job} is not done", AGAIN)
        return True
    with store.begin() as transaction:
        if isinstance(step, Unrunnable):
            end_execution(transaction, execution, "Failed", now=now, failure=step.reason)
        else:
            _queue(transaction, execution, step, now)
    return True


def _candidates(settings: Settings, now: datetime) -> Select[tuple[str]]:
    ready = or_(executions.c.status == "Pending", executions.c.stage == "merged")
    statement = (
        select(executions.c.id)
        .join(schedules, schedules.c.id == executions.c.schedule_id)
        .where(
            ready,
            executions.c.status.in_(("Pending", "InProgress")),
            executions.c.owner.is_(None),
            executions.c.waits_until <= now,
        )
        .order_by(executions.c.scheduled, executions.c.created)
    )
    if settings.overlap_policy == "parallel":
        return statement
    return statement.where(or_(schedules.c.running.is_(None), schedules.c.running == executions.c.id))


def _claim(store: Store, settings: Settings, now: datetime) -> Row | None:
    """Claim an execution, and with it its schedule: the next ones wait until it has ended."""
    lease = now + timedelta(seconds=settings.lease_seconds)
    try:
        with store.begin() as transaction:
            found = transaction.claim(executions, _candidates(settings, now), owner=new_id(), lease=lease)
            if found is None:
                return None
            free = and_(
                schedules.c.id == found["schedule_id"],
                or_(schedules.c.running.is_(None), schedules.c.running == found["id"]),
            )
            taken = transaction.update(schedules, free, running=found["id"])
            if not taken and settings.overlap_policy != "parallel":
                raise _Taken
            return found
    except _Taken:
        return None


def _requests(
    storage: Storage, execution: Row, resolved: Resolved
) -> list[tuple[str, dict[str, object]]] | Unrunnable:
    """Return the jobs to queue, each with its role."""
    window = Window(execution["window_start"], execution["window_end"])
    template = resolved.template
    if execution["stage"] == "merged":
        data = [merged_input(execution, template)]
        return [("analysis", analysis_request(execution, resolved, data, merged=merged_root(template)))]
    data = find_inputs(storage, resolved, window)
    if not data:
        return Unrunnable(NO_DATA)
    if template.kind in NEEDS_LABELS:
        labels = find_labels(storage, resolved, execution)
        if isinstance(labels, Unrunnable):
            return labels
        return [("merge", merge_request(execution, resolved, data, labels))]
    return [("analysis", analysis_request(execution, resolved, data))]


def _queue(
    transaction: Transaction, execution: Row, requests: list[tuple[str, dict[str, object]]], now: datetime
) -> None:
    [(role, request)] = requests
    name = str(request["ProcessingJobName"])
    column, stage = ("merge_job", "merging") if role == "merge" else ("job", "analysing")
    changes = {column: name, "stage": stage, "status": "InProgress", "modified": now}
    if not transaction.update(executions, held(executions, execution), **changes, owner=None, lease=None):
        return  # another worker took over, or the execution was stopped
    realm = {"account": execution["account"], "region": execution["region"]}
    of = arn("monitoring-schedule", execution["schedule"], Caller(**realm))
    insert_job(transaction, request, realm, now, schedule_arn=of, execution=execution["id"], role=role)


def _try_again(
    store: Store, execution: Row, settings: Settings, now: datetime, why: str, after: timedelta
) -> None:
    """Let an execution wait, at most for the length of the schedule's period (an hour for a one-time one)."""
    period = schedule_of(execution["snapshot"]["config"], settings).period_seconds or 3600
    with store.begin() as transaction:
        if now > execution["created"] + timedelta(seconds=period):
            end_execution(transaction, execution, "Failed", now=now, failure=f"Waited too long: {why}")
            return
        transaction.update(
            executions, held(executions, execution), owner=None, lease=None, waits_until=now + after
        )
        # Others of the schedule keep waiting: windows are analysed in their order.
    log.warning("execution %s of %s waits: %s", execution["id"], execution["schedule"], why)
