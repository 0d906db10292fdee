"""The documents of one execution, read from where its job left them."""

from __future__ import annotations

from open_model_monitor.control.store import Row
from open_model_monitor.errors import StorageError
from open_model_monitor.reporting.evidence import JSON, Evidence
from open_model_monitor.server.pages.desk import Desk, baseline_of, output_of


def evidence_of(desk: Desk, job: Row | None) -> Evidence:
    """Read the documents of an execution's job."""
    folder, named = output_of(job), baseline_of(job)
    if folder is None:
        return Evidence(None, missing="No job was started, so there are no documents.")
    try:
        summary = _document(desk, f"{folder}/run_summary.json")
        statistics = _document(desk, f"{folder}/statistics.json")
        violations = _document(desk, f"{folder}/constraint_violations.json").get("violations")
        baseline = _document(desk, named.get("statistics"))
        constraints = _document(desk, named.get("constraints"))
    except StorageError as error:
        return Evidence(folder, missing=str(error))
    listed = [one for one in violations or () if isinstance(one, dict)]
    missing = None if summary or statistics else f"There are no documents in {folder} yet."
    return Evidence(folder, summary, statistics, tuple(listed), baseline, constraints, missing)


def _document(desk: Desk, address: str | None) -> JSON:
    document = desk.documents.read(address) if address else None
    return document if isinstance(document, dict) else {}
