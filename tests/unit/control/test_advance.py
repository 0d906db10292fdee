"""An execution that waits is brought a step further, by one worker, in the order of its schedule."""

import dataclasses
import json

import pytest
from sqlalchemy import select

from open_model_monitor.control.advance import advance_next
from open_model_monitor.control.tables import executions, jobs, schedules
from open_model_monitor.control.ticks import create_due
from open_model_monitor.settings import CaptureLocation
from open_model_monitor.storage import Storage
from support.clients import definition, named


@pytest.fixture
def settings(settings, tmp_path):
    return dataclasses.replace(
        settings, capture_locations=(CaptureLocation("*", str(tmp_path / "captures")),)
    )


@pytest.fixture
def captures(tmp_path):
    """Return a function that lays captures of some hours of 31 January 2026."""

    def captures(*hours):
        for hour in hours:
            folder = tmp_path / f"captures/churn/AllTraffic/2026/01/31/{hour:02}"
            folder.mkdir(parents=True)
            (folder / "a.jsonl").write_text("{}\n")

    return captures


@pytest.fixture
def advance(store, settings, clock):
    return lambda: advance_next(store, Storage(), settings, clock())


def rows(store, table=executions):
    with store.read() as transaction:
        return transaction.all(select(table).order_by(table.c.created, table.c.id))


def due(store, settings, clock, **span):
    clock.forward(**span)
    create_due(store, settings, clock())


def labels_in(store, folder):
    """Let the execution look for labels in a folder of this machine, which no request could name."""
    [execution] = rows(store)
    snapshot = json.loads(json.dumps(execution["snapshot"]).replace("s3://b/labels", f"file://{folder}"))
    with store.begin() as transaction:
        transaction.update(executions, {"id": execution["id"]}, snapshot=snapshot)


def test_captures_become_a_job(scheduled, captures, store, settings, clock, advance):
    captures(10)
    scheduled()
    due(store, settings, clock, minutes=30)
    assert advance()
    assert not advance()
    [execution], [job] = rows(store), rows(store, jobs)
    assert (execution["status"], execution["stage"], execution["job"]) == (
        "InProgress",
        "analysing",
        job["name"],
    )
    assert (execution["owner"], execution["lease"]) == (None, None)
    assert (job["execution"], job["role"], job["status"]) == (execution["id"], "analysis", "InProgress")
    assert job["schedule_arn"].endswith("monitoring-schedule/schedule")


def test_no_captures_no_job(scheduled, store, settings, clock, advance):
    scheduled()
    due(store, settings, clock, minutes=30)
    assert advance()
    [execution] = rows(store)
    assert (execution["status"], execution["failure"], execution["job"]) == (
        "Failed",
        "Job inputs had no data",
        None,
    )
    assert rows(store, jobs) == []


def test_the_next_one_waits_for_the_former(scheduled, captures, store, settings, clock, advance):
    captures(10, 11)
    scheduled()
    due(store, settings, clock, minutes=90)
    assert [advance(), advance()] == [True, False]
    assert sorted(row["status"] for row in rows(store)) == ["InProgress", "Pending"]


def test_in_parallel_they_do_not_wait(scheduled, captures, store, settings, clock):
    captures(10, 11)
    scheduled()
    parallel = dataclasses.replace(settings, overlap_policy="parallel")
    due(store, parallel, clock, minutes=90)
    assert [advance_next(store, Storage(), parallel, clock()) for _ in range(3)] == [True, True, False]


def test_another_schedule_does_not_wait(scheduled, captures, store, settings, clock, advance):
    captures(10)
    scheduled("first")
    scheduled("second")
    due(store, settings, clock, minutes=30)
    assert [advance(), advance(), advance()] == [True, True, False]


def test_late_captures_are_waited_for(scheduled, captures, store, settings, clock, advance):
    captures(10)
    scheduled()
    due(store, dataclasses.replace(settings, capture_grace_seconds=300), clock, minutes=30)
    assert not advance()
    clock.forward(minutes=5)
    assert advance()


def test_a_baselining_job_is_waited_for_but_not_for_ever(call, captures, store, settings, clock, advance):
    captures(10)
    realm = {"account": "000000000000", "region": "us-east-1", "created": clock(), "modified": clock()}
    job = {"id": "1", "name": "base", **realm, "status": "InProgress", "request": {}, "attempt": 1}
    with store.begin() as transaction:
        transaction.insert(jobs, **job, stop_requested=False)
    call(
        "CreateDataQualityJobDefinition",
        **definition(DataQualityBaselineConfig={"BaseliningJobName": "base"}),
    )
    call("CreateMonitoringSchedule", MonitoringScheduleName="schedule", MonitoringScheduleConfig=named())
    due(store, settings, clock, minutes=30)
    assert advance()
    assert not advance()  # not at once
    clock.forward(hours=2)
    assert advance()
    [execution] = rows(store)
    assert execution["status"] == "Failed"
    assert "Waited too long: the baselining job base is not done" in execution["failure"]


def test_a_storage_that_is_away_is_tried_again(scheduled, store, settings, clock, monkeypatch):
    away = dataclasses.replace(settings, capture_locations=(CaptureLocation("*", "nosuchscheme://x"),))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    scheduled()
    due(store, away, clock, minutes=30)
    assert advance_next(store, Storage(), away, clock())
    [execution] = rows(store)
    assert execution["status"] == "Failed"  # a scheme that nobody knows is no passing trouble
    assert "nosuchscheme" in execution["failure"]


def test_a_merge_comes_before_the_analysis(call, captures, store, settings, clock, advance, tmp_path):
    captures(10)
    (tmp_path / "labels/2026/01/31/10").mkdir(parents=True)
    (tmp_path / "labels/2026/01/31/10/a.jsonl").write_text("{}\n")
    call("CreateModelQualityJobDefinition", **definition("ModelQuality"))
    config = named(kind="ModelQuality")
    call("CreateMonitoringSchedule", MonitoringScheduleName="schedule", MonitoringScheduleConfig=config)
    due(store, settings, clock, minutes=30)
    labels_in(store, tmp_path / "labels")
    assert advance()
    [execution] = rows(store)
    assert (execution["stage"], execution["job"]) == ("merging", None)
    assert execution["merge_job"].startswith("groundtruth-merge-")
    with store.begin() as transaction:
        transaction.update(executions, {"id": execution["id"]}, stage="merged")
    assert advance()
    [execution] = rows(store)
    assert (execution["stage"], execution["job"].startswith("model-quality-monitoring-")) == (
        "analysing",
        True,
    )


def test_no_labels_yet(call, captures, store, settings, clock, advance, tmp_path):
    captures(10)
    call("CreateModelQualityJobDefinition", **definition("ModelQuality"))
    config = named(kind="ModelQuality")
    call("CreateMonitoringSchedule", MonitoringScheduleName="schedule", MonitoringScheduleConfig=config)
    due(store, settings, clock, minutes=30)
    labels_in(store, tmp_path / "labels")
    assert advance()
    [execution] = rows(store)
    assert (execution["status"], execution["job"]) == ("Failed", None)
    assert execution["failure"].startswith(
        f"No labels yet: file://{tmp_path}/labels has none of the hour folders"
    )


def test_a_schedule_that_was_deleted_meanwhile(scheduled, captures, store, settings, clock, advance, call):
    captures(10)
    scheduled()
    due(store, settings, clock, minutes=30)
    call("DeleteMonitoringSchedule", MonitoringScheduleName="schedule")
    assert not advance()
    assert rows(store, schedules) == []
