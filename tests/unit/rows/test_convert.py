import base64
import csv
import json
import statistics

import pytest

from open_model_monitor.capture.record import CapturedData, Counts, Format, Item, Origin
from open_model_monitor.rows.convert import MAX_SHAPES, Converter

ORIGIN = Origin("s3://bucket/object", 7, event_id="e")
ID, TIME = "89180035-821a-41d9-87b2-67a22490de94", "2023-01-21T01:29:04Z"


def section(data, encoding="CSV", content_type="text/csv"):
    return {"data": data, "encoding": encoding, "observedContentType": content_type}


def as_json(value):
    return section(json.dumps(value), "JSON", "application/json")


def capture(source=None, target=None, batch=None):
    sections = {"endpointInput": source, "endpointOutput": target, "batchTransformOutput": batch}
    return CapturedData({"captureData": {key: value for key, value in sections.items() if value is not None}})


def convert(*values, kind="capture", format=None, counts=None, baseline=(), header=None):
    converter, counts = Converter(format or Format(kind), baseline), counts or Counts()
    rows = [] if header is None else converter.rows(Item(kind, header, ORIGIN, header=True), counts)
    for value in values:
        rows += converter.rows(Item(kind, value, ORIGIN), counts)
    assert all(len(row.values) == len(row.columns.names) for row in rows)
    return rows


def plain(rows):
    return [dict(zip(row.columns.names, row.values, strict=True)) for row in rows]


def values(rows):
    return [list(row.values) for row in rows]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def captured(path):
    return [CapturedData(line) for line in lines(path)]


# ---------------------------------------------------------------- the numbered cases


def test_d1_csv_captures(data):
    rows = convert(*captured(data / "sdk" / "capture.jsonl"))
    assert len(rows) == 44
    assert {row.columns.names for row in rows} == {tuple(f"_c{i}" for i in range(8))}
    columns = list(zip(*(row.values for row in rows), strict=True))
    scores = [float(text) for text in columns[0]]
    assert (min(scores), max(scores)) == (0.302709460258, 0.714013934135)
    assert statistics.fmean(scores) == pytest.approx(0.48215119405218, rel=1e-13)
    means = [round(statistics.fmean(map(int, column)), 6) for column in columns[1:]]
    assert means == [13.613636, 17.136364, 23.318182, 24.318182, 21.590909, 21.363636, 22.295455]


def test_d2_json_envelopes_of_scalars_on_both_sides(data):
    rows = convert(*captured(data / "sdk" / "captured-data.jsonl"))
    assert {row.columns.names for row in rows} == {("predictions", "instances")}
    assert values(rows) == [[3.5, 1.0], [4.0, 2.0], [5.5, 5.0]] * 2


def test_d3_churn_captures(data):
    rows = convert(*captured(data / "recorded" / "endpoint-capture-csv.jsonl"))
    assert [len(row.values) for row in rows] == [70] * 3
    assert rows[0].values[:4] == ["0.036397725343704224", "132", "10", "182.9"]
    assert rows[0].columns.sections == ("output", *["input"] * 69)
    assert not any(rows[0].columns.named)
    assert all(row.columns is rows[0].columns for row in rows)


def test_d4_json_captures_of_several_instances(data):
    rows = convert(*captured(data / "recorded" / "endpoint-capture-json.jsonl"))
    names = ("score", "predicted_label", *(f"features_{i}" for i in range(14)))
    assert [row.columns.names for row in rows] == [names] * 3
    assert rows[2].values[2:5] == [43, 2, 72338]


def test_d9_batch_output_in_json_lines(data):
    rows = convert(*lines(data / "recorded" / "batch-transform-output-jsonlines.jsonl"), kind="json")
    names = ("predicted_label", "score", *(f"features_{i}" for i in range(14)))
    assert [row.columns.names for row in rows] == [names] * 5
    assert rows[0].columns.sections == ("output", "output", *["input"] * 14)
    assert rows[0].values[:4] == [0, 0.047645717859268, 29, 2]


def test_batch_output_in_one_document(data):
    document = json.loads((data / "recorded" / "batch-transform-output-json.json").read_text())
    rows = convert(document, kind="json")
    assert len(rows) == 334
    assert rows[0].columns.names == ("predicted_label", "score", *(f"features_{i}" for i in range(14)))


@pytest.mark.parametrize(("name", "count"), [("merged-batch-jsonlines", 1), ("merged-batch-json", 334)])
def test_merged_batch_records_are_outputs(data, name, count):
    rows = convert(*captured(data / "recorded" / f"{name}.jsonl"))
    assert len(rows) == count
    assert set(rows[0].columns.names) == {"predicted_label", "score", *(f"features_{i}" for i in range(14))}


