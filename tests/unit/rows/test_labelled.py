import pytest

from open_model_monitor.capture.record import (
    LABELLED,
    SCRIPT,
    SECTIONS,
    CapturedData,
    Columns,
    Counts,
    Format,
    Item,
    Origin,
    Row,
)
from open_model_monitor.errors import DataError
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.labelled import Attributes, Labeller

ORIGIN = Origin("s/a.jsonl", 5, event_id="event", inference_id=None)
MERGED = Format("merged", sections=SECTIONS)


def record(output, truth, *, encoding="CSV", truth_encoding="CSV", inputs=None, section="endpointOutput"):
    data = {section: {"data": output, "encoding": encoding}}
    if inputs is not None:
        data["endpointInput"] = {"data": inputs, "encoding": "JSON" if inputs[:1] == "{" else "CSV"}
    line = {"captureData": data, "eventMetadata": {"eventId": "event"}}
    if truth is not None:
        line["groundTruthData"] = {"data": truth, "encoding": truth_encoding}
    return Item("capture", CapturedData(line), ORIGIN)


def labelled(item, *, counts=None, handler=None, format_=MERGED, header=None, **attributes):
    converter = Converter(format_)
    if header:
        converter.rows(Item("csv", header, ORIGIN, header=True), Counts())
    rows = Labeller(Attributes(**attributes), converter, handler).rows(item, counts or Counts())
    assert all(row.columns.names[:4] == LABELLED for row in rows)
    return [tuple(row.values[1:]) for row in rows]


def test_columns_of_the_output_by_index_or_name():
    assert labelled(record("1,0.9", "1"), inference="0", probability="1") == [("1", "0.9", "1")]
    assert labelled(record("1,0.9", "1"), inference="_c0", probability=None) == [("1", None, "1")]
    item = record('{"p": 0.9, "l": 1}', "1", encoding="JSON")
    assert labelled(item, inference="l", probability="p") == [(1, 0.9, "1")]


def test_a_row_that_is_too_short_is_malformed_not_a_wrong_name():
    counts = Counts()
    assert labelled(record("oops", "1"), inference="0", probability="1", counts=counts) == []
    assert "there is no value 1: the row has 1" in str(counts.rejected[0])


def test_texts_that_mean_missing():
    missing = {"": ("NA",), "1": ("-1",)}
    named = {"inference": "0", "probability": "1", "missing": missing}
    assert labelled(record("NA,0.9", "1"), **named) == [(None, "0.9", "1")]
    assert labelled(record("1,-1", " NA "), **named) == [("1", None, None)]
    assert labelled(record("-1,0.5", "-1"), **named) == [("-1", "0.5", "-1")]


def test_nothing_named_is_the_first_of_the_output():
    assert labelled(record("0.7,x", "1")) == [("0.7", None, "1")]


def test_a_probability_alone():
    assert labelled(record("0.7", "1"), probability="0") == [(None, "0.7", "1")]


@pytest.mark.parametrize(
    ("truth", "encoding", "label"),
    [
        ("1,extra", "CSV", "1"),
        ("1", "JSON", 1),
        ('{"label": 1, "by": "x"}', "JSON", 1),
        ('{"outcome": 0}', "JSON", 0),
        ('{"instances": [{"label": 1}]}', "JSON", 1),
        ("1", None, "1"),
    ],
)
def test_what_a_label_looks_like(truth, encoding, label):
    assert labelled(record("0.7", truth, truth_encoding=encoding))[0][-1] == label


def test_a_named_key_of_the_truth():
    item = record("0.7", '{"label": 1, "other": 0}', truth_encoding="JSON")
    assert labelled(item, ground_truth="other")[0][-1] == 0


def test_rows_of_a_record_meet_their_labels():
    assert labelled(record("1\n0\n", "0\n1\n")) == [("1", None, "0"), ("0", None, "1")]
    keys = Labeller(Attributes(), Converter(MERGED)).rows(record("1\n0\n", "0\n1\n"), Counts())
    assert [row.values[0] for row in keys] == ["event#0", "event#1"]


def test_a_length_mismatch_is_malformed_with_both_lengths():
    counts = Counts()
    assert labelled(record("1\n0\n1\n", "0\n1\n"), counts=counts) == []
    assert "row count mismatch 2×3" in counts.malformed[0]


def test_a_record_without_label_keeps_its_rows():
    assert labelled(record("1", None)) == [("1", None, None)]


def test_jmespath_into_the_output():
    item = record('{"predictions": [{"label": 1}, {"label": 0}]}', "1\n1\n", encoding="JSON")
    assert labelled(item, inference="predictions[*].label") == [(1, None, "1"), (0, None, "1")]
    inner = record(
        '{"SageMakerOutput": {"label": 1}, "x": 5}', "1", encoding="JSON", section="batchTransformOutput"
    )
    for path in ("label", "SageMakerOutput.label"):
        assert labelled(inner, inference=path) == [(1, None, "1")]
    lines = record('{"a": {"l": 1}}\n{"a": {"l": 0}}', "1\n0\n", encoding="JSON")
    assert labelled(lines, inference="a.l") == [(1, None, "1"), (0, None, "0")]


