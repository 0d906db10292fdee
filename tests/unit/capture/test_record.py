"""The record classes with the quirks that scripts rely on, and the types that travel."""

import copy
import json
import pickle
from datetime import UTC, datetime

import pytest

from open_model_monitor.capture.record import (
    SAMPLES,
    CapturedData,
    Counts,
    EventConfig,
    EventData,
    EventMetadata,
    Origin,
    Part,
    Window,
)

ATTRIBUTES = {"event_metadata", "endpoint_input", "endpoint_output", "batch_transform_output", "ground_truth"}


def section(**changes):
    return {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2\n", "encoding": "CSV"} | changes


def line(**changes):
    return {
        "captureData": {"endpointInput": section(), "endpointOutput": section(mode="OUTPUT", data="0.5")},
        "eventMetadata": {
            "eventId": "e1",
            "inferenceId": "i1",
            "customAttributes": ["a=b"],
            "inferenceTime": "2024-01-19T07:00:00Z",
        },
        "eventVersion": "0",
        "extra": {"kept": True},
    } | changes


def test_a_record_has_the_published_attributes():
    raw = line()
    record = CapturedData(raw)
    assert record.event_metadata.event_id == "e1"
    assert record.event_metadata.event_time == "2024-01-19T07:00:00Z"
    assert record.event_metadata.custom_attribute == ["a=b"]
    assert record.endpoint_input.data == "1,2\n"
    assert record.endpoint_input.encoding == "CSV"
    assert record.endpoint_input.observedContentType == "text/csv"
    assert record.endpoint_output.mode == "OUTPUT"
    assert record.event_version == "0"
    assert record.event_dict is raw
    assert record._event_dict_postprocessed is False


def test_all_attributes_exist_always():
    record = CapturedData({})
    assert all(getattr(record, name) is None for name in ATTRIBUTES)
    assert hasattr(record, "ground_truth")
    assert record.event_version is None


def test_merged_batch_records_have_output_and_truth_only():
    data = {"data": "1", "encoding": "CSV"}
    record = CapturedData(
        {"captureData": {"batchTransformOutput": dict(data)}, "groundTruthData": dict(data)}
    )
    assert record.endpoint_input is None
    assert record.endpoint_output is None
    assert record.batch_transform_output.observedContentType is None
    assert record.batch_transform_output.mode is None
    assert record.ground_truth.data == "1"


def test_as_dict_drops_the_mode_in_the_raw_line_itself():
    raw = line(groundTruthData=section(mode="TRUTH"))
    record = CapturedData(raw)
    assert record.as_dict() is raw
    assert list(raw["captureData"]["endpointInput"]) == ["encoding", "data", "observedContentType"]
    assert record.endpoint_input.mode == "INPUT"
    assert raw["groundTruthData"]["mode"] == "TRUTH"
    assert raw["extra"] == {"kept": True}
    assert record._event_dict_postprocessed is True
    assert record.as_dict() is raw


def test_text_of_a_record_is_its_dict_and_mutates_it():
    raw = line()
    record = CapturedData(raw)
    assert f"{record}" == str(raw)
    assert "mode" not in raw["captureData"]["endpointInput"]
    assert repr(record).startswith("<open_model_monitor.capture.record.CapturedData object at")


def test_edits_show_only_before_the_first_as_dict():
    record = CapturedData(line())
    record.endpoint_input.data = "3,4"
    assert record.as_dict()["captureData"]["endpointInput"]["data"] == "3,4"
    record.endpoint_input.data = "5,6"
    assert record.as_dict()["captureData"]["endpointInput"]["data"] == "3,4"


def test_a_section_that_is_null_counts_as_absent():
    record = CapturedData({"captureData": {"endpointInput": None, "endpointOutput": section()}})
    assert record.endpoint_input is None
    assert record.as_dict()["captureData"]["endpointInput"] is None
    assert set(record.sections()) == {"endpointOutput"}


def test_section_dicts_have_exactly_three_keys():
    assert EventData({}).as_dict() == {"encoding": None, "data": None, "observedContentType": None}


def test_records_can_be_copied_and_pickled():
    record = CapturedData(line())
    assert pickle.loads(pickle.dumps(record)).endpoint_input.data == "1,2\n"
    assert copy.deepcopy(record).event_metadata.event_id == "e1"
    record.anything = 1  # no slots
    assert vars(copy.copy(record))["anything"] == 1


@pytest.mark.parametrize(
    ("owner", "name", "hint"),
    [
        (CapturedData({}), "event_data", "endpoint_input.data"),
        (CapturedData({}), "endpoint_inputs", "Did you mean 'endpoint_input'"),
        (EventData({}), "content_type", "observedContentType"),
        (EventMetadata({}), "inference_id", "inferenceId"),
    ],
)
def test_a_wrong_attribute_fails_with_the_nearest_one(owner, name, hint):
    assert not hasattr(owner, name)
    assert getattr(owner, name, "default") == "default"
    with pytest.raises(AttributeError, match="has no attribute") as caught:
        getattr(owner, name)
    assert hint in str(caught.value)
    assert "Attributes of" in str(caught.value)


def test_the_holder_that_nobody_receives():
    config = EventConfig("e", "v", 1, 2)
    assert (config.endpoint, config.variant, config.start_time, config.end_time) == ("e", "v", 1, 2)


@pytest.mark.parametrize(("minute", "second", "whole"), [(0, 0, True), (30, 0, False), (0, 1, False)])
def test_windows_on_whole_hours(minute, second, whole):
    start = datetime(2024, 1, 19, 7, tzinfo=UTC)
    end = datetime(2024, 1, 19, 9, minute, second, tzinfo=UTC)
    assert Window(start, end).on_whole_hours is whole


def test_parts_and_counts_survive_json():
    part = Part(("a", "b"), (True, False), (False, True))
    for one in (part, Part(("a",), (True,), (False,), 7, 9), Part(("a",), start=7)):
        assert Part.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    counts = Counts(lines_read=3, row_widths={7: 2}, warnings={"w": 1})
    counts.reject(Origin("s3://b/o", 3, lines_from=9), "not JSON", "x")
    counts.give_up(Part(("a",), start=7), "a", ValueError("gone"))
    assert Counts.from_dict(json.loads(json.dumps(counts.to_dict()))) == counts


def test_counts_add_up():
    left, right = Counts(lines_read=1, row_widths={7: 1}), Counts(lines_read=2, row_widths={7: 1, 8: 3})
    left.warn("w")
    right.warn("w")
    for number in range(SAMPLES + 1):
        right.reject(Origin("s3://b/o", number), "not JSON", "x" * 500)
    total = left.merge(right)
    assert (total.lines_read, total.row_widths, total.warnings) == (3, {7: 2, 8: 3}, {"w": 2})
    assert total.lines_malformed == SAMPLES + 1
    assert len(total.malformed) == SAMPLES
    assert total.malformed[0] == "s3://b/o:0: not JSON in: " + "x" * 200
    assert total.rows_ragged == 2


def test_an_object_is_unreadable_once_however_many_of_its_ranges_are():
    def counts(part):
        made = Counts()
        made.give_up(part, part.objects[0], ValueError("gone"))
        return made

    ranges = [Part(("a",), start=n, end=n + 1) for n in range(3)]
    total = Counts()
    for part in (*ranges, Part(("b",)), Part(("c",), end=1)):
        total = total.merge(counts(part))
    assert total.objects_unreadable == 3
    assert total.warnings["a cannot be read to its end, its remaining records are lost: gone"] == 3


def test_where_lines_are_counted_from_the_middle_a_place_says_so():
    assert Origin("s3://b/o", 3).place == "s3://b/o:3"
    assert Origin("s3://b/o", 3, lines_from=1234567).place == "s3://b/o:3 after byte 1,234,567"
    counts = Counts()
    counts.reject(Origin("s3://b/o", 3, lines_from=9), "not JSON", "x")
    assert counts.malformed == ["s3://b/o:3 after byte 9: not JSON in: x"]
    counts.redact()
    assert counts.malformed == ["s3://b/o:3 after byte 9: not JSON"]


def test_a_summary_holds_texts_and_nothing_of_the_inside():
    counts = Counts(lines_read=3, row_widths={7: 2})
    counts.reject(Origin("a", 1), "not JSON")
    summary = counts.summary()
    assert summary["malformed"] == ["a:1: not JSON"]
    assert summary["lines_read"] == 3
    assert not {"row_widths", "rejected", "cut_unreadable"} & set(summary)