def test_d15_json_lines_baseline(data):
    rows = convert(*lines(data / "adult" / "validation-dataset.jsonl"), kind="json")
    assert len(rows) == 666
    assert rows[0].columns.names == (*(f"features_{i}" for i in range(14)), "label")
    assert all(row.columns is rows[0].columns for row in rows)


def test_d16_json_document_baseline_equals_d15(data):
    document = json.loads((data / "adult" / "validation-dataset.json").read_text())
    expected = convert(*lines(data / "adult" / "validation-dataset.jsonl"), kind="json")
    assert plain(convert(document, kind="json")) == plain(expected)


def test_d18_csv_lines_meet_a_json_list():
    rows = convert(capture(section("1,2\n3,4\n"), as_json({"predictions": [0.1, 0.9]})))
    assert values(rows) == [[0.1, "1", "2"], [0.9, "3", "4"]]
    assert rows[0].columns.names == ("predictions", "_c1", "_c2")
    assert rows[0].columns.named == (True, False, False)


def test_d19_a_base64_scalar_of_odd_type():
    encoded = base64.b64encode(b"0.3").decode()
    rows = convert(capture(section("5,6"), section(encoded, "BASE64", "text/html")))
    assert plain(rows) == [{"_c0": "0.3", "_c1": "5", "_c2": "6"}]


@pytest.mark.parametrize("logged", [False, True])
def test_s9_edits_of_a_script_count(logged):
    record = capture(section("107,,0.5"), section("0.25\n"))
    if logged:
        str(record)
    record.endpoint_input.data = "1,2"
    assert values(convert(record)) == [["0.25", "1", "2"]]


# ---------------------------------------------------------------- pairing


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (section("1\n2"), section("8\n9"), [["8", "1"], ["9", "2"]]),
        (section("1\n2"), section("8,9,7"), [["8", "9", "7", "1"], ["8", "9", "7", "2"]]),
        (section("1\n2\n3"), section("8,9,7"), [["8", "1"], ["9", "2"], ["7", "3"]]),
        (section("8,9,7"), section("1\n2\n3"), [["1", "8"], ["2", "9"], ["3", "7"]]),
        (section("1,2"), as_json([{"p": 1}, {"p": 2}, {"p": 3}]), [[i, "1", "2"] for i in (1, 2, 3)]),
        (section("1,2"), as_json({"predictions": [0.1, 0.9]}), [[0.1, 0.9, "1", "2"]]),
        (section("1,2"), as_json({"predictions": [0.1]}), [[0.1, "1", "2"]]),
        (section("1\n2"), as_json([0.1, 0.9]), [[0.1, "1"], [0.9, "2"]]),
        (section("1\n2"), as_json([0.1]), [[0.1, "1"], [0.1, "2"]]),
        (as_json([1, 2]), as_json([3, 4]), [[3, 4, 1, 2]]),
        (as_json({"instances": [1, 2]}), as_json({"predictions": [3, 4]}), [[3, 1], [4, 2]]),
        (as_json({"instances": [1, 2]}), as_json({"predictions": [3]}), [[3, 1, 2]]),
        (as_json({"instances": [1, 2]}), None, [[1, 2]]),
        (None, section("3\n4"), [["3"], ["4"]]),
        (section("1,2"), section(None), [["1", "2"]]),
        (section(""), as_json([]), []),
    ],
)
def test_pairing(source, target, expected):
    counts = Counts()
    assert values(convert(capture(source, target), counts=counts)) == expected
    assert counts.lines_malformed == 0


@pytest.mark.parametrize(
    ("source", "target", "numbers"),
    [
        (section("1\n2"), section("1\n2\n3"), "2×3"),
        (section("1\n2"), as_json([1, 2, 3]), "2×3"),
        (section("1"), section(""), "1×0"),
        (as_json({}), section("1"), "0×1"),
        (section(""), as_json([1, 2]), "0×2"),
    ],
)
def test_rows_that_do_not_match_are_malformed(source, target, numbers):
    counts = Counts()
    assert convert(capture(source, target), counts=counts) == []
    assert f"s3://bucket/object:7: row count mismatch {numbers}" in counts.malformed[0]


# ---------------------------------------------------------------- sections and names


def test_a_payload_that_cannot_be_read_is_malformed():
    counts = Counts()
    assert convert(capture(section('1,"2'), section("3")), counts=counts) == []
    assert counts.lines_malformed == 1
    (text,) = counts.malformed
    assert text.startswith("s3://bucket/object:7: endpointInput: CSV quoting error")
    assert '1,"2' in text


