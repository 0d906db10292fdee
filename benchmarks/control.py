"""A thousand schedules due at once, a thousand captures each: how fast they end, and how the API does meanwhile.

    python -m benchmarks.control FOLDER [--schedules 1000] [--captures 1000] [--database URL] [--workers 0]

A server process (and so many workers beside it; 0: it works itself) does what is due. Four clients ask the API without
a pause while it does. The floor is the analysis alone: `open_model_monitor.check` of the same captures in one process,
a sample of them. The last line is JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

import open_model_monitor as omm
from benchmarks.captures import SHAPES, captures
from benchmarks.measuring import _memory_of_tree
from open_model_monitor.control.executions import OPEN
from open_model_monitor.control.migrating import open_store
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import executions, schedules
from open_model_monitor.settings import CaptureLocation, Settings

OMM = Path(sys.executable).with_name("omm")
ROLE, LOCAL = "arn:aws:iam::000000000000:role/omm", "/opt/ml/processing"
CLIENTS, SAMPLE = 4, 25


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.control", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--captures", type=int, default=1000)
    parser.add_argument("--database", default="")
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    folder = given.folder.resolve()
    shutil.rmtree(folder / "run", ignore_errors=True)
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    baseline = lay_out(folder, given.captures, tick - timedelta(hours=1))
    settings = Settings(
        data=str(folder / "run"),
        database=given.database,
        capture_locations=(CaptureLocation("*", f"file://{folder}/endpoints"),),
        local_addresses=True,
    )
    store = open_store(settings)
    for number in range(given.schedules):
        schedule(Service(store, settings), f"schedule-{number}", folder, baseline)
    with store.begin() as transaction:  # all at once
        transaction.update(
            schedules, schedules.c.id.is_not(None), due=tick, last_tick=tick - timedelta(minutes=1)
        )
    told = race(store, settings, given.schedules, given.workers)
    floor = analysis_alone(folder, baseline)
    told |= {"floor_seconds": floor, "time_by_floor": told["seconds"] / (floor * given.schedules)}
    print(json.dumps(told))


def lay_out(folder: Path, count: int, hour: datetime) -> str:
    """Make captures of one hour, which all endpoints share, and a baseline of them."""
    source = Path(captures(folder / "cache", "csv18", count))
    place = folder / "endpoints/endpoint/AllTraffic" / hour.strftime("%Y/%m/%d/%H")
    shutil.rmtree(folder / "endpoints", ignore_errors=True)
    place.mkdir(parents=True)
    for number, file in enumerate(sorted(source.rglob("*.jsonl"))):
        shutil.copy(file, place / f"{number}.jsonl")
    omm.suggest(place, folder / "baseline", format="capture")
    assert SHAPES["csv18"]
    return f"file://{folder}/baseline"


def schedule(service: Service, name: str, folder: Path, baseline: str) -> None:
    output = {"S3Output": {"S3Uri": f"file://{folder}/run/out", "LocalPath": f"{LOCAL}/output"}}
    resources = {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 20}
    definition = {
        "MonitoringInputs": [
            {"EndpointInput": {"EndpointName": "endpoint", "LocalPath": f"{LOCAL}/input/endpoint"}}
        ],
        "MonitoringOutputConfig": {"MonitoringOutputs": [output]},
        "MonitoringResources": {"ClusterConfig": resources},
        "MonitoringAppSpecification": {"ImageUri": "sagemaker-model-monitor-analyzer"},
        "RoleArn": ROLE,
        "BaselineConfig": {
            "ConstraintsResource": {"S3Uri": f"{baseline}/constraints.json"},
            "StatisticsResource": {"S3Uri": f"{baseline}/statistics.json"},
        },
    }
    config = {
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
        "MonitoringJobDefinition": definition,
    }
    request = {"MonitoringScheduleName": name, "MonitoringScheduleConfig": config}
    service.call("CreateMonitoringSchedule", request, Caller("000000000000", "us-east-1"))


def race(store: Store, settings: Settings, count: int, workers: int) -> dict[str, float]:
    environment = {
        **os.environ,
        "OMM_DATA": settings.data,
        "OMM_DATABASE": settings.database,
        "OMM_LOCAL_ADDRESSES": "true",
        "OMM_CAPTURE_LOCATIONS": json.dumps(
            [{"endpoint_pattern": "*", "capture_s3_uri": settings.capture_locations[0].capture_s3_uri}]
        ),
    }
    commands = [["serve", "--port", "0", *(["--no-work"] if workers else [])], *[["work"]] * workers]
    Path(settings.data).mkdir(parents=True, exist_ok=True)
    log = (Path(settings.data) / "log").open("w")
    started = time.monotonic()
    processes = [subprocess.Popen([OMM, *c], env=environment, stdout=log, stderr=log) for c in commands]
    over, latencies, peaks = threading.Event(), list[float](), [0.0] * len(processes)
    url = _address(Path(settings.data) / "server.json")
    asking = [threading.Thread(target=ask, args=(url, over, latencies)) for _ in range(CLIENTS)]
    for thread in asking:
        thread.start()
    while ended(store) < count:
        for place, process in enumerate(processes):
            assert process.poll() is None, (Path(settings.data) / "log").read_text()[-2000:]
            peaks[place] = max(peaks[place], _megabytes(process.pid))
        time.sleep(0.5)
    seconds = time.monotonic() - started
    over.set()
    for thread in asking:
        thread.join()
    for process in processes:
        process.terminate()
        process.wait()
    latencies.sort()
    return {
        "executions": count,
        "seconds": seconds,
        "per_minute": 60 * count / seconds,
        "requests": len(latencies),
        "median_ms": 1000 * statistics.median(latencies),
        "p99_ms": 1000 * latencies[int(0.99 * len(latencies))],
        "server_mb": peaks[0],
        "workers_mb": max(peaks[1:], default=0.0),
    }


def ask(url: str, over: threading.Event, latencies: list[float]) -> None:
    """Ask as dashboards and SDKs do, again and again."""
    targets = ("ListMonitoringSchedules", "ListMonitoringExecutions", "ListProcessingJobs")
    while not over.is_set():
        for operation in targets:
            headers = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}
            request = urllib.request.Request(url, b'{"MaxResults": 50}', headers)
            started = time.perf_counter()
            with urllib.request.urlopen(request) as answer:
                answer.read()
            latencies.append(time.perf_counter() - started)
        time.sleep(0.05)


def ended(store: Store) -> int:
    with store.read() as transaction:
        statement = select(func.count()).select_from(executions).where(executions.c.status.not_in(OPEN))
        return int(transaction.scalar(statement))


def analysis_alone(folder: Path, baseline: str) -> float:
    """Return the seconds of one check without any of the rest, the median of some."""
    seconds = []
    for _ in range(SAMPLE):
        started = time.perf_counter()
        omm.check(
            folder / "endpoints", baseline, folder / "run/alone", format="capture", options={"workers": 1}
        )
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _address(file: Path) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            url = str(json.loads(file.read_text())["url"])
            urllib.request.urlopen(f"{url}/_omm/health").close()
            return url
        except (OSError, ValueError):
            time.sleep(0.1)
    raise SystemExit("the server did not come up")


def _megabytes(pid: int) -> float:
    found = list(_memory_of_tree(Path(f"/proc/{pid}")))
    return (sum(own for own, _ in found) + max((shared for _, shared in found), default=0)) / 1024


if __name__ == "__main__":
    main()
