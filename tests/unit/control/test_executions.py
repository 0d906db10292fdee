"""Executions as rows: created once, ended once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from open_model_monitor.control.executions import (
    create_execution,
    end_execution,
    next_revision,
    run_now,
    stop_execution,
    template_of_execution,
)
from open_model_monitor.control.tables import executions, jobs, schedules


@pytest.fixture
def made(store, clock, settings, scheduled):
    """Return a function that creates an execution of a schedule."""
    scheduled()

    def made(**more):
        with store.begin() as transaction:
            schedule = transaction.get(schedules, name="schedule")
            tick = clock().replace(minute=0)
            given = {"trigger": "tick", "now": clock(), "settings": settings, **more}
            return create_execution(transaction, schedule, tick, **given)

    return made


def current(store, row):
    with store.read() as transaction:
        return transaction.get(executions, id=row["id"])


def test_an_execution_is_created_once_per_tick_and_revision(made, store):
    first = made()
    assert made() is None
    again = made(revision=1)
    assert again["scheduled"] == first["scheduled"]
    with store.read() as transaction:
        assert next_revision(transaction, first["schedule_id"], first["scheduled"]) == 2


def test_it_keeps_what_it_was_created_with(made, call, store):
    row = made()
    assert row["window_end"] - row["window_start"] == timedelta(hours=1)
    assert row["window_end"] == row["scheduled"]
    call("StopMonitoringSchedule", MonitoringScheduleName="schedule")
    call("DeleteMonitoringSchedule", MonitoringScheduleName="schedule")
    call("DeleteDataQualityJobDefinition", JobDefinitionName="schedule")
    assert template_of_execution(current(store, row)).endpoint == "churn"


def test_it_ends_once(made, store, clock):
    row = made()
    with store.begin() as transaction:
        assert end_execution(transaction, row, "Completed", now=clock(), violations=0)
        assert not end_execution(transaction, row, "Failed", now=clock(), failure="late")
    found = current(store, row)
    assert (found["status"], found["failure"], found["violations"]) == ("Completed", None, 0)


def test_its_end_lets_the_next_one_run(made, store, clock):
    row = made()
    with store.begin() as transaction:
        transaction.update(schedules, {"name": "schedule"}, running=row["id"])
        end_execution(transaction, row, "Failed", now=clock(), failure="x" * 5000)
        assert transaction.get(schedules, name="schedule")["running"] is None
    assert len(current(store, row)["failure"]) == 1024


def test_the_end_of_a_one_time_run_stops_its_schedule(store, clock, settings, scheduled):
    from support.clients import now

    scheduled(config=now("schedule"))
    with store.begin() as transaction:
        row = transaction.one(select(executions))
        end_execution(transaction, row, "Completed", now=clock())
        assert transaction.get(schedules, name="schedule")["status"] == "Stopped"


def test_two_runs_at_the_same_second_are_two(made, store, clock, settings):
    with store.begin() as transaction:
        schedule = transaction.get(schedules, name="schedule")
        rows = [run_now(transaction, schedule, clock(), settings, "run") for _ in range(3)]
    assert [row["scheduled"] - clock() for row in rows] == [timedelta(seconds=n) for n in range(3)]


def test_stopping_stops_the_job_as_well(made, store, clock):
    row = made()
    with store.begin() as transaction:
        realm = {"account": row["account"], "region": row["region"], "created": clock(), "modified": clock()}
        job = {"id": "1", "name": "job", **realm, "status": "InProgress", "request": {}, "attempt": 1}
        transaction.insert(jobs, **job, stop_requested=False)
        transaction.update(executions, {"id": row["id"]}, job="job", status="InProgress")
        stop_execution(transaction, {**row, "job": "job"}, clock(), "enough")
        found = transaction.get(jobs, id="1")
    assert (found["status"], found["stop_requested"]) == ("Stopping", True)
    assert current(store, row)["status"] == "Stopped"
