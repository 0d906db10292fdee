"""What runs publish, in the store: under the names and dimensions that SageMaker's dashboards know (`api.md` §15.5)."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from open_model_monitor.control.store import Row, Transaction, new_id
from open_model_monitor.control.tables import metric_values, outbox

log = logging.getLogger(__name__)

JSON = dict[str, Any]
_FAMILIES = {
    "DataQuality": "data-metrics",
    "ModelQuality": "model-metrics",
    "ModelBias": "bias-metrics",
    "ModelExplainability": "explainability-metrics",
}
_STATISTICS = ("SampleCount", "Sum", "Minimum", "Maximum")


def namespace_of(kind: str, *, is_batch: bool) -> str:
    """Return the namespace of a monitoring type's metrics."""
    return f"aws/sagemaker/{'ModelMonitoring' if is_batch else 'Endpoints'}/{_FAMILIES[kind]}"


def record_metrics(
    transaction: Transaction,
    job: Row,
    lines: Sequence[JSON],
    *,
    namespace: str,
    now: datetime,
    for_sinks: bool,
) -> int:
    """Keep what a job published; returns how many values. What is no metric is counted in the log.

    `for_sinks` queues them for the sinks as well. Times that a line does not give are `now`.
    """
    rows = []
    for line in lines:
        try:
            rows.append(metric_row(line, now))
        except (KeyError, TypeError, ValueError) as error:
            log.warning("job %s published what is no metric (%s): %.200s", job["name"], error, line)
    realm = {"account": job["account"], "region": job["region"]}
    transaction.insert_many(
        metric_values, [{**row, **realm, "namespace": namespace, "job": job["id"]} for row in rows]
    )
    if rows and for_sinks:
        event = {"namespace": namespace, "region": job["region"], "metrics": [_plain(row) for row in rows]}
        transaction.insert(
            outbox,
            id=new_id(),
            topic="metrics",
            subject=job["id"],
            event=event,
            created=now,
            next_try=now,
            tries=0,
            delivered=[],
        )
    return len(rows)


def metric_row(line: JSON, now: datetime) -> JSON:
    """Return the columns of a metric in PutMetricData's form.

    Raises KeyError, TypeError or ValueError if it is none.
    """
    value, statistics = line.get("Value"), line.get("StatisticValues")
    if statistics is not None:
        statistics = {name: float(statistics[name]) for name in _STATISTICS}
    elif value is None:
        raise KeyError("Value")
    numbers = [float(value or 0)] if statistics is None else list(statistics.values())
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("not a finite number")
    return {
        "name": str(line["MetricName"]),
        "dimensions": canonical_dimensions(line.get("Dimensions") or ()),
        "time": _time(line.get("Timestamp"), now),
        "value": None if statistics is not None else numbers[0],
        "statistics": statistics,
        "unit": line.get("Unit"),
    }


def canonical_dimensions(dimensions: Sequence[JSON]) -> str:
    """Return a text that is the same for the same dimensions in any order."""
    named = {str(one["Name"]): str(one["Value"]) for one in dimensions}
    return json.dumps(named, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _time(given: Any, now: datetime) -> datetime:
    if given is None:
        return now
    if isinstance(given, int | float):
        return datetime.fromtimestamp(given, UTC)
    moment = datetime.fromisoformat(given)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plain(row: JSON) -> JSON:
    return {**row, "time": row["time"].timestamp(), "dimensions": json.loads(row["dimensions"])}
