"""What is due becomes executions: once, in order, and within limits."""

import dataclasses

import pytest
from sqlalchemy import select

from open_model_monitor.control.service import Service
from open_model_monitor.control.tables import executions, schedules
from open_model_monitor.control.ticks import create_due
from open_model_monitor.settings import Settings
from support.clients import embedded


@pytest.fixture
def rows(store):
    def rows():
        with store.read() as transaction:
            return transaction.all(select(executions).order_by(executions.c.scheduled))

    return rows


def hours(rows):
    return [row["scheduled"].hour for row in rows]


def test_a_tick_is_created_once(scheduled, store, settings, clock, rows):
    scheduled()
    assert create_due(store, settings, clock()) == 0
    clock.forward(minutes=30)
    assert create_due(store, settings, clock()) == 1
    assert create_due(store, settings, clock()) == 0
    [row] = rows()
    assert (row["status"], row["scheduled"], row["trigger"]) == ("Pending", clock(), "tick")
    with store.read() as transaction:
        assert transaction.get(schedules, name="schedule")["due"].hour == clock().hour + 1


def test_what_was_missed_is_made_up_for_oldest_first(scheduled, store, settings, clock, rows):
    scheduled()
    clock.forward(hours=5)
    assert create_due(store, settings, clock()) == 5
    assert hours(rows()) == [11, 12, 13, 14, 15]
    assert all(row["window_end"] == row["scheduled"] for row in rows())


@pytest.mark.parametrize(("catchup", "expected"), [("last", [15]), ("none", [])])
def test_other_ways_to_catch_up(scheduled, store, settings, clock, rows, catchup, expected, caplog):
    scheduled()
    clock.forward(hours=5)
    create_due(store, dataclasses.replace(settings, catchup=catchup), clock())
    assert hours(rows()) == expected
    assert "are left out" in caplog.text


def test_a_clock_that_jumps_runs_nothing_twice(scheduled, store, settings, clock, rows):
    scheduled()
    for hours_ in (3, -2, 1, 1, 1):
        clock.forward(hours=hours_)
        create_due(store, settings, clock())
    assert hours(rows()) == [11, 12, 13, 14]


def test_stopped_schedules_have_no_ticks(scheduled, store, settings, clock, call, rows):
    scheduled()
    call("StopMonitoringSchedule", MonitoringScheduleName="schedule")
    clock.forward(hours=2)
    assert create_due(store, settings, clock()) == 0
    call("StartMonitoringSchedule", MonitoringScheduleName="schedule")
    clock.forward(hours=1)
    assert create_due(store, settings, clock()) == 1


def test_late_captures_are_waited_for(scheduled, store, settings, clock, rows):
    scheduled()
    clock.forward(minutes=30)
    create_due(store, dataclasses.replace(settings, capture_grace_seconds=600), clock())
    [row] = rows()
    assert (row["waits_until"] - row["scheduled"]).total_seconds() == 600


def test_overlap_skip(scheduled, store, settings, clock, rows):
    scheduled()
    skip = dataclasses.replace(settings, overlap_policy="skip")
    for _ in range(2):
        clock.forward(hours=1)
        create_due(store, skip, clock())
    first, second = rows()
    assert (first["status"], second["status"]) == ("Pending", "Stopped")
    assert "has not ended" in second["failure"]


def test_the_queue_is_not_endless(scheduled, store, settings, clock, rows):
    scheduled()
    short = dataclasses.replace(settings, queue_depth=2)
    clock.forward(hours=4)
    create_due(store, short, clock())
    assert [row["status"] for row in rows()] == ["Pending", "Pending", "Stopped", "Stopped"]
    assert "queue_depth=2" in rows()[-1]["failure"]


def test_many_schedules_are_worked_off_in_batches(service, store, settings, clock, caller, rows):
    for number in range(130):
        config = {
            "MonitoringJobDefinition": embedded(),
            "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
        }
        request = {"MonitoringScheduleName": f"s{number}", "MonitoringScheduleConfig": config}
        service.call("CreateMonitoringSchedule", request, caller)
    clock.forward(minutes=30)
    assert create_due(store, settings, clock()) == 130


def test_an_expression_that_is_no_longer_accepted_fails_the_schedule(store, clock, caller, rows):
    extended = Settings(schedule_extended=True, endpoint_validation="off")
    config = {
        "MonitoringJobDefinition": embedded(),
        "ScheduleConfig": {"ScheduleExpression": "rate(5 minutes)"},
    }
    service = Service(store, extended, clock)
    request = {"MonitoringScheduleName": "schedule", "MonitoringScheduleConfig": config}
    service.call("CreateMonitoringSchedule", request, caller)
    clock.forward(minutes=10)
    create_due(store, Settings(), clock())
    found = service.call("DescribeMonitoringSchedule", {"MonitoringScheduleName": "schedule"}, caller)
    assert found["MonitoringScheduleStatus"] == "Failed"
    assert "rate(5 minutes)" in found["FailureReason"]