def test_a_section_that_a_script_replaced_is_malformed():
    record, counts = capture(section("1"), section("2")), Counts()
    record.endpoint_input = "1,2"
    assert convert(record, counts=counts) == []
    assert counts.lines_malformed == 1


def test_sections_without_columns_are_counted():
    image, counts = section("/9j/4A==", "BASE64", "image/JPEG; q=1"), Counts()
    assert values(convert(capture(image, section("0.5")), counts=counts)) == [["0.5"]]
    assert convert(capture(image, None), counts=counts) == []
    assert counts.not_tabular == {"image/jpeg": 2}
    assert counts.lines_malformed == 0
    text = "endpointInput of content type image/jpeg is no table: it gives no columns without a preprocessor"
    assert counts.warnings == {text: 2}


@pytest.mark.parametrize(
    "record",
    [
        CapturedData({"captureData": {}}),
        capture({"encoding": "CSV"}, None),
        capture(section(None), section(None)),
    ],
)
def test_a_capture_without_data_is_malformed(record):
    counts = Counts()
    assert convert(record, counts=counts) == []
    assert counts.lines_malformed == 1
    assert "no section with data" in counts.malformed[0]


def test_captures_that_give_no_row_are_warned_about():
    only_output, counts = Format("capture", sections=("endpointOutput",)), Counts()
    assert convert(capture(section("1,2")), format=only_output, counts=counts) == []
    assert convert(capture(section(""), section("\n")), capture(as_json([])), counts=counts) == []
    assert counts.lines_malformed == 0
    assert counts.warnings == {
        "a capture holds none of the sections asked for (endpointOutput)": 1,
        "a capture has empty payloads and gives no row": 2,
    }


def test_only_the_chosen_sections_count():
    record = capture(section("1,2"), section('"broken'))
    (row,) = convert(record, format=Format("capture", sections=("endpointInput",)))
    assert (row.columns.names, row.columns.sections) == (("_c0", "_c1"), ("input", "input"))
    (row,) = convert(
        capture(section("1"), section("2")), format=Format("capture", sections=("endpointOutput",))
    )
    assert (row.values, row.columns.sections) == (["2"], ("output",))


def test_outputs_may_come_last():
    rows = convert(
        capture(section("1,2"), section("3")),
        capture(section("1,2"), as_json({"p": 3})),
        format=Format("capture", output_columns_position="END"),
    )
    assert values(rows) == [["1", "2", "3"], ["1", "2", 3]]
    assert rows[0].columns.sections == ("input", "input", "output")
    assert rows[1].columns.names == ("_c0", "_c1", "p")


def test_a_name_on_both_sides_stays_with_the_input():
    (row,) = convert(capture(as_json({"a": 1, "b": 2}), as_json({"a": 3, "c": 4})))
    assert plain([row]) == [{"endpointOutput_a": 3, "c": 4, "a": 1, "b": 2}]
    (row,) = convert({"SageMakerOutput": {"a": 1}, "a": 2}, kind="json")
    assert plain([row]) == [{"batchTransformOutput_a": 1, "a": 2}]


def test_names_stay_unique_whatever_they_are():
    (row,) = convert(capture(as_json({"_c0": 1}), section("9")))
    assert plain([row]) == [{"_c0": "9", "_c0_2": 1}]


def test_a_header_of_baseline_names_inside_a_payload():
    rows = convert(capture(section("A,b\n1,2\n3,4"), section("8\n9")), baseline=("y", "a", "b"))
    assert plain(rows) == [{"_c0": "8", "A": "1", "b": "2"}, {"_c0": "9", "A": "3", "b": "4"}]


def test_a_batch_output_in_csv_loses_its_ids():
    rows = convert(capture(batch=section(f"0.5,1,{ID}, {TIME}\n0.6,2,{ID},{TIME}")))
    assert plain(rows) == [{"_c0": "0.5", "_c1": "1"}, {"_c0": "0.6", "_c1": "2"}]
    assert rows[0].columns.sections == ("output", "output")


def test_shapes_are_shared_and_their_number_is_bounded():
    records = [capture(as_json({f"k{i}": 1}), section("2")) for i in range(MAX_SHAPES + 10)]
    converter, counts = Converter(Format("capture")), Counts()
    for record in records:
        converter.rows(Item("capture", record, ORIGIN), counts)
    assert len(converter._shapes) <= MAX_SHAPES
    one, two = (converter.rows(Item("capture", records[-1], ORIGIN), counts)[0] for _ in range(2))
    assert one.columns is two.columns


