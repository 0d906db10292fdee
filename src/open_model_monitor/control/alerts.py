"""M of N: whether the last executions of a schedule put its alert on (`api.md` §7)."""

from __future__ import annotations

from collections.abc import Sequence

OK, IN_ALERT = "OK", "InAlert"
DEFAULT_ALERT = "default-monitoring-alert"
FAILING = ("CompletedWithViolations", "Failed")
COUNTED = ("Completed", *FAILING)  # a stopped execution says nothing


def evaluate(statuses: Sequence[str], *, datapoints: int, period: int) -> str:
    """Return InAlert if at least `datapoints` of the newest `period` executions fail, else OK.

    `statuses` are those of executions that ended, newest first; fewer than `period` are fine.
    """
    counted = [status for status in statuses if status in COUNTED][:period]
    failing = sum(status in FAILING for status in counted)
    return IN_ALERT if failing >= datapoints else OK
