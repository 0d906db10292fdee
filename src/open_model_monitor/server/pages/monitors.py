"""The list of monitors: what there is, whether it runs, what it found last."""

from __future__ import annotations

from open_model_monitor.control import overview
from open_model_monitor.control.alerts import IN_ALERT
from open_model_monitor.control.store import Row
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.visits import JSON, Page, Visit

STATES = ("", "Scheduled", "Stopped", "Failed", IN_ALERT)
MAX_SEARCH = 100


def show(desk: Desk, visit: Visit) -> Page:
    """Show one page of the monitors that fit the search."""
    search, state = visit.query.get("q", "")[:MAX_SEARCH], visit.query.get("state", "")
    state = state if state in STATES else ""
    with desk.store.read() as transaction:
        listing = overview.monitors(transaction, visit.realm, search=search, state=state, start=visit.start)
        totals = overview.totals(transaction, visit.realm)
    values = {"listing": listing, "totals": totals, "search": search, "state": state, "now": visit.now}
    return Page("monitors.html", values, [_twin(row) for row in listing.rows])


def _twin(row: Row) -> JSON:
    last = row["strip"][-1] if row["strip"] else None
    return {
        "name": row["name"],
        "type": row["kind"],
        "endpoint": row["endpoint"],
        "status": row["status"],
        "next": row["due"],
        "in_alert": bool(row["alarmed"]),
        "last": last and {"id": last["id"], "scheduled": last["scheduled"], "status": last["status"]},
    }
