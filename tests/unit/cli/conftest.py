"""The command line in-process: `omm(words…)` gives exit code, stdout and stderr."""

import io
import logging
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from open_model_monitor.cli.app import main

DEMO = Path(__file__).parents[3] / "examples" / "demo"


@dataclass
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def omm(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(logging.root, "handlers", [])  # what --debug adds goes again
    monkeypatch.setattr(logging.root, "level", logging.root.level)

    def run(*words):
        code = main([str(word) for word in words])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def captures(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("captures")
    requests = data / "churn" / "test-dataset-input-cols.csv"
    arguments, sys.argv = sys.argv, ["captures.py", str(requests), str(folder)]
    try:
        runpy.run_path(str(DEMO / "captures.py"), run_name="__main__")
    finally:
        sys.argv = arguments
    return folder


@pytest.fixture(scope="session")
def baseline(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("made") / "baseline"
    assert (
        main(
            ["suggest", str(data / "churn" / "training-dataset-with-header.csv"), "-o", str(folder), "--json"]
        )
        == 0
    )
    return folder


@pytest.fixture
def script(tmp_path):
    def write(text, name="preprocessor.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def demo():
    return DEMO


@pytest.fixture(scope="session")
def printed():
    def text(what, width=100):
        console = Console(file=io.StringIO(), width=width)
        console.print(what)
        return console.file.getvalue()

    return text
