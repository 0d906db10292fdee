"""Metrics reach files, CloudWatch's API, and an OpenTelemetry collector."""

import http.server
import json
import threading

import boto3
import pytest

from open_model_monitor.control.metric_sinks import otel_name, send_metrics
from open_model_monitor.errors import OutsideError, SettingsError

SET = {"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}
EVENT = {
    "namespace": "aws/sagemaker/Endpoints/data-metrics",
    "region": "us-east-1",
    "metrics": [
        {
            "name": "a",
            "value": 1.5,
            "statistics": None,
            "unit": None,
            "time": 1769853600.0,
            "dimensions": {"F": "x"},
        },
        {
            "name": "b",
            "value": None,
            "statistics": SET,
            "unit": "Count",
            "time": 1769853600.0,
            "dimensions": {},
        },
    ],
}


def test_a_file(tmp_path):
    send_metrics(f"file:{tmp_path}/metrics", EVENT)
    first, second = map(json.loads, (tmp_path / "metrics").read_text().splitlines())
    assert (first["MetricName"], first["Value"]) == ("a", 1.5)
    assert first["Dimensions"] == [{"Name": "F", "Value": "x"}]
    assert (second["StatisticValues"], second["Unit"]) == (SET, "Count")


@pytest.mark.parametrize("sink", ["file:", "statsd", ""])
def test_an_unknown_sink(sink):
    with pytest.raises(SettingsError, match="no metric sink"):
        send_metrics(sink, EVENT)


def test_cloudwatch(monkeypatch):
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        send_metrics("cloudwatch", EVENT)
        found = boto3.client("cloudwatch", "us-east-1").list_metrics(Namespace=EVENT["namespace"])["Metrics"]
    assert sorted(one["MetricName"] for one in found) == ["a", "b"]


@pytest.fixture
def collector(monkeypatch):
    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    server.got = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_opentelemetry(collector):
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    send_metrics("otel", EVENT)
    message = ExportMetricsServiceRequest()
    message.ParseFromString(collector.got[0])
    metrics = message.resource_metrics[0].scope_metrics[0].metrics
    values = {one.name.rpartition("metrics.")[2]: one.gauge.data_points[0].as_double for one in metrics}
    expected = {"a": 1.5, "b.samplecount": 2.0, "b.sum": 3.0, "b.minimum": 1.0, "b.maximum": 2.0}
    assert values == expected


def test_a_collector_that_is_away(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("open_model_monitor.control.metric_sinks.TIMEOUT", 1)
    with pytest.raises(OutsideError, match="did not take"):
        send_metrics("otel", EVENT)


def test_names_for_opentelemetry():
    assert otel_name("a/b", "feature_data_ä b") == "a.b.feature_data___b"
