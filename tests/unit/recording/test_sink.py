"""The sink of inference loggers."""

import asyncio
import json

import pytest

from open_model_monitor.recording import sink as module
from open_model_monitor.recording.sink import CaptureSink
from support.recordings import KSERVE, lines, live


def call(sink, headers=(), body=b"", method="POST"):
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [(name.encode(), value.encode()) for name, value in dict(headers).items()],
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        sent.append(message)

    asyncio.run(sink(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.fixture
def sink(tmp_path):
    made = CaptureSink(tmp_path, flush_seconds=60)
    yield made
    made.close()


def test_request_and_answer_become_a_capture(sink, tmp_path):
    assert call(sink, KSERVE, b'{"instances": [[1, 2]]}') == (202, {})
    answer = KSERVE | {"ce-type": "org.kubeflow.serving.inference.response"}
    assert call(sink, answer, b'{"predictions": [1]}') == (202, {})
    sink.close()
    [one] = lines(tmp_path / "iris" / "AllTraffic" / "2026" / "01" / "31" / "10")
    assert one["eventMetadata"] == {"eventId": "e58f", "inferenceTime": "2026-01-31T10:45:00Z"}
    assert one["captureData"]["endpointOutput"]["data"] == '{"predictions": [1]}'
    status, counts = call(sink, method="GET")
    assert (status, counts["services"]["iris"]["written"], counts["unmatched"]) == (200, 1, 0)


@pytest.mark.parametrize("name", ["../x", "a/b", "x" * 64])
def test_names_that_lead_elsewhere_are_refused(sink, tmp_path, name):
    status, told = call(sink, KSERVE | {"ce-inferenceservicename": name})
    assert (status, list(tmp_path.iterdir())) == (400, [])
    assert "cannot be the name" in told["error"]


def test_bounds(sink, monkeypatch):
    monkeypatch.setattr(module, "MAX_BODY", 10)
    assert call(sink, KSERVE, b"x" * 11)[0] == 413
    monkeypatch.setattr(module, "MOST_SERVICES", 0)
    assert call(sink, KSERVE)[0] == 400
    assert call(sink, method="PUT")[0] == 405


def test_lifespan(sink):
    assert live(sink) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
