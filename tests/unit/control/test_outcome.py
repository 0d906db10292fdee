"""The end of a job, and of jobs whose workers died."""

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import select

from open_model_monitor.control.job_runner import JobOutcome
from open_model_monitor.control.outcome import claim_job, finish_job, take_up_again
from open_model_monitor.control.tables import executions, jobs, metric_values, outbox
from support.clients import now

DONE = JobOutcome("Completed", "Completed: Job completed successfully with no violations.", None, {}, [])
VIOLATED = JobOutcome("Completed", "CompletedWithViolations: 2", None, {"violations": 2}, [])
FAILED = JobOutcome("Failed", None, "it broke", {}, [])


@pytest.fixture
def job(store, clock, scheduled):
    """Queue the analysis job of an execution; returns a function that claims it."""
    scheduled(config=now("schedule"))
    with store.begin() as transaction:
        execution = transaction.one(select(executions))
        times = {"created": clock(), "modified": clock()}
        row = {"id": "1", "account": "000000000000", "region": "us-east-1", "name": "job", **times}
        links = {"execution": execution["id"], "role": "analysis", "stop_requested": False, "attempt": 0}
        transaction.insert(jobs, **row, **links, status="InProgress", request={})
        transaction.update(
            executions, {"id": execution["id"]}, status="InProgress", job="job", stage="analysing"
        )


def end(store, settings, clock, outcome):
    job = claim_job(store, settings, clock())
    with store.begin() as transaction:
        assert finish_job(transaction, job, outcome, settings, clock())
    with store.read() as transaction:
        return transaction.get(jobs, id="1"), transaction.one(select(executions))


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize(
    ("outcome", "job_status", "status", "failure"),
    [
        (DONE, "Completed", "Completed", None),
        (VIOLATED, "Completed", "CompletedWithViolations", None),
        (
            JobOutcome("Completed", "fine", None, {"violations": 1}, []),
            "Completed",
            "CompletedWithViolations",
            None,
        ),
        (FAILED, "Failed", "Failed", "it broke"),
        (JobOutcome("Stopped", None, "too long", {}, []), "Stopped", "Stopped", "too long"),
    ],
)
def test_the_execution_follows_its_job(store, settings, clock, outcome, job_status, status, failure):
    job, execution = end(store, settings, clock, outcome)
    assert (job["status"], job["ended"], job["owner"]) == (job_status, clock(), None)
    assert (execution["status"], execution["failure"]) == (status, failure)


@pytest.mark.usefixtures("job")
def test_a_merge_that_is_done_hands_on(store, settings, clock):
    with store.begin() as transaction:
        transaction.update(jobs, {"id": "1"}, role="merge")
        transaction.update(executions, {"job": "job"}, job=None, merge_job="job", stage="merging")
    _, execution = end(store, settings, clock, DONE)
    assert (execution["status"], execution["stage"], execution["job"]) == ("InProgress", "merged", None)


@pytest.mark.usefixtures("job")
def test_a_merge_that_fails_can_be_found(store, settings, clock):
    with store.begin() as transaction:
        transaction.update(jobs, {"id": "1"}, role="merge")
        transaction.update(executions, {"job": "job"}, job=None, merge_job="job", stage="merging")
    _, execution = end(store, settings, clock, FAILED)
    assert (execution["status"], execution["job"]) == ("Failed", "job")


@pytest.mark.usefixtures("job")
def test_metrics_and_alerts_come_with_it(store, settings, clock):
    lines = [{"MetricName": "m", "Value": 1}]
    sinks = dataclasses.replace(settings, metric_sinks=("cloudwatch",))
    end(store, sinks, clock, dataclasses.replace(VIOLATED, metrics=lines))
    with store.read() as transaction:
        [metric] = transaction.all(select(metric_values))
        topics = sorted(row["topic"] for row in transaction.all(select(outbox)))
    assert metric["namespace"] == "aws/sagemaker/Endpoints/data-metrics"
    assert topics == ["alert", "metrics"]


@pytest.mark.usefixtures("job")
def test_a_job_is_claimed_once(store, settings, clock):
    first = claim_job(store, settings, clock())
    assert (first["attempt"], first["started"]) == (1, clock())
    assert claim_job(store, settings, clock()) is None


@pytest.mark.usefixtures("job")
def test_whoever_was_believed_dead_records_nothing(store, settings, clock):
    first = claim_job(store, settings, clock())
    clock.forward(seconds=61)
    assert take_up_again(store, settings, clock()) == 1
    second = claim_job(store, settings, clock())
    assert second["attempt"] == 2
    with store.begin() as transaction:
        assert not finish_job(transaction, first, FAILED, settings, clock())
        assert finish_job(transaction, second, DONE, settings, clock())
    with store.read() as transaction:
        assert transaction.get(jobs, id="1")["status"] == "Completed"


@pytest.mark.usefixtures("job")
def test_a_job_that_lives_is_left_alone(store, settings, clock):
    claim_job(store, settings, clock())
    clock.forward(seconds=59)
    assert take_up_again(store, settings, clock()) == 0


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize(("policy", "attempts"), [("fail", 1), ("rerun", 3)])
def test_what_may_not_be_repeated_fails_with_its_reason(store, settings, clock, policy, attempts):
    strict = dataclasses.replace(settings, resume_policy=policy)
    for _ in range(attempts):
        assert claim_job(store, strict, clock()) is not None
        clock.now += timedelta(minutes=2)
        take_up_again(store, strict, clock())
    with store.read() as transaction:
        job, execution = transaction.get(jobs, id="1"), transaction.one(select(executions))
    assert (job["status"], execution["status"]) == ("Failed", "Failed")
    assert "lost its worker" in job["failure"]


def test_an_execution_whose_worker_died_waits_again(store, settings, clock, scheduled):
    scheduled(config=now("schedule"))
    with store.begin() as transaction:
        transaction.update(executions, {"schedule": "schedule"}, owner="dead", lease=clock())
    clock.forward(seconds=1)
    assert take_up_again(store, settings, clock()) == 1
    with store.read() as transaction:
        assert transaction.one(select(executions))["owner"] is None
