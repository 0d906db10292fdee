"""Alerts: which are on, and how they changed."""

from __future__ import annotations

from open_model_monitor.control import overview
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.visits import Page, Visit


def show(desk: Desk, visit: Visit) -> Page:
    """Show the alerts that are on, and one page of all changes."""
    with desk.store.read() as transaction:
        on = overview.open_alerts(transaction, visit.realm, size=100)
        changes = overview.alert_changes(transaction, visit.realm, start=visit.start)
    values = {"on": on, "listing": changes, "channels": desk.settings.alert_channels}
    return Page(
        "alerts.html",
        values,
        [{"monitor": r["schedule"], "alert": r["name"], "since": r["modified"]} for r in on.rows],
    )
