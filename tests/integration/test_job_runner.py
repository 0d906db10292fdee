"""One processing job from its row to its outcome, in real processes: what it reads, writes, says; how it ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

import open_model_monitor as omm
from open_model_monitor.control.job_logs import read_events
from open_model_monitor.control.job_runner import LeaseLost, remove_leftovers, run_job
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import log_events, metadata
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage

ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
ARN = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/the-job"
INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
CAPTURE_FORMAT = '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}'


class Bench:
    """A store, a storage with a bucket of its own, and a folder for jobs."""

    def __init__(self, folder):
        self.folder, self.work, self.storage = folder, folder / "work", Storage()
        self.bucket = f"memory://{uuid.uuid4().hex}"
        self.store = Store(f"sqlite:///{folder / 'omm.db'}")
        metadata.create_all(self.store.engine)
        self.stop, self.lost = threading.Event(), threading.Event()
        self.settings = {"stop_grace_seconds": 20.0}

    def put(self, key, data):
        self.storage.write(f"{self.bucket}/{key}", data if isinstance(data, bytes) else data.encode())

    def read(self, key):
        return self.storage.read(f"{self.bucket}/{key}")

    def keys(self, prefix):
        found = self.storage.list(f"{self.bucket}/{prefix}")
        return [one.address.removeprefix(f"{self.bucket}/{prefix}/") for one in found]

    def request(self, inputs, environment, *, image=ANALYZER, output=OUTPUT, **more):
        return {
            "ProcessingJobName": "the-job",
            "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "VolumeSizeInGB": 20}},
            "AppSpecification": {"ImageUri": image},
            "RoleArn": "arn:aws:iam::000000000000:role/monitor",
            "ProcessingInputs": [
                {
                    "InputName": name,
                    "S3Input": {
                        "S3Uri": key if "://" in key else f"{self.bucket}/{key}",
                        "LocalPath": path,
                        "S3DataType": "S3Prefix",
                    },
                }
                for name, (key, path) in inputs.items()
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "result",
                        "S3Output": {
                            "S3Uri": f"{self.bucket}/out",
                            "LocalPath": output,
                            "S3UploadMode": "Continuous",
                        },
                    }
                ]
            },
            "Environment": environment,
            **more,
        }

    def run(self, request):
        self.job = {
            "id": uuid.uuid4().hex,
            "name": request["ProcessingJobName"],
            "account": "000000000000",
            "region": "us-east-1",
            "request": request,
            "attempt": 1,
        }
        outcome = run_job(
            self.job,
            arn=ARN,
            settings=Settings(**self.settings),
            store=self.store,
            storage=self.storage,
            work=self.work,
            clock=lambda: datetime.now(UTC),
            should_stop=self.stop.is_set,
            lost=self.lost.is_set,
        )
        assert list(self.work.iterdir()) == []
        return outcome

    def lines(self):
        with self.store.read() as transaction:
            mine = log_events.c.job == self.job["id"]
            stream = transaction.scalar(select(log_events.c.stream).where(mine))
            return [row["message"] for row in read_events(transaction, self.job["id"], stream)]

    def log(self):
        return "\n".join(self.lines())


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


@pytest.fixture(scope="module")
def baseline(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("baseline")
    omm.suggest(data / "churn" / "training-dataset-with-header.csv", folder / "out", format="csv")
    return folder / "out"


def baseline_job(bench, data, **environment):
    bench.put("train/data.csv", (data / "churn" / "validation-dataset-with-header.csv").read_bytes())
    place = f"{INPUT}/baseline_dataset_input"
    return bench.request(
        {"baseline_dataset_input": ("train", place)},
        {
            "dataset_source": place,
            "dataset_format": '{"csv":{"header":true,"output_columns_position":"START"}}',
            "output_path": OUTPUT,
            "publish_cloudwatch_metrics": "Disabled",
            **environment,
        },
    )


PREPROCESSOR = """
import json, os

CONFIG = json.load(open("/opt/ml/config/processingjobconfig.json"))
COPY = json.load(open("/opt/ml/processing/processingjobconfig.json"))
with open("/opt/ml/processing/output/seen.json", "w") as file:
    json.dump({"environ": dict(os.environ), "config": CONFIG, "same": COPY == CONFIG}, file)

def preprocess_handler(record, logger):
    logger.warning("a record")
    values = record.endpoint_input.data.rstrip("\\n").split(",")
    return {f"c{at:02}": value for at, value in enumerate(values)}
