"""The constraints a monitor compares with: view, edit, see what an edit would have flagged, keep it as a version.

A version is a file beside the first one, never written over; a monitor names the version it uses, so that executions
say for ever which constraints they were judged by.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec

from open_model_monitor.control import overview
from open_model_monitor.control.store import Row
from open_model_monitor.control.template import template_of
from open_model_monitor.errors import DocumentError, InvalidRequest, MonitorError
from open_model_monitor.server.pages.desk import Desk, baseline_of
from open_model_monitor.server.pages.foresight import foreseen
from open_model_monitor.server.pages.visits import Data, Page, Redirect, Visit, found
from open_model_monitor.storage import Stat

JSON = dict[str, Any]
VERSIONS = "versions"
PAST = 12  # executions that a preview judges again
MAX_NOTE = 500


def show(desk: Desk, visit: Visit) -> Page:
    """Show the constraints in use, or (`version`) another version's."""
    row, used = _used(desk, visit)
    versions = _versions(desk, used)
    wanted = visit.query.get("version", "")
    shown = next((v["address"] for v in versions if v["name"] == wanted), used)
    document = desk.documents.read(shown) if shown else None
    search = visit.query.get("q", "")[:200].lower()
    features = [f for f in (document or {}).get("features") or () if search in str(f.get("name", "")).lower()]
    values = {
        "monitor": row,
        "used": used,
        "shown": shown,
        "versions": versions,
        "text": json.dumps(document, indent=2, ensure_ascii=False) if document is not None else "",
        "features": features[visit.start : visit.start + 100],
        "count": len(features),
        "config": (document or {}).get("monitoring_config") or {},
        "quality": document is not None and "features" not in document,
        "search": search,
    }
    return Page("baseline.html", values, document)


def preview(desk: Desk, visit: Visit) -> Data:
    """Tell what constraints would have flagged in past executions; a POST, but it changes nothing."""
    row, _ = _used(desk, visit)
    document = _document(visit.form.get("constraints", ""))
    with desk.store.read() as transaction:
        recent = overview.last_executions(transaction, row["id"], 3 * PAST)
        known = overview.jobs_of(transaction, visit.realm, [one["job"] for one in recent])
    past = [(one, known[one["job"]]) for one in recent if one["job"] in known][:PAST]
    try:
        return Data(foreseen(desk, row["kind"], document, past))
    except MonitorError as error:
        raise InvalidRequest(str(error)) from None


def save(desk: Desk, visit: Visit) -> Redirect:
    """Keep edited constraints as a new version, and let the monitor use it."""
    row, used = _used(desk, visit)
    document = _document(visit.form.get("constraints", ""))
    _check(row["kind"], document)
    if row["status"] == "Stopped":  # it is stopped again afterwards
        visit.need("run")
    if used is None:
        raise InvalidRequest("This monitor has no constraints to make a version of")
    if visit.form.get("based_on", used) != used:
        raise InvalidRequest("Somebody saved another version meanwhile; load the page again")
    stamp = f"{visit.now:%Y%m%dT%H%M%S}{visit.now.microsecond // 1000:03d}Z"
    folder = f"{_root(used)}/{VERSIONS}/{stamp}"
    note = {"by": visit.caller.principal, "at": visit.now.isoformat(), "based_on": used}
    note["note"] = visit.form.get("note", "")[:MAX_NOTE]
    desk.storage.write(f"{folder}/note.json", msgspec.json.encode(note))
    desk.storage.write(f"{folder}/constraints.json", _bytes(document))
    try:
        _point(desk, visit, row, f"{folder}/constraints.json", stamp)
    except MonitorError:  # a version that nobody uses was never made
        desk.storage.remove(folder)
        raise
    return Redirect(f"/monitors/{row['name']}/baseline", "version")


