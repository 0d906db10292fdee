import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import open_model_monitor as omm
from open_model_monitor.api import format_of, window_of
from open_model_monitor.errors import NoData, ScriptError, UsageError
from open_model_monitor.jobs.contract import Job, options_from
from open_model_monitor.jobs.trial import outcome, trial


def line(data, event="e", time="2026-01-31T10:00:00Z"):
    section = {"observedContentType": "text/csv", "mode": "INPUT", "data": data, "encoding": "CSV"}
    metadata = {"eventId": event, "inferenceTime": time}
    return json.dumps(
        {"captureData": {"endpointInput": section}, "eventMetadata": metadata, "eventVersion": "0"}
    )


@pytest.fixture
def captures(tmp_path):
    path = tmp_path / "captures.jsonl"
    path.write_text("\n".join(line(f"{n},x", f"e{n}") for n in range(6)) + "\n")
    return path


@pytest.fixture
def job(tmp_path, captures):
    def make(text, source=captures, **more):
        script = tmp_path / "p.py"
        script.write_text(text)
        return Job(source=str(source), is_baseline=False, preprocessor=str(script), **more)

    return make


EVERYTHING = """
import sys
print("loaded")

def preprocess_handler(record, logger):
    number = int(record.endpoint_input.data.split(",")[0])
    logger.info("number %d", number)
    if number == 1:
        return []
    if number == 2:
        return None
    if number == 3:
        return {"a": 1 / 0}
    if number == 4:
        return [{"a": 1}, {"b": "x"}]
    return {"a": number, "b": 0.5, "c": None, "d": "7"}
"""


def test_each_record_tells_its_own_story(job):
    live = []
    tried = list(trial(job(EVERYTHING), on_log=lambda tag, text: live.append(text)))
    assert [t.number for t in tried] == [1, 2, 3, 4, 5, 6]
    first = tried[0]
    assert first.rows == ({"a": 0, "b": 0.5, "c": None, "d": "7"},)
    assert first.types == {"a": "Integral", "b": "Fractional", "c": "Unknown", "d": "Integral"}
    assert first.argument == {"endpointInput": "CSV 0,x"}
    assert (first.origin.line, first.origin.event_id) == (1, "e0")
    assert first.log == (("stdout", "loaded"), ("INFO preprocessor", "number 0"))
    assert tried[1].dropped == "the handler returned no rows ([])"
    assert "None" in tried[2].dropped
    assert tried[3].failure.exception_type == "ZeroDivisionError"
    assert (tried[3].failure.event_id, tried[3].failure.records_processed) == ("e3", 3)
    assert tried[4].rows == ({"a": 1, "b": None}, {"a": None, "b": "x"})
    assert [t.log[-1][1] for t in tried if t.number != 3] == [f"number {n}" for n in (0, 1, 3, 4, 5)]
    assert "number 5" in live
    assert all(t.seconds > 0 for t in tried)
    json.dumps([t.to_dict() for t in tried])


def test_a_limit(job):
    assert [t.number for t in trial(job(EVERYTHING), limit=2)] == [1, 2]
    assert list(trial(job(EVERYTHING), limit=0)) == []


def test_state_is_kept_from_record_to_record(job):
    tried = trial(
        job("seen = []\ndef preprocess_handler(record):\n    seen.append(1)\n    return {'n': len(seen)}\n")
    )
    assert [t.rows[0]["n"] for t in tried] == [1, 2, 3, 4, 5, 6]


def test_what_is_not_there_or_does_not_load(job, tmp_path):
    with pytest.raises(ScriptError, match="functions found: none"):
        next(trial(job("x = 1")))
    with pytest.raises(NoData):
        next(trial(job(EVERYTHING, source=tmp_path / "nothing")))
    with pytest.raises(UsageError):
        next(trial(Job(source=str(tmp_path), is_baseline=False)))


def test_a_script_that_dies_ends_the_trials(job):
    text = (
        "import os\ndef preprocess_handler(record):\n    if ',x' in record.endpoint_input.data: os._exit(3)\n"
    )
    (only,) = trial(job(text))
    assert only.failure.exception_type == "ProcessDied"
    assert only.failure.line_number == 1


def test_a_time_limit(job):
    limited = job(
        "def preprocess_handler(record):\n    while True: pass\n",
        options=options_from({"max_runtime_seconds": 1}),
    )
    (only,) = trial(limited)
    assert only.failure.exception_type == "TimeLimitExceeded"


def test_lines_that_cannot_be_read_are_shown(job, tmp_path):
    path = tmp_path / "bad.jsonl.gz"
    path.write_bytes(gzip.compress(f"{line('1,x')}\noh {{no\n{line('5,x')}\n".encode()))
    first, second, third = trial(job(EVERYTHING, source=path))
    assert second.dropped.startswith("not readable: ")
    assert list(second.argument.values()) == ["oh {no"]
    assert (first.origin.line, third.origin.line) == (1, 3)


IDENTITY = "def preprocess_handler(item):\n    return item if isinstance(item, dict) else {'line': item}\n"


def test_other_formats_are_cut_into_records_too(job, tmp_path):
    table = pa.table({"a": [1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "d.json").write_text(json.dumps([{"a": 1}, {"a": 2}, {"a": 3}]))
    (tmp_path / "d.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n{"a": 3}\n')
    for name in ("t.parquet", "d.json", "d.jsonl"):
        tried = list(trial(job(IDENTITY, source=tmp_path / name)))
        assert [t.rows for t in tried] == [({"a": n},) for n in (1, 2, 3)], name
    assert [t.origin.line for t in tried] == [1, 3, 4]


def test_csv_records_may_span_lines_and_the_header_is_not_one(job, tmp_path):
    (tmp_path / "d.csv").write_text('h,i\n1,"two\nlines"\n3,4\n')
    tried = list(trial(job(IDENTITY, source=tmp_path / "d.csv", format=format_of("csv"))))
    assert [t.number for t in tried] == [1, 2]
    assert tried[0].rows[-1]["line"] == '1,"two\nlines"'
    assert tried[1].rows == ({"line": "3,4"},)


def test_records_outside_the_window_do_not_count(job, tmp_path):
    hour = tmp_path / "e" / "AllTraffic" / "2026" / "01" / "31" / "10"
    hour.mkdir(parents=True)
    lines = [line(f"{n},x", f"e{n}", f"2026-01-31T10:{n * 10:02d}:00Z") for n in range(6)]
    (hour / "x.jsonl").write_text("\n".join(lines))
    window = window_of("2026-01-31T10:20:00Z", "2026-01-31T10:50:00Z")
    tried = list(trial(job(EVERYTHING, source=tmp_path / "e", window=window)))
    assert [t.origin.event_id for t in tried] == ["e2", "e3", "e4"]


def test_what_the_rows_add_up_to(job, tmp_path):
    omm.suggest(pa.table({"a": [1, 2], "z": ["u", "v"]}), tmp_path / "baseline")
    text = "def preprocess_handler(record):\n    return {'a': 1, 'new': record.endpoint_input.data}\n"
    bare = job(text)
    tried = list(trial(bare))
    assert outcome(bare, tried).matched is None
    documents = {
        f"baseline_{name}": str(tmp_path / "baseline" / f"{name}.json")
        for name in ("statistics", "constraints")
    }
    found = outcome(job(text, **documents, behaviour={"column_matching": "name"}), tried)
    assert [c.name for c in found.columns] == ["a", "new"]
    assert (found.matched, found.missing) == ({"a": "a"}, ("z",))
    json.dumps(found.to_dict())
