import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from open_model_monitor.control import job_logs
from open_model_monitor.control.job_logs import JobLog, read_events, stream_name
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import metadata
from open_model_monitor.errors import StoreError

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.fixture
def store(database):
    store = Store(database)
    metadata.create_all(store.engine)
    yield store
    store.close()


def job_log(store, *, max_lines=10_000, clock=lambda: NOW):
    return JobLog(store, "id", "job/algo-1-1", max_lines=max_lines, clock=clock)


def events(store, **which):
    with store.read() as transaction:
        return read_events(transaction, "id", "job/algo-1-1", **which)


def messages(store, **which):
    return [event["message"] for event in events(store, **which)]


def test_lines_become_events_without_gaps(store):
    with job_log(store) as log:
        threads = [threading.Thread(target=lambda: [log.add(str(n)) for n in range(300)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = events(store, limit=10_000)
    assert [event["place"] for event in found] == list(range(1200))
    assert sorted(messages(store, limit=10_000)) == sorted([str(n) for n in range(300)] * 4)


def test_events_are_there_while_the_job_runs(store, monkeypatch):
    monkeypatch.setattr(job_logs, "PAUSE", 0.01)
    with job_log(store) as log:
        log.add("first")
        end = datetime.now(UTC) + timedelta(seconds=10)
        while not events(store) and datetime.now(UTC) < end:
            pass
        assert messages(store) == ["first"]


def test_reading_on(store):
    times = iter([NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)])
    with job_log(store, clock=lambda: next(times)) as log:
        for text in "abc":
            log.add(text)
    assert messages(store, after_place=0) == ["b", "c"]
    assert messages(store, start=NOW + timedelta(seconds=2)) == ["c"]
    assert messages(store, limit=2) == ["a", "b"]


def test_long_lines_are_cut(store, monkeypatch):
    monkeypatch.setattr(job_logs, "MAX_LINE", 2048)
    with job_log(store) as log:
        log.add("é" * 1025)
        log.add("é" * 1024)
    assert messages(store) == ["é" * 1024 + " … (line cut at 2 KB)", "é" * 1024]


def test_zeros_are_replaced(store):
    with job_log(store) as log:
        log.add("a\0b")
    assert messages(store) == ["a\ufffdb"]


def test_too_many_lines_are_counted(store):
    with job_log(store, max_lines=2) as log:
        for n in range(5):
            log.add(str(n))
    assert messages(store) == ["0", "1", "… 3 more lines were not kept (max_log_lines=2)"]


def test_a_second_log_goes_on_behind_the_first(store):
    for text in ("one", "two"):
        with job_log(store) as log:
            log.add(text)
    assert [(event["place"], event["message"]) for event in events(store)] == [(0, "one"), (1, "two")]


def test_streams(store):
    job = {"id": "id", "name": "job"}
    with store.read() as transaction:
        assert stream_name(transaction, job, NOW) == f"job/algo-1-{int(NOW.timestamp() * 1000)}"
    with job_log(store) as log:
        log.add("x")
    with store.read() as transaction:
        assert stream_name(transaction, job, NOW) == "job/algo-1-1"


class Unsteady:
    """A store that fails for the first few transactions."""

    def __init__(self, store, failures, retry=True):
        self.store, self.failures, self.retry = store, failures, retry

    def begin(self):
        if self.failures:
            self.failures -= 1
            raise StoreError("away", retry=self.retry)
        return self.store.begin()


def test_what_the_database_does_not_take_is_tried_again(store, monkeypatch):
    monkeypatch.setattr(job_logs, "PAUSE", 0.01)
    with job_log(Unsteady(store, 3)) as log:
        log.add("kept")
    assert messages(store) == ["kept"]


def test_a_batch_that_is_refused_is_given_up(store, monkeypatch):
    monkeypatch.setattr(job_logs, "PAUSE", 0.01)
    unsteady = Unsteady(store, 3, retry=False)
    with job_log(unsteady) as log:
        log.add("refused")
        while unsteady.failures:
            pass
        log.add("kept")
    assert messages(store) == ["kept", "… 1 lines were lost while the database could not be reached"]


def test_no_more_than_memory_holds(store, monkeypatch):
    monkeypatch.setattr(job_logs, "MAX_WAITING", 10)
    log = job_log(store)
    for _ in range(4):
        log.add("0123456789a")
    with log:
        pass
    assert messages(store) == [
        "0123456789a",
        "… 3 lines were lost while the database could not be reached",
    ]


def test_a_database_that_stays_away_does_not_hold_the_job_up(store, monkeypatch, caplog):
    monkeypatch.setattr(job_logs, "PAUSE", 0.01)
    monkeypatch.setattr(job_logs, "PATIENCE", 0.05)
    with caplog.at_level(logging.ERROR), job_log(Unsteady(store, 10**9)) as log:
        log.add("x")
    assert "1 lines of the log job/algo-1-1 could not be kept" in caplog.text
