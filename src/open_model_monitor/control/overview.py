"""What people look at: pages of monitors and executions with all that is shown of them, by indexed reads.

Everything is within one account and region, and nothing changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from open_model_monitor.control.alerts import IN_ALERT
from open_model_monitor.control.store import Row, Transaction
from open_model_monitor.control.tables import (
    alert_history,
    alerts,
    audit,
    executions,
    jobs,
    log_events,
    metric_values,
    resources,
    schedules,
)

STRIP = 24  # executions of a monitor in a list of monitors
_BRIEF = tuple(column for column in executions.c if column.name != "snapshot")  # a snapshot is long


@dataclass(frozen=True, slots=True)
class Territory:
    """The account and region whose resources are looked at."""

    account: str
    region: str

    def of(self, table: Any) -> ColumnElement[bool]:
        """Say: rows of this realm."""
        return and_(table.c.account == self.account, table.c.region == self.region)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list: the rows, how many there are in all, and where the page begins."""

    rows: list[Row]
    total: int
    start: int
    size: int

    @property
    def former(self) -> int | None:
        """Where the page before begins, None if this is the first."""
        return max(0, self.start - self.size) if self.start else None

    @property
    def following(self) -> int | None:
        """Where the next page begins, None if this is the last."""
        return self.start + self.size if self.start + self.size < self.total else None


def monitors(
    transaction: Transaction,
    realm: Territory,
    *,
    search: str = "",
    state: str = "",
    start: int = 0,
    size: int = 50,
) -> Listing:
    """Return schedules by name, each with its last executions (`strip`, oldest first) and whether it is in alert.

    `search` is a part of the name or the endpoint, `state` a status of schedules or InAlert.
    """
    alarmed = exists().where(
        realm.of(alerts), alerts.c.schedule == schedules.c.name, alerts.c.status == IN_ALERT
    )
    wanted = [realm.of(schedules)]
    if search:
        wanted.append(
            schedules.c.name.icontains(search, autoescape=True)
            | schedules.c.endpoint.icontains(search, autoescape=True)
        )
    if state == IN_ALERT:
        wanted.append(alarmed)
    elif state:
        wanted.append(schedules.c.status == state)
    chosen = select(schedules, alarmed.label("alarmed")).where(*wanted).order_by(schedules.c.name)
    page = _page(transaction, chosen, start, size)
    for row in page.rows:
        row["strip"] = last_executions(transaction, row["id"], STRIP)[::-1]
    return page


def totals(transaction: Transaction, realm: Territory) -> dict[str, int]:
    """Return how many monitors there are, how many run on a schedule, and how many are in alert."""
    by_status = transaction.all(
        select(schedules.c.status, func.count().label("number"))
        .where(realm.of(schedules))
        .group_by(schedules.c.status)
    )
    alarmed = transaction.scalar(
        select(func.count(alerts.c.schedule.distinct())).where(realm.of(alerts), alerts.c.status == IN_ALERT)
    )
    counted = {row["status"]: int(row["number"]) for row in by_status}
    return {
        "all": sum(counted.values()),
        "scheduled": counted.get("Scheduled", 0),
        "alarmed": int(alarmed or 0),
    }


def monitor(transaction: Transaction, realm: Territory, name: str) -> Row | None:
    """Return the schedule of that name with its definition's document, None if there is none."""
    found = transaction.get(schedules, account=realm.account, region=realm.region, name=name)
    if found is None:
        return None
    found["document"] = None
    if found["definition"]:
        kept = transaction.get(
            resources,
            account=realm.account,
            region=realm.region,
            kind=f"{found['kind']}JobDefinition",
            name=found["definition"],
        )
        found["document"] = kept["document"] if kept else None
    return found


def last_executions(transaction: Transaction, schedule_id: str, limit: int) -> list[Row]:
    """Return the newest executions of a schedule, newest first, without their snapshots."""
    return transaction.all(
        select(*_BRIEF)
        .where(executions.c.schedule_id == schedule_id)
        .order_by(executions.c.scheduled.desc(), executions.c.revision.desc())
        .limit(limit)
    )


def executions_page(
    transaction: Transaction, schedule_id: str, *, status: str = "", start: int = 0, size: int = 50
) -> Listing:
    """Return executions of a schedule, newest first."""
    wanted = [executions.c.schedule_id == schedule_id]
    if status:
        wanted.append(executions.c.status == status)
    chosen = select(*_BRIEF).where(*wanted)
    chosen = chosen.order_by(executions.c.scheduled.desc(), executions.c.revision.desc())
    return _page(transaction, chosen, start, size)


