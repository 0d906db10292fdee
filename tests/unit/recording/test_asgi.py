"""Middleware of ASGI applications."""

import asyncio

import pytest

from open_model_monitor.recording.asgi import CaptureMiddleware
from open_model_monitor.recording.recorder import Recorder
from support.recordings import lines, live


async def model(scope, receive, send):
    """Answers with the size of the body, in two pieces."""
    if scope["type"] != "http":
        raise RuntimeError(scope["type"])
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body")
    status = 500 if scope["path"] == "/fails" else 200
    await send({"type": "http.response.start", "status": status, "headers": [(b"Content-Type", b"text/csv")]})
    await send({"type": "http.response.body", "body": b"%d" % size, "more_body": True})
    await send({"type": "http.response.body", "body": b"\n"})


def call(app, path="/invocations", method="POST", pieces=(b"1,", b"2"), headers=()):
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(b"content-type", b"text/csv"), *headers],
    }
    left, sent = list(pieces), []

    async def receive():
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


@pytest.fixture
def recorder(tmp_path):
    with Recorder(tmp_path, endpoint="e", max_payload_bytes=100) as made:
        yield made


def test_both_bodies_pass_by_and_are_recorded(recorder, tmp_path):
    headers = [
        (b"x-amzn-sagemaker-inference-id", b"order-1"),
        (b"x-amzn-sagemaker-custom-attributes", b"tenant=a"),
    ]
    sent = call(CaptureMiddleware(model, recorder), headers=headers)
    assert [message.get("body") for message in sent] == [None, b"3", b"\n"]
    recorder.flush()
    [one] = lines(tmp_path)
    assert one["captureData"]["endpointInput"]["data"] == "1,2"
    assert one["captureData"]["endpointOutput"]["data"] == "3\n"
    assert one["eventMetadata"]["inferenceId"] == "order-1"
    assert one["eventMetadata"]["customAttributes"] == ["tenant=a"]


@pytest.mark.parametrize(
    ("request_", "paths", "recorded"),
    [
        ({}, ["/invocations"], 1),
        ({}, "/invocations", 1),
        ({}, ["/other"], 0),
        ({}, lambda path: path.startswith("/inv"), 1),
        ({"method": "GET"}, None, 0),
        ({"path": "/fails"}, None, 0),
    ],
)
def test_which_requests_are_predictions(recorder, request_, paths, recorded):
    call(CaptureMiddleware(model, recorder, paths), **request_)
    recorder.flush()
    assert recorder.counts.written == recorded == recorder.counts.offered


def test_what_is_too_large_passes_by(recorder):
    sent = call(CaptureMiddleware(model, recorder), pieces=[b"x" * 150, b"x" * 150])
    assert sent[1]["body"] == b"300"
    assert recorder.counts.refused == 1


async def with_lifespan(scope, receive, send):
    for state in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{state}.complete"})


async def knows_none(scope, receive, send):
    raise NotImplementedError


async def listens_first(scope, receive, send):
    await receive()
    raise NotImplementedError


@pytest.mark.parametrize("app", [with_lifespan, knows_none, listens_first])
def test_the_recorder_closes_with_the_application_and_not_before(recorder, tmp_path, app):
    told = []

    def started():
        told.append(recorder.counts.dropped)
        recorder.log("1")

    assert live(CaptureMiddleware(app, recorder), started) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert len(lines(tmp_path)) == 1
    recorder.log("2")
    assert (told, recorder.counts.dropped) == ([0], 1)
