import base64
import json

import pytest

from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.inspection import inspect
from open_model_monitor.jobs.starting_script import starting_script
from open_model_monitor.jobs.trial import trial
from open_model_monitor.rows.lint import lint


def tried(source, folder):
    text = starting_script(inspect(str(source)))
    assert lint(text, columns=100) == []
    script = folder / "start.py"
    script.write_text(text)
    return list(trial(Job(source=str(source), is_baseline=False, preprocessor=str(script))))


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("endpoint-capture-csv.jsonl", [1, 1, 1], 70),
        ("endpoint-capture-json.jsonl", [1, 2], 16),
        ("merged-endpoint-json.jsonl", [334], 16),
        ("batch-transform-output-jsonlines.jsonl", [1] * 5, 16),
    ],
)
def test_it_runs_on_what_it_was_made_for(data, tmp_path, name, rows, columns):
    found = tried(data / "recorded" / name, tmp_path)
    assert [t.failure for t in found] == [None] * len(rows)
    assert [len(t.rows) for t in found] == rows
    assert len(found[0].types) >= columns


def test_outputs_come_first(data, tmp_path):
    first = tried(data / "recorded" / "endpoint-capture-csv.jsonl", tmp_path)[0].rows[0]
    assert list(first.values())[:2] == ["0.036397725343704224", "132"]


def test_scalars_pair_up(data, tmp_path):
    first = tried(data / "sdk" / "captured-data.jsonl", tmp_path)[0]
    assert first.rows[0] == {"output": 3.5, "input": 1.0}


def test_binary_payloads_and_hostile_names(tmp_path):
    image = base64.b64encode(b"\x89PNG\r\n\xff").decode()
    section = {"data": image, "encoding": "BASE64", "observedContentType": "image/png", "mode": "INPUT"}
    text = {"data": base64.b64encode(b"1,2\n").decode(), "encoding": "BASE64", "observedContentType": "x/y"}
    folder = tmp_path / 'a"""b\\N{'
    folder.mkdir()
    record = {
        "captureData": {"endpointInput": section, "endpointOutput": text},
        "eventMetadata": {},
        "eventVersion": "0",
    }
    (folder / "c.jsonl").write_text(json.dumps(record))
    (only,) = tried(folder / "c.jsonl", tmp_path)
    assert only.rows == ({"output_000": "1", "output_001": "2", "input_bytes": 7},)


def test_lines_of_csv(data, tmp_path):
    found = tried(data / "churn" / "test_sample.csv", tmp_path)
    assert len(found[0].types) == 69
