import json
import subprocess
import sys
import time

import pytest

from open_model_monitor.cli import app, commands
from open_model_monitor.version import __version__


@pytest.mark.parametrize("command", ["", *app.COMMANDS])
def test_every_help_has_an_example(omm, command):
    done = omm(*filter(None, [command, "--help"]))
    assert done.code == 0
    assert "For example:\n" in done.out
    assert f"    omm {command}".rstrip() in done.out or command == "run"
    assert "omm run" in done.out or command != "run"


@pytest.mark.parametrize("command", app.COMMANDS)
def test_every_option_says_what_it_does(omm, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for line in omm(command, "--help").out.splitlines():
        if line.startswith("│ --"):
            assert len(line.strip("│ ").split("  ", 1)) == 2, line


def test_help_is_quick_and_loads_nothing_heavy():
    program = (
        "import sys; from open_model_monitor.cli.app import main; main(['--help']); main(['check', '--help'])\n"
        "print({'numpy', 'pyarrow', 'obstore', 'pandas'} & set(sys.modules), file=sys.stderr)"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"
    assert time.perf_counter() - started < 3  # 0.2 s on a machine with nothing else to do


def test_the_module_runs_and_tells_its_version():
    command = [sys.executable, "-m", "open_model_monitor", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == __version__


@pytest.mark.parametrize(
    "words", [["check"], ["chekc", "x"], ["check", "x", "--nonsense"], ["suggest", "x", "--workers", "many"]]
)
def test_usage_errors(omm, words):
    done = omm(*words)
    assert (done.code, done.out) == (2, "")
    assert "That cannot be done" in done.err
    assert "--help" in done.err


def test_no_data(omm, tmp_path):
    done = omm("check", tmp_path / "nothing")
    assert (done.code, done.out) == (3, "")
    assert "No data" in done.err
    assert "Job inputs had no data" in done.err
    assert "Traceback" not in done.err


def test_a_failing_script(omm, captures, script):
    bad = script("def preprocess_handler(record):\n    return {'a': record.endpoint_inpt.data}\n")
    done = omm("check", captures, "--preprocess", bad)
    assert (done.code, done.out) == (4, "")
    assert "preprocessor · call · AttributeError" in done.err
    assert "Did you mean 'endpoint_input'" in done.err
    assert "preprocessor.py" in done.err


def test_what_lies_outside(omm, captures, tmp_path):
    (tmp_path / "file").write_text("")
    assert omm("check", captures, "-o", tmp_path / "file" / "out").code == 5


def test_debug_shows_our_traceback(omm, tmp_path):
    assert "Traceback" in omm("check", tmp_path / "nothing", "--debug").err


def test_errors_are_json_too(omm, tmp_path, captures, script):
    told = json.loads(omm("check", tmp_path / "nothing", "--json").out)
    assert told["error"]["class"] == "NoData"
    assert told["error"]["exit_code"] == 3
    bad = script("def preprocess_handler(record):\n    return 1\n")
    assert (
        json.loads(omm("check", captures, "--preprocess", bad, "--json").out)["script_error"]["line"] is None
    )


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (ZeroDivisionError("oh"), 70)])
def test_the_edge(omm, monkeypatch, raised, code):
    def explain(file: str, /) -> int:
        """Fail."""
        raise raised

    monkeypatch.setattr(commands, "explain", explain)
    done = omm("explain", "x")
    assert done.code == code
    assert ("bug" in done.err) == (code == 70)


def test_a_reader_that_has_seen_enough_is_no_error(captures):
    command = f"{sys.executable} -m open_model_monitor inspect {captures} --all | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("source")


def test_completion_can_be_installed(omm):
    assert "--install-completion" in omm("--help").out
