import base64
import json

import pytest

from open_model_monitor.rows.flatten import MAX_COLUMNS, PayloadError
from open_model_monitor.rows.payloads import read_fields, read_payload, read_value, single_line


def rows(payload):
    return [(names, list(values)) for names, values in payload.rows]


def batch(payload):
    return None if payload.batch is None else [(names, list(values)) for names, values in payload.batch]


def csv_rows(text, content_type="text/csv", **options):
    return rows(read_payload(text, "CSV", content_type, **options))


def b64(data):
    return base64.b64encode(data).decode()


# ---------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5,0.25,red", [["5", "0.25", "red"]]),
        ("0.91\n", [["0.91"]]),
        ("1,2\r\n", [["1", "2"]]),
        ("107,,0", [["107", "", "0"]]),
        (",", [["", ""]]),
        ("1,2\n3,4\n", [["1", "2"], ["3", "4"]]),
        ("1,2\r\n\r\n  \n3,4", [["1", "2"], ["3", "4"]]),
        ("1\r2", [["1"], ["2"]]),
        ("1,2\n3", [["1", "2"], ["3"]]),
        (' 1 ,"a,b","say ""x""",', [[" 1 ", "a,b", 'say "x"', ""]]),
        ('"two\nlines",2\n3,4', [["two\nlines", "2"], ["3", "4"]]),
        ('""', [[""]]),
        ('5" pipe,3', [['5" pipe', "3"]]),
        ("a\x00b\x0bc,1", [["a\x00b\x0bc", "1"]]),
        ("", []),
        ("\n \r\n", []),
    ],
)
def test_csv(text, expected):
    assert csv_rows(text) == [(None, fields) for fields in expected]


@pytest.mark.parametrize("text", ['"open,1', '1,"a"b', 'abc",1', ' "a,b"', '1,2\n"3,4'])
def test_unbalanced_quotes_are_an_error(text):
    with pytest.raises(PayloadError, match="CSV quoting error"):
        csv_rows(text)


def test_a_field_may_be_larger_than_the_csv_module_likes():
    assert csv_rows('"' + "x" * 200_000 + '",1')[0][1][0] == "x" * 200_000


def test_header_present_makes_names():
    assert csv_rows(" a ,b\n1,2\n", "text/csv; header=present") == [(("a", "b"), ["1", "2"])]
    assert csv_rows("a,b\n", 'text/csv;charset=utf-8; Header="present"') == []
    assert csv_rows("a,b\n", "text/csv; header=absent") == [(None, ["a", "b"])]


def test_a_line_of_baseline_names_is_a_header_if_more_lines_follow():
    known = {"Day Mins", "Churn", "x"}
    assert csv_rows("churn, DAY MINS\n0,1", header_names=known) == [(("churn", "DAY MINS"), ["0", "1"])]
    assert csv_rows("Churn,Day Mins", header_names=known) == [(None, ["Churn", "Day Mins"])]
    assert len(csv_rows("Churn,1\n0,1", header_names=known)) == 2


def test_rows_are_fitted_to_the_header_and_double_names_suffixed():
    payload = read_payload("a,a,a\n1\n1,2,3,4\n1,2,3", "CSV", "text/csv;header=present")
    assert rows(payload) == [
        (("a", "a_2", "a_3"), values) for values in (["1", None, None], ["1", "2", "3"], ["1", "2", "3"])
    ]
    assert payload.off_header == 2
    assert len(payload.warnings) == 2


def test_one_record_with_a_newline_in_quotes():
    assert read_fields('1,"a\nb"') == ["1", "a\nb"]
    assert read_fields("") == [""]
    with pytest.raises(PayloadError):
        read_fields('1,"a')


# ---------------------------------------------------------------- decoding


def test_base64_is_read_by_content_type():
    assert rows(read_payload(b64(b"5,6"), "BASE64", "text/csv")) == [(None, ["5", "6"])]
    assert rows(read_payload(b64(b'{"a":1}'), "base64", "application/json; x")) == [(("a",), [1])]
    with pytest.raises(PayloadError, match="JSON"):
        read_payload(b64(b"5,6"), "BASE64", "application/json")
    with pytest.raises(PayloadError, match="BASE64"):
        read_payload("***", "BASE64", "text/csv")


def test_base64_that_is_no_utf8_is_replaced_where_text_was_announced():
    payload = read_payload(b64(b"\xff,1"), "BASE64", "text/csv")
    assert rows(payload) == [(None, ["\ufffd", "1"])]
    assert len(payload.warnings) == 1
    assert not read_payload(b64(b"\xff\xd8"), "BASE64", "image/jpeg").tabular


