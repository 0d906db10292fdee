"""A backup of either database restores into either."""

import pytest
from sqlalchemy import select

from open_model_monitor.control.backup import read_backup, write_backup
from open_model_monitor.control.keys import Keyring
from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import metadata, metric_values
from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.settings import Settings
from support.clients import now


@pytest.fixture
def filled(store, scheduled, clock):
    """Fill the store with something of many kinds; returns a key and its secret."""
    scheduled(config=now("schedule"))
    with store.begin() as transaction:
        realm = {"account": "000000000000", "region": "us-east-1", "time": clock()}
        for value in (1.0, 2.5):
            transaction.insert(metric_values, **realm, namespace="n", name="m", dimensions="{}", value=value)
    ring = Keyring(store, Settings(secret_key="shared"))
    return ring.create("me", account="000000000000", now=clock())


def content(store):
    with store.read() as transaction:
        tables = [table for table in metadata.sorted_tables if table.name != "workers"]
        return {table.name: sorted(map(repr, transaction.all(select(table)))) for table in tables}


@pytest.fixture(params=["sqlite", "postgres"])
def other(request, tmp_path):
    """Yield an empty store of each kind."""
    url = f"sqlite:///{tmp_path}/other.db"
    if request.param == "postgres":
        url = _new_database(request)
    store = Store(url)
    migrate(store)
    yield store
    store.close()


def _new_database(request):
    import uuid

    import sqlalchemy

    server, name = request.getfixturevalue("postgres"), f"other_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server.rpartition('/')[0]}/{name}"


def test_everything_comes_back(store, filled, other, tmp_path, clock, caller):
    rows = write_backup(store, tmp_path / "backup", clock())
    assert rows["schedules"] == rows["executions"] == rows["keys"] == 1
    assert read_backup(other, tmp_path / "backup") == rows
    assert content(other) == content(store)
    key, secret = filled
    assert Keyring(other, Settings(secret_key="shared")).find(key.access_key) == (key, secret)
    with other.begin() as transaction:  # the database goes on counting
        realm = {"account": "000000000000", "region": "us-east-1", "time": clock()}
        assert transaction.insert(metric_values, **realm, namespace="n", name="m", dimensions="{}", value=1.0)
    described = Service(other, Settings(), clock).call(
        "DescribeMonitoringSchedule", {"MonitoringScheduleName": "schedule"}, caller
    )
    assert described["LastMonitoringExecutionSummary"]["MonitoringExecutionStatus"] == "Pending"


@pytest.mark.usefixtures("filled")
def test_only_into_an_empty_database(store, tmp_path, clock):
    write_backup(store, tmp_path / "backup", clock())
    with pytest.raises(UsageError, match="not empty"):
        read_backup(store, tmp_path / "backup")


def test_what_is_no_backup(store, tmp_path, clock):
    (tmp_path / "text").write_text("hello")
    for path in ("text", "missing"):
        with pytest.raises(DocumentError, match="cannot read"):
            read_backup(store, tmp_path / path)
    with pytest.raises(UsageError, match="exists"):
        write_backup(store, tmp_path / "text", clock())


def test_half_a_backup_restores_nothing(store, filled, other, tmp_path, clock):
    write_backup(store, tmp_path / "backup", clock())
    whole = (tmp_path / "backup").read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DocumentError):
        read_backup(other, tmp_path / "half")
    assert content(other)["schedules"] == []