"""

POSTPROCESSOR = """
import os
def postprocess_handler():
    print("postprocessing in", os.environ["output_path"])
    assert os.path.isfile("/opt/ml/processing/output/statistics.json")
    with open("/opt/ml/processing/output/notes.txt", "w") as file:
        file.write(" ".join(sorted(os.listdir("/opt/ml/processing/input/endpoint/ep/AllTraffic/2026/01/31"))))
"""


def check_job(bench, data, baseline, *, preprocessor=PREPROCESSOR, postprocessor=POSTPROCESSOR, **more):
    captures = (data / "recorded" / "endpoint-capture-csv.jsonl").read_bytes()
    for hour in (9, 10, 11):
        bench.put(f"capture/ep/AllTraffic/2026/01/31/{hour:02}/59-00-000-x.jsonl", captures)
    for name in ("statistics.json", "constraints.json"):
        bench.put(f"baseline/{name}", (baseline / name).read_bytes())
    inputs = {
        "endpoint_input_1": (
            "capture/ep/AllTraffic/2026/01/31/10",
            f"{INPUT}/endpoint/ep/AllTraffic/2026/01/31/10",
        ),
        "baseline": ("baseline/statistics.json", "/opt/ml/processing/baseline/stats"),
        "constraints": ("baseline/constraints.json", "/opt/ml/processing/baseline/constraints"),
    }
    environment = {
        "dataset_source": f"{INPUT}/endpoint",
        "dataset_format": CAPTURE_FORMAT,
        "output_path": OUTPUT,
        "start_time": "2026-01-31T10:00:00Z",
        "end_time": "2026-01-31T11:00:00Z",
        "metric_time": "2026-01-31T10:00:00Z",
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": "ep",
        "sagemaker_monitoring_schedule_name": "hourly",
        "sagemaker_endpoint_datacapture_prefix": f"{bench.bucket}/capture",
        "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "monitoring_input_type": "ENDPOINT_INPUT",
        "API_TOKEN": "hush-hush",
    }
    for role, place, variable, text in (
        ("pre_processor_script", "preprocessing", "record_preprocessor_script", preprocessor),
        ("post_processor_script", "postprocessing", "post_analytics_processor_script", postprocessor),
    ):
        if text:
            folder = f"/opt/ml/processing/code/{place}"
            bench.put(f"code/{place}.py", textwrap.dedent(text))
            inputs[role] = (f"code/{place}.py", folder)
            environment[variable] = f"{folder}/{place}.py"
    return bench.request(inputs, environment | more.pop("environment", {}), **more)


def test_a_baseline(bench, data):
    started = time.monotonic()
    outcome = bench.run(baseline_job(bench, data))
    took = time.monotonic() - started
    assert outcome.status == "Completed", bench.log()
    assert outcome.exit_message == "Completed: Job completed successfully with no violations."
    assert outcome.failure is None
    assert {"statistics.json", "constraints.json", "run_summary.json"} <= set(bench.keys("out"))
    assert outcome.details["rows"] == 666
    assert outcome.details["violations"] is None
    assert outcome.details["objects"] == 1
    assert json.loads(bench.read("out/run_summary.json"))["source"] == f"{INPUT}/baseline_dataset_input"
    assert took < 15  # about one, where nobody else works
    assert bench.lines()[0].startswith(f"ProcessingJobArn: {ARN} configuration: {{")


@pytest.mark.parametrize("isolation", ["namespace", "redirect"])
def test_a_check_with_both_scripts(bench, data, baseline, monkeypatch, isolation):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the server's own")
    monkeypatch.setenv("OMM_DATA", str(bench.folder / "data"))
    monkeypatch.setenv("OMM_SECRET_KEY", "the server's own")
    request = check_job(bench, data, baseline, environment={"script_isolation": isolation})
    outcome = bench.run(request)
    assert outcome.status == "Completed", bench.log()
    assert outcome.exit_message.startswith("CompletedWithViolations: ")
    assert outcome.details["violations"] > 0
    assert set(outcome.details["scripts"]) == {"preprocessor", "postprocessor"}
    violations = json.loads(bench.read("out/constraint_violations.json"))["violations"]
    assert len(violations) == outcome.details["violations"]
    assert bench.read("out/notes.txt") == b"10"
    assert bench.keys("out")[-1] == "statistics.json"

    seen = json.loads(bench.read("out/seen.json"))
    assert seen["same"]
    assert seen["config"] == request | {"ProcessingJobArn": ARN}
    environment = dict(request["Environment"])
    if isolation == "redirect":  # the one path that libraries open by themselves is real
        assert seen["environ"].pop("output_path").endswith(environment.pop("output_path"))
    assert environment.items() <= seen["environ"].items()
    assert seen["environ"]["AWS_REGION"] == "us-east-1"
    assert "the server's own" not in seen["environ"].values()
    assert not [name for name in seen["environ"] if name.startswith("OMM_")]

    log = bench.log()
    assert "hush-hush" not in log
    assert '"API_TOKEN": "***"' in bench.lines()[0]
    assert "WARNING preprocessor: a record" in bench.lines()
    assert f"stdout: postprocessing in {OUTPUT}" in bench.lines()
    assert str(bench.work) not in log
    [first, *_] = outcome.metrics
    assert {"MetricName", "Dimensions"} <= set(first)


def test_a_script_that_fails(bench, data, baseline):
    script = "def preprocess_handler(record):\n    return {'x': record.nothing}\n"
    outcome = bench.run(check_job(bench, data, baseline, preprocessor=script))
    assert outcome.status == "Failed"
    assert outcome.failure.startswith("Exception while invoking preprocessor script: AttributeError")
    assert outcome.failure == outcome.exit_message
    assert f"record: {INPUT}/endpoint/ep/AllTraffic/2026/01/31/10/59-00-000-x.jsonl line 1" in outcome.failure
    assert "Traceback" in bench.log()
    assert outcome.details["script_error"]["line"] == 2
    error = json.loads(bench.read("out/script_error.json"))
    assert error["source_object"].startswith(f"{INPUT}/endpoint/")


def test_output_elsewhere_and_in_the_usual_folder(bench, data, baseline):
    elsewhere = "/opt/ml/processing/resultdata"
    request = check_job(bench, data, baseline, output=elsewhere, environment={"output_path": elsewhere})
    assert bench.run(request).status == "Completed", bench.log()
    assert {"statistics.json", "notes.txt", "seen.json"} <= set(bench.keys("out"))
    assert json.loads(bench.read("out/seen.json"))["environ"]["output_path"] == elsewhere


def test_an_input_that_means_nothing(bench, data):
    request = baseline_job(bench, data)
    request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = f"{bench.bucket}/typo"
    outcome = bench.run(request)
    assert outcome.status == "Failed"
    assert outcome.failure.startswith(f'No S3 objects found under S3 URL "{bench.bucket}/typo"')
    assert outcome.exit_message.startswith("NoData: No S3 objects")
    assert ARN in bench.lines()[0]


SLOW = """
import time
print("ready", flush=True)
def preprocess_handler(record):
    open("/opt/ml/processing/output/begun.txt", "w").close()
    time.sleep(60)
