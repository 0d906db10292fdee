"""The schema, from nothing and from every earlier version."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from open_model_monitor.control.migrating import current, head, migrate, open_store
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import metadata
from open_model_monitor.settings import Settings


def test_the_steps_lead_to_the_tables_of_the_code(database):
    store = Store(database)
    migrate(store)
    with store.read() as transaction:
        context = MigrationContext.configure(transaction.connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
    store.close()


def test_an_upgrade_from_the_first_schema_keeps_the_data(database):
    from datetime import UTC, datetime

    from open_model_monitor.control.tables import facts, schedules

    store = Store(database)
    migrate(store, "0001")
    now = datetime(2026, 1, 31, tzinfo=UTC)
    with store.begin() as transaction:
        transaction.insert(facts, name="a", value="b")
        realm = {"account": "000000000000", "region": "us-east-1", "created": now, "modified": now}
        row = {
            "id": "1",
            "name": "s",
            **realm,
            "status": "Scheduled",
            "kind": "DataQuality",
            "config": {"a": 1},
        }
        transaction.insert(schedules, **row, last_tick=now)
    migrate(store)
    assert current(store) == head()
    with store.read() as transaction:
        assert transaction.get(facts, name="a")["value"] == "b"
        assert transaction.get(schedules, id="1")["config"] == {"a": 1}
    store.close()


def test_a_store_is_opened_with_its_folder(tmp_path):
    store = open_store(Settings(data=str(tmp_path / "new" / "folder")))
    assert current(store) == head()
    assert (tmp_path / "new/folder/omm.db").exists()
    store.close()
