"""Transactions and claims, over both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from open_model_monitor.control.migrating import current, head, migrate
from open_model_monitor.control.store import Store, expired, held, new_id
from open_model_monitor.control.tables import facts, jobs
from open_model_monitor.errors import SettingsError, StoreError

NOW = datetime(2026, 1, 31, 10, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def store(database):
    store = Store(database)
    migrate(store)
    yield store
    store.close()


def job(name="job", **values):
    realm = {"account": "000000000000", "region": "us-east-1"}
    times = {"created": NOW, "modified": NOW}
    row = {
        "id": new_id(),
        **realm,
        "name": name,
        **times,
        "status": "InProgress",
        "request": {"a": [1, None]},
    }
    return {**row, "stop_requested": False, "attempt": 0, **values}


def waiting():
    return select(jobs.c.id).where(jobs.c.owner.is_(None)).order_by(jobs.c.name)


def test_what_is_inserted_comes_back(store):
    row = job(started=NOW)
    with store.begin() as transaction:
        assert transaction.insert(jobs, **row)
    with store.read() as transaction:
        found = transaction.get(jobs, name="job")
    assert {name: found[name] for name in row} == row


def test_a_taken_key_changes_nothing(store):
    with store.begin() as transaction:
        assert transaction.insert(facts, name="a", value="first")
        assert not transaction.insert(facts, name="a", value="second")
    with store.read() as transaction:
        assert transaction.get(facts, name="a")["value"] == "first"


def test_an_error_undoes_a_transaction(store):
    def insert_and_fail():
        with store.begin() as transaction:
            transaction.insert(facts, name="a", value="b")
            raise KeyError

    with pytest.raises(KeyError):
        insert_and_fail()
    with store.read() as transaction:
        assert transaction.get(facts, name="a") is None


def test_a_claim_takes_the_first_and_then_the_next(store):
    with store.begin() as transaction:
        for name in "cab":
            transaction.insert(jobs, **job(name))
    claimed = []
    for owner in range(4):
        with store.begin() as transaction:
            row = transaction.claim(jobs, waiting(), owner=str(owner), lease=NOW, attempt=jobs.c.attempt + 1)
        claimed.append(row and (row["name"], row["owner"], row["attempt"]))
    assert claimed == [("a", "0", 1), ("b", "1", 1), ("c", "2", 1), None]


def test_no_row_is_claimed_twice(store):
    with store.begin() as transaction:
        for number in range(60):
            transaction.insert(jobs, **job(f"job-{number}"))
    claimed, errors = [], []

    def claim(owner):
        try:
            while True:
                with store.begin() as transaction:
                    row = transaction.claim(jobs, waiting(), owner=owner, lease=NOW)
                if row is None:
                    return
                claimed.append(row["name"])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=claim, args=(f"owner-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(claimed) == sorted({f"job-{number}" for number in range(60)})


def test_only_the_holder_changes_a_row(store):
    with store.begin() as transaction:
        transaction.insert(jobs, **job())
        mine = transaction.claim(jobs, waiting(), owner="me", lease=NOW)
        assert transaction.update(jobs, held(jobs, {**mine, "owner": "another"}), status="Completed") == 0
        assert transaction.update(jobs, held(jobs, mine), status="Completed") == 1


def test_a_lease_expires(store):
    with store.begin() as transaction:
        transaction.insert(jobs, **job(owner="me", lease=NOW))
        for moment, count in ((NOW, 0), (NOW + timedelta(milliseconds=1), 1)):
            assert len(transaction.all(select(jobs).where(expired(jobs, moment)))) == count


def test_the_schema_is_up_to_date_and_migrating_again_does_nothing(store):
    migrate(store)
    assert current(store) == head()


def test_a_database_of_a_newer_version_is_refused(store):
    from sqlalchemy import text

    with store.begin() as transaction:
        transaction.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        migrate(store)


@pytest.mark.parametrize("url", ["nonsense", "mysql://somewhere", "oracle://there"])
def test_other_databases_are_refused(url):
    with pytest.raises(SettingsError, match="database"):
        Store(url)


def test_a_database_that_is_away_says_so():
    store = Store("postgresql://omm@127.0.0.1:1/none")
    with pytest.raises(StoreError) as caught, store.begin():
        pass
    assert caught.value.retry
