"""Published metrics in CloudWatch's words."""

import dataclasses
from datetime import timedelta

import pytest

from open_model_monitor.errors import Denied
from open_model_monitor.server.standins.metrics import InvalidMetric, Metrics, UnknownMetricOperation

ONE = [{"Name": "Endpoint", "Value": "e"}, {"Name": "Feature", "Value": "f"}]
METRIC = {"Namespace": "n", "MetricName": "m", "Dimensions": ONE}
SET = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 5}


@pytest.fixture
def metrics(store, clock, caller):
    metrics = Metrics(store, clock)
    data = [
        {
            "MetricName": "m",
            "Value": 2,
            "Dimensions": ONE,
            "Timestamp": (clock() - timedelta(minutes=40)).timestamp(),
        },
        {
            "MetricName": "m",
            "Value": 4,
            "Dimensions": ONE[::-1],
            "Timestamp": (clock() - timedelta(minutes=35)).isoformat(),
        },
        {"MetricName": "m", "StatisticValues": SET, "Dimensions": ONE, "Timestamp": clock().timestamp()},
        {"MetricName": "other", "Value": 1},
    ]
    metrics.answer("PutMetricData", {"Namespace": "n", "MetricData": data}, caller)
    return metrics


def window(clock):
    return {
        "StartTime": (clock() - timedelta(hours=2)).timestamp(),
        "EndTime": (clock() + timedelta(hours=1)).timestamp(),
    }


def test_statistics_by_period(metrics, clock, caller):
    statistics = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    request = {**METRIC, **window(clock), "Period": 1800, "Statistics": statistics}
    found = metrics.answer("GetMetricStatistics", request, caller)
    assert [{name: point[name] for name in statistics} for point in found["Datapoints"]] == [
        {"SampleCount": 2, "Sum": 6, "Average": 3, "Minimum": 2, "Maximum": 4},
        {"SampleCount": 4, "Sum": 10, "Average": 2.5, "Minimum": 1, "Maximum": 5},
    ]


def test_data_queries(metrics, clock, caller):
    stat = {"Metric": METRIC, "Period": 1800, "Stat": "Maximum"}
    request = {"MetricDataQueries": [{"Id": "q", "MetricStat": stat}], **window(clock)}
    [result] = metrics.answer("GetMetricData", request, caller)["MetricDataResults"]
    assert (result["Id"], result["Values"]) == ("q", [5, 4])
    with pytest.raises(InvalidMetric, match="expressions"):
        metrics.answer(
            "GetMetricData", {"MetricDataQueries": [{"Id": "q", "Expression": "1"}], **window(clock)}, caller
        )


def test_listing(metrics, caller):
    def names(**request):
        return [one["MetricName"] for one in metrics.answer("ListMetrics", request, caller)["Metrics"]]

    assert names(Namespace="n") == ["m", "other"]
    assert names(MetricName="m", Dimensions=[{"Name": "Feature"}]) == ["m"]
    assert names(Dimensions=[{"Name": "Feature", "Value": "g"}]) == []


@pytest.mark.parametrize(("threshold", "state"), [(4, "ALARM"), (6, "OK")])
def test_alarms(metrics, clock, caller, threshold, state):
    alarm = {
        "AlarmName": "a",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Period": 3600,
        "Threshold": threshold,
        "Statistic": "Maximum",
        **METRIC,
    }
    metrics.answer("PutMetricAlarm", alarm, caller)
    clock.forward(minutes=5)
    [found] = metrics.answer("DescribeAlarms", {"AlarmNamePrefix": "a"}, caller)["MetricAlarms"]
    assert (found["StateValue"], found["Threshold"]) == (state, threshold)
    assert metrics.answer("DescribeAlarms", {"StateValue": "INSUFFICIENT_DATA"}, caller)["MetricAlarms"] == []
    metrics.answer("DeleteAlarms", {"AlarmNames": ["a"]}, caller)
    assert metrics.answer("DescribeAlarms", {}, caller)["MetricAlarms"] == []


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("PutMetricData", {"Namespace": "n"}),
        ("PutMetricData", {"Namespace": "n", "MetricData": [{"MetricName": "m"}]}),
        ("PutMetricAlarm", {"AlarmName": "a"}),
        ("GetMetricStatistics", METRIC),
        (
            "GetMetricStatistics",
            {**METRIC, "Period": 1, "StartTime": 0, "EndTime": 1e9, "Statistics": ["Sum"]},
        ),
        (
            "GetMetricStatistics",
            {**METRIC, "Period": 60, "StartTime": "x", "EndTime": 60, "Statistics": ["Sum"]},
        ),
        (
            "GetMetricStatistics",
            {**METRIC, "Period": 60, "StartTime": 0, "EndTime": 60, "Statistics": ["p99"]},
        ),
    ],
)
def test_what_is_refused(metrics, caller, operation, request_):
    with pytest.raises(InvalidMetric):
        metrics.answer(operation, request_, caller)


def test_scopes_and_unknown_operations(metrics, caller):
    with pytest.raises(Denied):
        metrics.answer("PutMetricData", {}, dataclasses.replace(caller, scopes=frozenset({"read"})))
    with pytest.raises(UnknownMetricOperation, match="PutDashboard"):
        metrics.answer("PutDashboard", {}, caller)
