import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from open_model_monitor.monitors.base import (
    LARGEST,
    Analysis,
    Checked,
    Finding,
    Metric,
    Monitor,
    StatisticValues,
)
from open_model_monitor.monitors.data_quality import DataQuality


def test_entry_of_a_finding():
    finding = Finding({"feature_name": "a"}, "data_type_check", False, "text", 0.5, 1.0)
    assert finding.to_entry() == {
        "feature_name": "a",
        "constraint_check_type": "data_type_check",
        "description": "text",
    }
    holding = Finding({"feature_name": "b"}, "data_type_check", True, "text")
    assert Analysis(None, None, Checked((finding, holding))).violations == [finding.to_entry()]


def test_lines_of_the_specification():
    when = datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=2)))
    statistics = StatisticValues(12.0, 6.78, 0.51, 0.62)
    metric = Metric("feature_data_score", None, statistics, {"Feature": "score"})
    plain, own = metric.lines(endpoint="ep", schedule="sched", timestamp=when)
    endpoint, schedule = {"Name": "Endpoint", "Value": "ep"}, {"Name": "MonitoringSchedule", "Value": "sched"}
    assert plain == {
        "MetricName": "feature_data_score",
        "Timestamp": "2026-01-05T10:00:00Z",
        "Dimensions": [endpoint, schedule],
        "StatisticValues": {"SampleCount": 12.0, "Sum": 6.78, "Minimum": 0.51, "Maximum": 0.62},
    }
    assert own == plain | {"Dimensions": [endpoint, {"Name": "Feature", "Value": "score"}, schedule]}


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ("plain", [["MonitoringSchedule"]]),
        ("feature", [["Feature", "MonitoringSchedule"]]),
        ("both", [["MonitoringSchedule"], ["Feature", "MonitoringSchedule"]]),
    ],
)
def test_dimension_sets_of_batch_transform(sets, expected):
    metric = Metric("m", 1.0, None, {"Feature": "f"}, sets)
    lines = list(metric.lines(endpoint=None, schedule="s", timestamp=datetime(2026, 1, 1, tzinfo=UTC)))
    assert [[d["Name"] for d in line["Dimensions"]] for line in lines] == expected


def test_infinities_are_published_as_the_largest_number():
    (line,) = Metric("m", -math.inf, dimension_sets="plain").lines(
        endpoint=None, schedule=None, timestamp=None
    )
    assert line == {"MetricName": "m", "Dimensions": [], "Value": -LARGEST}
    assert StatisticValues(1, math.inf, 0, 1).to_dict()["Sum"] == 2.348543e108


def test_data_quality_is_a_monitor():
    monitor: Monitor = DataQuality()
    assert monitor.kind == "DataQuality"
