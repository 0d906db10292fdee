"""Documents as notebooks show them: small tables that follow the notebook's own colours."""

from __future__ import annotations

from typing import Any

from open_model_monitor.reporting.evidence import entries, present_of
from open_model_monitor.reporting.rendering import environment
from open_model_monitor.reporting.violations import grouped

JSON = dict[str, Any]
MOST = 100  # rows; the document has the rest


def violations_table(document: JSON) -> str:
    """Return `constraint_violations.json` by check, the same of many features said once."""
    found = document.get("violations")
    listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    rows = [
        (group.meaning.title, ", ".join(one.subjects), one.text)
        for group in grouped(listed)
        for one in group.said
    ]
    title = f"{len(listed):,} violation{'' if len(listed) == 1 else 's'}" if listed else "No violations"
    return _table(title, ("Check", "Of", "What was found"), rows)


def statistics_table(document: JSON) -> str:
    """Return `statistics.json`, a row per feature, or per metric."""
    metrics = next((block for name, block in document.items() if name.endswith("_metrics")), None)
    rows_of_data = (document.get("dataset") or {}).get("item_count")
    title = "Statistics" if rows_of_data is None else f"Statistics of {rows_of_data:,} rows"
    if isinstance(metrics, dict):
        values = [
            (name.replace("_", " "), entry["value"], entry.get("standard_deviation"))
            for name, entry in metrics.items()
            if isinstance(entry, dict) and "value" in entry
        ]
        return _table(title, ("Metric", "Value", "Standard deviation"), values)
    features = [_feature(entry) for entry in entries(document)]
    return _table(title, ("Feature", "Type", "Present", "Missing", "Mean", "Minimum", "Maximum"), features)


def constraints_table(document: JSON) -> str:
    """Return `constraints.json`, a row per feature, or per metric."""
    limits = next((block for name, block in document.items() if name.endswith("_constraints")), None)
    if isinstance(limits, dict):
        rows = [
            (name.replace("_", " "), entry.get("comparison_operator"), entry.get("threshold"))
            for name, entry in limits.items()
            if isinstance(entry, dict)
        ]
        return _table("Constraints", ("Metric", "Violated if", "Threshold"), rows)
    features = [
        (
            entry["name"],
            entry.get("inferred_type"),
            entry.get("completeness"),
            (entry.get("num_constraints") or {}).get("is_non_negative"),
            ", ".join(map(str, (entry.get("string_constraints") or {}).get("domains") or ())),
        )
        for entry in entries(document)
    ]
    return _table(
        "Constraints", ("Feature", "Type", "Completeness", "Not negative", "Known values"), features
    )


def _feature(entry: JSON) -> tuple[Any, ...]:
    numbers = entry.get("numerical_statistics") or {}
    return (
        entry["name"],
        entry.get("inferred_type"),
        *present_of(entry),
        *(numbers.get(name) for name in ("mean", "min", "max")),
    )


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    template = environment().get_template("notebook.html")
    return template.render(title=title, heads=heads, rows=rows[:MOST], left=len(rows) - MOST)
