"""The documents of one execution, read together: what was found, of which features, against which baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from open_model_monitor.control.store import Row
from open_model_monitor.errors import StorageError
from open_model_monitor.server.pages.desk import Desk, baseline_of, output_of

JSON = dict[str, Any]
BLOCKS = ("binary_classification_metrics", "multiclass_classification_metrics", "regression_metrics")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an execution left; a document that is not there is empty, `missing` says why nothing could be read."""

    folder: str | None
    summary: JSON = field(default_factory=dict)
    statistics: JSON = field(default_factory=dict)
    violations: tuple[JSON, ...] = ()
    baseline: JSON = field(default_factory=dict)
    constraints: JSON = field(default_factory=dict)
    missing: str | None = None

    @property
    def quality(self) -> JSON | None:
        """The metrics block of a model-quality run, None of another."""
        return next((self.statistics[name] for name in BLOCKS if name in self.statistics), None)

    def features(self) -> list[JSON]:
        """Return every feature with its distance and violations, those with violations first."""
        found: dict[str, list[JSON]] = {}
        for entry in self.violations:
            found.setdefault(str(entry.get("feature_name")), []).append(entry)
        known = self.summary.get("features") or {}
        rows = [_feature(entry, known.get(entry["name"]) or {}, found) for entry in entries(self.statistics)]
        return sorted(rows, key=lambda row: (not row["violations"], -(row["distance"] or 0)))


def _feature(entry: JSON, about: JSON, found: Mapping[str, Sequence[JSON]]) -> JSON:
    drift = about.get("drift") or {}
    present, missing = present_of(entry)
    return {
        "name": entry["name"],
        "type": entry.get("inferred_type"),
        "completeness": present / (present + missing) if present + missing else None,
        "distance": drift.get("distance"),
        "threshold": drift.get("threshold"),
        "mean": (entry.get("numerical_statistics") or {}).get("mean"),
        "violations": found.get(entry["name"], []),
    }


def entries(statistics: JSON) -> list[JSON]:
    """Return the features of a statistics document, of those that have a name."""
    features = statistics.get("features")
    listed = features if isinstance(features, list) else []
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("name"), str)]


def present_of(entry: JSON) -> tuple[int, int]:
    """Return how many rows have a value, and how many do not."""
    block = entry.get("numerical_statistics") or entry.get("string_statistics") or {}
    common = block.get("common") or {}
    return common.get("num_present") or 0, common.get("num_missing") or 0


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


def buckets_of(entry: JSON | None) -> list[tuple[float, float, float]]:
    """Return the histogram of a feature of numbers; empty for another."""
    distribution = ((entry or {}).get("numerical_statistics") or {}).get("distribution") or {}
    found = (distribution.get("kll") or {}).get("buckets") or []
    return [(b["lower_bound"], b["upper_bound"], b["count"]) for b in found]


def counts_of(entry: JSON | None) -> dict[str, float]:
    """Return the counts by value of a feature of texts; empty for another."""
    distribution = ((entry or {}).get("string_statistics") or {}).get("distribution") or {}
    found = (distribution.get("categorical") or {}).get("buckets") or []
    return {str(b["value"]): b["count"] for b in found}