@pytest.mark.parametrize("encoding", ["NONE", "UTF-7", None, ""])
def test_what_is_undeclared_is_sniffed(encoding):
    def read(text, content_type="text/plain"):
        return rows(read_payload(text, encoding, content_type))

    assert read("0.3\n") == [(None, ["0.3"])]
    assert read('[{"a": 1}]', None) == [(("a",), [1])]
    assert read('{"a":1}\n{"a":2}\n') == [(("a",), [1]), (("a",), [2])]
    assert read("{red},1") == [(None, ["{red}", "1"])]
    assert read("1,2\n3,4", "text/csv") == [(None, ["1", "2"]), (None, ["3", "4"])]
    assert not read_payload("\x00\x01", encoding, None).tabular
    assert not read_payload("1," * (1 << 20), encoding, "text/plain").tabular


def test_data_that_are_not_text():
    assert rows(read_payload(b"1,2", "CSV", None)) == [(None, ["1", "2"])]
    assert rows(read_payload({"a": {"b": 1}}, "JSON", None)) == [(("a_b",), [1])]


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1,"b":"x"}', [(("a", "b"), [1, "x"])]),
        ('{"a":{"b":1}}', [(("a_b",), [1])]),
        ('{"features":[7,8],"label":0}', [(("features_0", "features_1", "label"), [7, 8, 0])]),
        ('{"features":[7,8]}', [(("features_0", "features_1"), [7, 8])]),
        ('{"a":[{"b":1},[2,3]]}', [(("a_0_b", "a_1_0", "a_1_1"), [1, 2, 3])]),
        ('[{"a":1},{"b":[2]}]', [(("a",), [1]), (("b_0",), [2])]),
        ("[[1,2],[3,4]]", [(None, [1, 2]), (None, [3, 4])]),
        ("[[1,[2,3]]]", [(None, [1, 2, 3])]),
        ('[1,{"a":2},null]', [(None, [1]), (("a",), [2]), ((), [])]),
        ('{"instances":[{"a":1},{"a":2}],"model_version":"3"}', [(("a",), [1]), (("a",), [2])]),
        ('{"rows":[[1],[2]],"options":{"x":1}}', [(None, [1]), (None, [2])]),
        ('{"predictions":[{},{"a":1}],"score":5}', [(("score",), [5]), (("a",), [1])]),
        ('{"columns":["x","y"],"index":[0],"data":[[1,2]]}', [(("x", "y"), [1, 2])]),
        ('{"dataframe_split":{"columns":["x","x"],"data":[[1,2]]}}', [(("x", "x_2"), [1, 2])]),
        ('{"inputs":{"dataframe_split":{"columns":["x"],"data":[[1],[2]]}}}', [(("x",), [1]), (("x",), [2])]),
        ('{"dataframe_records":[{"x":1},{"x":2}]}', [(("x",), [1]), (("x",), [2])]),
        ('{"a":[1,2],"b":["x",null]}', [(("a", "b"), [1, "x"]), (("a", "b"), [2, None])]),
        ('{"a":[1,2],"b":[3]}', [(("a_0", "a_1", "b_0"), [1, 2, 3])]),
        ("0.9", [(None, [0.9])]),
        ('"yes"', [(None, ["yes"])]),
        ("true", [(None, [True])]),
        ('{"a":1}\n\n{"a":2}\r\n', [(("a",), [1]), (("a",), [2])]),
        ("[1,2]\n[3,4]", [(None, [1, 2]), (None, [3, 4])]),
        ("null", []),
        ("{}", []),
        ("[]", []),
        ("", []),
        ('{"instances":[]}', []),
        ('{"a":1,"a":2}', [(("a",), [2])]),
        ('{"a":12345678901234567890123}', [(("a",), [12345678901234567890123])]),
        ('{"a_b":1,"a":{"b":2}}', [(("a_b", "a_b_2"), [1, 2])]),
        ('{"SageMakerInferenceId":"u","SageMakerInferenceTime":"t","a":1}', [(("a",), [1])]),
    ],
)
def test_json(text, expected):
    assert rows(read_payload(text, "JSON", "application/json")) == expected


def test_whole_and_fractional_literals_differ():
    ((_, values),) = read_payload('{"a":5,"b":5.0}', "JSON", None).rows
    assert [type(value) for value in values] == [int, float]


