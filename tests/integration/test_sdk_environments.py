"""The real clients against a real server, each generation in an environment of its own (tests/sdk)."""

import os
import subprocess
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
    command = [python, "-m", "pytest", "-q", *SUITES[generation]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"\n{done.stdout}"
