"""Metrics leave the house: to CloudWatch, an OpenTelemetry collector, or a file of JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from open_model_monitor.errors import OutsideError, SettingsError

JSON = dict[str, Any]
TIMEOUT = 10  # seconds of the collector
CLOUDWATCH_BATCH = 500  # of at most 1,000 values and 1 MB a request


def send_metrics(sink: str, event: JSON) -> None:
    """Send the metrics of an event of the outbox to a sink: `cloudwatch`, `otel`, or `file:PATH`.

    Raises OutsideError if they could not be delivered, SettingsError if the sink is not known or not installed.
    """
    kind, _, place = sink.partition(":")
    if kind == "file" and place:
        _append(Path(place), event)
    elif sink == "cloudwatch":
        _put(event)
    elif sink == "otel":
        _export(event)
    else:
        raise SettingsError(f"there is no metric sink {sink!r}; known are cloudwatch, otel and file:PATH")


def _append(path: Path, event: JSON) -> None:
    lines = [json.dumps(_datum(one) | {"Namespace": event["namespace"]}) for one in event["metrics"]]
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def _put(event: JSON) -> None:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise SettingsError(
            "the sink cloudwatch needs boto3; pip install 'open-model-monitor[aws]'"
        ) from error
    client = boto3.client("cloudwatch", region_name=event["region"])
    data = [_datum(one) for one in event["metrics"]]
    try:
        for first in range(0, len(data), CLOUDWATCH_BATCH):
            client.put_metric_data(
                Namespace=event["namespace"], MetricData=data[first : first + CLOUDWATCH_BATCH]
            )
    except (BotoCoreError, ClientError) as error:
        raise OutsideError(f"CloudWatch refused the metrics: {error}") from error


def _datum(metric: JSON) -> JSON:
    datum: JSON = {
        "MetricName": metric["name"],
        "Timestamp": datetime.fromtimestamp(metric["time"], UTC).isoformat(),
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric["dimensions"].items()],
    }
    if metric["statistics"] is not None:
        datum["StatisticValues"] = metric["statistics"]
    else:
        datum["Value"] = metric["value"]
    if metric["unit"]:
        datum["Unit"] = metric["unit"]
    return datum


def _export(event: JSON) -> None:
    """Send gauges over OTLP/HTTP, to where the OTEL_EXPORTER_OTLP_… variables say."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
        from opentelemetry.sdk.resources import Resource
    except ImportError as error:
        raise SettingsError(
            "the sink otel needs the OpenTelemetry SDK; pip install 'open-model-monitor[otel]'"
        ) from error
    reader, exporter = InMemoryMetricReader(), OTLPMetricExporter(timeout=TIMEOUT)
    resource = Resource.create({"service.name": "open-model-monitor"})
    provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
    meter = provider.get_meter("open_model_monitor")
    for metric in event["metrics"]:
        for suffix, value in _numbers(metric):
            gauge = meter.create_gauge(f"{otel_name(event['namespace'], metric['name'])}{suffix}")
            gauge.set(value, attributes=metric["dimensions"])
    data = reader.get_metrics_data()
    provider.shutdown()
    try:
        done = data is None or exporter.export(data) is MetricExportResult.SUCCESS
    except OSError as error:  # of older exporters
        raise OutsideError(f"the OpenTelemetry collector did not take the metrics: {error}") from error
    if not done:
        raise OutsideError("the OpenTelemetry collector did not take the metrics; its exporter says why")


def _numbers(metric: JSON) -> Sequence[tuple[str, float]]:
    if metric["statistics"] is None:
        return [("", metric["value"])]
    return [(f".{name.lower()}", value) for name, value in metric["statistics"].items()]


def otel_name(namespace: str, name: str) -> str:
    """Return a metric's name as OpenTelemetry allows it: letters, digits, `_`, `.`, `-` and `/`, at most 255."""
    return re.sub(r"[^A-Za-z0-9_./-]", "_", f"{namespace.replace('/', '.')}.{name}")[:240]