def execution(transaction: Transaction, realm: Territory, identifier: str) -> Row | None:
    """Return an execution with its jobs (`job_row`, `merge_row`, None each if there is none)."""
    found = transaction.get(executions, id=identifier, account=realm.account, region=realm.region)
    if found is None:
        return None
    for member, name in (("job_row", found["job"]), ("merge_row", found["merge_job"])):
        found[member] = job(transaction, realm, name) if name else None
    return found


def job(transaction: Transaction, realm: Territory, name: str) -> Row | None:
    """Return a processing job, None if there is none."""
    return transaction.get(jobs, account=realm.account, region=realm.region, name=name)


def jobs_of(transaction: Transaction, realm: Territory, names: Iterable[str]) -> dict[str, Row]:
    """Return processing jobs by name, of those that there are."""
    wanted = [name for name in names if name]
    rows = transaction.all(select(jobs).where(realm.of(jobs), jobs.c.name.in_(wanted)))
    return {row["name"]: row for row in rows}


def log_page(transaction: Transaction, job_id: str, *, start: int = 0, size: int = 500) -> Listing:
    """Return lines of a job's log, in order."""
    chosen = select(log_events.c.time, log_events.c.message).where(log_events.c.job == job_id)
    return _page(transaction, chosen.order_by(log_events.c.stream, log_events.c.place), start, size)


def metric_lines(
    transaction: Transaction, job_ids: Sequence[str], names: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Return values by job id and name of metric; one that was published under several dimensions counts once."""
    rows = transaction.all(
        select(metric_values.c.job, metric_values.c.name, metric_values.c.value).where(
            metric_values.c.job.in_(job_ids),
            metric_values.c.name.in_(names),
            metric_values.c.value.is_not(None),
        )
    )
    return {(row["job"], row["name"]): row["value"] for row in rows}


def alerts_of(transaction: Transaction, realm: Territory, schedule: str) -> list[Row]:
    """Return the alerts of a schedule."""
    return transaction.all(select(alerts).where(realm.of(alerts), alerts.c.schedule == schedule))


def open_alerts(transaction: Transaction, realm: Territory, *, start: int = 0, size: int = 50) -> Listing:
    """Return alerts that are on, newest first."""
    chosen = select(alerts).where(realm.of(alerts), alerts.c.status == IN_ALERT)
    return _page(transaction, chosen.order_by(alerts.c.modified.desc(), alerts.c.schedule), start, size)


def alert_changes(transaction: Transaction, realm: Territory, *, start: int = 0, size: int = 50) -> Listing:
    """Return the changes of all alerts, newest first."""
    chosen = select(alert_history).where(realm.of(alert_history))
    return _page(
        transaction, chosen.order_by(alert_history.c.created.desc(), alert_history.c.id), start, size
    )


def changes_of(transaction: Transaction, realm: Territory, name: str, limit: int = 20) -> list[Row]:
    """Return what was done to the resource of that name, newest first, from the audit log."""
    return transaction.all(
        select(audit)
        .where(realm.of(audit), audit.c.resource == name)
        .order_by(audit.c.time.desc())
        .limit(limit)
    )


def names_of(transaction: Transaction, realm: Territory, kind: str, limit: int = 500) -> list[str]:
    """Return the names of resources of a kind, such as Endpoint."""
    rows = transaction.all(
        select(resources.c.name)
        .where(realm.of(resources), resources.c.kind == kind)
        .order_by(resources.c.name)
        .limit(limit)
    )
    return [row["name"] for row in rows]


def neighbours(transaction: Transaction, row: Row) -> tuple[Row | None, Row | None]:
    """Return the executions of the same schedule before and after one."""
    this = executions.c.schedule_id == row["schedule_id"]
    before = select(*_BRIEF).where(this, _earlier(row["scheduled"], row["revision"]))
    after = select(*_BRIEF).where(this, _later(row["scheduled"], row["revision"]))
    return (
        transaction.one(
            before.order_by(executions.c.scheduled.desc(), executions.c.revision.desc()).limit(1)
        ),
        transaction.one(after.order_by(executions.c.scheduled, executions.c.revision).limit(1)),
    )


def _earlier(scheduled: datetime, revision: int) -> ColumnElement[bool]:
    same = and_(executions.c.scheduled == scheduled, executions.c.revision < revision)
    return (executions.c.scheduled < scheduled) | same


def _later(scheduled: datetime, revision: int) -> ColumnElement[bool]:
    same = and_(executions.c.scheduled == scheduled, executions.c.revision > revision)
    return (executions.c.scheduled > scheduled) | same


def _page(transaction: Transaction, chosen: Select[Any], start: int, size: int) -> Listing:
    total = transaction.scalar(select(func.count()).select_from(chosen.order_by(None).subquery()))
    return Listing(transaction.all(chosen.limit(size).offset(start)), int(total or 0), start, size)
