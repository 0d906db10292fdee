"""The documents of one run, read together: what was found, of which features, against which baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]
BLOCKS = ("binary_classification_metrics", "multiclass_classification_metrics", "regression_metrics")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run left; a document that is not there is empty, `missing` says why nothing could be read."""

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

    @property
    def checked(self) -> bool:
        """Whether anything was compared with a baseline."""
        return bool(self.violations) or self.summary.get("violations") is not None

    def about(self, name: str) -> JSON:
        """Return what the run summary says about a feature, or a metric: drift, interval, threshold."""
        said = _mapping(self.summary.get("features")).get(name)
        return _mapping(said)

    def features(self) -> list[JSON]:
        """Return every feature with its distance and violations, those with violations first."""
        found: dict[str, list[JSON]] = {}
        for entry in self.violations:
            found.setdefault(str(entry.get("feature_name")), []).append(entry)
        rows = [
            _feature(entry, self.about(entry["name"]), found.get(entry["name"], []))
            for entry in entries(self.statistics)
        ]
        return sorted(rows, key=lambda row: (not row["violations"], -(row["distance"] or 0)))

    def feature(self, name: str) -> JSON | None:
        """Return all that is known of one feature, now and in the baseline, None if the run has no such feature."""
        current = entry_of(self.statistics, name)
        if current is None:
            return None
        former, rules = entry_of(self.baseline, name), entry_of(self.constraints, name)
        notices = self.summary.get("notices") or ()
        return {
            "name": name,
            "current": current,
            "former": former,
            "buckets": buckets_of(current),
            "buckets_before": buckets_of(former),
            "counts": counts_of(current),
            "counts_before": counts_of(former),
            "figures": _figures(current, former),
            "drift": self.about(name).get("drift"),
            "rules": rules,
            "notices": [one["text"] for one in notices if one.get("feature") == name],
            "violations": [one for one in self.violations if one.get("feature_name") == name],
        }


def subject_of(violation: Mapping[str, Any]) -> str:
    """Return the feature, or the metric, that a violation is about."""
    return str(violation.get("feature_name") or violation.get("metric_name") or "")


def _mapping(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}


def _feature(entry: JSON, about: JSON, violations: Sequence[JSON]) -> JSON:
    drift = _mapping(about.get("drift"))
    present, missing = present_of(entry)
    return {
        "name": entry["name"],
        "type": entry.get("inferred_type"),
        "completeness": present / (present + missing) if present + missing else None,
        "distance": drift.get("distance"),
        "threshold": drift.get("threshold"),
        "mean": (entry.get("numerical_statistics") or {}).get("mean"),
        "violations": list(violations),
    }


def entries(statistics: JSON) -> list[JSON]:
    """Return the features of a document of statistics or constraints, of those that have a name."""
    features = statistics.get("features")
    listed = features if isinstance(features, list) else []
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("name"), str)]


def entry_of(document: JSON, name: str) -> JSON | None:
    """Return the entry of one feature, None if it has none."""
    return next((one for one in entries(document) if one["name"] == name), None)


def present_of(entry: JSON) -> tuple[int, int]:
    """Return how many rows have a value, and how many do not."""
    block = entry.get("numerical_statistics") or entry.get("string_statistics") or {}
    common = block.get("common") or {}
    present, missing = common.get("num_present"), common.get("num_missing")
    return present if isinstance(present, int) else 0, missing if isinstance(missing, int) else 0


def buckets_of(entry: JSON | None) -> list[tuple[float, float, float]]:
    """Return the histogram of a feature of numbers; empty for another."""
    distribution = ((entry or {}).get("numerical_statistics") or {}).get("distribution") or {}
    found = (distribution.get("kll") or {}).get("buckets") or []
    names = ("lower_bound", "upper_bound", "count")
    return [
        (one["lower_bound"], one["upper_bound"], one["count"])
        for one in found
        if isinstance(one, dict) and all(isinstance(one.get(name), int | float) for name in names)
    ]


def counts_of(entry: JSON | None) -> dict[str, float]:
    """Return the counts by value of a feature of texts; empty for another."""
    distribution = ((entry or {}).get("string_statistics") or {}).get("distribution") or {}
    found = (distribution.get("categorical") or {}).get("buckets") or []
    return {
        str(one.get("value")): one["count"]
        for one in found
        if isinstance(one, dict) and isinstance(one.get("count"), int | float)
    }


def _figures(current: JSON, former: JSON | None) -> list[tuple[str, Any, Any]]:
    """Return names of statistics with their values now and in the baseline."""
    now, then = _numbers(current), _numbers(former or {})
    return [(name, value, then.get(name)) for name, value in now.items()]


def _numbers(entry: JSON) -> dict[str, Any]:
    present, missing = present_of(entry)
    block = entry.get("numerical_statistics") or entry.get("string_statistics") or {}
    wanted = {"mean": "mean", "std_dev": "standard deviation", "min": "minimum", "max": "maximum"}
    distinct = block.get("approximate_num_distinct_values", block.get("distinct_count"))
    return {
        "type": entry.get("inferred_type"),
        "rows with a value": present if entry else None,
        "rows without": missing if entry else None,
        **{word: block[name] for name, word in wanted.items() if name in block},
        "distinct values": distinct,
    }
