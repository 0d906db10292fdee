"""What is old is forgotten: executions with their jobs, logs, metrics, the audit log, and what was told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from open_model_monitor.control.executions import OPEN
from open_model_monitor.control.operations.processing import TERMINAL, drop_job
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import (
    alert_history,
    audit,
    executions,
    invocations,
    jobs,
    log_events,
    metric_values,
    outbox,
    workers,
)
from open_model_monitor.settings import Settings

log = logging.getLogger(__name__)

BATCH = 500  # rows per transaction, so that others can write in between
TOLD_DAYS = 7  # how long delivered and given-up events are kept
DAY = timedelta(days=1)


def forget_old(store: Store, settings: Settings, now: datetime) -> Counter[str]:
    """Delete what is older than the settings say; returns how much of what. Results in the storage stay."""
    gone: Counter[str] = Counter()
    if settings.retention_days:
        before = now - settings.retention_days * DAY
        gone["jobs"] = _repeat(lambda: _forget_jobs(store, before))
        gone["executions"] = _repeat(lambda: _forget_executions(store, before))
        with store.begin() as transaction:
            transaction.delete(alert_history, alert_history.c.created < before)
    if settings.log_retention_days:
        before = now - settings.log_retention_days * DAY
        with store.begin() as transaction:
            ended = select(jobs.c.id).where(jobs.c.ended < before)
            gone["log lines"] = transaction.delete(log_events, log_events.c.job.in_(ended))
    with store.begin() as transaction:
        if settings.metric_retention_days:
            before = now - settings.metric_retention_days * DAY
            gone["metrics"] = transaction.delete(metric_values, metric_values.c.time < before)
        if settings.audit_retention_days:
            before = now - settings.audit_retention_days * DAY
            gone["audit"] = transaction.delete(audit, audit.c.time < before)
        transaction.delete(invocations, invocations.c.created < now - DAY)
        transaction.delete(workers, workers.c.heartbeat < now - DAY)
        done = and_(outbox.c.created < now - TOLD_DAYS * DAY, outbox.c.owner.is_(None))
        transaction.delete(outbox, done)
    if told := {what: count for what, count in gone.items() if count}:
        log.info("retention %s", " ".join(f"{what}={count}" for what, count in told.items()))
    return gone


def _repeat(step: Callable[[], int]) -> int:
    total = 0
    while count := step():
        total += count
    return total


def _forget_jobs(store: Store, before: datetime) -> int:
    with store.begin() as transaction:
        old = transaction.all(
            select(jobs).where(jobs.c.ended < before, jobs.c.status.in_(TERMINAL)).limit(BATCH)
        )
        for row in old:
            drop_job(transaction, row)
        return len(old)


def _forget_executions(store: Store, before: datetime) -> int:
    with store.begin() as transaction:
        old = (
            select(executions.c.id)
            .where(executions.c.modified < before, executions.c.status.not_in(OPEN))
            .limit(BATCH)
        )
        ids = [row["id"] for row in transaction.all(old)]
        return transaction.delete(executions, executions.c.id.in_(ids)) if ids else 0
