"""Executions as rows: created once per tick, ended once, and what follows from their end.

Every function works within the caller's transaction, so that a change and its consequences appear together.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import and_, func, select

from open_model_monitor.control.alerts import COUNTED, evaluate
from open_model_monitor.control.events import alert_event
from open_model_monitor.control.schedule_language import Schedule, parse
from open_model_monitor.control.store import Row, Transaction, new_id
from open_model_monitor.control.tables import (
    alert_history,
    alerts,
    executions,
    jobs,
    outbox,
    resources,
    schedules,
)
from open_model_monitor.control.template import Template, template_of
from open_model_monitor.control.windows import window
from open_model_monitor.settings import Settings

log = logging.getLogger(__name__)

Trigger = Literal["tick", "now", "run", "backfill", "relabel"]
RELABEL: Trigger = "relabel"  # a past window once more, with all labels that have come since
RUNNING = ("InProgress", "Stopping")
OPEN = ("Pending", *RUNNING)
MAX_REASON = 1024


def schedule_of(config: dict[str, Any], settings: Settings) -> Schedule:
    """Return the parsed expression of a MonitoringScheduleConfig.

    Raises InvalidRequest.
    """
    return parse(
        (config.get("ScheduleConfig") or {}).get("ScheduleExpression"),
        extended=settings.schedule_extended,
        default_daily_hour=settings.default_daily_hour,
        min_period_seconds=settings.schedule_min_period_seconds,
    )


def create_execution(
    transaction: Transaction,
    schedule: Row,
    scheduled: datetime,
    *,
    trigger: Trigger,
    now: datetime,
    settings: Settings,
    waits_until: datetime | None = None,
    revision: int = 0,
) -> Row | None:
    """Insert the execution of a schedule for the tick `scheduled`; None if it exists already."""
    definition = _definition(transaction, schedule)
    template = template_of(schedule["config"], definition, schedule["kind"])
    timing = schedule["config"].get("ScheduleConfig") or {}
    span = window(
        schedule_of(schedule["config"], settings),
        scheduled,
        schedule_offsets=(timing.get("DataAnalysisStartTime"), timing.get("DataAnalysisEndTime")),
        input_offsets=template.offsets,
        align_now=settings.now_window_alignment == "hour",
    )
    row: Row = {
        "id": new_id(),
        **{name: schedule[name] for name in ("account", "region", "kind", "endpoint", "definition")},
        "schedule": schedule["name"],
        "schedule_id": schedule["id"],
        "scheduled": scheduled,
        "revision": revision,
        "trigger": trigger,
        "created": now,
        "modified": now,
        "status": "Pending",
        "stage": "queued",
        "window_start": span.start,
        "window_end": span.end,
        "waits_until": waits_until or now,
        "snapshot": {"config": schedule["config"], "definition": definition},
    }
    return transaction.get(executions, id=row["id"]) if transaction.insert(executions, **row) else None


def _definition(transaction: Transaction, schedule: Row) -> dict[str, Any] | None:
    if schedule["definition"] is None:
        return None
    found = transaction.get(
        resources,
        account=schedule["account"],
        region=schedule["region"],
        kind=f"{schedule['kind']}JobDefinition",
        name=schedule["definition"],
    )
    # Definitions in use cannot be deleted, so one that is missing is a damaged store.
    return {} if found is None else dict(found["document"])


def template_of_execution(execution: Row) -> Template:
    """Return the template that an execution was created with."""
    snapshot = execution["snapshot"]
    return template_of(snapshot["config"], snapshot["definition"], execution["kind"])


def next_revision(transaction: Transaction, schedule_id: str, scheduled: datetime) -> int:
    """Return the number of a further run of the same window."""
    highest = transaction.scalar(
        select(func.max(executions.c.revision)).where(
            executions.c.schedule_id == schedule_id, executions.c.scheduled == scheduled
        )
    )
    return 0 if highest is None else highest + 1


def run_now(
    transaction: Transaction, schedule: Row, now: datetime, settings: Settings, trigger: Trigger
) -> Row:
    """Queue one execution at this second, as `NOW` schedules do; another one comes a second later."""
    scheduled = now.replace(microsecond=0)
    while next_revision(transaction, schedule["id"], scheduled):
        scheduled += timedelta(seconds=1)
    created = create_execution(transaction, schedule, scheduled, trigger=trigger, now=now, settings=settings)
    assert created is not None, "there was none at this second"  # noqa: S101 — a reader's hint
    return created


def end_execution(
    transaction: Transaction,
    execution: Row,
    status: str,
    *,
    now: datetime,
    failure: str | None = None,
    violations: int | None = None,
) -> bool:
    """Bring an execution to its last status, once; the schedule's next one may start, its alerts are told.

    Returns False, and changes nothing, if it had ended before.
    """
    still_open = and_(executions.c.id == execution["id"], executions.c.status.in_(OPEN))
    changed = transaction.update(
        executions,
        still_open,
        status=status,
        failure=failure[:MAX_REASON] if failure else None,
        violations=violations,
        modified=now,
        owner=None,
        lease=None,
    )
    if not changed:
        return False
    transaction.update(schedules, {"id": execution["schedule_id"], "running": execution["id"]}, running=None)
    if execution["trigger"] == "now":
        transaction.update(
            schedules,
            {"id": execution["schedule_id"], "status": "Scheduled", "due": None},
            status="Stopped",
            modified=now,
        )
    ended = {**execution, "status": status, "failure": failure, "violations": violations, "modified": now}
    evaluate_alerts(transaction, ended, now)
    log.info(
        "execution schedule=%s scheduled=%s status=%s violations=%s job=%s reason=%s",
        execution["schedule"], execution["scheduled"].isoformat(), status, violations, execution["job"], failure,
    )  # fmt: skip
    return True


def stop_execution(transaction: Transaction, execution: Row, now: datetime, reason: str) -> None:
    """Stop an execution and its job, whatever it is doing."""
    for name in filter(None, (execution["job"], execution["merge_job"])):
        transaction.update(
            jobs,
            and_(
                jobs.c.account == execution["account"],
                jobs.c.region == execution["region"],
                jobs.c.name == name,
                jobs.c.status == "InProgress",
            ),
            status="Stopping",
            stop_requested=True,
            modified=now,
        )
    end_execution(transaction, execution, "Stopped", now=now, failure=reason)


def evaluate_alerts(transaction: Transaction, execution: Row, now: datetime) -> None:
    """Evaluate a schedule's alerts after an execution ended; only changes of status are told."""
    for alert in transaction.all(
        select(alerts).where(
            alerts.c.account == execution["account"],
            alerts.c.region == execution["region"],
            alerts.c.schedule == execution["schedule"],
        )
    ):
        evaluate_alert(transaction, alert, now, execution)


