"""The form of events, which automation relies on."""

from datetime import UTC, datetime

from open_model_monitor.control.events import alert_event

NOW = datetime(2026, 1, 31, 11, 0, 5, tzinfo=UTC)
ALERT = {
    "account": "000000000000",
    "region": "us-east-1",
    "schedule": "churn",
    "name": "default",
    "status": "OK",
    "datapoints": 1,
    "period": 1,
}
EXECUTION = {
    "id": "ab",
    "endpoint": "churn-endpoint",
    "kind": "DataQuality",
    "status": "CompletedWithViolations",
    "scheduled": NOW,
    "window_start": NOW,
    "window_end": NOW,
    "violations": 3,
    "failure": None,
    "job": "j",
}


def test_a_transition():
    assert alert_event(ALERT, "InAlert", NOW, EXECUTION) == {
        "schema": "open-model-monitor/alert/1",
        "time": "2026-01-31T11:00:05Z",
        "account": "000000000000",
        "region": "us-east-1",
        "schedule": "churn",
        "alert": "default",
        "status": "InAlert",
        "previous_status": "OK",
        "severity": "warning",
        "datapoints_to_alert": 1,
        "evaluation_period": 1,
        "execution": {
            "id": "ab",
            "endpoint": "churn-endpoint",
            "monitoring_type": "DataQuality",
            "scheduled_time": "2026-01-31T11:00:05Z",
            "window_start": "2026-01-31T11:00:05Z",
            "window_end": "2026-01-31T11:00:05Z",
            "status": "CompletedWithViolations",
            "violations": 3,
            "failure_reason": None,
            "processing_job": "j",
        },
    }


def test_severity():
    failed = {**EXECUTION, "status": "Failed"}
    assert alert_event(ALERT, "InAlert", NOW, failed)["severity"] == "critical"
    assert alert_event({**ALERT, "status": "InAlert"}, "OK", NOW, EXECUTION)["severity"] == "info"
    assert alert_event(ALERT, "InAlert", NOW, None)["execution"] is None
