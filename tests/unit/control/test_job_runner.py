import fcntl
import json

import pytest

from open_model_monitor.control import job_runner
from open_model_monitor.control.job_runner import first_line, read_metrics, remove_leftovers


def test_the_first_line_masks_what_looks_secret():
    environment = {"API_TOKEN": "x1", "dbPassword": "x2", "MY_SECRET": "x3", "plain": "x4"}
    line = first_line({"ProcessingJobName": "j", "Environment": environment}, "arn:aws:sagemaker:x")
    assert line.startswith("ProcessingJobArn: arn:aws:sagemaker:x configuration: {")
    shown = json.loads(line.partition("configuration: ")[2])
    assert shown["Environment"] == {
        "API_TOKEN": "***",
        "dbPassword": "***",
        "MY_SECRET": "***",
        "plain": "x4",
    }


def test_metrics_of_every_spelling(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"MetricName":"a"}\n\nnot json\n{"MetricName":"b"}\n7\n')
    (tmp_path / "b.json").write_text('[{"MetricName": "c"},\n {"MetricName": "d"}]')
    (tmp_path / "c.json").write_text('{\n "MetricName": "e"\n}')
    (tmp_path / "link").symlink_to(tmp_path / "a.jsonl")
    metrics, malformed = read_metrics(tmp_path)
    assert [metric["MetricName"] for metric in metrics] == ["a", "b", "c", "d", "e"]
    assert malformed == 2
    assert read_metrics(tmp_path / "none") == ([], 0)


def test_metrics_have_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(job_runner, "MAX_METRIC_BYTES", 50)
    (tmp_path / "a.jsonl").write_text('{"MetricName":"a"}\n' * 10)
    metrics, malformed = read_metrics(tmp_path)
    assert (len(metrics), malformed) == (2, 1)
    monkeypatch.setattr(job_runner, "MAX_METRIC_BYTES", 5000)
    monkeypatch.setattr(job_runner, "MAX_METRICS", 4)
    metrics, malformed = read_metrics(tmp_path)
    assert (len(metrics), malformed) == (4, 6)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (3, "ended with exit code 3"),
        (-15, "ended by signal 15"),
        (-9, "SIGKILL), which usually means that memory ran out"),
    ],
)
def test_how_a_process_ended(code, text):
    assert text in job_runner._how_it_ended(code)


def test_messages_are_cut_and_avoid_one_word(tmp_path):
    assert "CapacityError" not in job_runner._cut("x CapacityError y")
    assert len(job_runner._cut("x" * 5000)) == 1024
    path = tmp_path / "message"
    path.write_bytes("é".encode() * 5000)
    assert job_runner._text(path) == "é" * 1024
    path.write_text(" \n")
    assert job_runner._text(path) is None


def test_leftovers_are_removed_and_what_somebody_works_in_is_not(tmp_path):
    for name in ("dead", "alive", "young"):
        (tmp_path / name / "opt").mkdir(parents=True)
    for name in ("dead", "alive"):
        (tmp_path / name / "lock").touch()
    with (tmp_path / "alive" / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive", "young"]
