"""The real clients, and ours, against a real server, each generation in an environment of its own (tests/sdk)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITES = {
    2: ["tests/sdk", "--ignore=tests/sdk/v3"],  # with plain boto3 and the AWS CLI
    3: ["tests/sdk/v3"],
}


@pytest.mark.parametrize("generation", SUITES)
def test_clients(generation):
    python = ROOT / f".venv-sdk{generation}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"tools/sdk_environments.sh {generation} has not been run")
    _run(python, *SUITES[generation])


def test_our_own_sdk_passes_the_same_flows():
    """Only the import is another (tests/sdk/native.py)."""
    _run(sys.executable, "-p", "native", "tests/sdk/v2", PYTHONPATH="tests/sdk")


def _run(python, *arguments, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", *arguments],
        cwd=ROOT,
        env=environment | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"\n{done.stdout}"
    assert " passed" in done.stdout
