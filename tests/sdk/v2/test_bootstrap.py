"""After `omm client-env` nothing but the server is asked (check 21; every test is watched, see conftest.py)."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import sagemaker
from harness import TRAINING
from sagemaker.model_monitor import DefaultModelMonitor
from sagemaker.s3 import S3Downloader, S3Uploader


def test_the_watch_notices(elsewhere):
    for address in ("203.0.113.1", "sts.us-east-1.amazonaws.com"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, 443), timeout=1)
    assert elsewhere == ["203.0.113.1", "sts.us-east-1.amazonaws.com"]
    elsewhere.clear()


def test_the_default_bucket_needs_no_sts(tmp_path):
    session = sagemaker.Session()
    bucket = session.default_bucket()
    assert bucket in [one["Name"] for one in session.boto_session.client("s3").list_buckets()["Buckets"]]
    (tmp_path / "here.txt").write_text("here")
    there = S3Uploader.upload(str(tmp_path / "here.txt"), f"s3://{bucket}/there", sagemaker_session=session)
    assert S3Downloader.list(f"s3://{bucket}/there", sagemaker_session=session) == [there]
    S3Downloader.download(there, str(tmp_path / "back"), sagemaker_session=session)
    assert (tmp_path / "back" / "here.txt").read_text() == "here"


def test_a_monitor_needs_no_role():
    monitor = DefaultModelMonitor(sagemaker_session=sagemaker.Session())
    assert monitor.role.startswith("arn:aws:iam::")


FRESH = """
import sys
from harness import watch

found = watch()
import sagemaker
from sagemaker.model_monitor import CronExpressionGenerator, DefaultModelMonitor
from sagemaker.model_monitor.dataset_format import DatasetFormat

monitor = DefaultModelMonitor()
monitor.suggest_baseline(sys.argv[1], DatasetFormat.csv(), logs=False)
monitor.create_monitoring_schedule(
    endpoint_input="fresh",
    statistics=monitor.baseline_statistics(),
    constraints=monitor.suggested_constraints(),
    schedule_cron_expression=CronExpressionGenerator.hourly(),
)
monitor.delete_monitoring_schedule()
print("elsewhere:", found)
"""


def test_a_fresh_process_with_nothing_but_the_exports(server, endpoint, tmp_path):
    """What a user does: eval "$(omm client-env)" first, then Python."""
    monitored = endpoint()
    here = Path(__file__).parents[1]
    paths = [str(here), str(here.parents[1] / "examples" / "demo")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-c", FRESH.replace('"fresh"', repr(monitored)), str(TRAINING)],
        env=environment | server.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "elsewhere: []" in done.stdout
