"""Alerts of monitors as the SDK shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class ModelDashboardIndicatorAction:
    """Whether the alert is shown on dashboards."""

    enabled: bool


@dataclass(frozen=True)
class MonitoringAlertActions:
    """What an alert does."""

    model_dashboard_indicator: ModelDashboardIndicatorAction


@dataclass(frozen=True)
class MonitoringAlertSummary:
    """An alert of a schedule, and when it is raised: after so many bad executions of the last ones."""

    alert_name: str
    creation_time: datetime
    last_modified_time: datetime
    alert_status: str
    data_points_to_alert: int
    evaluation_period: int
    actions: MonitoringAlertActions

    @classmethod
    def of(cls, answer: JSON) -> MonitoringAlertSummary:
        """Read it from an answer."""
        shown = answer.get("Actions", {}).get("ModelDashboardIndicator", {}).get("Enabled", False)
        return cls(
            answer["MonitoringAlertName"],
            answer["CreationTime"],
            answer["LastModifiedTime"],
            answer["AlertStatus"],
            answer["DatapointsToAlert"],
            answer["EvaluationPeriod"],
            MonitoringAlertActions(ModelDashboardIndicatorAction(shown)),
        )


@dataclass(frozen=True)
class MonitoringAlertHistorySummary:
    """A change of an alert's status."""

    alert_name: str
    creation_time: datetime
    alert_status: str

    @classmethod
    def of(cls, answer: JSON) -> MonitoringAlertHistorySummary:
        """Read it from an answer."""
        return cls(answer["MonitoringAlertName"], answer["CreationTime"], answer["AlertStatus"])
