"""Monitoring alerts and their history (`api.md` §7)."""

from __future__ import annotations

from sqlalchemy import select

from open_model_monitor.control.executions import evaluate_alert
from open_model_monitor.control.operations.listing import Noun, listed
from open_model_monitor.control.operations.registry import JSON, Context, operation
from open_model_monitor.control.operations.schedules import existing_schedule
from open_model_monitor.control.store import Row
from open_model_monitor.control.tables import alert_history, alerts
from open_model_monitor.errors import InvalidRequest, NotFound

_ALERTS = Noun(alerts, sort={"Name": "name"}, equal={"MonitoringScheduleName": "schedule"}, times={})
_HISTORY = Noun(
    alert_history,
    sort={"CreationTime": "created", "Status": "status"},
    equal={"MonitoringScheduleName": "schedule", "MonitoringAlertName": "alert", "StatusEquals": "status"},
    times={},
    name="alert",
    tie="id",
)


@operation("UpdateMonitoringAlert")
def update_monitoring_alert(context: Context, request: JSON) -> JSON:
    """Change when an alert goes on; it is evaluated at once."""
    schedule = existing_schedule(context, request["MonitoringScheduleName"])
    key = {**context.realm, "schedule": schedule["name"], "name": request["MonitoringAlertName"]}
    alert = context.transaction.get(alerts, **key)
    if alert is None:
        raise NotFound(f"Could not find monitoring alert {key['name']} of schedule {schedule['name']}")
    datapoints, period = request["DatapointsToAlert"], request["EvaluationPeriod"]
    if datapoints > period:
        raise InvalidRequest(f"DatapointsToAlert {datapoints} is more than EvaluationPeriod {period}")
    changes = {"datapoints": datapoints, "period": period, "modified": context.now}
    context.transaction.update(alerts, key, **changes)
    evaluate_alert(context.transaction, {**alert, **changes}, context.now, None)
    return {
        "MonitoringScheduleArn": context.arn("monitoring-schedule", schedule["name"]),
        "MonitoringAlertName": alert["name"],
    }


@operation("ListMonitoringAlerts")
def list_monitoring_alerts(context: Context, request: JSON) -> JSON:
    """List a schedule's alerts."""
    existing_schedule(context, request["MonitoringScheduleName"])

    def summary(row: Row) -> JSON:
        return {
            "MonitoringAlertName": row["name"],
            "CreationTime": row["created"],
            "LastModifiedTime": row["modified"],
            "AlertStatus": row["status"],
            "DatapointsToAlert": row["datapoints"],
            "EvaluationPeriod": row["period"],
            "Actions": {"ModelDashboardIndicator": {"Enabled": True}},
        }

    return listed(context, "ListMonitoringAlerts", request, _ALERTS, summary)


@operation("ListMonitoringAlertHistory")
def list_monitoring_alert_history(context: Context, request: JSON) -> JSON:
    """List changes of alerts; its times are inclusive, unlike those of other lists."""
    conditions = []
    if (before := request.get("CreationTimeBefore")) is not None:
        conditions.append(alert_history.c.created <= before)
    if (after := request.get("CreationTimeAfter")) is not None:
        conditions.append(alert_history.c.created >= after)
    if name := request.get("MonitoringScheduleName"):
        schedule = existing_schedule(context, name)
        if (alert := request.get("MonitoringAlertName")) and alert not in _names(context, schedule):
            raise NotFound(f"Could not find monitoring alert {alert} of schedule {name}")

    def summary(row: Row) -> JSON:
        return {
            "MonitoringScheduleName": row["schedule"],
            "MonitoringAlertName": row["alert"],
            "CreationTime": row["created"],
            "AlertStatus": row["status"],
        }

    return listed(context, "ListMonitoringAlertHistory", request, _HISTORY, summary, conditions)


def _names(context: Context, schedule: Row) -> list[str]:
    of_schedule = select(alerts.c.name).where(
        alerts.c.account == schedule["account"],
        alerts.c.region == schedule["region"],
        alerts.c.schedule == schedule["name"],
    )
    return [row["name"] for row in context.transaction.all(of_schedule)]
