"""The spellings of `dataset_format`."""

import json

import pytest

from open_model_monitor.capture.formats import format_to_dict, parse_format
from open_model_monitor.capture.record import SECTIONS, Format
from open_model_monitor.errors import SettingsError

BOTH = ("endpointInput", "endpointOutput")


@pytest.mark.parametrize(
    ("document", "format"),
    [
        ({"csv": {"header": True, "output_columns_position": "START"}}, Format("csv", header=True)),
        ({"csv": {"header": "true"}}, Format("csv", header=True)),
        ({"csv": {"header": "False"}}, Format("csv")),
        ({"Csv": {"Header": True}}, Format("csv", header=True)),
        ({"csv": {}}, Format("csv")),
        ({"csv": None}, Format("csv")),
        ({"csv": {"output_columns_position": "end"}}, Format("csv", output_columns_position="END")),
        ({"json": {"lines": False}}, Format("json")),
        ({"json": {"line": "false"}}, Format("json")),
        ({"Json": {"Line": True}}, Format("jsonlines")),
        ({"json": {"lines": "TRUE"}}, Format("jsonlines")),
        ({"json": {}}, Format("json")),
        ({"parquet": {}}, Format("parquet")),
        ({"Parquet": {}}, Format("parquet")),
        ({"sagemakerCaptureJson": {}}, Format("capture", sections=BOTH)),
        ({"sagemakerCaptureJson": {"captureIndexNames": []}}, Format("capture", sections=BOTH)),
        (
            {"sagemakercapturejson": {"captureindexnames": ["endpointoutput"]}},
            Format("capture", sections=("endpointOutput",)),
        ),
        (
            {"sagemakerCaptureJson": {"captureIndexNames": "endpointInput"}},
            Format("capture", sections=("endpointInput",)),
        ),
        (
            {"sagemakerMergeJson": {"captureIndexNames": ["batchTransformOutput"]}},
            Format("merged", sections=("batchTransformOutput",)),
        ),
        ({"sagemakerMergeJson": {}}, Format("merged", sections=SECTIONS)),
        (
            {"sagemakerCaptureJson": {"Output_Columns_Position": "end"}},
            Format("capture", output_columns_position="END", sections=BOTH),
        ),
    ],
)
def test_every_spelling_is_read(document, format):
    assert parse_format(document) == format
    assert parse_format(json.dumps(document)) == format


@pytest.mark.parametrize(
    "format",
    [
        Format("csv", header=True, output_columns_position="END"),
        Format("csv"),
        Format("json"),
        Format("jsonlines"),
        Format("parquet"),
        Format("capture", sections=("endpointOutput",)),
        Format("capture", output_columns_position="END"),
        Format("merged", sections=SECTIONS),
        Format("merged", output_columns_position="END", sections=SECTIONS),
    ],
)
def test_a_format_survives_its_document(format):
    assert parse_format(json.dumps(format_to_dict(format))) == format


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("csv", r"dataset_format is not JSON .*expected one of .*csv"),
        ("[]", r"dataset_format is \[\]; expected one of"),
        ({}, r"dataset_format is \{\}; expected one of"),
        ({"csv": {}, "json": {}}, "expected one of"),
        ({"avro": {}}, "'avro' is unknown; expected one of"),
        ({"csv": "yes"}, "csv is 'yes'; expected one of"),
        ({"csv": {"header": ["true", "false"]}}, r"header is \['true', 'false'\]; expected true or false"),
        ({"csv": {"header": 1}}, "header is 1; expected true or false"),
        ({"csv": {"output_columns_position": "MIDDLE"}}, "'MIDDLE'; expected START or END"),
        ({"sagemakerCaptureJson": {"output_columns_position": "LEFT"}}, "'LEFT'; expected START or END"),
        ({"json": {"lines": "maybe"}}, "lines is 'maybe'; expected true or false"),
        ({"sagemakerCaptureJson": {"captureIndexNames": ["input"]}}, "'input'; it may list endpointInput, "),
        (
            {"sagemakerCaptureJson": {"captureIndexNames": 3}},
            "captureIndexNames is 3; it may list endpointInput, ",
        ),
        (
            {"sagemakerCaptureJson": {"captureIndexNames": ["batchTransformOutput"]}},
            "it may list endpointInput, ",
        ),
    ],
)
def test_what_makes_no_sense_is_explained(document, message):
    with pytest.raises(SettingsError, match=message):
        parse_format(document)


def test_the_usual_position_is_not_written_for_captures():
    assert format_to_dict(Format("capture")) == {"sagemakerCaptureJson": {"captureIndexNames": list(BOTH)}}
