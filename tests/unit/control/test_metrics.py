"""What is a metric, and what is not."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from open_model_monitor.control.metrics import canonical_dimensions, metric_row, namespace_of, record_metrics
from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import metric_values, outbox

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
JOB = {"id": "1", "name": "job", "account": "000000000000", "region": "us-east-1"}
SET = {"SampleCount": 2, "Sum": 3.0, "Minimum": 1, "Maximum": 2}


def test_namespaces():
    assert namespace_of("DataQuality", is_batch=False) == "aws/sagemaker/Endpoints/data-metrics"
    assert namespace_of("ModelBias", is_batch=True) == "aws/sagemaker/ModelMonitoring/bias-metrics"


def test_dimensions_are_the_same_in_any_order():
    first, second = {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}
    assert (
        canonical_dimensions([first, second]) == canonical_dimensions([second, first]) == '{"a":"1","b":"2"}'
    )


def test_a_value_and_a_statistic_set():
    row = metric_row({"MetricName": "m", "Value": 3, "Timestamp": "2026-01-31T09:00:00Z"}, NOW)
    assert (row["value"], row["statistics"], row["time"].hour) == (3.0, None, 9)
    row = metric_row({"MetricName": "m", "StatisticValues": SET, "Timestamp": NOW.timestamp()}, NOW)
    assert (row["value"], row["statistics"]["Sum"], row["time"]) == (None, 3.0, NOW)


@pytest.mark.parametrize(
    "line",
    [
        {"Value": 1},
        {"MetricName": "m"},
        {"MetricName": "m", "Value": float("nan")},
        {"MetricName": "m", "Value": "x"},
        {"MetricName": "m", "StatisticValues": {"Sum": 1}},
        {"MetricName": "m", "Value": 1, "Timestamp": "yesterday"},
        {"MetricName": "m", "Value": 1, "Dimensions": [{"Name": "a"}]},
    ],
)
def test_what_is_no_metric(line):
    with pytest.raises((KeyError, TypeError, ValueError)):
        metric_row(line, NOW)


def test_good_lines_are_kept_and_bad_ones_told(database, caplog):
    store = Store(database)
    migrate(store)
    lines = [
        {"MetricName": "m", "Value": 1},
        {"MetricName": "broken"},
        {"MetricName": "m", "StatisticValues": SET},
    ]
    with store.begin() as transaction:
        assert record_metrics(transaction, JOB, lines, namespace="n", now=NOW, for_sinks=True) == 2
    with store.read() as transaction:
        assert len(transaction.all(select(metric_values))) == 2
        [event] = transaction.all(select(outbox))
    assert [one["name"] for one in event["event"]["metrics"]] == ["m", "m"]
    assert "what is no metric" in caplog.text
    store.close()
