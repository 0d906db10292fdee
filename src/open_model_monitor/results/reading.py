"""The documents of a run that is done, read back from where it left them."""

from __future__ import annotations

from typing import Any

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.results.delivery import SUMMARY
from open_model_monitor.storage import Storage, normalise


def read_evidence(folder: str, *, baseline: str | None = None, storage: Storage | None = None) -> Evidence:
    """Return what a run left in a folder, ours or SageMaker's, and the baseline it was compared with.

    Raises UsageError if no document is there, DocumentError for one that is none, StorageError.
    """
    storage, folder = storage or Storage(), normalise(folder).rstrip("/")
    statistics = _document(storage, f"{folder}/statistics.json")
    violated = _document(storage, f"{folder}/constraint_violations.json")
    summary = _document(storage, f"{folder}/{SUMMARY}")
    if statistics is None and violated is None and summary is None:
        raise UsageError(
            f"There is neither statistics.json nor constraint_violations.json in {folder}; "
            "name the folder that a run wrote (-o of `omm check`)"
        )
    entries = (violated or {}).get("violations")
    violations = tuple(one for one in entries if isinstance(one, dict)) if isinstance(entries, list) else ()
    if summary is None:  # SageMaker writes none; that there is a document of violations says that it checked
        summary = {} if violated is None else {"violations": len(violations)}
    below = None if baseline is None else normalise(baseline).rstrip("/")
    known = {
        name: (below and _document(storage, f"{below}/{name}.json")) or {}
        for name in ("statistics", "constraints")
    }
    if below and not any(known.values()):
        raise UsageError(f"There is neither statistics.json nor constraints.json in the baseline {below}")
    return Evidence(folder, summary, statistics or {}, violations, known["statistics"], known["constraints"])


def _document(storage: Storage, address: str) -> dict[str, Any] | None:
    if not storage.exists(address):
        return None
    try:
        document = parse_json(storage.read(address))
    except ValueError as error:
        raise DocumentError(f"{address} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DocumentError(f"{address} holds a {type(document).__name__}, not a document")
    return document
