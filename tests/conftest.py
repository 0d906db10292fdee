"""Where the tests' data is, and the databases they run on."""

import importlib.util
import json
import uuid
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


@pytest.fixture(scope="session")
def postgres():
    """Yield the URL of a PostgreSQL server of this process's own."""
    spec = importlib.util.spec_from_file_location("postgres", Path(__file__).with_name("postgres.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.server() as url:
        yield url


@pytest.fixture
def new_postgres(postgres):
    """Yield the URL of an empty database."""
    import sqlalchemy

    name = f"test_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    yield f"{postgres.rpartition('/')[0]}/{name}"
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path):
    """Yield the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'omm.db'}"
    return request.getfixturevalue("new_postgres")
