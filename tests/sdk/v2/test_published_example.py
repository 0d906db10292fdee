"""The example in docs/sagemaker-clients.md, AWS's own with its slips corrected, runs as printed (check 3)."""

import re
import shutil

import boto3
from harness import DEMO, ROOT, TRAINING, register_endpoint

PAGE = ROOT / "docs" / "sagemaker-clients.md"


def test_the_example_runs_as_printed(session, tmp_path, monkeypatch):
    _, _, section = PAGE.read_text().partition("## The published example")
    example = re.search(r"```python\n(.+?)```", section, re.DOTALL).group(1)
    shutil.copy(TRAINING, tmp_path / "training.csv")
    for script in ("preprocessor.py", "postprocessor.py"):
        shutil.copy(DEMO / script, tmp_path)
    register_endpoint("churn-endpoint", session.default_bucket())
    monkeypatch.chdir(tmp_path)
    exec(compile(example, str(PAGE), "exec"), {})
    described = boto3.client("sagemaker").describe_monitoring_schedule(MonitoringScheduleName="churn-hourly")
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    assert described["EndpointName"] == "churn-endpoint"
