"""The AWS CLI against the server; it is part of the environment of generation 2 only."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import NOW, definition
from harness import REQUESTS, drifted_captures, executions, unique

AWS = shutil.which("aws", path=Path(sys.executable).parent)
pytestmark = pytest.mark.skipif(AWS is None, reason="the AWS CLI is not in this environment")


def aws(*arguments, **environment):
    command = [AWS, *arguments, "--output", "json"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout


def test_a_monitor_by_command_line(endpoint, bucket):
    name = unique("cli")
    request = definition("DataQuality", name, endpoint(drifted_captures()))
    target = {"S3Uri": f"s3://{bucket}/cli", "LocalPath": "/opt/ml/processing/output"}
    request["DataQualityJobOutputConfig"] = {"MonitoringOutputs": [{"S3Output": target}]}
    aws("sagemaker", "create-data-quality-job-definition", "--cli-input-json", json.dumps(request))
    config = {
        "MonitoringJobDefinitionName": name,
        "MonitoringType": "DataQuality",
        "ScheduleConfig": NOW,
    }
    schedule = ["--monitoring-schedule-name", name]
    aws(
        "sagemaker",
        "create-monitoring-schedule",
        *schedule,
        "--monitoring-schedule-config",
        json.dumps(config),
    )
    executions(name)
    described = aws("sagemaker", "describe-monitoring-schedule", *schedule)
    last = described["LastMonitoringExecutionSummary"]
    assert last["MonitoringExecutionStatus"] == "Completed"
    job = last["ProcessingJobArn"].rpartition("/")[2]
    group = "/aws/sagemaker/ProcessingJobs"
    streams = aws("logs", "describe-log-streams", "--log-group-name", group, "--log-stream-name-prefix", job)
    events = aws(
        "logs",
        "get-log-events",
        "--log-group-name",
        group,
        "--log-stream-name",
        streams["logStreams"][0]["logStreamName"],
    )
    assert last["ProcessingJobArn"] in events["events"][0]["message"]
    listed = aws("s3", "ls", f"s3://{bucket}/cli/", "--recursive")
    assert "statistics.json" in listed


def test_files(bucket, tmp_path):
    address = f"s3://{bucket}/{unique('cli')}"
    aws("s3", "cp", str(REQUESTS), f"{address}/requests.csv")
    aws("s3", "sync", address, str(tmp_path / "synced"))
    assert (tmp_path / "synced" / "requests.csv").read_bytes() == REQUESTS.read_bytes()
    aws("s3", "rm", f"{address}/requests.csv")
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
