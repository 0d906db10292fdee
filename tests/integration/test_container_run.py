"""`omm run` as a processing container runs it, in a private mount of /opt/ml, against `omm check`."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import open_model_monitor as omm

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("statistics.json", "constraints.json", "constraint_violations.json")

# Shows the tree as /opt/ml to this process alone, then becomes `omm run`.
ENTER = """
import os, sys
from pathlib import Path
from open_model_monitor.jobs.namespace import enter
if not enter(Path(sys.argv[1])):
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-P", "-m", "open_model_monitor", "run"])
"""


def run_contained(tree, environment):
    bare = {"PATH": os.environ["PATH"], "HOME": str(tree)} | environment
    done = subprocess.run(
        [sys.executable, "-c", ENTER, str(tree)],
        env=bare,
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
    )
    if done.returncode == 77:
        pytest.fail("this system grants no mount namespace, without which the container cannot be shown")
    return done


@pytest.fixture
def captures(tmp_path, data):
    subprocess.run(
        [
            sys.executable,
            ROOT / "examples" / "demo" / "captures.py",
            data / "churn" / "test-dataset-input-cols.csv",
            tmp_path / "captures",
        ],
        check=True,
    )
    return tmp_path / "captures"


@pytest.fixture
def baseline(tmp_path, data):
    omm.suggest(data / "churn" / "training-dataset-with-header.csv", tmp_path / "baseline", format="csv")
    return tmp_path / "baseline"


def contract(tree, captures, baseline):
    """Lay out what the platform lays out, and return the environment it sets."""
    processing = tree / "opt" / "ml" / "processing"
    endpoint = captures / "churn-endpoint"
    shutil.copytree(endpoint, processing / "input" / "endpoint" / "churn-endpoint")
    for name, place in (("statistics", "stats"), ("constraints", "constraints")):
        (processing / "baseline" / place).mkdir(parents=True)
        shutil.copy(baseline / f"{name}.json", processing / "baseline" / place)
    for role, place in (("preprocessor", "preprocessing"), ("postprocessor", "postprocessing")):
        (processing / "code" / place).mkdir(parents=True)
        shutil.copy(ROOT / "examples" / "demo" / f"{role}.py", processing / "code" / place)
    environment = {
        "dataset_source": "/opt/ml/processing/input/endpoint",
        "dataset_format": '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}',
        "output_path": "/opt/ml/processing/output",
        "start_time": "2026-01-31T10:00:00Z",
        "end_time": "2026-01-31T13:00:00Z",
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": "churn-endpoint",
        "sagemaker_monitoring_schedule_name": "hourly",
        "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "record_preprocessor_script": "/opt/ml/processing/code/preprocessing/preprocessor.py",
        "post_analytics_processor_script": "/opt/ml/processing/code/postprocessing/postprocessor.py",
    }
    (tree / "opt" / "ml" / "config").mkdir(parents=True)
    config = {"ProcessingJobName": "job", "Environment": environment}
    (tree / "opt" / "ml" / "config" / "processingjobconfig.json").write_text(json.dumps(config))
    return environment


def test_omm_run_writes_what_omm_check_writes(tmp_path, captures, baseline):
    tree = tmp_path / "container"
    done = run_contained(tree, contract(tree, captures, baseline))
    assert done.returncode == 0, done.stderr + done.stdout
    report = omm.check(
        captures,
        baseline,
        tmp_path / "out",
        preprocess=ROOT / "examples" / "demo" / "preprocessor.py",
        postprocess=ROOT / "examples" / "demo" / "postprocessor.py",
        since="2026-01-31T10:00:00Z",
        until="2026-01-31T13:00:00Z",
        endpoint="churn-endpoint",
        schedule="hourly",
    )
    output = tree / "opt" / "ml" / "processing" / "output"
    for name in DOCUMENTS:
        assert (output / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    with (output / "drifted.csv").open() as ours, (tmp_path / "out" / "drifted.csv").open() as theirs:
        assert list(csv.reader(ours)) == list(csv.reader(theirs))
    metrics = tree / "opt" / "ml" / "output" / "metrics" / "cloudwatch" / "cloudwatch_metrics.jsonl"
    assert metrics.read_bytes() == (tmp_path / "out" / "metrics" / "cloudwatch_metrics.jsonl").read_bytes()
    assert (tree / "opt" / "ml" / "output" / "message").read_text() == report.exit_message
    assert report.outcome == "CompletedWithViolations"


def test_a_failing_script_ends_in_the_exit_message_and_code(tmp_path, captures, baseline):
    tree = tmp_path / "container"
    environment = contract(tree, captures, baseline)
    script = tree / "opt" / "ml" / "processing" / "code" / "preprocessing" / "preprocessor.py"
    script.write_text("def preprocess_handler(record):\n    return {'x': record.nothing}\n")
    done = run_contained(tree, environment)
    assert done.returncode == 4
    message = (tree / "opt" / "ml" / "output" / "message").read_text()
    assert message.startswith("Exception while invoking preprocessor script: AttributeError")
    assert len(message) <= 1024
    error = json.loads((tree / "opt" / "ml" / "processing" / "output" / "script_error.json").read_text())
    assert error["line"] == 2


def test_a_missing_variable_is_a_usage_error(tmp_path):
    (tmp_path / "opt" / "ml").mkdir(parents=True)
    done = run_contained(tmp_path, {"dataset_source": "/opt/ml/processing/input"})
    assert done.returncode == 2
    assert (tmp_path / "opt" / "ml" / "output" / "message").read_text().startswith("ContractError: ")


def test_no_data_is_a_data_error(tmp_path, captures, baseline):
    tree = tmp_path / "container"
    environment = contract(tree, captures, baseline)
    environment |= {"start_time": "2026-03-01T10:00:00Z", "end_time": "2026-03-01T11:00:00Z"}
    done = run_contained(tree, environment)
    assert done.returncode == 3
    assert "Job inputs had no data" in (tree / "opt" / "ml" / "output" / "message").read_text()
