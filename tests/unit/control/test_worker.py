"""The worker's rounds: what is due runs, what stops it does not stay."""

import threading
import time

import pytest
from sqlalchemy import select

from open_model_monitor.control.tables import jobs, workers
from open_model_monitor.control.worker import Worker
from open_model_monitor.errors import StoreError
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage
from support.clients import ANALYZER, CLUSTER, ROLE

BUSY = """
import time

def preprocess_handler(record):
    time.sleep(60)
    return {}
"""


@pytest.fixture
def settings():
    return Settings(
        local_addresses=True, worker_slots=2, poll_seconds=0.05, stop_grace_seconds=1.0, lease_seconds=4.0
    )


@pytest.fixture
def worker(store, settings, tmp_path):
    return Worker(store, Storage(), settings, tmp_path / "work")


@pytest.fixture
def working(worker):
    """Run the worker in a thread of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    yield stop
    stop.set()
    thread.join()


@pytest.fixture
def job(call, tmp_path):
    """Return a function that queues a baseline of a small table; with a script that never ends if told so."""

    def job(name, *, busy=False):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data/a.csv").write_text("a,b\n" + "1,x\n2,y\n" * 20)
        (tmp_path / "script.py").write_text(BUSY)
        places = {"data": "/opt/ml/processing/input/data"}
        environment = {"dataset_source": places["data"], "dataset_format": '{"csv":{"header":true}}'}
        given = [("data", tmp_path / "data")]
        if busy:
            given.append(("script", tmp_path / "script.py"))
            environment["record_preprocessor_script"] = "/opt/ml/processing/input/script/script.py"
        inputs = [
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": f"file://{path}",
                    "LocalPath": f"/opt/ml/processing/input/{name}",
                    "S3DataType": "S3Prefix",
                },
            }
            for name, path in given
        ]
        target = {"S3Uri": f"file://{tmp_path}/out/{name}", "LocalPath": "/opt/ml/processing/output"}
        output = {"OutputName": "o", "S3Output": {**target, "S3UploadMode": "EndOfJob"}}
        call(
            "CreateProcessingJob",
            ProcessingJobName=name,
            ProcessingResources=CLUSTER,
            AppSpecification={"ImageUri": ANALYZER},
            RoleArn=ROLE,
            ProcessingInputs=inputs,
            ProcessingOutputConfig={"Outputs": [output]},
            Environment=environment,
        )

    return job


def until(call, name, *statuses, seconds=30):
    end = time.monotonic() + seconds
    while True:
        found = call("DescribeProcessingJob", ProcessingJobName=name)
        if found["ProcessingJobStatus"] in statuses:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


@pytest.mark.usefixtures("working")
def test_jobs_run_beside_each_other_and_can_be_stopped(job, call, store, tmp_path):
    job("long", busy=True)
    job("short")
    done = until(call, "short", "Completed", "Failed")
    assert done["ProcessingJobStatus"] == "Completed", done
    assert (tmp_path / "out/short/statistics.json").exists()
    call("StopProcessingJob", ProcessingJobName="long")
    stopped = until(call, "long", "Stopped")
    assert stopped["ExitMessage"].startswith("Stopped")
    with store.read() as transaction:
        [row] = transaction.all(select(workers))
    assert row["host"]


def test_a_worker_that_is_stopped_gives_back_what_it_could_not_end(worker, working, job, call, store):
    job("long", busy=True)
    until_claimed(store)
    working.set()
    end = time.monotonic() + 20
    while True:
        with store.read() as transaction:
            row = transaction.one(select(jobs))
        if row["owner"] is None:
            break
        assert time.monotonic() < end
        time.sleep(0.05)
    assert (row["status"], row["attempt"]) == ("InProgress", 0)


def until_claimed(store):
    end = time.monotonic() + 20
    while True:
        with store.read() as transaction:
            if transaction.one(select(jobs))["owner"]:
                return
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_database_that_is_away_for_a_while(worker, job, call, monkeypatch):
    job("short")
    real, calls = worker.store.begin, []

    def begin():
        calls.append(1)
        if len(calls) % 3 == 1:
            raise StoreError("away", retry=True)
        return real()

    monkeypatch.setattr(worker.store, "begin", begin)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        until(call, "short", "Completed")
    finally:
        stop.set()
        thread.join()