def evaluate_alert(transaction: Transaction, alert: Row, now: datetime, execution: Row | None) -> None:
    """Evaluate one alert; a change becomes a row of its history and an event for the channels."""
    of = select(schedules.c.id).where(
        schedules.c.account == alert["account"],
        schedules.c.region == alert["region"],
        schedules.c.name == alert["schedule"],
    )
    newest = transaction.all(
        select(executions.c.status)
        .where(
            executions.c.schedule_id == of.scalar_subquery(),  # not those of a deleted schedule of this name
            executions.c.status.in_(COUNTED),
        )
        .order_by(executions.c.scheduled.desc(), executions.c.created.desc())
        .limit(alert["period"])
    )
    status = evaluate(
        [row["status"] for row in newest], datapoints=alert["datapoints"], period=alert["period"]
    )
    if status == alert["status"]:
        return
    key = {name: alert[name] for name in ("account", "region", "schedule", "name")}
    transaction.update(alerts, key, status=status, modified=now)
    transaction.insert(
        alert_history,
        id=new_id(),
        **{name: alert[name] for name in ("account", "region", "schedule")},
        alert=alert["name"],
        created=now,
        status=status,
    )
    transaction.insert(
        outbox,
        id=new_id(),
        topic="alert",
        subject="/".join(key.values()),
        event=alert_event(alert, status, now, execution),
        created=now,
        next_try=now,
        tries=0,
        delivered=[],
    )
