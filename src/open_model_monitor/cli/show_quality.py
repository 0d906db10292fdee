"""What a person sees of a model-quality run: the metrics with their limits, the matrix, how labels came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from open_model_monitor.cli.show import BAD, FEW, heading, indented, many, number, table

if TYPE_CHECKING:
    from open_model_monitor.results.report import Report

_CONSTANT = "_best_constant_classifier"


def quality(report: Report) -> list[RenderableType]:
    """Return the parts of the screen that are about metrics."""
    parts: list[RenderableType] = [Text(), heading("Metrics"), indented(_metrics(report))]
    matrix = report.statistics.matrix
    if matrix is not None and len(matrix) <= FEW:
        parts += [
            Text(),
            heading("What was predicted (across) of what was right (down)"),
            indented(_matrix(matrix)),
        ]
    return parts


def labels(report: Report) -> list[tuple[str, str | None]]:
    """Return what the head of the screen says about labels, if there is anything to say."""
    coverage = report.coverage
    if coverage is None or coverage.share is None:
        return []
    aside = [
        f"{value:,} {what}"
        for what, value in (
            ("without a label yet", coverage.unlabelled),
            ("labels without a capture", coverage.labels_unmatched),
            ("labels replaced by later ones", coverage.labels_superseded),
        )
        if value
    ]
    shown = f"{coverage.joined:,} of {coverage.captured:,} captures ({coverage.share:.1%})"
    median, late = coverage.lateness_at(0.5), coverage.lateness_at(0.9)
    came = None
    if median is not None and late is not None:
        came = f"half within {many(median, 'hour')}, 90 % within {many(late, 'hour')}"
    return [("labelled", "; ".join([shown, *aside])), ("labels came", came)]


def _metrics(report: Report) -> Table:
    violated = {finding.about["metric_name"] for finding in report.findings if not finding.holds}
    numbers = ("value", "95 % interval", "limit", "best constant")
    rows = table("metric", *numbers, "", numbers=numbers, shrink=("",))
    for name, found in report.features.items():
        if name.endswith(_CONSTANT):
            continue
        constant = report.features.get(name + _CONSTANT)
        bad = _camel(name) in violated
        limit = found.get("threshold")
        sign = {"LessThanThreshold": "≥ ", "GreaterThanThreshold": "≤ "}.get(
            found.get("comparison_operator", ""), ""
        )
        rows.add_row(
            Text(name, style=f"bold {BAD}" if bad else ""),
            Text(_shown(found["value"]), style=BAD if bad else ""),
            Text(_interval(found.get("interval")), style="dim"),
            f"{sign}{number(limit)}" if limit is not None else "",
            Text(_shown(constant["value"]) if constant else "", style="dim"),
            Text("worse than its limit" if bad else "", style=BAD),
        )
    return rows


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(value: float | None) -> str:
    return "not defined" if value is None else number(value)


def _interval(interval: Mapping[str, Any] | None) -> str:
    return f"{number(interval['low'])} … {number(interval['high'])}" if interval else ""


def _matrix(matrix: Mapping[str, Mapping[str, int]]) -> Table:
    labels = list(matrix)
    rows = table("", *labels, numbers=labels)
    for label, row in matrix.items():
        cells = [Text(f"{row[other]:,}", style="bold" if other == label else "") for other in labels]
        rows.add_row(Text(label, style="dim"), *cells)
    return rows