"""


def once_it_says(bench, word, do):
    """Do something as soon as the job's log has a word in it."""

    def watch():
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with bench.store.read() as transaction:
                found = transaction.all(log_events.select())
            if any(word in row["message"] for row in found):
                time.sleep(0.3)
                return do()
            time.sleep(0.05)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_stopped_on_request(bench, data, baseline):
    once_it_says(bench, "ready", bench.stop.set)
    outcome = bench.run(check_job(bench, data, baseline, preprocessor=SLOW))
    assert outcome.status == "Stopped", bench.log()
    assert outcome.failure == "The job was stopped on request"
    assert outcome.exit_message.startswith("Stopped: ")
    assert outcome.details["seconds"] < 20  # SIGTERM is enough
    assert bench.keys("out") == ["begun.txt"]  # what was there was uploaded


def test_stopped_before_it_began(bench, data):
    bench.stop.set()
    assert bench.run(baseline_job(bench, data)).status == "Stopped"


def test_over_the_limit(bench, data, baseline):
    request = check_job(
        bench, data, baseline, preprocessor=SLOW, StoppingCondition={"MaxRuntimeInSeconds": 2}
    )
    outcome = bench.run(request)
    assert outcome.status == "Stopped", bench.log()
    assert outcome.failure.startswith("MaxRuntimeInSeconds of 2 was exceeded. Exception while invoking")
    assert "line 1" in outcome.failure  # the record in hand


def test_a_lost_lease_leaves_nothing(bench, data, baseline):
    once_it_says(bench, "ready", bench.lost.set)
    with pytest.raises(LeaseLost):
        bench.run(check_job(bench, data, baseline, preprocessor=SLOW))
    assert bench.keys("out") == []
    assert list(bench.work.iterdir()) == []


