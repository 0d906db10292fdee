import json

import pytest

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.ground_truth import (
    Capture,
    Label,
    Labels,
    captures,
    hour_of_time,
    id_of,
    join,
    labels,
    merged_line,
)
from open_model_monitor.capture.record import Block, Counts


def block(*lines):
    return Block("s/a.jsonl", 1, b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def label(key, truth="1"):
    return {"groundTruthData": {"data": truth, "encoding": "CSV"}, "eventMetadata": {"eventId": key}}


def capture(event_id=None, inference_id=None, **more):
    ids = {"eventId": event_id, "inferenceId": inference_id, **more}
    return {"captureData": {"endpointOutput": {"data": "1"}}, "eventMetadata": ids, "eventVersion": "0"}


def known(**truths):
    book = Labels()
    for key, truth in truths.items():
        book.put(key, Label(truth.encode(), None))
    return book


@pytest.mark.parametrize(
    ("value", "key"), [(17, "17"), (" 17 ", "17"), ("", None), (None, None), (True, None)]
)
def test_ids_are_texts(value, key):
    assert id_of(value) == key


@pytest.mark.parametrize(
    ("time", "hour"), [("1970-01-01T05:59:00Z", 5), ("1970-01-02T00:00:00", 24), ("{%s}", None), (None, None)]
)
def test_hours(time, hour):
    assert hour_of_time(time) == hour


def test_labels_carry_the_id_of_either_kind():
    counts = Counts()
    other = {"groundTruthData": {"data": "0"}, "eventMetadata": {"inferenceId": 5}}
    found = dict(labels(block(label("a"), other), 7, counts))
    assert found == {
        "a": Label(b'{"data": "1", "encoding": "CSV"}', 7),
        "5": Label(b'{"data": "0"}', 7),
    }
    assert (counts.lines_read, counts.lines_malformed) == (2, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"groundTruthData": {"data": "1"}, "eventMetadata": {}}, "no eventMetadata.eventId"),
        ({"groundTruthData": "1", "eventMetadata": {"eventId": "a"}}, "groundTruthData is no object"),
        ({"eventMetadata": {"eventId": "a"}}, "no label"),
        ([], "no label"),
    ],
)
def test_what_is_no_label_is_counted(line, reason):
    counts = Counts()
    assert list(labels(block(line), None, counts)) == []
    assert counts.lines_malformed == 1
    assert reason in counts.malformed[0]


def test_captures_leave_out_shadow_traffic_and_count_what_is_none():
    counts = Counts()
    lines = [capture("a"), capture("b", invocationSource="ShadowExperiment"), {"eventMetadata": {}}]
    assert [one.event_id for one in captures(block(*lines), counts)] == ["a"]
    assert (counts.records_in, counts.records_shadow_skipped, counts.lines_malformed) == (1, 1, 1)


def test_a_merged_line_keeps_the_captured_one_as_it_was():
    line = b'{"captureData":{"endpointOutput":{"data":"0.30"}},"eventVersion":"0"}\n'
    assert merged_line(line, b'{"data":"1"}') == (
        b'{"groundTruthData":{"data":"1"},"captureData":{"endpointOutput":{"data":"0.30"}},"eventVersion":"0"}\n'
    )


def test_a_line_that_was_merged_before_gets_the_new_label():
    line = b'{"groundTruthData":{"data":"0"},"captureData":{"endpointOutput":{"data":"a"}}}\n'
    assert json.loads(merged_line(line, b'{"data":"1"}'))["groundTruthData"] == {"data": "1"}
    quoted = b'{"captureData":{"endpointOutput":{"data":"\\"groundTruthData\\""}}}\n'
    assert json.loads(merged_line(quoted, b'{"data":"1"}'))["groundTruthData"] == {"data": "1"}


def joined(found, book):
    coverage = Coverage()
    lines = join(found, book, coverage)
    book.settle(coverage)
    return coverage, lines


def test_d21_the_inference_id_comes_first():
    one = Capture("order-1", "event-1", b'{"captureData":{}}', None)
    coverage, [line] = joined([one], known(**{"order-1": '"inference"', "event-1": '"event"'}))
    assert b"inference" in line
    assert (coverage.joined, coverage.joined_by_event_id, coverage.labels_unmatched) == (1, 0, 1)


def test_a_label_under_the_event_id_will_do():
    coverage, lines = joined([Capture("order-1", "event-1", b"{}", None)], known(**{"event-1": '"event"'}))
    assert len(lines) == 1
    assert (coverage.joined, coverage.joined_by_event_id) == (1, 1)


def test_what_is_left_over_is_counted_with_examples():
    found = [
        Capture(None, "a", b"{}", None),
        Capture(None, "b", b"{}", None),
        Capture(None, None, b"{}", None),
    ]
    book = known(a="1", x="1")
    book.put("a", Label(b"0", None))
    coverage, lines = joined(found, book)
    assert lines == [b'{"groundTruthData":0,}\n']
    assert (coverage.unlabelled, coverage.labels_unmatched, coverage.labels_superseded) == (2, 1, 1)
    assert coverage.labels == 3
    assert coverage.examples == {"unlabelled": ["b", "a capture without an id"], "labels_unmatched": ["x"]}


def test_captures_that_share_an_id_each_get_the_label():
    coverage, lines = joined([Capture(None, "a", b"{}", 3), Capture(None, "a", b"{}", 3)], known(a="1"))
    assert (coverage.joined, coverage.labels_unmatched, len(lines)) == (2, 0, 2)


def test_lateness_is_from_the_inference_to_the_folder():
    book = Labels()
    book.put("a", Label(b"1", 10))
    coverage, _ = joined([Capture(None, "a", b"{}", 4)], book)
    assert coverage.lateness == {6: 1}