# ---------------------------------------------------------------- CSV


def test_csv_with_a_header():
    counts = Counts()
    rows = convert("1,2,x", '3,"4,5"', "6,7,8,9", kind="csv", header=' a,"b",c', counts=counts)
    assert plain(rows) == [
        {"a": "1", "b": "2", "c": "x"},
        {"a": "3", "b": "4,5", "c": None},
        {"a": "6", "b": "7", "c": "8"},
    ]
    assert (counts.rows_off_header, counts.row_widths) == (2, {})
    assert rows[0].columns.sections == ("", "", "")
    assert rows[0].columns.named == (True, True, True)


def test_csv_headers_change_from_object_to_object():
    converter, counts = Converter(Format("csv", header=True)), Counts()
    for header, line, expected in [
        ("a,b", "1,2", {"a": "1", "b": "2"}),
        ("b,a", "2,1", {"b": "2", "a": "1"}),
    ]:
        assert converter.rows(Item("csv", header, ORIGIN, header=True), counts) == []
        assert plain(converter.rows(Item("csv", line, ORIGIN), counts)) == [expected]
    assert converter.header_names == ("b", "a")
    converter.rows(Item("csv", '"b', ORIGIN, header=True), counts)
    assert (converter.header_names, counts.lines_malformed) == ((), 1)


def test_double_header_names_warn_once_however_often_the_header_comes():
    converter, counts = Converter(Format("csv", header=True)), Counts()
    for _ in range(3):
        converter.rows(Item("csv", "a,b,a", ORIGIN, header=True), counts)
    assert converter.header_names == ("a", "b", "a_2")
    assert list(counts.warnings.values()) == [1]


def test_csv_without_a_header_counts_widths():
    counts = Counts()
    rows = convert("1,2,3", "4", "5,6,7", kind="csv", counts=counts)
    assert [row.columns.names for row in rows] == [("_c0", "_c1", "_c2"), ("_c0",), ("_c0", "_c1", "_c2")]
    assert (counts.row_widths, counts.rows_ragged) == ({3: 2, 1: 1}, 1)
    assert rows[0].columns is rows[2].columns


def test_csv_ids_of_a_batch_transform_are_no_columns():
    assert values(convert(f"1,0.5,{ID}, {TIME}", kind="csv")) == [["1", "0.5"]]
    assert values(convert(f"{ID},{TIME}", kind="csv")) == [[ID, TIME]]
    assert values(convert(f"1,{ID},{TIME}", kind="csv", header="a")) == [["1"]]
    assert values(convert(f"1,{ID},{TIME}", kind="csv", header="a,id,at")) == [["1", ID, TIME]]


def test_csv_with_bad_quotes_is_malformed():
    counts = Counts()
    assert convert('1,"2', kind="csv", counts=counts) == []
    assert counts.malformed[0].startswith("s3://bucket/object:7: CSV quoting error")
    assert counts.malformed[0].endswith(': 1,"2')


def test_a_real_csv_file(data):
    path = data / "churn" / "training-dataset-with-header.csv"
    header, *text = path.read_text().splitlines()
    rows = convert(*text, kind="csv", header=header)
    with path.open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert (len(rows), len(rows[0].values)) == (2333, 70)
    assert plain(rows) == expected


# ---------------------------------------------------------------- JSON and Parquet


def test_json_values():
    rows = convert({"a": {"b": 1}}, [1, 2], 5, None, {}, {"instances": [{"x": 1}, {"x": 2}]}, kind="json")
    assert plain(rows) == [{"a_b": 1}, {"_c0": 1, "_c1": 2}, {"_c0": 5}, {"x": 1}, {"x": 2}]
    assert rows[1].columns.named == (False, False)


def test_json_that_explodes_is_malformed():
    counts = Counts()
    assert convert({"pixels": [[0] * 5000] * 3}, kind="json", counts=counts) == []
    assert "'pixels'" in counts.malformed[0]


def test_json_warns_of_colliding_names():
    counts = Counts()
    convert({"a_b": 1, "a": {"b": 2}}, kind="json", counts=counts)
    assert len(counts.warnings) == 1


def test_parquet_rows():
    counts = Counts()
    rows = convert(
        {"a": 1, "s": {"x": None}, "l": [1, 2], "s_x": 2}, {"a": None}, kind="parquet", counts=counts
    )
    assert plain(rows) == [{"a": 1, "s_x": None, "l_0": 1, "l_1": 2, "s_x_2": 2}, {"a": None}]
    assert len(counts.warnings) == 1
