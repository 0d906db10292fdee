"""One execution: what was violated, in words first; every feature; what was counted; logs and files."""

from __future__ import annotations

from typing import Any

from open_model_monitor.control import overview
from open_model_monitor.control.by_hand import run_schedule
from open_model_monitor.control.store import Row
from open_model_monitor.reporting.evidence import JSON, Evidence
from open_model_monitor.reporting.page import html_report
from open_model_monitor.server.pages.desk import Desk, files_of
from open_model_monitor.server.pages.evidence import evidence_of
from open_model_monitor.server.pages.visits import Download, Page, Redirect, Visit, found

FEATURES = 50  # on one page
MAX_FILE = 64 << 20


def show(desk: Desk, visit: Visit) -> Page:
    """Show an execution; distributions come when a feature is opened."""
    row = _row(desk, visit)
    job = row["job_row"] or row["merge_row"]
    with desk.store.read() as transaction:
        before, after = overview.neighbours(transaction, row)
        others = overview.last_executions(transaction, row["schedule_id"], 30)
    proof = evidence_of(desk, row["job_row"])
    search = visit.query.get("q", "")[:200]
    features = [one for one in proof.features() if search.lower() in one["name"].lower()]
    values = {
        "execution": row,
        "job": job,
        "evidence": proof,
        "overwritten": _overwritten(row, proof),
        "features": features[visit.start : visit.start + FEATURES],
        "feature_count": len(features),
        "start": visit.start,
        "size": FEATURES,
        "search": search,
        "files": files_of(desk, proof.folder),
        "before": before,
        "after": after,
        "others": [one for one in others if one["id"] != row["id"] and one["job"]],
        "rows": ((job or {}).get("details") or {}).get("rows"),
        "elapsed": ((job or {}).get("details") or {}).get("seconds"),
    }
    twin = {
        "id": row["id"],
        "monitor": row["schedule"],
        "status": row["status"],
        "window": [row["window_start"], row["window_end"]],
        "failure": row["failure"],
        "violations": list(proof.violations),
        "summary": {name: value for name, value in proof.summary.items() if name != "features"},
    }
    return Page("execution.html", values, twin)


def _row(desk: Desk, visit: Visit, name: str = "id") -> Row:
    with desk.store.read() as transaction:
        identifier = visit.path.get(name) or visit.query.get(name, "")
        row: Row = found(overview.execution(transaction, visit.realm, identifier), "such execution")
    return row


def _overwritten(row: Row, proof: Evidence) -> bool:
    """Whether a later run of the same minute has written its documents over this one's."""
    window = proof.summary.get("window")
    return window is not None and window[1] != row["window_end"].isoformat()


def feature(desk: Desk, visit: Visit) -> Page:
    """Show one feature against its baseline: a piece of the execution's page."""
    row = _row(desk, visit)
    name = visit.query.get("name", "")
    known = found(evidence_of(desk, row["job_row"]).feature(name), "such feature")
    twin = {"current": known["current"], "baseline": known["former"], "constraints": known["rules"]}
    return Page("feature.html", known, twin)


def report(desk: Desk, visit: Visit) -> Download:
    """Hand out an execution as one file, for those who have no access to the server."""
    row = _row(desk, visit)
    proof = evidence_of(desk, row["job_row"])
    found(proof.statistics or proof.violations or None, "report: this execution left no documents")
    name = f"{row['schedule']}-{row['scheduled']:%Y-%m-%dT%H-%M}.html"
    return Download(html_report(proof, title=row["schedule"]).encode(), name)


def compare(desk: Desk, visit: Visit) -> Page:
    """Show two executions of any monitors side by side, features that moved most first."""
    here, there = _row(desk, visit), _row(desk, visit, "with")
    first, second = evidence_of(desk, here["job_row"]), evidence_of(desk, there["job_row"])
    other = {one["name"]: one for one in second.features()}
    pairs: list[tuple[JSON | None, JSON | None]] = []
    pairs += [(one, other.pop(one["name"], None)) for one in first.features()]
    pairs += [(None, one) for one in other.values()]
    rows = sorted(({"a": a, "b": b} for a, b in pairs), key=_moved)
    shown = rows[visit.start : visit.start + FEATURES]
    values = {
        "run_a": here,
        "run_b": there,
        "first": first,
        "second": second,
        "pairs": shown,
        "count": len(rows),
    }
    return Page("compare.html", values, shown)


def _moved(pair: dict[str, Any]) -> float:
    a, b = pair["a"], pair["b"]
    if a is None or b is None:
        return float("-inf")
    return -abs(float(a["distance"] or 0) - float(b["distance"] or 0))


def logs(desk: Desk, visit: Visit) -> Page:
    """Show the log of an execution's job."""
    row = _row(desk, visit)
    job = found(
        row["merge_row"] if visit.query.get("job") == "merge" else row["job_row"] or row["merge_row"], "log"
    )
    with desk.store.read() as transaction:
        listing = overview.log_page(transaction, job["id"], start=visit.start)
    twin = [{"time": line["time"], "message": line["message"]} for line in listing.rows]
    return Page("logs.html", {"execution": row, "job": job, "listing": listing}, twin)


def file(desk: Desk, visit: Visit) -> Download:
    """Hand out one file of an execution's output."""
    row = _row(desk, visit)
    name = visit.query.get("name", "")
    listed = files_of(desk, evidence_of(desk, row["job_row"]).folder)
    # Only what the listing shows: a name is never made into an address.
    stat = found(next((s for s in listed if s.address.endswith(f"/{name}") and name), None), "such file")
    if stat.size > MAX_FILE:
        return Download(f"{stat.address} is too large to be handed out here\n".encode(), "too-large.txt")
    return Download(desk.storage.read(stat.address), name.rpartition("/")[2])


def rerun(desk: Desk, visit: Visit) -> Redirect:
    """Queue a run of the same monitor now."""
    row = _row(desk, visit)
    run_schedule(desk.service, row["schedule"], visit.caller)
    return Redirect(f"/monitors/{row['schedule']}", "triggered")
