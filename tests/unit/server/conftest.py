"""An app over a store, asked without a socket."""

from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from open_model_monitor.control.keys import Keyring
from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Store
from open_model_monitor.server.app import App, Standins
from open_model_monitor.server.exposition import Exposition
from open_model_monitor.server.identify import Identify
from open_model_monitor.server.standins.local import local_standins
from open_model_monitor.server.standins.logs import Logs
from open_model_monitor.server.standins.metrics import Metrics
from open_model_monitor.settings import Settings
from support.clients import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(tmp_path):
    return Settings(data=str(tmp_path), secret_key="test")


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/omm.db")
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def keyring(store, settings):
    return Keyring(store, settings)


@pytest.fixture
def caller():
    return Caller("000000000000", "us-east-1")


@pytest.fixture
def app(store, settings, keyring, clock, tmp_path):
    """Yield a function that makes an app in a mode of authentication."""
    stack = ExitStack()

    def app(mode="none", local=True):
        operations = {"logs": Logs(store).answer, "monitoring": Metrics(store, clock).answer}
        objects = None
        if local:
            where = {"account": settings.account, "bucket": "sagemaker", "region": "us-east-1"}
            beside, objects = stack.enter_context(local_standins(tmp_path, **where, clock=clock))
            operations |= beside
        identify = Identify(settings, keyring, mode, clock)
        service = Service(store, settings, clock)
        return App(service, identify, Standins(operations, objects), Exposition(store, clock))

    with stack:
        yield app


@pytest.fixture
def client(app):
    with TestClient(app().asgi, base_url="http://127.0.0.1") as client:
        yield client
