"""One monitor: its executions over time, its features' distances over time, what it is defined by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from open_model_monitor.control import overview
from open_model_monitor.control.by_hand import run_schedule
from open_model_monitor.control.store import Row
from open_model_monitor.control.template import template_of
from open_model_monitor.reporting.charts import TrendPoint
from open_model_monitor.server.pages.desk import Desk, baseline_of, output_of
from open_model_monitor.server.pages.visits import JSON, Page, Redirect, Visit, found

TREND = 60  # executions in charts
FEATURES = 20  # features with a chart on one page


def show(desk: Desk, visit: Visit) -> Page:
    """Show a monitor; charts of its features come when they are looked at."""
    status = visit.query.get("status", "")
    with desk.store.read() as transaction:
        row = found(overview.monitor(transaction, visit.realm, visit.path["name"]), "such monitor")
        listing = overview.executions_page(transaction, row["id"], status=status, start=visit.start, size=25)
        recent = overview.last_executions(transaction, row["id"], TREND)[::-1]
        known = overview.jobs_of(transaction, visit.realm, [one["job"] for one in recent])
        alerts = overview.alerts_of(transaction, visit.realm, row["name"])
        changes = overview.changes_of(transaction, visit.realm, row["name"])
    template = template_of(row["config"], row["document"], row["kind"])
    last = next((known[one["job"]] for one in reversed(recent) if one["job"] in known), None)
    values = {
        "monitor": row,
        "template": template,
        "listing": listing,
        "recent": recent,
        "rows_trend": list(_rows(recent, known)),
        "features": _features(desk, last),
        "alerts": alerts,
        "changes": changes,
        "baseline": baseline_of(last),
        "scripts": ((last or {}).get("details") or {}).get("scripts") or {},
        "expression": (row["config"].get("ScheduleConfig") or {}).get("ScheduleExpression", "every hour"),
        "status": status,
        "now": visit.now,
    }
    twin = {
        "name": row["name"],
        "status": row["status"],
        "next": row["due"],
        "config": row["config"],
        "definition": row["document"],
        "executions": [_brief(one) for one in listing.rows],
    }
    return Page("monitor.html", values, twin)


def trends(desk: Desk, visit: Visit) -> Page:
    """Show distance and completeness over time of some features: a piece of the monitor's page."""
    search = visit.query.get("q", "")[:200].lower()
    with desk.store.read() as transaction:
        row = found(overview.monitor(transaction, visit.realm, visit.path["name"]), "such monitor")
        recent = overview.last_executions(transaction, row["id"], TREND)[::-1]
        known = overview.jobs_of(transaction, visit.realm, [one["job"] for one in recent])
    ended = [known[one["job"]] for one in recent if one["job"] in known]
    last = ended[-1] if ended else None
    features = [one for one in _features(desk, last) if search in one["name"].lower()]
    shown = features[visit.start : visit.start + FEATURES]
    names = [f"feature_{what}_{one['name']}" for one in shown for what in ("baseline_drift", "completeness")]
    with desk.store.read() as transaction:
        lines = overview.metric_lines(transaction, [job["id"] for job in ended], names) if shown else {}
    charts = [
        {**one, "distance": _measured(desk, recent, known, one), "completeness": None}
        if row["kind"] == "ModelQuality"
        else {
            **one,
            "distance": _series(
                recent, known, lines, f"feature_baseline_drift_{one['name']}", one["threshold"]
            ),
            "completeness": _series(recent, known, lines, f"feature_completeness_{one['name']}", None),
        }
        for one in shown
    ]
    following = visit.start + FEATURES if visit.start + FEATURES < len(features) else None
    values = {"monitor": row, "charts_of": charts, "following": following, "search": search}
    return Page("trends.html", values, [{"name": one["name"], "distance": one["measured"]} for one in shown])


def _features(desk: Desk, job: Row | None) -> list[dict[str, Any]]:
    """Return the features of the last run, those farthest beyond their threshold first."""
    folder = output_of(job)
    summary = desk.documents.read(f"{folder}/run_summary.json") if folder else None
    features = []
    for name, about in ((summary or {}).get("features") or {}).items():
        drift = about.get("drift") or {}
        measured, threshold = drift.get("distance"), drift.get("threshold")
        if "value" in about:  # a metric of model quality
            measured, threshold = about["value"], about.get("threshold")
        features.append({"name": name, "measured": measured, "threshold": threshold})
    return sorted(features, key=_urgency)


def _urgency(one: Mapping[str, Any]) -> float:
    measured, threshold = one["measured"], one["threshold"]
    if measured is None:
        return 1.0
    return -float(measured) / float(threshold or 1)


def _series(
    recent: Sequence[Row],
    known: Mapping[str, Row],
    lines: Mapping[tuple[str, str], float],
    metric: str,
    limit: float | None,
) -> list[TrendPoint]:
    points = []
    for one in recent:
        job = known.get(one["job"] or "")
        value = lines.get((job["id"], metric)) if job else None
        told = f"{one['scheduled']:%Y-%m-%d %H:%M}: {value:.4g}" if value is not None else ""
        points.append(TrendPoint(value, told, bad=value is not None and limit is not None and value > limit))
    return points


def _measured(
    desk: Desk, recent: Sequence[Row], known: Mapping[str, Row], one: Mapping[str, Any]
) -> list[TrendPoint]:
    """Return a metric of model quality over time with its intervals, as the runs' summaries hold them."""
    points = []
    for execution in recent:
        folder = output_of(known.get(execution["job"] or ""))
        summary = desk.documents.read(f"{folder}/run_summary.json") if folder else None
        about = ((summary or {}).get("features") or {}).get(one["name"]) or {}
        value, interval = about.get("value"), about.get("interval") or {}
        told = f"{execution['scheduled']:%Y-%m-%d %H:%M}: {value:.4g}" if value is not None else ""
        bad = execution["status"] == "CompletedWithViolations"
        points.append(TrendPoint(value, told, bad, interval.get("low"), interval.get("high")))
    return points


def _rows(recent: Sequence[Row], known: Mapping[str, Row]) -> Iterator[TrendPoint]:
    for one in recent:
        details = (known.get(one["job"] or "") or {}).get("details") or {}
        rows = details.get("rows")
        told = f"{one['scheduled']:%Y-%m-%d %H:%M}: {rows:,} rows" if rows is not None else ""
        yield TrendPoint(rows, told, bad=one["status"] == "Failed")


def _brief(row: Row) -> JSON:
    names = ("id", "scheduled", "window_start", "window_end", "status", "violations", "failure", "job")
    return {name: row[name] for name in names}


def run(desk: Desk, visit: Visit) -> Redirect:
    """Queue a run now."""
    run_schedule(desk.service, visit.path["name"], visit.caller)
    return Redirect(f"/monitors/{visit.path['name']}", "triggered")


def start(desk: Desk, visit: Visit) -> Redirect:
    """Let the schedule run."""
    name = visit.path["name"]
    desk.service.call("StartMonitoringSchedule", {"MonitoringScheduleName": name}, visit.caller)
    return Redirect(f"/monitors/{name}", "started")


def stop(desk: Desk, visit: Visit) -> Redirect:
    """Let the schedule rest."""
    name = visit.path["name"]
    desk.service.call("StopMonitoringSchedule", {"MonitoringScheduleName": name}, visit.caller)
    return Redirect(f"/monitors/{name}", "stopped")
