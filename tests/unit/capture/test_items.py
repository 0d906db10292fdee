"""Blocks become items: what a handler is called with."""

import io
import json
import uuid
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.items import items
from open_model_monitor.capture.record import Block, CapturedData, Counts, Format, Part, Window
from open_model_monitor.storage import Storage

CAPTURE, CSV, LINES, DOCUMENT = Format("capture"), Format("csv"), Format("jsonlines"), Format("json")
SEVEN = datetime(2024, 1, 19, 7, tzinfo=UTC)
WINDOW = Window(SEVEN, SEVEN + timedelta(minutes=30))


def read(data, format, *, source="s3://b/x", window=None, variants=(), **block):
    counts = Counts()
    made = Block(source, block.pop("first_line", 1), data, **block)
    return list(items(made, format, counts, window=window, variants=variants)), counts


def capture(**metadata):
    sections = {"endpointInput": {"data": "1", "encoding": "CSV"}}
    return json.dumps({"captureData": sections, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"


def file_items(path, format):
    counts = Counts()
    found = []
    for block in blocks(Storage(), Part((str(path),)), format, counts):
        found += items(block, format, counts)
    return found, counts


def test_d3_captures_are_records_with_their_origin(data):
    path = data / "recorded" / "endpoint-capture-csv.jsonl"
    found, counts = file_items(path, CAPTURE)
    assert [type(item.value) for item in found] == [CapturedData] * 3
    for number, (item, line) in enumerate(zip(found, path.read_text().splitlines(), strict=True), 1):
        raw = json.loads(line)
        assert item.value.event_dict == raw
        assert item.kind == "capture"
        assert item.origin.source == str(path)
        assert item.origin.line == number
        assert item.origin.event_id == raw["eventMetadata"]["eventId"]
        assert item.origin.inference_time == raw["eventMetadata"]["inferenceTime"]
        payload = item.value.endpoint_output.data + "," + item.value.endpoint_input.data
        assert len(payload.split(",")) == 70
    assert (counts.lines_read, counts.records_in, counts.lines_malformed) == (3, 3, 0)


def test_d9_transform_output_is_one_value_per_line(data):
    found, counts = file_items(data / "recorded" / "batch-transform-output-jsonlines.jsonl", LINES)
    assert [item.origin.line for item in found] == [1, 2, 3, 4, 5]
    assert all(set(item.value) > {"SageMakerInferenceId", "features"} for item in found)
    assert counts.records_in == 5


def test_merged_records_carry_the_truth(data):
    [item], _ = file_items(data / "recorded" / "merged-batch-jsonlines.jsonl", Format("merged"))
    assert item.value.ground_truth.data == '{"label": 1}'
    assert item.value.batch_transform_output.encoding == "JSON"
    assert item.value.endpoint_input is None


def test_lines_are_numbered_from_the_block_and_blank_ones_passed_over():
    text = ("\n \r\n" + capture(eventId="a") + "\n" + capture(eventId="b").strip() + "\r\n").encode()
    found, counts = read(text, CAPTURE, first_line=10)
    assert [(item.origin.line, item.origin.event_id) for item in found] == [(12, "a"), (14, "b")]
    assert counts.lines_read == 2


@pytest.mark.parametrize(
    "line",
    [
        b'{"captureData": {',
        b"[1]",
        b'"text"',
        b"{}",
        b'{"captureData": null}',
        b'{"captureData": [1]}',
        b"\xff\xfe",
    ],
)
def test_malformed_captures_are_counted_and_shown(line):
    found, counts = read(
        capture(eventId="a").encode() + line + b"\n" + capture(eventId="b").encode(), CAPTURE
    )
    assert [item.origin.event_id for item in found] == ["a", "b"]
    assert (counts.lines_read, counts.lines_malformed, counts.records_in) == (3, 1, 2)
    assert counts.malformed[0].startswith("s3://b/x:2: ")


def test_bytes_that_are_no_utf8_are_replaced_and_counted():
    text = capture(eventId="?").encode().replace(b"?", b"\xff")
    found, counts = read(text + capture(eventId="\ufffd").encode(), CAPTURE)
    assert [item.origin.event_id for item in found] == ["\ufffd", "\ufffd"]
    assert counts.lines_with_invalid_utf8 == 1
    found, counts = read(b"a,\xff\nb,\xc3\xa9\nc,\xef\xbf\xbd\n", CSV)
    assert [item.value for item in found] == ["a,\ufffd", "b,é", "c,\ufffd"]
    assert counts.lines_with_invalid_utf8 == 1


SHADOW = {"invocationSource": "ShadowExperiment", "eventId": "s"}


def test_shadow_traffic_is_left_out_unless_its_variant_is_named():
    text = (capture(**SHADOW) + capture(eventId="a")).encode()
    source = "s3://b/e/Canary/2024/01/19/07/x.jsonl"
    found, counts = read(text, CAPTURE, source=source)
    assert [item.origin.event_id for item in found] == ["a"]
    assert (counts.records_shadow_skipped, counts.records_in) == (1, 1)
    assert len(read(text, CAPTURE, source=source, variants=("Other",))[0]) == 1
    found, counts = read(text, CAPTURE, source=source, variants=("Canary",))
    assert [item.origin.event_id for item in found] == ["s", "a"]
    assert counts.records_shadow_skipped == 0


TIMES = {
    "before": "2024-01-19T06:59:59Z",
    "start": "2024-01-19T07:00:00Z",
    "zone": "2024-01-19T08:10:00+01:00",
    "naive": "2024-01-19T07:29:59.999",
    "end": "2024-01-19T07:30:00Z",
    "placeholder": "<time>",
    "none": None,
}


@pytest.mark.parametrize("keep", [True, False])
def test_a_window_not_on_whole_hours_is_half_open(keep):
    text = "".join(capture(eventId=name, inferenceTime=time) for name, time in TIMES.items()).encode()
    found, counts = read(text, CAPTURE, window=WINDOW, check_time=True, keep_undated=keep)
    undated = ["placeholder", "none"] if keep else []
    assert [item.origin.event_id for item in found] == ["start", "zone", "naive", *undated]
    assert counts.records_out_of_window == len(TIMES) - len(found)


def test_a_window_matters_only_where_the_block_says_so():
    text = capture(eventId="a", inferenceTime="1999-01-01T00:00:00Z").encode()
    assert len(read(text, CAPTURE, window=WINDOW)[0]) == 1
    assert len(read(text, CAPTURE, check_time=True)[0]) == 1


def test_another_version_is_read_with_a_warning():
    text = capture(eventId="a").replace('"eventVersion": "0"', '"eventVersion": "7"').encode()
    found, counts = read(text * 3, CAPTURE)
    assert len(found) == 3
    [(warning, times)] = counts.warnings.items()
    assert "'7'" in warning
    assert times == 3


def test_csv_lines_keep_their_quoting_and_lose_their_end():
    found, counts = read(b'a,"b ""c"""\r\n\n  \n"x\ny",2\n3,5" pipe\nlast', CSV, first_line=3)
    assert [(item.value, item.origin.line) for item in found] == [
        ('a,"b ""c"""', 3),
        ('"x\ny",2', 6),
        ('3,5" pipe', 8),
        ("last", 9),
    ]
    assert {item.kind for item in found} == {"csv"}
    assert counts.records_in == counts.lines_read == 4


def test_the_header_comes_first_and_is_no_record():
    found, counts = read(b"1,2\n", CSV, header="a,b", first_line=2)
    assert [(item.value, item.header) for item in found] == [("a,b", True), ("1,2", False)]
    assert counts.records_in == 1


def test_json_lines_may_hold_any_value():
    found, counts = read(b'{"a": 1}\n[1, 2]\n3\nnull\nnope\n', LINES)
    assert [item.value for item in found] == [{"a": 1}, [1, 2], 3, None]
    assert (counts.records_in, counts.lines_malformed) == (4, 1)


def test_a_document_gives_its_elements_or_itself():
    found, counts = read(b'[{"a": 1},\n 2]', DOCUMENT)
    assert [(item.value, item.origin.line) for item in found] == [({"a": 1}, 1), (2, 2)]
    assert counts.records_in == 2
    [item], _ = read(b'{"instances":\n[1, 2]}', DOCUMENT)
    assert item.value == {"instances": [1, 2]}
    assert read(b"[]", DOCUMENT)[0] == []


def test_json_lines_taken_for_a_document_are_read_with_a_warning():
    found, counts = read(b'{"a": 1}\n{"a": 2}\n', DOCUMENT)
    assert [item.value for item in found] == [{"a": 1}, {"a": 2}]
    [warning] = counts.warnings
    assert "JSON Lines" in warning
    assert counts.lines_malformed == 0


def test_a_document_that_is_none_is_malformed():
    found, counts = read(b'{"a": \n', DOCUMENT)
    assert not found
    assert (counts.lines_malformed, counts.lines_read) == (1, 1)
    assert "not JSON" in counts.malformed[0]


def packed(table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_parquet_rows_are_dicts_of_python_values():
    table = pa.table({"a": [1, None], "t": pa.array(["x", "y"]).dictionary_encode(), "n": [[1.5], None]})
    found, counts = read(packed(table), Format("parquet"), first_line=5)
    assert [item.value for item in found] == [
        {"a": 1, "t": "x", "n": [1.5]},
        {"a": None, "t": "y", "n": None},
    ]
    assert [item.origin.line for item in found] == [5, 6]
    assert counts.records_in == 2


def test_every_call_gets_a_fresh_record(tmp_path):
    path = tmp_path / f"{uuid.uuid4().hex}.jsonl"
    path.write_text(capture(eventId="a") * 2)
    found, _ = file_items(path, CAPTURE)
    found[0].value.event_dict.clear()
    assert found[1].value.event_dict
