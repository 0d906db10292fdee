"""The playground: a preprocessor on some captured records, in the sandbox of real runs; and a monitor made of it."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

from open_model_monitor.control import overview
from open_model_monitor.control.materialise import Resolved, resolve
from open_model_monitor.control.operating import default_bucket
from open_model_monitor.control.store import Row
from open_model_monitor.control.tables import executions
from open_model_monitor.errors import InvalidRequest, MonitorError, ScriptError
from open_model_monitor.server.pages import newcomer
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.samples import SAMPLES, captures, sample_of
from open_model_monitor.server.pages.visits import Data, Page, Redirect, Visit, found

JSON = dict[str, Any]
RECORDS, MOST_RECORDS = 12, 50
READ = 256 << 10  # bytes of captures that are looked at
MAX_SCRIPT = 512 << 10
TRIAL_SECONDS, TRIAL_MEMORY = 20.0, 1024
AT_ONCE = threading.BoundedSemaphore(2)  # trials: each is a process of its own


def show(desk: Desk, visit: Visit) -> Page:
    """Show the editor with a sample, or (`monitor`) with the script and captures of a monitor."""
    name = visit.query.get("monitor", "")
    with desk.store.read() as transaction:
        listing = overview.monitors(transaction, visit.realm, size=500)
    sample = sample_of(visit.query.get("sample", "")) or SAMPLES[0]
    script = _script_of(desk, visit, name) if name else None
    values = {
        "monitors": [row["name"] for row in listing.rows],
        "chosen": name,
        "samples": SAMPLES,
        "sample": sample,
        "scripts": {one.name: one.script for one in SAMPLES},
        "script": script or sample.script,
        "bucket": default_bucket(desk.settings),
    }
    return Page("playground.html", values)


def records(desk: Desk, visit: Visit) -> Data:
    """Return the first captured records of a source, one JSON text each."""
    return Data({"records": _records(desk, visit, visit.query.get("source", ""))})


def _records(desk: Desk, visit: Visit, source: str) -> list[str]:
    kind, _, name = source.partition(":")
    if kind == "sample":
        sample = found(sample_of(name), "such sample")
        return captures(sample, RECORDS).splitlines()
    if kind != "monitor":
        raise InvalidRequest("source must be sample:NAME or monitor:NAME")
    return _captured(desk, visit, name)


def _captured(desk: Desk, visit: Visit, name: str) -> list[str]:
    """Return the newest captures of a monitor's location, of the last folder that has some."""
    resolved = _resolved(desk, visit, name)
    root = resolved.captures.rstrip("/")
    folder = f"{root}/input" if resolved.template.is_batch else f"{root}/{resolved.template.endpoint}"
    address = _newest(desk, folder)
    data, _ = desk.storage.fetch(address, 0, READ)
    lines = data.decode("utf-8", "replace").splitlines()
    whole = lines if len(data) < READ else lines[:-1]
    return [line for line in whole if line.strip()][:RECORDS]


def _newest(desk: Desk, folder: str) -> str:
    """Go down the folders of time, the last one each time, to the first file."""
    for _ in range(8):  # variant, year, month, day, hour
        below = desk.storage.folders(folder)
        if not below:
            break
        folder = f"{folder}/{below[-1]}"
    files = [one for one in desk.storage.list(folder) if one.size]
    return str(found(files[0] if files else None, f"capture below {folder}").address)


def _resolved(desk: Desk, visit: Visit, name: str) -> Resolved:
    with desk.store.read() as transaction:
        row = found(overview.monitor(transaction, visit.realm, name), "such monitor")
        last: Any = next(iter(overview.last_executions(transaction, row["id"], 1)), None)
        last = found(last, "execution of this monitor yet, whose captures could be shown")
        whole: Row = found(transaction.get(executions, id=last["id"]), "such execution")
        resolved = resolve(transaction, whole, desk.settings)
    if not isinstance(resolved, Resolved):
        raise InvalidRequest(getattr(resolved, "reason", "The baseline of this monitor is still being made"))
    return resolved


def _script_of(desk: Desk, visit: Visit, name: str) -> str | None:
    try:
        address = _resolved(desk, visit, name).template.preprocessor
        return desk.storage.read(address).decode("utf-8", "replace")[:MAX_SCRIPT] if address else None
    except MonitorError:  # then it begins with the sample's
        return None


# ------------------------------------------------------------ trying


def attempt(desk: Desk, visit: Visit) -> Data:
    """Run the script on each record; returns rows, types, reasons, logs, failures, hints, and the columns of it all."""
    script, lines = _script(visit), _lines(visit)
    if not AT_ONCE.acquire(timeout=TRIAL_SECONDS):
        raise InvalidRequest("Others are trying scripts now; try again in a moment")
    try:
        with tempfile.TemporaryDirectory(prefix="omm-playground-") as folder:
            return Data(_tried(Path(folder), script, lines))
    finally:
        AT_ONCE.release()


def _script(visit: Visit) -> str:
    script = visit.form.get("script", "")
    if not script.strip():
        raise InvalidRequest("There is no script")
    return script


def _lines(visit: Visit) -> list[str]:
    lines = [line for line in visit.form.get("records", "").splitlines() if line.strip()]
    if not lines:
        raise InvalidRequest("There are no records to try the script on")
    return lines[:MOST_RECORDS]


def _tried(folder: Path, script: str, lines: list[str]) -> JSON:
    from open_model_monitor.capture.record import Format
    from open_model_monitor.jobs.contract import Job, Options
    from open_model_monitor.jobs.trial import Trial, outcome, trial
    from open_model_monitor.rows.lint import lint

    (folder / "preprocessor.py").write_text(script, encoding="utf-8")
    (folder / "captures.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = Options(max_runtime_seconds=TRIAL_SECONDS, script_memory_mb=TRIAL_MEMORY)
    job = Job(
        source=str(folder / "captures.jsonl"),
        is_baseline=False,
        format=Format("capture"),
        preprocessor=str(folder / "preprocessor.py"),
        options=options,
    )
    tried: list[Trial] = []
    failure: JSON | None = None
    try:
        tried.extend(trial(job, limit=MOST_RECORDS))
        columns = outcome(job, tried).to_dict()["columns"]
    except ScriptError as error:
        failure, columns = error.failure.to_dict(), []
    hints = [] if failure else [{"line": hint.line, "text": hint.text} for hint in lint(script)]
    told = {
        "trials": [one.to_dict() for one in tried],
        "columns": columns,
        "failure": failure,
        "hints": hints,
    }
    cleaned: JSON = _without(told, str(folder))
    return cleaned


def _without(told: Any, folder: str) -> Any:
    """Leave out where on this machine the script lay."""
    if isinstance(told, str):
        return told.replace(f"{folder}/", "")
    if isinstance(told, dict):
        return {name: _without(value, folder) for name, value in told.items()}
    return [_without(value, folder) for value in told] if isinstance(told, list | tuple) else told


# ------------------------------------------------------------ a monitor of it


def create(desk: Desk, visit: Visit) -> Redirect:
    """Make a monitor with this script: its baseline first, then a run as often as was asked for."""
    name = newcomer.create(desk, visit, _script(visit))
    return Redirect(f"/monitors/{name}", "created")
