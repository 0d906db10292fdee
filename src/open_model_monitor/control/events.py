"""What is told to the outside when an alert changes: one event of a stable, versioned form.

Schema `open-model-monitor/alert/1`, documented in `docs/alerts.md`; members are added, never renamed or removed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from open_model_monitor.control.alerts import IN_ALERT

ALERT_SCHEMA = "open-model-monitor/alert/1"
JSON = dict[str, Any]


def alert_event(alert: JSON, status: str, now: datetime, execution: JSON | None) -> JSON:
    """Return the event of a change of an alert to `status`; `execution` is the one whose end changed it."""
    return {
        "schema": ALERT_SCHEMA,
        "time": _stamp(now),
        "account": alert["account"],
        "region": alert["region"],
        "schedule": alert["schedule"],
        "alert": alert["name"],
        "status": status,
        "previous_status": alert["status"],
        "severity": _severity(status, execution),
        "datapoints_to_alert": alert["datapoints"],
        "evaluation_period": alert["period"],
        "execution": _execution(execution) if execution else None,
    }


def _severity(status: str, execution: JSON | None) -> str:
    """An alert that ends is information; a monitor that cannot run is worse than one that found something."""
    if status != IN_ALERT:
        return "info"
    return "critical" if execution and execution["status"] == "Failed" else "warning"


def _execution(row: JSON) -> JSON:
    return {
        "id": row["id"],
        "endpoint": row["endpoint"],
        "monitoring_type": row["kind"],
        "scheduled_time": _stamp(row["scheduled"]),
        "window_start": _stamp(row["window_start"]),
        "window_end": _stamp(row["window_end"]),
        "status": row["status"],
        "violations": row["violations"],
        "failure_reason": row["failure"],
        "processing_job": row["job"],
    }


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
