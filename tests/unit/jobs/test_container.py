import json
import logging

import pytest

import open_model_monitor as omm
from open_model_monitor.errors import (
    DocumentError,
    NoData,
    ScriptError,
    ScriptFailure,
    StorageError,
    UsageError,
)
from open_model_monitor.jobs import container
from open_model_monitor.jobs.container import exit_message, run_container

ENVIRONMENT = {
    "dataset_source": "/data",
    "dataset_format": '{"csv": {"header": true}}',
    "output_path": "/out",
}


def raising(error):
    def run(job, **more):
        raise error

    return run


def message(root):
    return (root / "opt" / "ml" / "output" / "message").read_text()


def test_a_run_takes_its_job_from_the_environment_and_the_config(tmp_path, caplog):
    (tmp_path / "opt" / "ml" / "config").mkdir(parents=True)
    config = {
        "ProcessingJobName": "j",
        "Environment": {"WHO": "me"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    (tmp_path / "opt" / "ml" / "config" / "processingjobconfig.json").write_text(json.dumps(config))
    seen = {}
    (tmp_path / "d.csv").write_text("a\n1\n")
    report = omm.suggest(tmp_path / "d.csv")

    def run(job, *, in_container, listener):
        seen.update(job=job, in_container=in_container)
        listener("WARNING preprocessor", "careful")
        listener("stdout", "printed")
        return report

    with caplog.at_level(logging.INFO):
        assert run_container(ENVIRONMENT | {"HOME": "/root"}, root=tmp_path, run=run) == 0
    assert seen["in_container"] is True
    assert seen["job"].environment == {"WHO": "me"}
    assert seen["job"].options.max_runtime_seconds == 60
    assert [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "script"] == [
        ("WARNING", "careful"),
        ("INFO", "printed"),
    ]
    assert report.exit_message in caplog.text


@pytest.mark.parametrize(
    ("error", "code", "opening"),
    [
        (UsageError("that"), 2, "UsageError: that"),
        (NoData("Job inputs had no data"), 3, "NoData: Job inputs had no data"),
        (DocumentError("what"), 3, "DocumentError: what"),
        (StorageError("gone"), 5, "StorageError: gone"),
        (PermissionError(13, "denied"), 5, "OutsideError: PermissionError"),
        (ZeroDivisionError("oh"), 5, "EngineError: ZeroDivisionError: oh"),
    ],
)
def test_failures_end_in_a_code_and_a_message(tmp_path, error, code, opening):
    assert run_container(ENVIRONMENT, root=tmp_path, run=raising(error)) == code
    assert message(tmp_path).startswith(opening)


def test_a_failing_script_opens_with_the_familiar_phrase(tmp_path, caplog):
    failure = ScriptFailure(
        "preprocessor", "call", "p.py", "ValueError", "x" * 2000, line=4, traceback="Traceback …"
    )
    assert run_container(ENVIRONMENT, root=tmp_path, run=raising(ScriptError(failure))) == 4
    text = message(tmp_path)
    assert text.startswith("Exception while invoking preprocessor script: ValueError: xxx")
    assert len(text) == 1024
    assert "Traceback …" in caplog.text


def test_a_contract_that_is_not_kept(tmp_path):
    assert run_container({"dataset_source": "/data"}, root=tmp_path) == 2
    assert message(tmp_path).startswith("ContractError: the environment variable dataset_format is not set")


@pytest.mark.parametrize("text", ["{oh", "[]"])
def test_a_config_that_is_none(tmp_path, text):
    (tmp_path / "opt" / "ml" / "config").mkdir(parents=True)
    (tmp_path / "opt" / "ml" / "config" / "processingjobconfig.json").write_text(text)
    assert run_container(ENVIRONMENT, root=tmp_path) == 2
    assert "processingjobconfig.json" in message(tmp_path)


def test_a_message_that_cannot_be_written_changes_nothing(tmp_path):
    (tmp_path / "opt").write_text("")
    assert run_container({}, root=tmp_path) in (2, 5)


def test_exit_messages_are_cut():
    assert len(exit_message(NoData("x" * 5000))) == container.MAX_MESSAGE
