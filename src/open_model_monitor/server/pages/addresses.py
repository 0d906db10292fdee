"""Every address of the pages, and who may see or do it."""

from __future__ import annotations

from open_model_monitor.server.pages import admin, alerts, baselines, execution, monitor, monitors, playground
from open_model_monitor.server.pages.visits import Address

EVERYTHING = ("read", "write", "run")
MAX_SCRIPT = 1 << 20

ADDRESSES = (
    Address("/", monitors.show),
    Address("/monitors", monitors.show),
    Address("/monitors/{name}", monitor.show),
    Address("/monitors/{name}/trends", monitor.trends),
    Address("/monitors/{name}/run", monitor.run, "POST", ("run",)),
    Address("/monitors/{name}/start", monitor.start, "POST", ("run",)),
    Address("/monitors/{name}/stop", monitor.stop, "POST", ("run",)),
    Address("/monitors/{name}/baseline", baselines.show),
    Address("/monitors/{name}/baseline/preview", baselines.preview, "POST", ("read",), 8 << 20),
    Address("/monitors/{name}/baseline/save", baselines.save, "POST", ("read", "write"), 8 << 20),
    Address("/executions/{id}", execution.show),
    Address("/executions/{id}/feature", execution.feature),
    Address("/executions/{id}/compare", execution.compare),
    Address("/executions/{id}/logs", execution.logs),
    Address("/executions/{id}/file", execution.file),
    Address("/executions/{id}/report", execution.report),
    Address("/executions/{id}/rerun", execution.rerun, "POST", ("run",)),
    Address("/alerts", alerts.show),
    Address("/settings", admin.settings),
    Address("/keys", admin.keys, scopes=EVERYTHING),
    Address("/keys/create", admin.create, "POST", EVERYTHING),
    Address("/keys/revoke", admin.revoke, "POST", EVERYTHING),
    Address("/playground", playground.show),
    Address("/playground/records", playground.records),
    Address("/playground/try", playground.attempt, "POST", ("read", "write", "run"), MAX_SCRIPT),
    Address("/playground/create", playground.create, "POST", ("read", "write", "run"), MAX_SCRIPT),
)
