import json

import pytest

from open_model_monitor.capture.record import Counts, Item, Origin
from open_model_monitor.rows.batch_outputs import batch_outputs

ID = "94bcc22a-0462-4bd1-92c9-b46a5aaec1aa"
TIME = "2026-01-05T11:04:09Z"


def outputs(kind, value, **more):
    counts = Counts()
    found = list(batch_outputs(Item(kind, value, Origin("a.out", 3), **more), counts))
    return [(one.event_id, json.loads(one.line)) for one in found], counts


def section(line):
    assert line["eventMetadata"] == {"eventId": ID}
    return line["captureData"]["batchTransformOutput"]


def test_a_line_of_csv():
    [(key, line)], _ = outputs("csv", f"0,0.25,{ID}, {TIME}")
    assert key == ID
    assert section(line) == {"data": "0,0.25", "encoding": "CSV"}


def test_a_quoted_line_of_csv():
    [(_, line)], _ = outputs("csv", f'"a, ""b""",0.25,{ID},{TIME}')
    assert section(line)["data"] == '"a, ""b""",0.25'


def test_an_object_and_objects_inside():
    record = {
        "SageMakerOutput": {"score": 0.9},
        "x": 1,
        "SageMakerInferenceId": ID,
        "SageMakerInferenceTime": TIME,
    }
    rest = {"SageMakerOutput": {"score": 0.9}, "x": 1}
    for value in (record, [record], {"predictions": [record]}):
        [(key, line)], _ = outputs("json", value)
        assert key == ID
        assert json.loads(section(line)["data"]) == rest


@pytest.mark.parametrize(("kind", "value"), [("csv", "0,0.25"), ("json", {"score": 1}), ("csv", 'a"b,c')])
def test_what_has_no_id_is_counted(kind, value):
    found, counts = outputs(kind, value)
    assert found == []
    assert counts.lines_malformed == 1


def test_a_header_is_no_output():
    assert outputs("csv", "a,b", header=True)[0] == []
