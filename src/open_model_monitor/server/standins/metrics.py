"""Published metrics, in CloudWatch's words: what dashboards and alarms of monitors ask for (`api.md` §15.5).

Shows the metrics in the store; alarms are evaluated when they are described.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Required, TypedDict

import msgspec
from sqlalchemy import and_, select

from open_model_monitor.control.metrics import canonical_dimensions, metric_row
from open_model_monitor.control.operations.registry import JSON, Caller
from open_model_monitor.control.store import Row, Store, Transaction
from open_model_monitor.control.tables import metric_alarms, metric_values
from open_model_monitor.errors import ApiError, Denied

MAX_POINTS, MAX_METRICS, MAX_VALUES = 1440, 500, 100_000
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class InvalidMetric(ApiError):
    """A parameter of a request to CloudWatch makes no sense."""

    code = "InvalidParameterValue"


class UnknownMetricOperation(ApiError):
    """An operation of CloudWatch that we do not answer."""

    code = "InvalidAction"


_Period = Annotated[int, msgspec.Meta(ge=1, le=366 * 86400)]
_When = str | float | None


class _Dimension(TypedDict, total=False):
    Name: Required[str]
    Value: str | None


class _Metric(TypedDict, total=False):
    Namespace: str | None
    MetricName: str | None
    Dimensions: list[_Dimension] | None


class _Datum(_Metric, total=False):
    Value: float | None
    StatisticValues: dict[str, float] | None
    Timestamp: _When
    Unit: str | None


class _Stat(TypedDict, total=False):
    Metric: Required[_Metric]
    Period: Required[_Period]
    Stat: Required[Literal["SampleCount", "Average", "Sum", "Minimum", "Maximum"]]


class _Query(TypedDict, total=False):
    Id: Required[str]
    Label: str | None
    MetricStat: _Stat | None


class _Request(_Metric, total=False):
    """Whatever the operations take, besides the members of alarms that are only echoed."""

    MetricData: list[_Datum] | None
    MetricDataQueries: list[_Query] | None
    StartTime: _When
    EndTime: _When
    Period: _Period | None
    Statistics: list[str] | None
    ScanBy: str | None
    NextToken: str | None
    AlarmName: str | None
    AlarmNames: list[str] | None
    AlarmNamePrefix: str | None
    StateValue: str | None
    ComparisonOperator: str | None
    EvaluationPeriods: Annotated[int, msgspec.Meta(ge=1, le=MAX_POINTS)] | None
    DatapointsToAlarm: Annotated[int, msgspec.Meta(ge=1, le=MAX_POINTS)] | None
    Threshold: float | None
    Statistic: Literal["SampleCount", "Average", "Sum", "Minimum", "Maximum"] | None


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a number of values amount to; they add."""

    count: float
    total: float
    low: float
    high: float

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.count + other.count,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def statistic(self, name: str) -> float:
        values = {"SampleCount": self.count, "Sum": self.total, "Minimum": self.low, "Maximum": self.high}
        return values.get(name, self.total / self.count if self.count else math.nan)


