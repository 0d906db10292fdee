"""Lines of capture files."""

import json

import pytest

from open_model_monitor.capture.record import CapturedData
from open_model_monitor.recording.capture_lines import LineFormat, Prediction, RawPayload


def line(prediction, **readable):
    return json.loads(LineFormat(**readable).line(prediction))


def test_a_line_as_an_endpoint_writes_it():
    made = Prediction(
        1769903998.7,
        RawPayload(b"5,0.25,red", "text/csv"),
        RawPayload(b"0.91\n", "text/csv; charset=utf-8"),
        event_id="0c1e",
        inference_id="order-17",
        custom_attributes="tenant=a",
    )
    assert line(made) == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "5,0.25,red",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "OUTPUT",
                "data": "0.91\n",
                "encoding": "CSV",
            },
        },
        "eventMetadata": {
            "eventId": "0c1e",
            "inferenceId": "order-17",
            "customAttributes": ["tenant=a"],
            "inferenceTime": "2026-01-31T23:59:58Z",
        },
        "eventVersion": "0",
    }


def test_what_is_not_captured_is_not_there():
    made = line(Prediction(0.0, RawPayload(b"1", "text/csv")))
    assert list(made["captureData"]) == ["endpointInput"]
    assert set(made["eventMetadata"]) == {"eventId", "inferenceTime"}


@pytest.mark.parametrize(
    ("content_type", "data", "encoding", "text"),
    [
        ("application/json", b'{"a":1}', "JSON", '{"a":1}'),
        ("Application/JSON; charset=utf-8", b"1", "JSON", "1"),
        ("application/jsonlines", b"1\n2", "JSON", "1\n2"),
        ("image/png", b"\x89PNG", "BASE64", "iVBORw=="),
        (None, b"1,2", "BASE64", "MSwy"),
        ("text/csv", b"\xff", "BASE64", "/w=="),
    ],
)
def test_readable_types_are_written_as_they_are(content_type, data, encoding, text):
    section = line(Prediction(0.0, RawPayload(data, content_type)))["captureData"]["endpointInput"]
    assert (section["encoding"], section["data"], section["observedContentType"]) == (
        encoding,
        text,
        content_type,
    )


def test_types_may_be_named():
    made = Prediction(0.0, RawPayload(b"1,2", "text/plain"))
    assert line(made, csv=("text/plain",))["captureData"]["endpointInput"]["encoding"] == "CSV"


def test_handlers_read_it():
    record = CapturedData(line(Prediction(0.0, RawPayload(b"1", "text/csv"), inference_id="x")))
    assert record.endpoint_input.data == "1"
    assert record.event_dict["eventMetadata"]["inferenceId"] == "x"
