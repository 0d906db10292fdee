"""Middleware of WSGI applications."""

import io

import pytest

from open_model_monitor.recording.recorder import Recorder
from open_model_monitor.recording.wsgi import WsgiCaptureMiddleware
from support.recordings import lines


def model(environ, start_response):
    body = environ["wsgi.input"].read(2) + b"".join(environ["wsgi.input"].readlines())
    start_response("200 OK", [("Content-Type", "application/json")])
    return iter([b"[", b"%d]" % len(body)])


def call(app, **more):
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/invocations",
        "CONTENT_TYPE": "text/csv",
        "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": "i-1",
        "wsgi.input": io.BytesIO(b"1,2\n3,4\n"),
        **more,
    }
    answer = app(environ, lambda status, headers, *more: None)
    try:
        return b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


@pytest.mark.parametrize(
    ("more", "recorded"), [({}, 1), ({"REQUEST_METHOD": "GET"}, 0), ({"PATH_INFO": "/x"}, 0)]
)
def test_both_bodies_pass_by_and_are_recorded(tmp_path, more, recorded):
    with Recorder(tmp_path, endpoint="e") as recorder:
        assert call(WsgiCaptureMiddleware(model, recorder, ["/invocations"]), **more) == b"[8]"
    found = lines(tmp_path)
    assert len(found) == recorded
    for one in found:
        assert one["captureData"]["endpointInput"]["data"] == "1,2\n3,4\n"
        assert one["captureData"]["endpointOutput"] == {
            "observedContentType": "application/json",
            "mode": "OUTPUT",
            "data": "[8]",
            "encoding": "JSON",
        }
        assert one["eventMetadata"]["inferenceId"] == "i-1"


def test_a_body_read_line_by_line(tmp_path):
    def by_line(environ, start_response):
        start_response("201 Created", [])
        return [b"".join(environ["wsgi.input"])]

    with Recorder(tmp_path, endpoint="e") as recorder:
        assert call(WsgiCaptureMiddleware(by_line, recorder)) == b"1,2\n3,4\n"
    assert lines(tmp_path)[0]["captureData"]["endpointInput"]["data"] == "1,2\n3,4\n"
