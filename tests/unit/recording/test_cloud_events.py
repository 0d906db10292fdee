"""Events of inference loggers, and halves that find each other."""

import json

import pytest

from open_model_monitor.errors import UsageError
from open_model_monitor.recording.capture_lines import RawPayload
from open_model_monitor.recording.cloud_events import LoggedHalf, Pairs, halves_of
from support.recordings import KSERVE


def structured(**more):
    event = {name.removeprefix("ce-"): value for name, value in KSERVE.items() if name.startswith("ce-")}
    return event | {"datacontenttype": "application/json"} | more


def test_binary_mode():
    [half] = halves_of(KSERVE, b'{"instances": [[1, 2]]}')
    assert half == LoggedHalf(
        "iris", "e58f", True, RawPayload(b'{"instances": [[1, 2]]}', "application/json"), 1769856300.25
    )


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (structured(data={"instances": [1]}), b'{"instances":[1]}'),
        (structured(data_base64="MSwy"), b"1,2"),
        (structured(data="1,2"), b"1,2"),
    ],
)
def test_structured_mode(event, data):
    [half] = halves_of({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())
    assert half.payload.data == data


def test_a_batch_passes_over_other_events():
    events = [structured(data="1"), structured(type="org.example.else"), structured(id="b", data="2")]
    headers = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
    assert [half.id for half in halves_of(headers, json.dumps(events).encode())] == ["e58f", "b"]


def test_json_posted_as_a_form_is_json():
    [half] = halves_of(KSERVE | {"content-type": "application/x-www-form-urlencoded"}, b'{"a": 1}')
    assert half.payload.content_type == "application/json"


@pytest.mark.parametrize(
    ("headers", "body", "told"),
    [
        ({}, b"", "there is no id"),
        (KSERVE | {"ce-inferenceservicename": ""}, b"", "which service"),
        ({"content-type": "application/cloudevents+json"}, b"{", "not JSON"),
        ({"content-type": "application/cloudevents+json"}, b"[" * 100_000, "not JSON"),
        ({"content-type": "application/cloudevents+json"}, b'{"data_base64": "?"}', "no Base64"),
        ({"content-type": "application/cloudevents+json"}, b'{"id": 1, "type": "x"}', "there is no id"),
    ],
)
def test_what_is_no_event(headers, body, told):
    with pytest.raises(UsageError, match=told):
        list(halves_of(headers, body))


def half(name="a", is_request=True, data=b"x", time=None):
    return LoggedHalf("iris", name, is_request, RawPayload(data), time)


@pytest.mark.parametrize("request_first", [True, False])
def test_halves_find_each_other_in_any_order(request_first):
    pairs = Pairs()
    assert pairs.add(half(is_request=request_first, data=b"1"), 10.0) is None
    made = pairs.add(half(is_request=not request_first, data=b"2"), 11.0)
    assert (made.input.data, made.output.data) == ((b"1", b"2") if request_first else (b"2", b"1"))
    assert (made.event_id, len(pairs), pairs.unmatched) == ("a", 0, 0)


def test_a_half_that_comes_again_replaces_itself():
    pairs = Pairs()
    pairs.add(half(data=b"1"), 0.0)
    pairs.add(half(data=b"2"), 0.0)
    assert pairs.add(half(is_request=False), 0.0).input.data == b"2"


def test_halves_are_given_up_by_age_and_by_size():
    pairs = Pairs(limit=2500, seconds=60)
    for number in range(5):
        pairs.add(half(f"{number}"), float(number))
    assert (len(pairs), pairs.unmatched) == (2, 3)
    pairs.add(half("later"), 1000.0)
    assert (len(pairs), pairs.unmatched) == (1, 5)
