"""What other constraints would have found in executions that are past, from the statistics those left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from open_model_monitor.control.store import Row
from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.evidence import evidence_of

if TYPE_CHECKING:
    from open_model_monitor.monitors.statistics import Statistics

JSON = dict[str, Any]
LISTED = 50
CLASSES = ("Integral", "Fractional", "Boolean", "String", "Unknown")


def foreseen(desk: Desk, kind: str, document: JSON, past: Sequence[tuple[Row, Row]]) -> list[JSON]:
    """Return what was flagged in each past execution (with its job), and what would have been.

    Postprocessors are not asked; checks that the documents do not allow to be judged count as passed.

    Raises DocumentError for constraints that make no sense.
    """
    judge = _quality if kind == "ModelQuality" else _data
    judge(Evidence(None), document)  # whether they make sense does not depend on there being a past
    told = []
    for execution, job in past:
        proof = evidence_of(desk, job)
        if not proof.statistics:
            continue
        before = {_named(entry) for entry in proof.violations}
        after = judge(proof, document)
        told.append(
            {
                "id": execution["id"],
                "scheduled": execution["scheduled"],
                "flagged": len(before),
                "would_be": len(after),
                "no_longer": _listed(before - after),
                "newly": _listed(after - before),
            }
        )
    return told


def _listed(pairs: set[tuple[str, str]]) -> list[list[str]]:
    return [list(pair) for pair in sorted(pairs)[:LISTED]]


def _named(entry: JSON) -> tuple[str, str]:
    subject = entry.get("feature_name") or entry.get("metric_name") or ""
    return str(subject), str(entry.get("constraint_check_type"))


def _data(proof: Evidence, document: JSON) -> set[tuple[str, str]]:
    from open_model_monitor.monitors.constraints import Constraints
    from open_model_monitor.monitors.data_quality import DataQuality
    from open_model_monitor.monitors.statistics import Statistics

    constraints = Constraints.from_dict(document)
    if not proof.statistics:
        return set()
    baseline = Statistics.from_dict(proof.baseline) if proof.baseline else None
    statistics = _matched(proof, [feature.name for feature in constraints.features])
    checked = DataQuality(constraints.behaviour).check(statistics, constraints, baseline)
    entries = [finding.to_entry() for finding in checked.findings if not finding.holds]
    return {_named(entry) for entry in entries}


def _matched(proof: Evidence, names: Sequence[str]) -> Statistics:
    """Return an execution's statistics as if they had just been made: with the classes of values, and matched."""
    from open_model_monitor.monitors.matching import CurrentColumn, match
    from open_model_monitor.monitors.statistics import Statistics

    statistics = Statistics.from_dict(proof.statistics)
    about = proof.summary.get("features") or {}
    features = tuple(
        replace(
            one,
            type_counts=_classes((about.get(one.name) or {}).get("type_counts")) or one.type_counts,
            counts=one.counts or one.categories,
        )
        for one in statistics.features
    )
    matching = match([CurrentColumn(one.name) for one in features], names, "name")
    kept = {matched.column: matched for matched in matching.columns}
    ordered = tuple(one for name in kept for one in features if one.name == name)
    return replace(statistics, features=ordered, matching=matching)


def _classes(counted: Any) -> dict[str, int] | None:
    """Return how many values each class has, as a run's summary counted them; None of a summary without."""
    return {**dict.fromkeys(CLASSES, 0), **counted} if isinstance(counted, dict) and counted else None


def _quality(proof: Evidence, document: JSON) -> set[tuple[str, str]]:
    from open_model_monitor.monitors.model_quality import camel_case
    from open_model_monitor.monitors.quality_documents import QualityConstraints

    constraints = QualityConstraints.from_dict(document)
    block, flagged = proof.quality or {}, set()
    for name, limit in constraints.thresholds.items():
        entry = block.get(name)
        value = entry.get("value") if isinstance(entry, dict) else None
        if limit.threshold is None or not isinstance(value, int | float):
            continue
        is_worse = (
            value < limit.threshold if limit.operator == "LessThanThreshold" else value > limit.threshold
        )
        if is_worse:
            flagged.add((camel_case(name), limit.operator))
    return flagged
