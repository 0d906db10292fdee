"""The end of a job, and what follows from it, in one transaction; and what becomes of jobs whose worker died."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from open_model_monitor.control.executions import OPEN, end_execution, template_of_execution
from open_model_monitor.control.job_runner import JobOutcome
from open_model_monitor.control.metrics import namespace_of, record_metrics
from open_model_monitor.control.store import Row, Store, Transaction, expired, held, new_id
from open_model_monitor.control.tables import executions, jobs
from open_model_monitor.settings import Settings

log = logging.getLogger(__name__)

VIOLATED = "CompletedWithViolations"


def claim_job(store: Store, settings: Settings, now: datetime) -> Row | None:
    """Claim the oldest job that nobody runs; None if there is none."""
    waiting = (
        select(jobs.c.id)
        .where(jobs.c.status.in_(("InProgress", "Stopping")), jobs.c.owner.is_(None))
        .order_by(jobs.c.created, jobs.c.id)
    )
    with store.begin() as transaction:
        return transaction.claim(
            jobs,
            waiting,
            owner=new_id(),  # new with every claim: who was believed dead and is not finds another owner
            lease=now + timedelta(seconds=settings.lease_seconds),
            attempt=jobs.c.attempt + 1,
            started=now,
            modified=now,
        )


def finish_job(
    transaction: Transaction, job: Row, outcome: JobOutcome, settings: Settings, now: datetime
) -> bool:
    """Record a job's end, its execution's, metrics and alerts; False if the job is another worker's by now."""
    changed = transaction.update(
        jobs,
        held(jobs, job),
        status=outcome.status,
        ended=now,
        modified=now,
        exit_message=outcome.exit_message,
        failure=outcome.failure,
        details=outcome.details,
        owner=None,
        lease=None,
    )
    if not changed:
        return False
    log.info(
        "job name=%s status=%s attempt=%d message=%s",
        job["name"], outcome.status, job["attempt"], outcome.exit_message or outcome.failure,
    )  # fmt: skip
    execution = _execution(transaction, job)
    sinks = bool(settings.metric_sinks)
    record_metrics(
        transaction, job, outcome.metrics, namespace=_namespace(execution), now=now, for_sinks=sinks
    )
    if execution is not None and execution["status"] in OPEN:
        _advance(transaction, execution, job, outcome, now)
    return True


def _execution(transaction: Transaction, job: Row) -> Row | None:
    return transaction.get(executions, id=job["execution"]) if job["execution"] else None


def _namespace(execution: Row | None) -> str:
    if execution is None:
        return namespace_of("DataQuality", is_batch=False)
    return namespace_of(execution["kind"], is_batch=template_of_execution(execution).is_batch)


def _advance(transaction: Transaction, execution: Row, job: Row, outcome: JobOutcome, now: datetime) -> None:
    if outcome.status == "Completed" and job["role"] == "merge":
        still = and_(executions.c.id == execution["id"], executions.c.status.in_(OPEN))
        transaction.update(executions, still, stage="merged", waits_until=now, modified=now)
        return
    if job["role"] == "merge":  # its log says why, so let people find it
        transaction.update(executions, {"id": execution["id"]}, job=job["name"])
        execution = {**execution, "job": job["name"]}
    violations = outcome.details.get("violations")
    status: str = outcome.status
    if status == "Completed" and ((outcome.exit_message or "").startswith(VIOLATED) or violations):
        status = VIOLATED
    end_execution(transaction, execution, status, now=now, failure=outcome.failure, violations=violations)


def take_up_again(store: Store, settings: Settings, now: datetime) -> int:
    """Release what dead workers held; what was started too often, or may not be repeated, fails with its reason."""
    with store.begin() as transaction:
        released = transaction.update(executions, expired(executions, now), owner=None, lease=None)
        for job in transaction.all(select(jobs).where(expired(jobs, now)).limit(100)):
            released += 1
            if settings.resume_policy == "rerun" and job["attempt"] < settings.max_attempts:
                transaction.update(jobs, held(jobs, job), owner=None, lease=None)
                log.warning("job %s: its worker died; it will be started again", job["name"])
                continue
            times = f"was started {job['attempt']} times and " if job["attempt"] > 1 else ""
            reason = f"The job {times}lost its worker: the process, or its machine, died"
            finish_job(transaction, job, JobOutcome("Failed", None, reason, {}, []), settings, now)
    return released
