"""Alerts of schedules, their thresholds and history."""

import pytest
from sqlalchemy import select

from open_model_monitor.control.executions import create_execution, end_execution
from open_model_monitor.control.tables import outbox, schedules
from open_model_monitor.errors import InvalidRequest, NotFound

DEFAULT = {"MonitoringScheduleName": "schedule", "MonitoringAlertName": "default-monitoring-alert"}
GOOD, BAD = "Completed", "CompletedWithViolations"


@pytest.fixture
def ran(store, clock, settings, scheduled):
    """Return a function that lets executions end, an hour apart."""
    scheduled()

    def ran(*statuses):
        for status in statuses:
            clock.forward(hours=1)
            with store.begin() as transaction:
                schedule = transaction.get(schedules, name="schedule")
                tick = clock().replace(minute=0)
                row = create_execution(
                    transaction, schedule, tick, trigger="tick", now=clock(), settings=settings
                )
                assert end_execution(transaction, row, status, now=clock())

    return ran


def status(call):
    [alert] = call("ListMonitoringAlerts", MonitoringScheduleName="schedule")["MonitoringAlertSummaries"]
    return alert["AlertStatus"]


def test_every_schedule_has_one_alert(call, scheduled, clock):
    scheduled()
    assert call("ListMonitoringAlerts", MonitoringScheduleName="schedule")["MonitoringAlertSummaries"] == [
        {
            "MonitoringAlertName": "default-monitoring-alert",
            "CreationTime": clock().timestamp(),
            "LastModifiedTime": clock().timestamp(),
            "AlertStatus": "OK",
            "DatapointsToAlert": 1,
            "EvaluationPeriod": 1,
            "Actions": {"ModelDashboardIndicator": {"Enabled": True}},
        }
    ]


def test_only_changes_are_told(call, ran, store):
    ran(GOOD, BAD, BAD, "Failed", GOOD, GOOD)
    history = call("ListMonitoringAlertHistory", **DEFAULT)["MonitoringAlertHistory"]
    assert [one["AlertStatus"] for one in history] == ["OK", "InAlert"]
    with store.read() as transaction:
        told = transaction.all(select(outbox).order_by(outbox.c.created))
    assert [(one["event"]["status"], one["event"]["execution"]["status"]) for one in told] == [
        ("InAlert", BAD),
        ("OK", GOOD),
    ]


def test_m_of_n(call, ran):
    call("UpdateMonitoringAlert", **DEFAULT, DatapointsToAlert=2, EvaluationPeriod=3)
    ran(BAD, GOOD)
    assert status(call) == "OK"
    ran(BAD)
    assert status(call) == "InAlert"
    ran(GOOD, "Stopped")
    assert status(call) == "OK"


def test_new_thresholds_are_evaluated_at_once(call, ran):
    ran(BAD, GOOD)
    call("UpdateMonitoringAlert", **DEFAULT, DatapointsToAlert=1, EvaluationPeriod=2)
    assert status(call) == "InAlert"


def test_history_includes_its_bounds(call, ran, clock):
    ran(BAD)
    at = clock().timestamp()
    for filters, count in (
        ({"CreationTimeAfter": at}, 1),
        ({"CreationTimeBefore": at}, 1),
        ({"CreationTimeAfter": at + 1}, 0),
    ):
        found = call("ListMonitoringAlertHistory", **filters)["MonitoringAlertHistory"]
        assert len(found) == count
    assert call("ListMonitoringAlertHistory", StatusEquals="OK")["MonitoringAlertHistory"] == []


def test_a_new_schedule_of_the_name_of_another_starts_afresh(call, ran, scheduled):
    ran(BAD)
    call("DeleteMonitoringSchedule", MonitoringScheduleName="schedule")
    call("DeleteDataQualityJobDefinition", JobDefinitionName="schedule")
    scheduled()
    call("UpdateMonitoringAlert", **DEFAULT, DatapointsToAlert=1, EvaluationPeriod=5)
    assert status(call) == "OK"


def test_what_is_refused(call, scheduled):
    scheduled()
    with pytest.raises(InvalidRequest, match="more than EvaluationPeriod"):
        call("UpdateMonitoringAlert", **DEFAULT, DatapointsToAlert=3, EvaluationPeriod=2)
    with pytest.raises(NotFound, match="alert other"):
        call(
            "UpdateMonitoringAlert",
            **{**DEFAULT, "MonitoringAlertName": "other"},
            DatapointsToAlert=1,
            EvaluationPeriod=1,
        )
    for operation in ("ListMonitoringAlerts", "ListMonitoringAlertHistory"):
        with pytest.raises(NotFound):
            call(operation, MonitoringScheduleName="nobody")
