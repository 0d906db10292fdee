"""What a person sees of segments: those with violations first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from open_model_monitor.cli.show import BAD, FEW, column_name, heading, indented, more, number, table

if TYPE_CHECKING:
    from open_model_monitor.monitors.base import Analysis
    from open_model_monitor.results.segments import Segments

_TELLING = ("accuracy", "mae")  # the metric that stands for a model's quality, whichever there is


def segments(found: Segments, *, everything: bool) -> list[RenderableType]:
    """Return the part of the screen; `everything` shows all segments."""
    ordered = sorted(
        found.analyses.items(), key=lambda one: (-len(one[1].violations), -one[1].statistics.item_count)
    )
    shown = ordered if everything else ordered[:FEW]
    metric = next((name for _, one in ordered for name in _TELLING if name in one.features), None)
    numbers = ("rows", "violations", *([metric] if metric else []))
    rows = table("segment", *numbers, "compared with", numbers=numbers, shrink=("compared with",))
    for name, one in shown:
        violations = len(one.violations)
        rows.add_row(
            Text(column_name(name)),
            f"{one.statistics.item_count:,}",
            Text(f"{violations:,}", style=f"bold {BAD}" if violations else ""),
            *([_value(one, metric)] if metric else []),
            Text(_compared(one, own=name in found.own), style="dim"),
        )
    title = heading(f"Segments by {found.column}  {len(ordered)}")
    left = [indented(text) for text in more(len(ordered) - len(shown), "segment")]
    return [Text(), title, indented(rows), *left]


def _value(one: Analysis[Any, Any], metric: str) -> str:
    value = one.features.get(metric, {}).get("value")
    return "" if value is None else number(value)


def _compared(one: Analysis[Any, Any], *, own: bool) -> str:
    if not one.findings:
        return ""
    return "its own baseline" if own else "the whole"
