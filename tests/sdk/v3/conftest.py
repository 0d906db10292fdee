"""Sessions, baselines and monitors of the SageMaker SDK, generation 3."""

import pytest
from harness import ROLE, TRAINING
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.model_monitor import CronExpressionGenerator, DatasetFormat, DefaultModelMonitor


@pytest.fixture(scope="session")
def session(server):
    return Session()


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
def one_time():
    """Return the arguments of a schedule that analyses the last hour now."""
    return {
        "schedule_cron_expression": CronExpressionGenerator.now(),
        "data_analysis_start_time": "-PT1H",
        "data_analysis_end_time": "-PT0H",
    }