def test_not_a_number_is_read():
    ((_, values),) = read_payload('{"a":NaN,"b":-Infinity}', "JSON", None).rows
    assert values[0] != values[0]
    assert values[1] == float("-inf")


def test_a_list_of_scalars_is_one_row_or_many():
    bare = read_payload("[0.1,0.7]", "JSON", None)
    assert (rows(bare), bare.enveloped) == ([(None, [0.1, 0.7])], False)
    assert batch(bare) == [(None, [0.1]), (None, [0.7])]
    wrapped = read_payload('{"predictions":[0.1,0.7]}', "JSON", None)
    assert (rows(wrapped), wrapped.enveloped) == ([(("predictions_0", "predictions_1"), [0.1, 0.7])], True)
    assert batch(wrapped) == [(("predictions",), [0.1]), (("predictions",), [0.7])]


def test_what_stands_beside_a_list_of_scalars_is_kept_in_the_single_row():
    payload = read_value({"data": [1, 2], "label": 0})
    assert rows(payload) == [(("data_0", "data_1", "label"), [1, 2, 0])]
    assert batch(payload) == [(("data",), [1]), (("data",), [2])]


def test_a_list_too_long_for_a_row_is_a_batch():
    for value in ([1] * (MAX_COLUMNS + 1), {"data": [1] * (MAX_COLUMNS + 1), "version": 2}):
        payload = read_value(value)
        assert len(payload.rows) == MAX_COLUMNS + 1


def test_output_and_input_that_a_batch_transform_joined():
    payload = read_value({"SageMakerOutput": {"score": 0.5}, "f": [1, 2], "SageMakerInferenceId": "u"})
    assert rows(payload) == [(("score",), [0.5])]
    assert rows(payload.joined) == [(("f_0", "f_1"), [1, 2])]
    scalar = read_value({"SageMakerOutput": 0.5, "SageMakerInput": [1, 2]})
    assert rows(scalar) == [(("SageMakerOutput",), [0.5])]
    assert rows(scalar.joined) == [(("SageMakerInput_0", "SageMakerInput_1"), [1, 2])]
    assert read_value({"SageMakerOutput": 0.5}).joined is None
    lines = read_payload('{"SageMakerOutput":1,"a":2}\n{"SageMakerOutput":3,"a":4}', "JSON", None)
    assert rows(lines) == [(("SageMakerOutput",), [1]), (("SageMakerOutput",), [3])]
    assert rows(lines.joined) == [(("a",), [2]), (("a",), [4])]


@pytest.mark.parametrize("text", ["{", "1,2", '{"a":1}\nx', "[1", "[" * 5000 + "]" * 5000])
def test_broken_json_is_an_error(text):
    with pytest.raises(PayloadError, match="cannot be parsed as JSON"):
        read_payload(text, "JSON", "application/json")


def test_a_frame_of_the_wrong_width_is_an_error():
    with pytest.raises(PayloadError, match="2 values for 1 columns"):
        read_value({"columns": ["x"], "data": [[1, 2]]})


def test_too_many_columns_name_the_key():
    wide = {"a": 1, "embedding": [[0.5] * 6000, [0.5] * 6000], "z": {"b": 1}}
    with pytest.raises(PayloadError, match=r"'embedding'.*script"):
        read_value(wide)
    assert len(read_value({"a": [1] * MAX_COLUMNS, "b": {}}).rows[0][1]) == MAX_COLUMNS
    with pytest.raises(PayloadError, match="10000 columns"):
        read_value([[0] * (MAX_COLUMNS + 1)])


def test_collisions_are_noted():
    payload = read_payload(json.dumps({"a": {"b": 1}, "a_b": 2, "a_b_2": 3}), "JSON", None)
    assert rows(payload) == [(("a_b", "a_b_3", "a_b_2"), [1, 2, 3])]
    assert len(payload.warnings) == 1


@pytest.mark.parametrize("data", ["\ufeff1,2", "\ufeff1,2\n3,4", b"\xef\xbb\xbf1,2"])
def test_a_byte_order_mark_is_no_part_of_the_first_value(data):
    assert single_line(data, "CSV", "text/csv") is None
    assert read_payload(data, "CSV", "text/csv").rows[0] == (None, ["1", "2"])


def test_a_byte_order_mark_is_no_part_of_a_document():
    assert list(read_payload('\ufeff{"a": 1}', "JSON", None).rows) == [(("a",), [1])]