def processes_in(folder):
    """Return the processes whose working folder is below `folder`."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").resolve().is_relative_to(folder):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@linux
def test_a_process_that_is_killed(bench, data, baseline):
    def kill():
        [pid] = [
            pid for pid, words in processes_in(bench.work).items() if any("control.warm" in w for w in words)
        ]
        os.kill(pid, signal.SIGKILL)

    once_it_says(bench, "ready", kill)
    outcome = bench.run(check_job(bench, data, baseline, preprocessor=SLOW))
    assert outcome.status == "Failed"
    assert "SIGKILL" in outcome.failure
    assert outcome.exit_message is None
    assert processes_in(bench.work) == {}


def test_bias_waits_for_another_version(bench, data):
    outcome = bench.run(baseline_job(bench, data, analysis_type="MODEL_BIAS"))
    assert outcome.status == "Failed"
    assert "analysis_type MODEL_BIAS is not supported by this version" in outcome.failure


def test_other_images_of_ours_wait_for_another_version(bench):
    image = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
    outcome = bench.run(bench.request({}, {}, image=image))
    assert outcome.status == "Failed"
    assert "is not supported by this version" in outcome.failure


def test_a_job_reads_nothing_but_its_inputs(bench, data):
    outcome = bench.run(baseline_job(bench, data, dataset_source="/etc"))
    assert outcome.status == "Failed"
    assert "dataset_source is /etc; a processing job finds its files below" in outcome.failure


def test_a_foreign_image_without_a_runner(bench):
    outcome = bench.run(bench.request({}, {}, image="me/my-image:1"))
    assert outcome.status == "Failed"
    assert outcome.failure.startswith("no runner is configured for the image me/my-image:1")
    assert "container_command" in outcome.failure


STAND_IN = """#!/bin/sh
# Does what an engine would do: runs something that sees the job's folder as /opt/ml.
name=$1; environment_file=$2; folder=$3; image=$4; shift 4
echo "running $image as $name: $*"
cp "$environment_file" "$folder/opt/ml/processing/output/environment.txt"
cat "$folder"/opt/ml/processing/input/data/*.csv > "$folder/opt/ml/processing/output/all.csv"
mkdir -p "$folder/opt/ml/output/metrics/cloudwatch"
echo '{"MetricName":"rows","Value":2}
oh no' > "$folder/opt/ml/output/metrics/cloudwatch/m.jsonl"
[ "$1" = fail ] && { echo "ValueError: no good"; exit 3; }
[ "$1" = hang ] && { trap '' TERM; echo ready; while :; do sleep 0.1; done; }
printf '%s' '{"violations":[{"feature_name":"a","constraint_check_type":"x","description":"y"}]}' \\
    > "$folder/opt/ml/processing/output/constraint_violations.json"
printf '%s' "CompletedWithViolations: mine" > "$folder/opt/ml/output/message"
"""


def foreign(bench, *arguments):
    script = bench.folder / "engine"
    script.write_text(STAND_IN)
    script.chmod(0o755)
    bench.settings["container_command"] = f"{script} {{name}} {{environment_file}} {{folder}} {{image}}"
    for name in ("a", "b"):
        bench.put(f"in/{name}.csv", f"{name}\n")
    request = bench.request({"data": ("in", f"{INPUT}/data")}, {"MODE": "{image}"}, image="me/my-image:1")
    request["AppSpecification"] |= {"ContainerArguments": list(arguments)} if arguments else {}
    return request


def test_a_foreign_image(bench, monkeypatch):
    monkeypatch.setenv("OMM_SECRET_KEY", "the server's own")
    outcome = bench.run(foreign(bench, "--mode", "a b"))
    assert outcome.status == "Completed", bench.log()
    assert outcome.exit_message == "CompletedWithViolations: mine"
    assert outcome.details["violations"] == 1
    assert outcome.details["malformed_metrics"] == 1
    assert outcome.metrics == [{"MetricName": "rows", "Value": 2}]
    assert bench.read("out/all.csv") == b"a\nb\n"
    assert "running me/my-image:1 as the-job: --mode a b" in bench.lines()
    given = bench.read("out/environment.txt").decode().splitlines()
    assert given == ["AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "MODE={image}"]


def test_a_foreign_image_that_fails(bench):
    outcome = bench.run(foreign(bench, "fail"))
    assert outcome.status == "Failed"
    assert outcome.failure == (
        "The job's process ended with exit code 3. Its last words: ValueError: no good"
    )
    assert "all.csv" in bench.keys("out")


def test_a_foreign_image_that_does_not_stop(bench):
    bench.settings["stop_grace_seconds"] = 0.5
    once_it_says(bench, "ready", bench.stop.set)
    outcome = bench.run(foreign(bench, "hang"))
    assert outcome.status == "Stopped", bench.log()
    assert outcome.details["exit_code"] == -signal.SIGKILL


WORKER = """
import sys, uuid
from datetime import UTC, datetime
sys.path.insert(0, sys.argv[1])
from test_job_runner import Bench, SLOW, check_job
from pathlib import Path
bench = Bench(Path(sys.argv[2]))
bench.run(check_job(bench, Path(sys.argv[3]), Path(sys.argv[4]), preprocessor=SLOW))
"""


@linux
def test_a_killed_worker_takes_its_job_along(bench, data, baseline):
    worker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            WORKER,
            str(Path(__file__).parent),
            str(bench.folder),
            str(data),
            str(baseline),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 30
    while len(processes_in(bench.work)) < 2 and time.monotonic() < end:  # the job, and its script
        time.sleep(0.05)
    assert processes_in(bench.work)
    worker.kill()
    worker.wait()
    end = time.monotonic() + 5
    while processes_in(bench.work) and time.monotonic() < end:
        time.sleep(0.05)
    assert processes_in(bench.work) == {}
    assert list(bench.work.iterdir())
    remove_leftovers(bench.work)
    assert list(bench.work.iterdir()) == []


def test_a_second_attempt_goes_on_in_the_same_log(bench, data):
    request = baseline_job(bench, data)
    bench.run(request)
    first, job = bench.lines(), bench.job
    outcome = run_job(
        job | {"attempt": 2},
        arn=ARN,
        settings=Settings(),
        store=bench.store,
        storage=bench.storage,
        work=bench.work,
        clock=lambda: datetime.now(UTC),
        should_stop=bench.stop.is_set,
        lost=bench.lost.is_set,
    )
    assert outcome.status == "Completed"
    assert bench.lines()[: len(first)] == first
    assert len(bench.lines()) >= 2 * len(first)


def test_a_batch_capture_whose_data_lie_elsewhere(bench, data):
    bench.put("data/one.csv", "a,b\n1,2\n3,4\n")
    bench.put("data/two.csv", "a,b\n5,x\n")
    bench.put(
        "capture/input/2026/01/31/10/m.json",
        json.dumps([{"prefix": f"{bench.bucket}/data/"}, "one.csv", "two.csv", "gone.csv"]),
    )
    environment = {
        "dataset_source": f"{INPUT}/batch",
        "dataset_format": '{"csv":{"header":true}}',
        "start_time": "2026-01-31T10:00:00Z",
        "end_time": "2026-01-31T11:00:00Z",
        "monitoring_input_type": "BATCH_TRANSFORM_INPUT",
    }
    place = ("capture/input/2026/01/31/10", f"{INPUT}/batch/2026/01/31/10")
    outcome = bench.run(bench.request({"batch_input_1": place}, environment))
    assert outcome.status == "Completed", bench.log()
    assert outcome.details["rows"] == 3
    assert f"{bench.bucket}/data/gone.csv" in outcome.details["warnings"][0]


def test_captures_of_many_hours_in_one_input(bench, data, baseline):
    """More than ten hours become one input at the endpoint; only the window's hours are fetched."""
    request = check_job(bench, data, baseline, preprocessor=None, postprocessor=None)
    request["ProcessingInputs"][0]["S3Input"] |= {
        "S3Uri": f"{bench.bucket}/capture/ep",
        "LocalPath": f"{INPUT}/endpoint/ep",
    }
    outcome = bench.run(request)
    assert outcome.status == "Completed", bench.log()
    assert outcome.details["rows"] == 3
    assert outcome.details["objects"] == 3  # one hour, two documents


def test_local_addresses_only_where_they_are_allowed(bench, data):
    folder = bench.folder / "mine"
    folder.mkdir()
    (folder / "data.csv").write_text("a,b\n1,2\n3,4\n")
    request = baseline_job(bench, data)
    request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = folder.as_uri()
    request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = (bench.folder / "out").as_uri()
    assert "local_addresses" in bench.run(request).failure
    bench.settings["local_addresses"] = True
    assert bench.run(request).status == "Completed", bench.log()
    assert (bench.folder / "out" / "statistics.json").is_file()
