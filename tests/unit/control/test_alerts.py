"""M of N."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.control.alerts import evaluate

GOOD, BAD, FAILED, STOPPED = "Completed", "CompletedWithViolations", "Failed", "Stopped"


@pytest.mark.parametrize(
    ("statuses", "datapoints", "period", "expected"),
    [
        ([], 1, 1, "OK"),
        ([GOOD], 1, 1, "OK"),
        ([BAD], 1, 1, "InAlert"),
        ([FAILED], 1, 1, "InAlert"),
        ([GOOD, BAD], 1, 1, "OK"),  # only the newest counts
        ([GOOD, BAD], 1, 2, "InAlert"),
        ([BAD, GOOD, BAD, GOOD, FAILED], 3, 5, "InAlert"),
        ([BAD, GOOD, BAD, GOOD, GOOD], 3, 5, "OK"),
        ([STOPPED, BAD], 1, 1, "InAlert"),  # a stopped one says nothing
        ([BAD], 3, 5, "OK"),  # fewer than the period are fine
    ],
)
def test_evaluation(statuses, datapoints, period, expected):
    assert evaluate(statuses, datapoints=datapoints, period=period) == expected


@given(st.lists(st.sampled_from([GOOD, BAD, FAILED, STOPPED])), st.integers(1, 8), st.integers(1, 8))
def test_one_more_failure_never_ends_an_alert(statuses, datapoints, period):
    if evaluate(statuses, datapoints=datapoints, period=period) == "InAlert":
        worse = [BAD if status == GOOD else status for status in statuses]
        assert evaluate(worse, datapoints=datapoints, period=period) == "InAlert"
