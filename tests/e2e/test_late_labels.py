"""Labels come in three late batches: each stage has the right numbers; only windows that need it run again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from open_model_monitor.capture.record import Window
from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.operating import backfill
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import executions, resources
from open_model_monitor.control.worker import Worker
from open_model_monitor.settings import CaptureLocation, Settings
from open_model_monitor.storage import Storage
from support.clients import Clock, definition, named

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def capture(number, answer):
    output = {"observedContentType": "text/csv", "mode": "OUTPUT", "encoding": "CSV", "data": f"{answer}\n"}
    event = {"eventId": f"event-{number}", "inferenceTime": f"{NOON:%Y-%m-%dT%H}:{number % 60:02d}:00Z"}
    return {"captureData": {"endpointOutput": output}, "eventMetadata": event, "eventVersion": "0"}


def label(number, truth):
    data = {"data": str(truth), "encoding": "CSV"}
    return {"groundTruthData": data, "eventMetadata": {"eventId": f"event-{number}"}, "eventVersion": "0"}


def lay(folder, hour, lines):
    place = folder / f"{hour:%Y/%m/%d/%H}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def world(tmp_path):
    """Return a server's parts with an hourly schedule of model quality, and a function that runs all that is due."""
    clock, store = Clock(), Store(f"sqlite:///{tmp_path}/omm.db")
    clock.now = NOON
    migrate(store)
    location = CaptureLocation("churn", f"file://{tmp_path}/captures")
    settings = Settings(capture_locations=(location,), local_addresses=True, worker_slots=1)
    service = Service(store, settings, clock)
    caller = Caller("000000000000", "us-east-1")
    service.call("CreateModelQualityJobDefinition", definition("ModelQuality"), caller)
    with store.begin() as transaction:  # folders of this machine, which no client may name
        [row] = transaction.all(select(resources).where(resources.c.name == "definition"))
        text = json.dumps(row["document"]).replace("s3://b/", f"file://{tmp_path}/")
        transaction.update(resources, {"name": "definition"}, document=json.loads(text))
    request = {"MonitoringScheduleName": "quality", "MonitoringScheduleConfig": named(kind="ModelQuality")}
    service.call("CreateMonitoringSchedule", request, caller)
    worker = Worker(store, Storage(), settings, tmp_path / "work", clock)

    def run():
        while worker.plan() or worker.run_next():
            pass

    def relabel():
        done = backfill(
            store, settings, "quality", Window(NOON, clock.now + HOUR), now=clock.now, relabel=True
        )
        run()
        return done["created"]

    yield tmp_path, clock, store, run, relabel
    store.close()


def last_of_noon(store):
    with store.read() as transaction:
        found = transaction.all(select(executions).where(executions.c.window_start == NOON))
    return max(found, key=lambda row: row["revision"])


def metrics(folder):
    path = folder / "out/churn/quality/2026/01/31/13"
    document = json.loads((path / "statistics.json").read_text())
    summary = json.loads((path / "run_summary.json").read_text())
    block = document["binary_classification_metrics"]
    return document["dataset"]["item_count"], block["accuracy"]["value"], summary["labels"]


def test_three_batches_of_labels(world):
    folder, clock, store, run, relabel = world
    lay(folder / "captures/churn/AllTraffic", NOON, [capture(n, n % 2) for n in range(100)])

    clock.now = NOON + HOUR + timedelta(minutes=1)
    run()
    first = last_of_noon(store)
    assert first["status"] == "Failed"
    assert first["failure"].startswith("No labels yet")

    # The first 40 were predicted right; their labels are filed an hour late, after the tick.
    lay(folder / "labels", NOON + HOUR, [label(n, n % 2) for n in range(40)])
    clock.now = NOON + 2 * HOUR + timedelta(minutes=1)
    run()
    assert relabel() == 1
    assert last_of_noon(store)["status"] == "Completed"
    rows, accuracy, labels = metrics(folder)
    assert (rows, accuracy) == (40, 1.0)
    assert (labels["joined"], labels["unlabelled"], labels["coverage"]) == (40, 60, 0.4)
    assert labels["lateness_hours"] == {"median": 1, "p90": 1, "max": 1}

    # Of the next 30 every one was predicted wrong.
    lay(folder / "labels", NOON + 3 * HOUR, [label(n, 1 - n % 2) for n in range(40, 70)])
    clock.now = NOON + 4 * HOUR + timedelta(minutes=1)
    run()
    assert relabel() == 1
    rows, accuracy, labels = metrics(folder)
    assert (rows, accuracy) == (70, pytest.approx(40 / 70))
    assert labels["lateness_hours"] == {"median": 1, "p90": 3, "max": 3}

    # The last 30 were right, and five of the first ones turn out to have been wrong after all.
    corrected = [label(n, 1 - n % 2) for n in range(5)]
    lay(folder / "labels", NOON + 9 * HOUR, [*(label(n, n % 2) for n in range(70, 100)), *corrected])
    clock.now = NOON + 10 * HOUR + timedelta(minutes=1)
    run()
    assert relabel() == 1
    rows, accuracy, labels = metrics(folder)
    assert (rows, accuracy) == (100, pytest.approx(65 / 100))
    assert (labels["joined"], labels["unlabelled"], labels["coverage"]) == (100, 0, 1.0)
    assert last_of_noon(store)["revision"] == 3

    # All captures have a label now: nothing is left to run again.
    assert relabel() == 0
