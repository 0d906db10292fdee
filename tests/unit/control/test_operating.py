"""The operator's hand: logs, past windows, running now, clients."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from open_model_monitor.capture.record import Window
from open_model_monitor.control import operating
from open_model_monitor.control.operating import (
    backfill,
    client_environment,
    log_lines,
    server_address,
    trigger,
)
from open_model_monitor.control.tables import executions, jobs, log_events
from open_model_monitor.errors import SettingsError, UsageError
from open_model_monitor.settings import Settings
from support.clients import ANALYZER, CLUSTER, ROLE, now


def span(first, last):
    return Window(datetime(2026, 1, 30, first, tzinfo=UTC), datetime(2026, 1, 30, last, tzinfo=UTC))


def rows(store):
    with store.read() as transaction:
        return transaction.all(select(executions).order_by(executions.c.scheduled, executions.c.revision))


def test_past_windows_are_run_once(scheduled, store, settings, clock):
    scheduled()
    for expected in ({"created": 3, "present": 0}, {"created": 0, "present": 3}):
        assert backfill(store, settings, "schedule", span(5, 8), now=clock()) == expected
    assert [(row["scheduled"].hour, row["trigger"]) for row in rows(store)] == [
        (6, "backfill"),
        (7, "backfill"),
        (8, "backfill"),
    ]
    done = backfill(store, settings, "schedule", span(6, 8), now=clock(), again=True)
    assert done == {"created": 2, "present": 0}
    assert [row["revision"] for row in rows(store)] == [0, 0, 1, 0, 1]


def test_the_future_is_not_the_past(scheduled, store, settings, clock):
    scheduled()
    window = Window(clock().replace(hour=8, minute=0), clock().replace(hour=20, minute=0))
    assert backfill(store, settings, "schedule", window, now=clock())["created"] == 2


def test_what_cannot_be_backfilled(scheduled, store, settings, clock):
    with pytest.raises(UsageError, match="no schedule nobody"):
        backfill(store, settings, "nobody", span(5, 8), now=clock())
    scheduled(config=now("schedule"))
    with pytest.raises(UsageError, match="runs once"):
        backfill(store, settings, "schedule", span(5, 8), now=clock())


def test_running_now(scheduled, store, settings, clock):
    scheduled()
    row = trigger(store, settings, "schedule", clock())
    assert (row["window_start"], row["window_end"]) == (clock().replace(minute=0), clock())


def test_the_log_of_a_job_and_of_a_schedule(scheduled, store, settings, clock, call):
    scheduled(config=now("schedule"))
    with pytest.raises(UsageError, match="started no job: Pending"):
        list(log_lines(store, settings, "schedule"))
    request = {"ProcessingJobName": "job", "ProcessingResources": CLUSTER, "RoleArn": ROLE}
    call("CreateProcessingJob", **request, AppSpecification={"ImageUri": ANALYZER})
    with store.begin() as transaction:
        job = transaction.one(select(jobs))
        transaction.update(executions, {"schedule": "schedule"}, job="job")
        for place, text in enumerate(("first", "second")):
            transaction.insert(log_events, job=job["id"], stream="s", place=place, time=clock(), message=text)
        transaction.update(jobs, {"id": job["id"]}, status="Failed", failure="it broke")
    expected = ["10:30:00 first", "10:30:00 second", "--- Failed: it broke"]
    for name in ("job", "schedule"):
        assert list(log_lines(store, settings, name, follow=True)) == expected
    with pytest.raises(UsageError, match="neither"):
        list(log_lines(store, settings, "nobody"))


def test_what_clients_are_told(tmp_path):
    settings = Settings(data=str(tmp_path), region="eu-west-1")
    told = client_environment(settings, url="http://127.0.0.1:1")
    assert told["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert told["AWS_REGION"] == told["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert told["AWS_ACCESS_KEY_ID"]
    config = (tmp_path / "sagemaker-config.yaml").read_text()
    assert "DefaultS3Bucket: sagemaker-eu-west-1-000000000000" in config
    assert "RoleArn: arn:aws:iam::000000000000:role/omm" in config
    guarded = client_environment(Settings(data=str(tmp_path), host="0.0.0.0"))
    assert "AWS_ACCESS_KEY_ID" not in guarded


def test_where_the_server_is(tmp_path):
    settings = Settings(data=str(tmp_path))
    assert server_address(settings) == "http://127.0.0.1:8765"
    (tmp_path / "server.json").write_text('{"url": "http://127.0.0.1:99"}')
    assert server_address(settings) == "http://127.0.0.1:99"
    assert server_address(Settings(data=str(tmp_path), public_url="https://x/")) == "https://x"


def test_the_role_of_notebooks(tmp_path, monkeypatch):
    monkeypatch.setattr(operating, "ROLE_FILE", tmp_path / "metadata.json")
    client_environment(Settings(data=str(tmp_path)), write=True)
    assert (
        '"ExecutionRoleArn": "arn:aws:iam::000000000000:role/omm"' in (tmp_path / "metadata.json").read_text()
    )
    monkeypatch.setattr(operating, "ROLE_FILE", tmp_path / "metadata.json" / "below" / "a" / "file")
    with pytest.raises(SettingsError, match="cannot write"):
        client_environment(Settings(data=str(tmp_path)), write=True)
