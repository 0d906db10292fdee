"""Sessions, baselines and monitors of the SageMaker SDK, generation 2."""

from types import SimpleNamespace

import pytest
import sagemaker
from harness import ROLE, TRAINING, unique
from sagemaker.model_monitor import CronExpressionGenerator, DefaultModelMonitor
from sagemaker.model_monitor.dataset_format import DatasetFormat

HOUR = {
    "schedule_cron_expression": CronExpressionGenerator.now(),
    "data_analysis_start_time": "-PT1H",
    "data_analysis_end_time": "-PT0H",
}


@pytest.fixture(scope="session")
def session(server):
    return sagemaker.Session()


@pytest.fixture(scope="session")
def baseline(session):
    """Return the addresses of statistics and constraints of the training data."""
    monitor = DefaultModelMonitor(role=ROLE, sagemaker_session=session)
    monitor.suggest_baseline(str(TRAINING), DatasetFormat.csv(header=True), logs=False)
    return {
        "statistics": monitor.baseline_statistics().file_s3_uri,
        "constraints": monitor.suggested_constraints().file_s3_uri,
    }


@pytest.fixture
def monitor(session):
    """Return a data quality monitor."""
    return DefaultModelMonitor(role=ROLE, sagemaker_session=session)


@pytest.fixture
def hourly(monitor, endpoint, baseline):
    """Return a monitor that has an hourly schedule, with its endpoint in `.endpoint`."""
    name = endpoint()
    monitor.create_monitoring_schedule(
        endpoint_input=name,
        monitor_schedule_name=unique("hourly"),
        schedule_cron_expression=CronExpressionGenerator.hourly(),
        **baseline,
    )
    return SimpleNamespace(monitor=monitor, endpoint=name, name=monitor.monitoring_schedule_name)


@pytest.fixture
def one_time():
    """Return the arguments of a schedule that analyses the last hour now."""
    return dict(HOUR)
