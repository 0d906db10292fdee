"""A server process for the clients to speak to, and the captures, endpoints and executions their tests need."""

import csv
import itertools
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3
from captures import capture

ROOT = Path(__file__).parents[2]
OMM = os.environ.get("OMM") or str(ROOT / ".venv" / "bin" / "omm")
DATA = ROOT / "tests" / "data"
DEMO = ROOT / "examples" / "demo"
TRAINING = DATA / "churn" / "training-dataset-with-header.csv"
REQUESTS = DATA / "churn" / "test-dataset-input-cols.csv"
ROLE = "arn:aws:iam::000000000000:role/omm"
HERE = {"127.0.0.1", "localhost", "::1", None}
TERMINAL = {"Completed", "CompletedWithViolations", "Failed", "Stopped"}


def watch():
    """Refuse from now on whatever this process tries to reach elsewhere; return the list that grows of it."""
    found = []

    def hook(event, arguments):
        if event == "socket.connect":
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else None
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        host = host.decode() if isinstance(host, bytes) else host
        if host not in HERE:
            found.append(host)
            raise ConnectionRefusedError(f"nothing but this machine may be reached, not {host}")

    sys.addaudithook(hook)
    return found


@dataclass(frozen=True)
class Server:
    """A running server: its address, its data folder, and the environment that points clients at it."""

    url: str
    folder: Path
    environment: dict[str, str]


@contextmanager
def serving(folder, *arguments, **settings):
    """Run `omm serve --local` over a folder; `settings` go into its environment as OMM_*."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [OMM, "serve", "--local", "--data", str(folder / "data"), "--port", str(port), *arguments]
    environment = _clean() | {f"OMM_{name.upper()}": value for name, value in settings.items()}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        _await_health(process, f"{url}/_omm/health", folder / "server.log")
        yield Server(url, folder / "data", client_environment(url, folder / "data"))
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def client_environment(url, data):
    """Return what `omm client-env` exports."""
    printed = omm("client-env", "--url", url, "--data", str(data))
    exports = [shlex.split(line) for line in printed.splitlines() if line.startswith("export ")]
    return dict(word.split("=", 1) for words in exports for word in words[1:])


def omm(*arguments):
    """Run an `omm` command and return what it printed."""
    done = subprocess.run([OMM, *arguments], env=_clean(), capture_output=True, text=True)
    assert done.returncode == 0, f"omm {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def unique(prefix):
    """Return a name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def training_rows(count):
    """Return the first rows of the training data: label first, then the features."""
    with TRAINING.open(newline="") as file:
        return list(itertools.islice(csv.reader(file), 1, count + 1))


def clean_captures(count=300):
    """Return captures of the very rows that a baseline was made of; the label is what the model answered."""
    now = datetime.now(UTC)
    return [capture(n, row[1:], now, answer=row[0]) for n, row in enumerate(training_rows(count))]


def drifted_captures():
    """Return the demo's captures: scores where the baseline has labels, and a row of decimals."""
    now = datetime.now(UTC)
    with REQUESTS.open(newline="") as file:
        return [capture(n, row, now) for n, row in enumerate(csv.reader(file))]


def put_captures(bucket, prefix, lines, moment=None):
    """Upload lines into the folder of an hour (the present one) below a prefix, as an endpoint does."""
    hour = (moment or datetime.now(UTC)).strftime("%Y/%m/%d/%H")
    key = f"{prefix}/{hour}/{unique('captured')}.jsonl"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body="".join(f"{line}\n" for line in lines))
    return key


def register_endpoint(name, bucket, prefix="model-monitor/data-capture"):
    """Register an endpoint whose captures go below a prefix."""
    client = boto3.client("sagemaker")
    client.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {"VariantName": "AllTraffic", "ModelName": "churn", "InstanceType": "ml.m5.large"}
        ],
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{bucket}/{prefix}",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        },
    )
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def executions(schedule, count=1, seconds=60):
    """Wait until a schedule has `count` executions and all are terminal; return them, the newest first."""
    client = boto3.client("sagemaker")
    deadline = time.monotonic() + seconds
    while True:
        found = client.list_monitoring_executions(
            MonitoringScheduleName=schedule, SortBy="ScheduledTime", SortOrder="Descending", MaxResults=100
        )["MonitoringExecutionSummaries"]
        statuses = [one["MonitoringExecutionStatus"] for one in found]
        if len(found) >= count and TERMINAL.issuperset(statuses):
            return found
        assert time.monotonic() < deadline, f"{schedule} after {seconds} s: {statuses}"
        time.sleep(0.3)


def job_of(execution):
    """Return the description of the processing job that an execution started."""
    name = execution["ProcessingJobArn"].rpartition("/")[2]
    return boto3.client("sagemaker").describe_processing_job(ProcessingJobName=name)


def ended(client, name, seconds=60):
    """Wait until a job is no longer in progress, more often than boto3's waiter looks (60 s)."""
    deadline = time.monotonic() + seconds
    while True:
        job = client.describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        assert time.monotonic() < deadline, f"{name} is still {job['ProcessingJobStatus']}"
        time.sleep(0.3)


def _clean():
    """This process's environment without what points at AWS, at us, or at this virtual environment."""
    ours = ("AWS_", "OMM", "SAGEMAKER_", "PYTHON", "PYTEST", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _await_health(process, address, log, seconds=30):
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    state = "does not answer" if process.poll() is None else f"exited with {process.returncode}"
    raise RuntimeError(f"the server {state}:\n{log.read_text()}")