def _bytes(document: JSON) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _used(desk: Desk, visit: Visit) -> tuple[Row, str | None]:
    """Return the monitor and the address of the constraints it uses now."""
    with desk.store.read() as transaction:
        row: Row = found(overview.monitor(transaction, visit.realm, visit.path["name"]), "such monitor")
        template = template_of(row["config"], row["document"], row["kind"])
        if template.constraints:
            return row, template.constraints
        if template.baselining_job:
            job = overview.job(transaction, visit.realm, template.baselining_job)
            outputs = ((job or {}).get("request") or {}).get("ProcessingOutputConfig", {}).get(
                "Outputs"
            ) or []
            if outputs:
                return row, f"{outputs[0]['S3Output']['S3Uri'].rstrip('/')}/constraints.json"
        last = next((r for r in overview.last_executions(transaction, row["id"], 5) if r["job"]), None)
        job = overview.job(transaction, visit.realm, last["job"]) if last else None
    return row, baseline_of(job).get("constraints")


def _root(address: str) -> str:
    folder = address.rpartition("/")[0]
    return folder.partition(f"/{VERSIONS}/")[0]


def _versions(desk: Desk, used: str | None) -> list[JSON]:
    """Return all versions, newest first; the first one has no note."""
    if used is None:
        return []
    root = _root(used)
    listed: list[Stat] = [
        s for s in desk.storage.list(f"{root}/{VERSIONS}") if s.address.endswith("/constraints.json")
    ]
    found_: list[JSON] = []
    for stat in sorted(listed, key=lambda s: s.address, reverse=True):
        name = stat.address.split("/")[-2]
        folder = f"{root}/{VERSIONS}/{name}"
        note = desk.documents.read(f"{folder}/note.json") or {}
        found_.append(
            {"name": name, "address": f"{folder}/constraints.json", "modified": stat.modified, **_noted(note)}
        )
    first = desk.storage.stat(f"{root}/constraints.json")
    if first is not None:
        entry = {"name": "first", "address": f"{root}/constraints.json", "modified": first.modified}
        found_.append({**entry, "by": "", "note": "As it was suggested or uploaded"})
    return [{**one, "in_use": one["address"] == used} for one in found_]


def _noted(note: JSON) -> JSON:
    return {"by": str(note.get("by", "")), "note": str(note.get("note", ""))}


def _document(text: str) -> JSON:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The constraints are not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidRequest("The constraints must be a JSON object")
    return document


def _check(kind: str, document: JSON) -> None:
    from open_model_monitor.monitors.constraints import Constraints
    from open_model_monitor.monitors.quality_documents import QualityConstraints

    try:
        if kind == "ModelQuality":
            QualityConstraints.from_dict(document)
        else:
            Constraints.from_dict(document)
    except DocumentError as error:
        raise InvalidRequest(str(error)) from None


# ------------------------------------------------------------ the monitor names the version


def _point(desk: Desk, visit: Visit, row: Row, address: str, stamp: str) -> None:
    config = copy.deepcopy(row["config"])
    if row["definition"] is None:
        embedded = config["MonitoringJobDefinition"]
        embedded["BaselineConfig"] = _with(embedded.get("BaselineConfig"), address)
    else:  # definitions do not change, so a new one takes the place of the old
        name = f"{row['definition'].split('--')[0][:40]}--{stamp.lower()}"
        member = f"{row['kind']}BaselineConfig"
        request = {**row["document"], "JobDefinitionName": name}
        request[member] = _with(request.get(member), address)
        desk.service.call(f"Create{row['kind']}JobDefinition", _request(request), visit.caller)
        config["MonitoringJobDefinitionName"] = name
    request = {"MonitoringScheduleName": row["name"], "MonitoringScheduleConfig": config}
    desk.service.call("UpdateMonitoringSchedule", request, visit.caller)
    if row["status"] == "Stopped":  # an update starts a schedule
        desk.service.call("StopMonitoringSchedule", {"MonitoringScheduleName": row["name"]}, visit.caller)


def _with(baseline: JSON | None, address: str) -> JSON:
    return {**(baseline or {}), "ConstraintsResource": {"S3Uri": address}}


def _request(document: JSON) -> JSON:
    """Return a definition's document as a request to create one."""
    added = ("JobDefinitionArn", "CreationTime")
    return {name: value for name, value in document.items() if name not in added}