def test_a_list_in_a_record_of_one_row_is_its_first_element():
    item = record('{"predictions": [0.7]}', "1", encoding="JSON")
    assert labelled(item, probability="predictions") == [(None, 0.7, "1")]


def test_what_is_not_there_lists_what_is():
    item = record('{"l": 1, "p": 0.5}', "1", encoding="JSON")
    with pytest.raises(DataError, match="there is no 'q' in the first record; there are: l, p"):
        labelled(item, handler=lambda item, counts: Converter(MERGED).rows(item, counts), inference="q")


def test_later_records_may_lack_it():
    labeller = Labeller(Attributes(inference="l"), Converter(MERGED))
    [first] = labeller.rows(record('{"l": 1}', "1", encoding="JSON"), Counts())
    counts = Counts()
    labeller.rows(record('{"error": "x"}', "1", encoding="JSON"), counts)
    assert first.values[1] == 1


def test_a_segment_is_of_the_output_or_the_input():
    item = record('{"l": 1}', "1", encoding="JSON", inputs='{"country": "DE"}')
    assert labelled(item, inference="l", segment="country") == [(1, None, "1", "DE")]
    assert labelled(item, inference="l", segment="endpointInput_country") == [(1, None, "1", "DE")]
    unnamed = record("1,DE", "1")
    assert labelled(unnamed, inference="0", segment="1") == [("1", None, "1", "DE")]


def test_a_scored_data_set():
    item, csv = Item("csv", "0.7,1,0", ORIGIN), Format("csv", header=True)
    named = {"inference": "prediction", "probability": "p", "ground_truth": "truth"}
    assert labelled(item, format_=csv, header="p,prediction,truth", **named) == [("1", "0.7", "0")]
    plain = {"inference": "_c1", "probability": "0", "ground_truth": "2"}
    assert labelled(item, format_=Format("csv"), **plain) == [("1", "0.7", "0")]
    value = {"a": {"p": 0.7}, "truth": 1}
    assert labelled(
        Item("json", value, ORIGIN), format_=Format("jsonlines"), probability="a.p", ground_truth="truth"
    ) == [(None, 0.7, 1)]


def test_a_scored_data_set_without_its_label_says_how_to_name_it():
    with pytest.raises(DataError, match=r"there is no 'groundTruthData_0' .* ground_truth_attribute"):
        labelled(Item("csv", "0.7,1", ORIGIN), format_=Format("csv"), inference="1")


def script(**values):
    columns = Columns(tuple(values), (SCRIPT,) * len(values), (True,) * len(values))
    return lambda item, counts: [Row(columns, list(values.values()), item.origin)]


@pytest.mark.parametrize(
    ("values", "attribute"),
    [
        ({"score": 1, "groundTruthData_0": 0}, "score"),
        ({"endpointOutput_0": 1, "groundTruthData_0": 0}, "0"),
        ({"endpointOutput_anything": 1, "groundTruthData_0": 0}, "0"),
        ({"b10": 5, "b9": 1, "groundTruthData": 0}, "0"),
        ({"batchTransformOutput_l": 1, "groundTruthData_label": 0}, "l"),
    ],
)
def test_keys_of_a_handler(values, attribute):
    assert labelled(record("x", "7"), handler=script(**values), inference=attribute) == [(1, None, 0)]


def test_a_handler_that_returns_no_truth_gets_that_of_the_record():
    assert labelled(record("x", "7"), handler=script(score=1), inference="score") == [(1, None, "7")]


def test_a_handler_that_renames_the_columns_of_a_header():
    """The guide's own script: padded numbers in the order of the header."""
    item, csv = Item("csv", "0.7,1,0", ORIGIN), Format("csv", header=True)
    found = labelled(
        item,
        handler=script(**{"000": 0.7, "001": 1, "002": 0}),
        format_=csv,
        header="p,prediction,truth",
        inference="prediction",
        probability="p",
        ground_truth="truth",
    )
    assert found == [(1, 0.7, 0)]


def test_keys_that_are_not_there_are_listed():
    with pytest.raises(DataError, match="there is no 'score' in the first record; there are: a, b"):
        labelled(record("x", "1"), handler=script(a=1, b=2), inference="score")


def test_rows_without_ids_are_told_apart_by_their_place():
    item = Item("csv", "1,0", Origin("folder/data.csv", 7, lines_from=100))
    [row] = Labeller(Attributes("0", None, "1"), Converter(Format("csv"))).rows(item, Counts())
    assert row.values[0] == "data.csv:100:7#0"


def test_a_path_that_finds_nothing_lists_what_is_there():
    with pytest.raises(DataError, match="there is no 'nowhere' in the first record; there are: l, p"):
        labelled(record('{"l": 1, "p": 0.5}', "1", encoding="JSON"), inference="nowhere")
