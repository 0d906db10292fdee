"""Schedules that are due get their executions: each tick once, whoever asks, and however late."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select

from open_model_monitor.control.executions import create_execution, end_execution, schedule_of
from open_model_monitor.control.store import Row, Store, Transaction
from open_model_monitor.control.tables import executions, schedules
from open_model_monitor.control.windows import due
from open_model_monitor.errors import ApiError
from open_model_monitor.settings import Settings

log = logging.getLogger(__name__)

BATCH = 100  # schedules per transaction: few enough for others to write in between


def create_due(store: Store, settings: Settings, now: datetime) -> int:
    """Create the executions of all ticks up to `now`; returns how many."""
    created = 0
    while True:
        with store.begin() as transaction:
            found = _due_schedules(transaction, now)
            created += sum(create_ticks(transaction, schedule, settings, now) for schedule in found)
        if len(found) < BATCH:
            return created


def _due_schedules(transaction: Transaction, now: datetime) -> list[Row]:
    statement = (
        select(schedules)
        .where(schedules.c.status == "Scheduled", schedules.c.due <= now)
        .order_by(schedules.c.due)
        .limit(BATCH)
    )
    # On PostgreSQL several workers share the work; SQLite lets one write at a time, and knows no such clause.
    return transaction.all(statement.with_for_update(skip_locked=True))


def create_ticks(transaction: Transaction, schedule: Row, settings: Settings, now: datetime) -> int:
    """Create the executions of one schedule's ticks up to `now`; returns how many."""
    try:
        parsed = schedule_of(schedule["config"], settings)
    except ApiError as error:  # such as an extended expression after the extension was switched off
        changes = {"status": "Failed", "failure": str(error), "due": None, "modified": now}
        transaction.update(schedules, {"id": schedule["id"]}, **changes)
        log.error("schedule %s can no longer be scheduled: %s", schedule["name"], error)
        return 0
    found = due(parsed, schedule["last_tick"], now, catchup=settings.catchup, limit=settings.catchup_limit)
    if found.skipped:
        log.warning(
            "tick schedule=%s skipped=%d catchup=%s: ticks missed while no worker ran are left out",
            schedule["name"], found.skipped, settings.catchup,
        )  # fmt: skip
    created = sum(_tick(transaction, schedule, tick, settings, now) for tick in found.ticks)
    last = max(found.last, schedule["last_tick"])
    transaction.update(schedules, {"id": schedule["id"]}, last_tick=last, due=parsed.next(last))
    return created


def _tick(transaction: Transaction, schedule: Row, tick: datetime, settings: Settings, now: datetime) -> int:
    execution = create_execution(
        transaction,
        schedule,
        tick,
        trigger="tick",
        now=now,
        settings=settings,
        waits_until=max(now, tick + timedelta(seconds=settings.capture_grace_seconds)),
    )
    if execution is None:
        return 0
    if refusal := _overlap(transaction, schedule, execution, settings):
        end_execution(transaction, execution, "Stopped", now=now, failure=refusal)
    log.info("tick schedule=%s scheduled=%s", schedule["name"], tick.isoformat())
    return 1


def _overlap(transaction: Transaction, schedule: Row, execution: Row, settings: Settings) -> str | None:
    """Return why an execution does not run, None if it does."""
    if settings.overlap_policy == "parallel":
        return None
    waiting = transaction.scalar(
        select(func.count())
        .select_from(executions)
        .where(
            and_(
                executions.c.schedule_id == schedule["id"],
                executions.c.status == "Pending",
                executions.c.id != execution["id"],
            )
        )
    )
    if settings.overlap_policy == "skip" and (schedule["running"] or waiting):
        return "Skipped: the former execution has not ended (overlap_policy=skip)"
    if waiting >= settings.queue_depth:
        return (
            f"Skipped: {waiting} executions of the schedule wait already (queue_depth={settings.queue_depth})"
        )
    return None
