"""Alerts."""

from open_model_monitor.control.tables import alerts


def test_alerts_that_are_on(visitor, world, desk):
    assert "All monitors are calm" in visitor.get("/alerts").text
    world.monitor("churn")
    with desk.store.begin() as transaction:
        transaction.update(alerts, {"schedule": "churn"}, status="InAlert")
    assert [one["monitor"] for one in visitor.get("/alerts.json").json()] == ["churn"]
    assert "In alert" in visitor.get("/alerts").text
    assert [one["in_alert"] for one in visitor.get("/monitors.json?state=InAlert").json()] == [True]
