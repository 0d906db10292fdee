"""The words of pages: numbers, shares, durations, sizes, statuses."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from jinja2 import Undefined

from open_model_monitor.reporting.evidence import Evidence

STATUSES = {
    "Completed": ("ok", "Completed"),
    "CompletedWithViolations": ("warn", "Violations"),
    "Failed": ("bad", "Failed"),
    "Stopped": ("off", "Stopped"),
    "Stopping": ("off", "Stopping"),
    "InProgress": ("run", "Running"),
    "Pending": ("run", "Pending"),
    "Scheduled": ("ok", "Scheduled"),
    "InAlert": ("bad", "In alert"),
    "OK": ("ok", "OK"),
}


def status_of(name: str) -> tuple[str, str]:
    """Return the tone and the word of a status."""
    return STATUSES.get(name, ("off", name))


def number(value: Any) -> str:
    """Return a number with about four digits that count, whole ones with all; a dash for none."""
    if value is None or isinstance(value, str | Undefined):
        return str(value or "–")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number"
    if not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"


def share(value: Any) -> str:
    """Return a share in percent; whole only if it is exactly."""
    if value is None or isinstance(value, str | Undefined):
        return str(value or "–")
    text = f"{100 * value:.2f}".rstrip("0").rstrip(".")
    if text in ("0", "100") and value not in (0, 1):
        text = "<0.01" if text == "0" else ">99.99"
    return f"{text} %"


def span(value: timedelta | float | None) -> str:
    """Return a duration in its two largest units."""
    if value is None:
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "min"))
    return " ".join([f"{amount} {unit}" for amount, unit in parts if amount][:2])


def size(value: float) -> str:
    """Return a size in bytes, thousands of them, and so on."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the last unit takes all")


def verdict(evidence: Evidence) -> tuple[str, str]:
    """Return the tone and the word for how a run ended."""
    if evidence.violations:
        count = len(evidence.violations)
        return "warn", f"{count:,} violation{'' if count == 1 else 's'}"
    if evidence.summary.get("kind") == "baseline":
        return "ok", "Made"
    return ("ok", "No violations") if evidence.checked else ("off", "Nothing checked")
