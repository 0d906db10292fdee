"""A run that is killed leaves the old complete output or the new one; the next run clears what else it left."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import open_model_monitor as omm

SCRIPT = """
import os
def preprocess_handler(line):
    with open("/opt/ml/processing/output/mine.log", "a") as file:
        file.write(os.environ["VERSION"] + "\\n")
    return {"version": os.environ["VERSION"]}
"""


def check(folder, version):
    words = [
        "check",
        "data.csv",
        "-o",
        "out",
        "--preprocess",
        "p.py",
        "--format",
        "csv",
        "--env",
        f"VERSION={version}",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "open_model_monitor", *words, "--json"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def versions(out):
    """Every version that any file of the output speaks of, and whether all of its files are there."""
    statistics = json.loads((out / "statistics.json").read_text())
    bucket = statistics["features"][0]["string_statistics"]["distribution"]["categorical"]["buckets"][0][
        "value"
    ]
    files = json.loads((out / "run_summary.json").read_text())["files"]
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == set(files)
    return {bucket, *(out / "mine.log").read_text().split()}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data.csv").write_text("a\n" + "x\n" * 2000)
    (tmp_path / "p.py").write_text(SCRIPT)
    assert check(tmp_path, "v0").wait() == 0
    return tmp_path


def test_killed_at_any_moment_the_output_is_of_one_run(folder):
    started = time.monotonic()
    assert check(folder, "v1").wait() == 0
    whole = time.monotonic() - started
    for moment in (0.3, 0.6, 0.8, 0.9, 1.0):
        run = check(folder, f"v{moment}")
        time.sleep(moment * whole)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        assert len(versions(folder / "out")) == 1
    assert check(folder, "last").wait() == 0
    assert versions(folder / "out") == {"last"}
    assert sorted(path.name for path in folder.iterdir()) == ["data.csv", "out", "p.py"]


def test_terminated_it_clears_up_itself(folder):
    run = check(folder, "v1")
    time.sleep(0.8)
    run.terminate()
    assert run.wait() in (0, 128 + signal.SIGTERM)
    assert len(versions(folder / "out")) == 1
    assert not list(folder.glob(".omm-run-*"))


def test_a_read_only_parent_is_no_hindrance(folder, monkeypatch):
    """Where nothing can be made beside the output, the run works in the temporary folder."""
    from open_model_monitor.jobs import workspace

    real = workspace.tempfile.mkdtemp

    def refuse(*arguments, dir=None, **more):
        if dir is not None:
            raise OSError(30, "Read-only file system")
        return real(*arguments, **more)

    monkeypatch.setattr(workspace.tempfile, "mkdtemp", refuse)
    omm.check(folder / "data.csv", None, folder / "out", format="csv")
    assert json.loads((folder / "out" / "run_summary.json").read_text())["counts"]["rows_out"] == 2000
