"""What is old goes, what is needed stays."""

import dataclasses

import pytest
from sqlalchemy import select

from open_model_monitor.control.executions import end_execution
from open_model_monitor.control.retention import forget_old
from open_model_monitor.control.tables import executions, jobs, log_events, metric_values
from support.clients import ANALYZER, CLUSTER, ROLE, now


@pytest.fixture
def past(call, store, clock, scheduled):
    """Leave an execution with its job, a log and a metric."""
    scheduled(config=now("schedule"))
    request = {"ProcessingJobName": "job", "ProcessingResources": CLUSTER, "RoleArn": ROLE}
    call("CreateProcessingJob", **request, AppSpecification={"ImageUri": ANALYZER})
    with store.begin() as transaction:
        job, execution = transaction.one(select(jobs)), transaction.one(select(executions))
        transaction.update(
            jobs, {"id": job["id"]}, status="Completed", ended=clock(), execution=execution["id"]
        )
        transaction.update(executions, {"id": execution["id"]}, job="job")
        end_execution(transaction, execution, "Completed", now=clock())
        transaction.insert(log_events, job=job["id"], stream="s", place=0, time=clock(), message="m")
        realm = {"account": "000000000000", "region": "us-east-1"}
        transaction.insert(
            metric_values, **realm, namespace="n", name="m", dimensions="{}", time=clock(), value=1.0
        )


def count(store, table):
    with store.read() as transaction:
        return len(transaction.all(select(table)))


@pytest.mark.usefixtures("past")
def test_each_has_its_time(store, settings, clock):
    kept = dict.fromkeys((executions, jobs, log_events, metric_values), 1)
    for days, gone in ((29, ()), (2, (log_events,)), (60, (executions, jobs, metric_values))):
        clock.forward(days=days)
        forget_old(store, settings, clock())
        kept |= dict.fromkeys(gone, 0)
        assert {table: count(store, table) for table in kept} == kept


@pytest.mark.usefixtures("past")
def test_for_ever(store, settings, clock):
    forever = dict.fromkeys(("retention_days", "log_retention_days", "metric_retention_days"), 0)
    clock.forward(days=9999)
    forget_old(store, dataclasses.replace(settings, **forever), clock())
    assert [count(store, table) for table in (executions, jobs, log_events, metric_values)] == [1, 1, 1, 1]


@pytest.mark.usefixtures("past")
def test_an_execution_never_names_a_job_that_is_gone(store, settings, clock):
    with store.begin() as transaction:
        transaction.update(executions, {"job": "job"}, modified=clock())
        clock.forward(days=50)
        transaction.update(executions, {"job": "job"}, modified=clock())
    clock.forward(days=50)
    forget_old(store, settings, clock())
    with store.read() as transaction:
        assert [row["job"] for row in transaction.all(select(executions))] == [None]


def test_what_runs_is_never_forgotten(store, settings, clock, scheduled):
    scheduled(config=now("schedule"))
    clock.forward(days=9999)
    forget_old(store, settings, clock())
    assert count(store, executions) == 1
