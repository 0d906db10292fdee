"""Alerts: the default one, its numbers, its history after two runs with violations (check 12)."""

from harness import drifted_captures, executions, unique


def test_alerts(monitor, endpoint, baseline, one_time):
    name = unique("alerting")
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(drifted_captures()), monitor_schedule_name=name, **baseline, **one_time
    )
    executions(name)
    (alert,), token = monitor.list_monitoring_alerts()
    assert token is None
    assert (alert.data_points_to_alert, alert.evaluation_period) == (1, 1)
    assert alert.alert_status == "InAlert"
    assert alert.actions.model_dashboard_indicator.enabled is True
    history, token = monitor.list_monitoring_alert_history(monitoring_alert_name=alert.alert_name)
    assert [(entry.alert_name, entry.alert_status) for entry in history] == [(alert.alert_name, "InAlert")]
    assert token is None

    monitor.update_monitoring_alert(alert.alert_name, data_points_to_alert=3, evaluation_period=5)
    (updated,), _ = monitor.list_monitoring_alerts()
    assert (updated.data_points_to_alert, updated.evaluation_period) == (3, 5)
    assert updated.alert_status == "OK"

    monitor.start_monitoring_schedule()
    executions(name, count=2)
    (after,), _ = monitor.list_monitoring_alerts()
    assert after.alert_status == "OK"  # two of the last five failed, three are asked for
    history, _ = monitor.list_monitoring_alert_history()
    assert [entry.alert_status for entry in history] == ["OK", "InAlert"]
    first_only, _ = monitor.list_monitoring_alert_history(sort_order="Ascending", max_results=1)
    assert [entry.alert_status for entry in first_only] == ["InAlert"]
    none, _ = monitor.list_monitoring_alert_history(creation_time_before=alert.creation_time)
    assert none == []
