import json

import pytest

from open_model_monitor.capture.record import Format, Origin
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.objects import rows_of_lines, rows_of_payloads

ORIGIN = Origin("a", 1)
TOO_WIDE = "{" + ", ".join(f'"k{i}": 1' for i in range(10_001)) + "}"
CONVERTER = Converter(Format("capture"))


def test_lines_of_flat_objects():
    rows = rows_of_lines(b'{"a": 1, "b": null}\n\n{"b": "x"}\n', CONVERTER, ORIGIN)
    assert [(row.columns.names, row.values) for row in rows] == [(("a", "b"), [1, None]), (("b",), ["x"])]


@pytest.mark.parametrize(
    "odd",
    [
        "[1]",
        "5",
        "{}",
        TOO_WIDE,
        '{"a": [1]}',
        '{"a": NaN}',
        '{"SageMakerOutput": 1}',
        "{",
        "\xff",
    ],
)
def test_anything_else_is_left(odd):
    assert rows_of_lines(b'{"a": 1}\n' + odd.encode("latin-1"), CONVERTER, ORIGIN) is None


@pytest.mark.parametrize(("output", "kind"), [("0.5", "JSON"), ("[0.5]", "JSON"), ("0.5\n", "CSV")])
def test_a_single_value_beside_an_object(output, kind):
    (row,) = rows_of_payloads([json.dumps({"a": 1})], [output], ("JSON", kind), CONVERTER, ORIGIN)
    assert row.columns.names == ("_c0", "a")
    assert row.columns.sections == ("output", "input")
    assert row.values == ["0.5" if kind == "CSV" else 0.5, 1]


def test_one_side_alone():
    (row,) = rows_of_payloads(None, ['{"a": true}'], (None, "JSON"), CONVERTER, ORIGIN)
    assert (row.columns.names, row.values) == (("a",), [True])


@pytest.mark.parametrize("odd", ["[1, 2]", "null", "", '{"a": {}}', '[{"a": 1}]'])
def test_payloads_of_other_shapes_are_left(odd):
    assert rows_of_payloads(['{"a": 1}'], [odd], ("JSON", "JSON"), CONVERTER, ORIGIN) is None
