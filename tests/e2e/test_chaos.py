"""Workers, servers and connections are killed at random while 200 executions run: each ends once, its results whole."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select, text

import open_model_monitor as omm
from open_model_monitor.capture.record import Window
from open_model_monitor.control.executions import OPEN
from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.operating import backfill
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import executions, jobs
from open_model_monitor.settings import CaptureLocation, Settings
from support.clients import embedded

OMM = Path(sys.executable).with_name("omm")
SCHEDULES, HOURS = 4, 50
START = datetime(2026, 1, 5, tzinfo=UTC)


def lay_out(folder):
    """Make a baseline, and captures of each hour: the number of records tells which hour it was."""
    (folder / "train.csv").write_text("a,b\n" + "".join(f"{n % 7},{n % 3}\n" for n in range(100)))
    omm.suggest(folder / "train.csv", folder / "baseline")
    for hour in range(HOURS):
        moment = START + timedelta(hours=hour)
        place = folder / "captures/endpoint/AllTraffic" / moment.strftime("%Y/%m/%d/%H")
        place.mkdir(parents=True)
        with (place / "part.jsonl").open("w") as file:
            for n in range(hour + 1):
                text = {"observedContentType": "text/csv", "mode": "INPUT", "encoding": "CSV"}
                text["data"] = f"{n % 7},{n % 3}"
                event = {"eventId": str(n), "inferenceTime": moment.isoformat()}
                record = {"captureData": {"endpointInput": text}, "eventMetadata": event, "eventVersion": "0"}
                file.write(json.dumps(record) + "\n")


def schedule(service, name, folder):
    output = {"S3Output": {"S3Uri": f"file://{folder}/out", "LocalPath": "/opt/ml/processing/output"}}
    baseline = {
        "ConstraintsResource": {"S3Uri": f"file://{folder}/baseline/constraints.json"},
        "StatisticsResource": {"S3Uri": f"file://{folder}/baseline/statistics.json"},
    }
    given = {"EndpointName": "endpoint", "LocalPath": "/opt/ml/processing/input/endpoint"}
    definition = embedded(
        MonitoringInputs=[{"EndpointInput": given}],
        MonitoringOutputConfig={"MonitoringOutputs": [output]},
        BaselineConfig=baseline,
    )
    timing = {"ScheduleExpression": "cron(0 * ? * * *)"}
    config = {"ScheduleConfig": timing, "MonitoringJobDefinition": definition}
    request = {"MonitoringScheduleName": name, "MonitoringScheduleConfig": config}
    service.call("CreateMonitoringSchedule", request, Caller("000000000000", "us-east-1"))


class Processes:
    """A server and workers, which are killed and started again."""

    def __init__(self, folder, environment, workers):
        self.folder, self.environment = folder, environment
        server = ["serve", "--port", "0", "--no-work"] if workers > 1 else ["serve", "--port", "0"]
        self.commands = [server, *([["work", "--slots", "1"]] * (workers if workers > 1 else 0))]
        self.running = [self._start(command) for command in self.commands]

    def _start(self, command):
        log = (self.folder / "log").open("a")
        with log:
            return subprocess.Popen(
                [OMM, *command], env=self.environment, cwd=self.folder, stdout=log, stderr=log
            )

    def kill(self, chance):
        place = chance.randrange(len(self.running))
        self.running[place].send_signal(signal.SIGKILL)
        self.running[place].wait()
        self.running[place] = self._start(self.commands[place])

    def answers(self):
        """Whether the server that is up, if it is, answers what it is asked."""
        try:
            url = json.loads((self.folder / "data/server.json").read_text())["url"]
            with urllib.request.urlopen(f"{url}/_omm/health", timeout=5) as answer:
                return answer.status == 200
        except (OSError, ValueError):
            return False

    def stop(self):
        """Let those that were just started come up, then end all in order."""
        time.sleep(3)
        for process in self.running:
            process.terminate()
        codes = [process.wait(30) for process in self.running]
        assert set(codes) == {0}, (codes, (self.folder / "log").read_text()[-4000:])


@pytest.mark.parametrize(("database", "workers"), [("sqlite", 1), ("postgres", 3)], indirect=["database"])
def test_chaos(tmp_path, database, workers):
    lay_out(tmp_path)
    location = CaptureLocation("endpoint", f"file://{tmp_path}/captures")
    settings = Settings(database=database, capture_locations=(location,), local_addresses=True)
    store = Store(database)
    migrate(store)
    service = Service(store, settings)
    for number in range(SCHEDULES):
        schedule(service, f"schedule-{number}", tmp_path)
        span = Window(START, START + timedelta(hours=HOURS))
        done = backfill(store, settings, f"schedule-{number}", span, now=datetime.now(UTC))
        assert done == {"created": HOURS, "present": 0}

    own = {
        "OMM_DATABASE": database,
        "OMM_DATA": str(tmp_path / "data"),
        "OMM_CAPTURE_LOCATIONS": msgspec.json.encode([location]).decode(),
        "OMM_LOCAL_ADDRESSES": "true",
        "OMM_LEASE_SECONDS": "2",
        "OMM_POLL_SECONDS": "0.1",
        "OMM_MAX_ATTEMPTS": "1000",
        "OMM_STOP_GRACE_SECONDS": "5",
        "OMM_OVERLAP_POLICY": "queue",
    }
    processes = Processes(tmp_path, {**os.environ, **own}, workers)
    chance, deadline, kills, answered = random.Random(workers), time.monotonic() + 240, 0, 0
    while left(store):
        assert time.monotonic() < deadline, (left(store), (tmp_path / "log").read_text()[-4000:])
        time.sleep(chance.uniform(0.5, 3.0))
        answered += processes.answers()
        if kills < 25:
            processes.kill(chance)
            cut_connections(store)
            kills += 1
    processes.stop()
    check(store, tmp_path)
    assert kills >= 5
    assert answered, "the server was never up"
    store.close()


def cut_connections(store):
    """End the connections of all others to a PostgreSQL database, whatever they are in the middle of."""
    if store.is_sqlite:
        return
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with store.read() as transaction:
        transaction.all(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))


def left(store):
    with store.read() as transaction:
        return transaction.scalar(
            select(func.count()).select_from(executions).where(executions.c.status.in_(OPEN))
        )


def check(store, folder):
    with store.read() as transaction:
        found = transaction.all(select(executions).where(executions.c.trigger == "backfill"))
        ran = transaction.all(select(jobs))
    assert len(found) == SCHEDULES * HOURS
    assert {(row["status"], row["failure"]) for row in found} == {("Completed", None)}
    assert len(ran) == len(found)
    assert {row["status"] for row in ran} == {"Completed"}
    assert any(row["attempt"] > 1 for row in ran), "nothing was ever taken up again"
    for row in found:
        hour = (row["window_start"] - START) // timedelta(hours=1)
        place = folder / f"out/endpoint/{row['schedule']}" / row["scheduled"].strftime("%Y/%m/%d/%H")
        statistics = json.loads((place / "statistics.json").read_text())
        assert statistics["dataset"]["item_count"] == hour + 1  # its own window, whole, and no other's
        assert json.loads((place / "constraint_violations.json").read_text()) == {"violations": []}
    assert not list((folder / "out").rglob("*.partial*"))
    assert not list((folder / "data/work").glob("*/lock"))