class Metrics:
    """Answers CloudWatch's operations from the store."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._reading: dict[str, Callable[[Transaction, JSON, Caller], JSON]] = {
            "ListMetrics": _list_metrics,
            "GetMetricStatistics": _get_statistics,
            "GetMetricData": _get_data,
            "DescribeAlarms": self._describe_alarms,
        }
        self._writing: dict[str, Callable[[Transaction, JSON, Caller], JSON]] = {
            "PutMetricData": self._put_data,
            "PutMetricAlarm": self._put_alarm,
            "DeleteAlarms": _delete_alarms,
        }

    def answer(self, operation: str, request: JSON, caller: Caller) -> JSON:
        """Return the response to a request.

        Raises ApiError.
        """
        try:
            request = {**request, **msgspec.convert(request, _Request, strict=False)}
        except msgspec.ValidationError as error:
            raise InvalidMetric(str(error)) from None
        if operation in self._reading:
            with self._store.read() as transaction:
                return self._reading[operation](transaction, request, caller)
        if operation in self._writing:
            if "write" not in caller.scopes:
                raise Denied(f"The key {caller.principal} lacks the scope 'write', which {operation} needs")
            with self._store.begin() as transaction:
                return self._writing[operation](transaction, request, caller)
        known = ", ".join([*self._reading, *self._writing])
        raise UnknownMetricOperation(
            f"Open Model Monitor does not implement {operation} of CloudWatch; it knows {known}"
        )

    def _put_data(self, transaction: Transaction, request: JSON, caller: Caller) -> JSON:
        rows = []
        for one in _required(request, "MetricData"):
            try:
                row = metric_row(one, self._clock())
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidMetric(
                    f"The metric {one.get('MetricName')} cannot be stored: {error}"
                ) from error
            rows.append({**row, **_realm(caller), "namespace": _required(request, "Namespace"), "job": None})
        transaction.insert_many(metric_values, rows)
        return {}

    def _put_alarm(self, transaction: Transaction, request: JSON, caller: Caller) -> JSON:
        name = _required(request, "AlarmName")
        for member in ("ComparisonOperator", "EvaluationPeriods"):
            _required(request, member)
        if request["ComparisonOperator"] not in _COMPARISONS or "Metrics" in request:
            raise InvalidMetric("Only alarms that compare one metric with a threshold are supported")
        for member in ("MetricName", "Namespace", "Threshold", "Period"):
            _required(request, member)
        now = self._clock()
        transaction.delete(metric_alarms, {**_realm(caller), "name": name})
        transaction.insert(
            metric_alarms, **_realm(caller), name=name, document=request, created=now, modified=now
        )
        return {}

    def _describe_alarms(self, transaction: Transaction, request: JSON, caller: Caller) -> JSON:
        names, prefix = request.get("AlarmNames"), request.get("AlarmNamePrefix") or ""
        found = transaction.all(
            select(metric_alarms).where(_in(metric_alarms, caller)).order_by(metric_alarms.c.name)
        )
        alarms = [
            self._alarm(transaction, row, caller)
            for row in found
            if row["name"].startswith(prefix) and (not names or row["name"] in names)
        ]
        if state := request.get("StateValue"):
            alarms = [alarm for alarm in alarms if alarm["StateValue"] == state]
        return {"MetricAlarms": alarms, "CompositeAlarms": []}

    def _alarm(self, transaction: Transaction, row: Row, caller: Caller) -> JSON:
        alarm, now = row["document"], self._clock()
        period, periods = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
        start = _floor(now, period) - timedelta(seconds=period * periods)
        found = _buckets(transaction, alarm, caller, start, now, period)
        statistic = alarm.get("Statistic") or "Average"
        crossed = _COMPARISONS[alarm["ComparisonOperator"]]
        breaching = sum(
            crossed(sums.statistic(statistic), float(alarm["Threshold"])) for sums in found.values()
        )
        needed = int(alarm.get("DatapointsToAlarm") or periods)
        state = "INSUFFICIENT_DATA" if not found else "ALARM" if breaching >= needed else "OK"
        arn = f"arn:{caller.partition}:cloudwatch:{caller.region}:{caller.account}:alarm:{row['name']}"
        updated = {
            "StateUpdatedTimestamp": _epoch(now),
            "AlarmConfigurationUpdatedTimestamp": _epoch(row["modified"]),
        }
        return {**alarm, "AlarmArn": arn, "StateValue": state, "StateReason": "", **updated}


def _delete_alarms(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    for name in _required(request, "AlarmNames"):
        transaction.delete(metric_alarms, {**_realm(caller), "name": name})
    return {}


def _list_metrics(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    columns = metric_values.c
    conditions = [_in(metric_values, caller)]
    if namespace := request.get("Namespace"):
        conditions.append(columns.namespace == namespace)
    if name := request.get("MetricName"):
        conditions.append(columns.name == name)
    statement = (
        select(columns.namespace, columns.name, columns.dimensions)
        .where(and_(*conditions))
        .distinct()
        .order_by(columns.namespace, columns.name, columns.dimensions)
    )
    wanted = {one["Name"]: one.get("Value") for one in request.get("Dimensions") or ()}
    found = [
        row
        for row in transaction.all(statement)
        if all(
            name in (had := json.loads(row["dimensions"])) and value in (None, had[name])
            for name, value in wanted.items()
        )
    ]
    token = request.get("NextToken") or "0"
    if not token.isdecimal() or len(token) > 12:
        raise InvalidMetric("The NextToken is not valid")
    skip = int(token)
    answer: JSON = {"Metrics": [_metric(row) for row in found[skip : skip + MAX_METRICS]]}
    if skip + MAX_METRICS < len(found):
        answer["NextToken"] = str(skip + MAX_METRICS)
    return answer


def _metric(row: Row) -> JSON:
    dimensions = [{"Name": name, "Value": value} for name, value in json.loads(row["dimensions"]).items()]
    return {"Namespace": row["namespace"], "MetricName": row["name"], "Dimensions": dimensions}


def _get_statistics(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    period = int(_required(request, "Period"))
    start, end = (_moment(_required(request, name)) for name in ("StartTime", "EndTime"))
    _check_span(start, end, period)
    wanted = [name for name in request.get("Statistics") or () if name in _STATISTICS]
    if not wanted:
        raise InvalidMetric("Statistics must name at least one of " + ", ".join(_STATISTICS))
    points = [
        {"Timestamp": _epoch(at), **{name: sums.statistic(name) for name in wanted}, "Unit": "None"}
        for at, sums in sorted(_buckets(transaction, request, caller, start, end, period).items())
    ]
    return {"Label": request["MetricName"], "Datapoints": points}


def _get_data(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    start, end = (_moment(_required(request, name)) for name in ("StartTime", "EndTime"))
    results = []
    for query in _required(request, "MetricDataQueries"):
        stat = query.get("MetricStat")
        if stat is None:
            raise InvalidMetric(f"Query {query.get('Id')}: only MetricStat is supported, no expressions")
        period = int(_required(stat, "Period"))
        _check_span(start, end, period)
        found = sorted(_buckets(transaction, stat["Metric"], caller, start, end, period).items())
        if (request.get("ScanBy") or "TimestampDescending") == "TimestampDescending":
            found.reverse()
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or stat["Metric"]["MetricName"],
                "Timestamps": [_epoch(at) for at, _ in found],
                "Values": [sums.statistic(stat["Stat"]) for _, sums in found],
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": results, "Messages": []}


def _buckets(
    transaction: Transaction, metric: JSON, caller: Caller, start: datetime, end: datetime, period: int
) -> dict[datetime, _Sums]:
    columns = metric_values.c
    statement = (
        select(metric_values)
        .where(
            _in(metric_values, caller),
            columns.namespace == _required(metric, "Namespace"),
            columns.name == _required(metric, "MetricName"),
            columns.dimensions == canonical_dimensions(metric.get("Dimensions") or ()),
            columns.time >= start,
            columns.time < end,
        )
        .order_by(columns.time)
        .limit(MAX_VALUES)
    )
    found: dict[datetime, _Sums] = {}
    for at, sums in _values(transaction.all(statement), period):
        found[at] = found[at] + sums if at in found else sums
    return found


def _values(rows: Iterable[Row], period: int) -> Iterator[tuple[datetime, _Sums]]:
    for row in rows:
        if (given := row["statistics"]) is not None:
            sums = _Sums(given["SampleCount"], given["Sum"], given["Minimum"], given["Maximum"])
        else:
            sums = _Sums(1.0, row["value"], row["value"], row["value"])
        yield _floor(row["time"], period), sums


def _check_span(start: datetime, end: datetime, period: int) -> None:
    if period < 1 or start >= end:
        raise InvalidMetric("Period must be positive and StartTime before EndTime")
    if (end - start).total_seconds() / period > MAX_POINTS:
        raise InvalidMetric(f"More than {MAX_POINTS} points were asked for; choose a longer Period")


def _floor(moment: datetime, period: int) -> datetime:
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % period, UTC)


def _required(request: JSON, member: str) -> Any:
    value = request.get(member)
    if value is None or value in ("", []):
        raise InvalidMetric(f"The parameter {member} is required")
    return value


def _moment(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise InvalidMetric(f"{value!r} is no time") from None


def _epoch(moment: datetime) -> float:
    return moment.timestamp()


def _realm(caller: Caller) -> dict[str, str]:
    return {"account": caller.account, "region": caller.region}


def _in(table: Any, caller: Caller) -> Any:
    return and_(table.c.account == caller.account, table.c.region == caller.region)
