"""A month of ten hourly monitors in a minute, with a clock that the test holds: drift is found where it was planted."""

import itertools
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

import open_model_monitor as omm
from open_model_monitor.control.executions import OPEN
from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import alert_history, executions
from open_model_monitor.control.worker import Worker
from open_model_monitor.settings import CaptureLocation, Settings
from open_model_monitor.storage import Storage
from support.clients import Clock, embedded

MONITORS, HOURS, BUSY = 10, 31 * 24, 24  # BUSY hours of each monitor have traffic, a few of them drifted
START = datetime(2026, 1, 1, tzinfo=UTC)
RECORDS = 40


def capture(number, values, moment):
    event = {"eventId": f"{number}", "inferenceTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    text = {"observedContentType": "text/csv", "mode": "INPUT", "encoding": "CSV"}
    data = {"endpointInput": {**text, "data": ",".join(values)}}
    return json.dumps({"captureData": data, "eventMetadata": event, "eventVersion": "0"})


def rows(chance, *, drifted=False):
    for _ in range(RECORDS):
        country = chance.choice("ABC")
        yield [f"{chance.gauss(0, 1):.3f}", "Z" if drifted else country, str(chance.randint(0, 9))]


def lay_traffic(folder, monitor, hour, *, drifted):
    chance = random.Random(f"{monitor} {hour}")
    moment = START + timedelta(hours=hour, minutes=30)
    place = folder / f"endpoint-{monitor}" / "AllTraffic" / moment.strftime("%Y/%m/%d/%H")
    place.mkdir(parents=True)
    lines = [capture(n, row, moment) for n, row in enumerate(rows(chance, drifted=drifted))]
    (place / "part.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baseline")
    train = [",".join(row) for seed in range(10) for row in rows(random.Random(seed))]
    (folder / "train.csv").write_text("amount,country,visits\n" + "\n".join(train) + "\n")
    omm.suggest(folder / "train.csv", folder / "out")
    return folder / "out"


def schedule(service, monitor, folder, baseline):
    output = {"S3Output": {"S3Uri": f"file://{folder}/out", "LocalPath": "/opt/ml/processing/output"}}
    resources = {
        "ConstraintsResource": {"S3Uri": f"file://{baseline}/constraints.json"},
        "StatisticsResource": {"S3Uri": f"file://{baseline}/statistics.json"},
    }
    given = {"EndpointName": f"endpoint-{monitor}", "LocalPath": "/opt/ml/processing/input/endpoint"}
    definition = embedded(
        MonitoringInputs=[{"EndpointInput": given}],
        MonitoringOutputConfig={"MonitoringOutputs": [output]},
        BaselineConfig=resources,
    )
    config = {
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
        "MonitoringJobDefinition": definition,
    }
    request = {"MonitoringScheduleName": f"monitor-{monitor}", "MonitoringScheduleConfig": config}
    service.call("CreateMonitoringSchedule", request, Caller("000000000000", "us-east-1"))


def test_a_month(tmp_path, baseline):
    chance = random.Random(7)
    busy = {monitor: sorted(chance.sample(range(HOURS), BUSY)) for monitor in range(MONITORS)}
    drifted = {(monitor, hour) for monitor in busy for hour in chance.sample(busy[monitor], 3)}
    for monitor, with_traffic in busy.items():
        for hour in with_traffic:
            lay_traffic(tmp_path / "captures", monitor, hour, drifted=(monitor, hour) in drifted)

    store, clock = Store(f"sqlite:///{tmp_path}/omm.db"), Clock()
    migrate(store)
    clock.now = START
    location = CaptureLocation("endpoint-*", f"file://{tmp_path}/captures")
    settings = Settings(capture_locations=(location,), local_addresses=True, worker_slots=1)
    service, worker = (
        Service(store, settings, clock),
        Worker(store, Storage(), settings, tmp_path / "work", clock),
    )
    for monitor in range(MONITORS):
        schedule(service, monitor, tmp_path, baseline)

    for _ in range(HOURS):
        clock.forward(hours=1)
        while worker.plan() or worker.run_next():
            pass

    with store.read() as transaction:
        found = transaction.all(select(executions).order_by(executions.c.schedule, executions.c.scheduled))
        changes = transaction.scalar(select(func.count()).select_from(alert_history))
    store.close()
    assert len(found) == MONITORS * HOURS
    expected = {}
    for monitor in range(MONITORS):
        for hour in range(HOURS):
            status = "Failed" if hour not in busy[monitor] else "Completed"
            expected[f"monitor-{monitor}", hour] = status
    expected |= {(f"monitor-{monitor}", hour): "CompletedWithViolations" for monitor, hour in drifted}
    told = {
        (row["schedule"], (row["window_start"] - START) // timedelta(hours=1)): row["status"] for row in found
    }
    assert {key: (told.get(key), status) for key, status in expected.items() if told.get(key) != status} == {}
    assert {row["failure"] for row in found if row["status"] == "Failed"} == {"Job inputs had no data"}
    assert not {row["status"] for row in found} & set(OPEN)
    for former, later in itertools.pairwise(found):
        assert former["schedule"] != later["schedule"] or former["window_end"] == later["window_start"]
    assert changes > 0
    violated = (START + timedelta(hours=min(drifted)[1] + 1)).strftime("%Y/%m/%d/%H")
    monitor = min(drifted)[0]
    document = (
        tmp_path / f"out/endpoint-{monitor}/monitor-{monitor}" / violated / "constraint_violations.json"
    )
    assert {one["feature_name"] for one in json.loads(document.read_text())["violations"]} == {"country"}
