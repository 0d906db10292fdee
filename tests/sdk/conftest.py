"""Every test speaks to a server process of its own machine, and to nothing else."""

import os

import boto3
import pytest
from harness import put_captures, register_endpoint, serving, unique, watch

_elsewhere = watch()
# Importing generation 2 of the SDK already makes a client, and looks for credentials.
for name in [name for name in os.environ if name.startswith(("AWS_", "SAGEMAKER_"))]:
    del os.environ[name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
os.environ |= {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}


@pytest.fixture(scope="session", autouse=True)
def server(tmp_path_factory):
    """Run a server, and point every client of this process at it as `omm client-env` says."""
    with serving(tmp_path_factory.mktemp("server")) as server:
        os.environ |= server.environment
        yield server


@pytest.fixture(autouse=True)
def elsewhere():
    """Give the hosts that were tried elsewhere; a test that leaves one fails (check 21)."""
    yield _elsewhere
    found = list(_elsewhere)
    _elsewhere.clear()
    assert found == []


@pytest.fixture(scope="session")
def bucket(server):
    """Return a bucket for captures and results."""
    name = unique("monitoring")
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def endpoint(bucket):
    """Return a function that registers an endpoint with captures of the present hour and returns its name."""

    def make(lines=()):
        name = unique("endpoint")
        register_endpoint(name, bucket)
        if lines:
            put_captures(bucket, f"model-monitor/data-capture/{name}/AllTraffic", lines)
        return name

    return make
