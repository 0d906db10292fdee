"""Guessing the format of a source."""

import gzip
import json
import shutil
import uuid
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from open_model_monitor.capture.record import Format, Window
from open_model_monitor.capture.sniff import sniff_format
from open_model_monitor.errors import DataError, NoData
from open_model_monitor.storage import Storage

SEVEN = datetime(2024, 1, 19, 7, tzinfo=UTC)


@pytest.fixture
def storage():
    return Storage()


@pytest.mark.parametrize(
    ("name", "kind", "header"),
    [
        ("recorded/endpoint-capture-csv.jsonl", "capture", False),
        ("recorded/endpoint-capture-json.jsonl", "capture", False),
        ("sdk/capture.jsonl", "capture", False),
        ("recorded/merged-endpoint-json.jsonl", "merged", False),
        ("recorded/merged-batch-json.jsonl", "merged", False),
        ("recorded/batch-transform-output-jsonlines.jsonl", "jsonlines", False),
        ("recorded/batch-transform-output-json.json", "json", False),
        ("adult/validation-dataset.json", "json", False),
        ("adult/validation-dataset.jsonl", "jsonlines", False),
        ("churn/training-dataset-with-header.csv", "csv", True),
        ("churn/training-dataset-without-header.csv", "csv", False),
        ("churn/validation_with_predictions.csv", "csv", True),
        ("churn/test-dataset-input-cols.csv", "csv", False),
        ("churn/test-dataset-gt-col.csv", "csv", False),
        ("sdk/baseline_dataset.csv", "csv", False),
    ],
)
def test_real_files_are_recognised(storage, data, tmp_path, name, kind, header):
    for source in (data / name, tmp_path):
        shutil.copy(data / name, tmp_path)
        found = sniff_format(storage, str(source))
        assert (found.kind, found.header) == (kind, header)


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x"])
def test_packing_and_names_do_not_matter_to_captures(storage, data, tmp_path, name):
    content = (data / "recorded" / "endpoint-capture-csv.jsonl").read_bytes()
    storage.write(f"{tmp_path}/{name}", gzip.compress(content) if name.endswith("gz") else content)
    assert sniff_format(storage, str(tmp_path / name)).kind == "capture"


def test_merged_batch_records_read_the_batch_output(storage, data):
    found = sniff_format(storage, str(data / "recorded" / "merged-batch-jsonlines.jsonl"))
    assert "batchTransformOutput" in found.sections


@pytest.mark.parametrize("name", ["x.parquet", "x"])
def test_parquet_is_known_by_its_first_bytes(storage, tmp_path, name):
    pq.write_table(pa.table({"a": [1]}), tmp_path / name)
    assert sniff_format(storage, str(tmp_path)) == Format("parquet")


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,x\n", True),
        ("a,b\n,x\n3,y\n", True),
        ('"Day, Mins",b\n1.5,x\n', True),
        ("1,b\n1,x\n", False),
        ("a,a\n1,2\n", True),
        ("a,a,b,b,A\n1,2,3,4,5\n", True),
        ("red,red\nblue,red\n", False),
        ("a,\n1,2\n", False),
        ("1,2\n", False),
        ("a,b\n", True),
        ("a,b\n1\r2,x\n", True),
        ("red,yes\nblue,no\nred,no\n", False),
    ],
)
def test_headers_are_words_above_values(storage, tmp_path, text, header):
    storage.write(f"{tmp_path}/x.csv", text.encode())
    assert sniff_format(storage, str(tmp_path)) == Format("csv", header=header)


def test_a_single_line_of_words_is_a_header_only_where_the_name_says_csv(storage, tmp_path):
    storage.write(f"{tmp_path}/answer", b"yes,no\n")
    assert sniff_format(storage, str(tmp_path)) == Format("csv", header=False)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"a": 1}\n'])
@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_what_is_no_utf8_is_refused(storage, tmp_path, text, codec):
    storage.write(f"{tmp_path}/x.csv", text.encode(codec))
    with pytest.raises(DataError, match=r"x\.csv is UTF-.*convert it"):
        sniff_format(storage, str(tmp_path))


def test_returns_without_newlines_do_not_stop_the_guess(storage, tmp_path):
    storage.write(f"{tmp_path}/x.csv", b"a,b\r1,2\r")
    assert sniff_format(storage, str(tmp_path)).kind == "csv"


def test_manifests_have_the_format_of_what_they_list(storage):
    root = f"memory://{uuid.uuid4().hex}"
    storage.write(f"{root}/in/1.csv", b"a,b\n1,2\n")
    storage.write(
        f"{root}/cap/input/2024/01/19/07/u.json", json.dumps([{"prefix": f"{root}/in/"}, "1.csv"]).encode()
    )
    window = Window(SEVEN, SEVEN + timedelta(hours=1))
    assert sniff_format(storage, f"{root}/cap/input", window) == Format("csv", header=True)


def test_a_window_says_where_to_look(storage, tmp_path):
    for hour, content in (("06", b"1,2\n"), ("07", b'{"captureData": {}}\n')):
        storage.write(f"{tmp_path}/e/v/2024/01/19/{hour}/x.jsonl", content)
    assert sniff_format(storage, f"{tmp_path}/e", Window(SEVEN, SEVEN + timedelta(hours=1))).kind == "capture"


def test_an_empty_folder_has_no_data(storage, tmp_path):
    with pytest.raises(NoData, match=r"^Job inputs had no data"):
        sniff_format(storage, str(tmp_path))


def test_a_pretty_document_is_one(storage, tmp_path):
    storage.write(f"{tmp_path}/x.json", json.dumps({"instances": [[1, 2]]}, indent=1).encode())
    assert sniff_format(storage, str(tmp_path)) == Format("json")
