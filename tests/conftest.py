"""Where the tests' data is."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Other tests run beside them: how long an example takes says nothing.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return json.loads((DATA / "vectors" / "data_quality.json").read_text())
