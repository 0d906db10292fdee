"""Events reach channels, once, again after failures, and not forever."""

import http.server
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.notifications import BACKOFF, deliver_next, in_words
from open_model_monitor.control.store import Store, new_id
from open_model_monitor.control.tables import outbox
from open_model_monitor.settings import Channel, Settings

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/omm.db")
    migrate(store)
    yield store
    store.close()


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(hook):
    return f"http://127.0.0.1:{hook.server_address[1]}/hook"


def tell(store, *, status="InAlert", severity="warning", created=NOW, subject="s"):
    event = {"status": status, "severity": severity, "schedule": "churn", "alert": "a", "execution": None}
    with store.begin() as transaction:
        times = {"created": created, "next_try": created}
        row = {"id": new_id(), "topic": "alert", "subject": subject, "event": event, **times}
        transaction.insert(outbox, **row, tries=0, delivered=[])


def rows(store):
    with store.read() as transaction:
        return transaction.all(select(outbox).order_by(outbox.c.created))


def test_a_webhook_gets_the_event_once(store, hook):
    tell(store)
    settings = Settings(alert_channels=(Channel("team", "webhook", address(hook)),))
    assert deliver_next(store, settings, NOW)
    assert not deliver_next(store, settings, NOW + timedelta(days=1))
    [event] = hook.got
    assert event["status"] == "InAlert"
    assert event["id"] == rows(store)[0]["id"]


def test_only_the_channel_that_failed_is_tried_again(store, hook, tmp_path):
    tell(store)
    hook.status = 500
    file = Channel("file", "file", str(tmp_path / "events"))
    settings = Settings(alert_channels=(Channel("team", "webhook", address(hook)), file))
    assert deliver_next(store, settings, NOW)
    assert "answered 500" in rows(store)[0]["failure"]
    assert not deliver_next(store, settings, NOW)  # not at once
    hook.status = 200
    assert deliver_next(store, settings, NOW + timedelta(seconds=BACKOFF[0]))
    assert rows(store)[0]["delivered"] == ["file", "team"]
    assert len((tmp_path / "events").read_text().splitlines()) == 1
    assert len(hook.got) == 2


def test_it_is_given_up_after_a_while(store):
    tell(store)
    settings = Settings(alert_channels=(Channel("team", "webhook", "http://127.0.0.1:1/"),))
    now, tries = NOW, 0
    while deliver_next(store, settings, now):
        now, tries = now + timedelta(hours=3), tries + 1
    assert tries == len(BACKOFF) + 1
    assert rows(store)[0]["delivered"] == []


def test_severity_and_the_end_of_an_alert(store, tmp_path):
    settings = Settings(alert_channels=(Channel("f", "file", str(tmp_path / "events"), "critical"),))
    for status, severity in (("InAlert", "warning"), ("InAlert", "critical"), ("OK", "info")):
        tell(store, status=status, severity=severity)
    while deliver_next(store, settings, NOW):
        pass
    told = [json.loads(line)["severity"] for line in (tmp_path / "events").read_text().splitlines()]
    assert sorted(told) == ["critical", "info"]


def test_the_cooldown_keeps_the_same_alert_quiet(store, tmp_path):
    settings = Settings(
        alert_channels=(Channel("f", "file", str(tmp_path / "events")),), alert_cooldown_seconds=3600
    )
    later = NOW + timedelta(minutes=30)
    tell(store)
    assert deliver_next(store, settings, NOW)
    tell(store, created=later)
    tell(store, created=later, subject="another")
    tell(store, created=NOW + timedelta(hours=2))
    while deliver_next(store, settings, NOW + timedelta(hours=2)):
        pass
    assert len((tmp_path / "events").read_text().splitlines()) == 3


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # Apprise's, on old Pythons
def test_people_are_told_through_apprise(store, hook):
    tell(store)
    place = address(hook).removeprefix("http://")
    settings = Settings(alert_channels=(Channel("people", "notify", f"json://{place}"),))
    assert deliver_next(store, settings, NOW)
    [told] = hook.got
    assert told["title"] == "churn: alert"
    assert rows(store)[0]["delivered"] == ["people"]


def test_words():
    execution = {
        "window_start": "a",
        "window_end": "b",
        "status": "CompletedWithViolations",
        "violations": 1,
        "endpoint": "e",
        "processing_job": "j",
        "failure_reason": None,
    }
    event = {"schedule": "churn", "alert": "x", "status": "InAlert", "execution": execution}
    assert in_words(event)[0] == "churn: 1 violation"
    failed = {**execution, "status": "Failed", "failure_reason": "no data"}
    assert "failed: no data" in in_words({**event, "execution": failed})[1]
    assert in_words({**event, "status": "OK"})[0] == "churn is OK again"
