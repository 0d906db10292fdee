"""The sentences of `constraint_violations.json`: users' scripts parse them, so they are part of the contract."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

MAX_NAMES = 20


def number_text(value: float) -> str:
    """Return a double as Java prints it: shortest digits, `d.dddE±n` outside of [0.001, 10⁷)."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    first, *rest = map(str, digits)
    exponent = Decimal(repr(value)).adjusted()
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{exponent}"


def percent(share: float) -> str:
    """Return a share of 1 in percent."""
    return f"{number_text(share * 100)}%"


def data_type(expected: str, *, limit: float, share: float) -> str:
    """Return the sentence of `data_type_check`."""
    return (
        f"Data type match requirement is not met. Expected data type: {expected}, "
        f"Expected match: {percent(limit)}. Observed: Only {percent(share)} of data is {expected}."
    )


def completeness(*, limit: float, share: float) -> str:
    """Return the sentence of `completeness_check`."""
    return (
        f"Data completeness requirement is not met. Expected: {percent(limit)}. "
        f"Observed: Only {percent(share)}."
    )


def known_values(*, limit: float, share: float) -> str:
    """Return the sentence of `categorical_values_check`."""
    return (
        f"Categorical value match requirement is not met. Expected match: {percent(limit)}. "
        f"Observed: {percent(share)} of the values match the known values."
    )


def drift(*, distance: float, limit: float) -> str:
    """Return the sentence of `baseline_drift_check`."""
    return f"Baseline drift distance: {number_text(distance)} exceeds threshold: {number_text(limit)}"


def columns(kind: str, *, now: int, expected: int, names: Sequence[str]) -> str:
    """Return the sentence of the check on `extra` or `missing` columns; `names` may be empty."""
    sentence = (
        f"There are {kind} columns in current dataset. Number of columns in current dataset: {now}, "
        f"Number of columns in baseline constraints: {expected}"
    )
    return f"{sentence}. {kind.capitalize()}: {listed(names)}" if names else sentence


def listed(names: Sequence[str]) -> str:
    """Return names in one line, at most twenty of them."""
    shown = ", ".join(" ".join(name.splitlines()) or '""' for name in names[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    return f"{shown}, … and {more} more" if more > 0 else shown
