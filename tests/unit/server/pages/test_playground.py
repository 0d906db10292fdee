"""The playground: samples, trials in the sandbox, errors with their line."""

import json

import pytest

from open_model_monitor.server.pages.samples import SAMPLES, captures


def attempt(visitor, script, records=None):
    lines = records or captures(SAMPLES[0], 3)
    return visitor.post("/playground/try", {"script": script, "records": lines})


@pytest.mark.parametrize("sample", SAMPLES, ids=[one.name for one in SAMPLES])
def test_samples_work_with_their_scripts(visitor, sample):
    records = visitor.get(f"/playground/records?source=sample:{sample.name}").json()["records"]
    told = attempt(visitor, sample.script, "\n".join(records)).json()
    assert [bool(one["rows"]) for one in told["trials"]] == [True] * 11 + [False]
    assert told["trials"][11]["dropped"] == "the handler returned no rows ([])"
    assert told["trials"][11]["log"][0]["text"] == "left out a test customer"
    assert {one["name"] for one in told["columns"]} >= {"score", "plan", "charge_per_month"}


def test_a_failure_names_its_line_and_nothing_of_this_machine(visitor, tmp_path):
    answer = attempt(visitor, "def preprocess_handler(record, logger):\n    return 1 / 0\n")
    failure = answer.json()["trials"][0]["failure"]
    assert (failure["line"], failure["exception_type"]) == (2, "ZeroDivisionError")
    assert "omm-playground" not in answer.text


def test_a_script_that_cannot_be_loaded(visitor):
    told = attempt(visitor, "def preprocess_handler(:\n").json()
    assert (told["failure"]["line"], told["trials"]) == (1, [])


def test_a_script_sees_no_secrets(visitor, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    script = "import os\ndef preprocess_handler(record, logger):\n    return {'env': str(dict(os.environ))}\n"
    assert "very-secret" not in attempt(visitor, script).text


@pytest.mark.parametrize(("script", "records"), [(" ", "{}"), ("x", " \n ")])
def test_what_is_missing_is_said(visitor, script, records):
    assert attempt(visitor, script, records).status_code == 400


def test_records_of_what_is_not_there(visitor, world):
    world.monitor("churn")
    for source, status in (
        ("sample:none", 404),
        ("monitor:none", 404),
        ("monitor:churn", 404),
        ("file:/etc", 400),
    ):
        assert visitor.get(f"/playground/records?source={source}").status_code in (status, 404), source


def test_captures_of_a_monitor(visitor, world, tmp_path):
    world.monitor("churn")
    world.execution("churn")
    folder = tmp_path / "captures/churn/AllTraffic/2026/01/31/09"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text(captures(SAMPLES[0], 20))
    records = visitor.get("/playground/records?source=monitor:churn").json()["records"]
    assert len(records) == 12
    assert json.loads(records[0])["eventMetadata"]["eventId"]
    assert "Captures of churn" in visitor.get("/playground?monitor=churn").text
