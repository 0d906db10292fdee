"""A service over each database."""

import pytest
from sqlalchemy import select

from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import executions
from open_model_monitor.settings import CaptureLocation, Settings
from support.clients import Clock, definition, named, now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings():
    return Settings(capture_locations=(CaptureLocation("*", "s3://b/captures"),))


@pytest.fixture
def store(database):
    store = Store(database)
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def service(store, settings, clock):
    return Service(store, settings, clock)


@pytest.fixture
def caller():
    return Caller("000000000000", "us-east-1")


@pytest.fixture
def call(service, caller):
    """Return a function that calls an operation with members as keywords."""

    def call(operation, caller=caller, **request):
        return service.call(operation, request, caller)

    return call


@pytest.fixture
def scheduled(call):
    """Return a function that creates a schedule with its definition."""

    def scheduled(name="schedule", kind="DataQuality", config=None):
        call(f"Create{kind}JobDefinition", **definition(kind, name))
        call(
            "CreateMonitoringSchedule",
            MonitoringScheduleName=name,
            MonitoringScheduleConfig=config or named(name, kind),
        )

    return scheduled


@pytest.fixture
def execution(call, store):
    """Return a function that creates a definition and a one-time schedule of it, and returns the execution."""

    def execution(kind="DataQuality", inputs=None, **more):
        call(f"Create{kind}JobDefinition", **definition(kind, inputs=inputs, **more))
        config = now("definition", kind)
        call("CreateMonitoringSchedule", MonitoringScheduleName="schedule", MonitoringScheduleConfig=config)
        with store.read() as transaction:
            return transaction.one(select(executions))

    return execution
