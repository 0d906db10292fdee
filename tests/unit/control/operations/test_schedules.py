"""Schedules and executions: the rules that shapes cannot say."""

import pytest
from sqlalchemy import select

from open_model_monitor.control.service import Service
from open_model_monitor.control.tables import alerts, executions, schedules
from open_model_monitor.errors import AlreadyExists, InvalidRequest, LimitExceeded, NotFound
from open_model_monitor.settings import Settings
from support.clients import HOURLY, definition, embedded, named, now

NAME = {"MonitoringScheduleName": "schedule"}


def create(call, config, name="schedule", **more):
    return call(
        "CreateMonitoringSchedule", MonitoringScheduleName=name, MonitoringScheduleConfig=config, **more
    )


def describe(call, name="schedule"):
    return call("DescribeMonitoringSchedule", MonitoringScheduleName=name)


def rows(store, table=executions):
    with store.read() as transaction:
        return transaction.all(select(table))


def test_a_schedule_is_described_as_it_was_created(call, scheduled, clock):
    scheduled()
    found = describe(call)
    assert found["MonitoringScheduleArn"].endswith(":monitoring-schedule/schedule")
    assert found["MonitoringScheduleStatus"] == "Scheduled"
    assert found["MonitoringScheduleConfig"] == named("schedule")
    assert found["EndpointName"] == "churn"
    assert found["CreationTime"] == clock().timestamp()
    assert "LastMonitoringExecutionSummary" not in found
    assert "FailureReason" not in found


def test_an_embedded_definition_is_told_with_what_the_sdk_looks_up(call):
    network = {"EnableNetworkIsolation": True}
    create(call, {"MonitoringJobDefinition": embedded(NetworkConfig=network)})
    config = describe(call)["MonitoringScheduleConfig"]
    assert config["MonitoringType"] == "DataQuality"
    assert config["MonitoringJobDefinition"]["Environment"] == {}
    assert config["MonitoringJobDefinition"]["NetworkConfig"] == {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": False,
    }
    assert "ScheduleConfig" not in config


def test_names_are_taken_once(call, scheduled):
    scheduled()
    with pytest.raises(AlreadyExists, match="already exists"):
        create(call, named("schedule"))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "Exactly one"),
        ({**named(), "MonitoringJobDefinition": embedded()}, "Exactly one"),
        ({"MonitoringJobDefinitionName": "definition"}, "MonitoringType"),
        ({"MonitoringJobDefinition": embedded(), "MonitoringType": "ModelBias"}, "ModelBias"),
        (named("missing"), "Could not find job definition missing"),
        (named(kind="ModelBias"), "Could not find job definition definition of type ModelBias"),
        (named(expression="cron(5 * ? * * *)"), "scheduleExpression"),
        (named(expression="NOW"), "NOW needs both"),
        (now(DataAnalysisStartTime="-PT30H"), "at most 24 hours"),
        (named(DataAnalysisStartTime="-PT1H", DataAnalysisEndTime="-PT2H"), "before the end"),
    ],
)
def test_configurations_that_are_refused(call, config, said):
    call("CreateDataQualityJobDefinition", **definition())
    with pytest.raises(InvalidRequest, match=said):
        create(call, config)


def test_what_the_sdk_does_after_a_refusal(call):
    """It deletes the definition that it made for the schedule."""
    call("CreateDataQualityJobDefinition", **definition())
    with pytest.raises(InvalidRequest):
        create(call, named(), name="x" * 70)
    call("DeleteDataQualityJobDefinition", JobDefinitionName="definition")


@pytest.mark.parametrize(
    ("how", "accepted"),
    [("off", True), ("lenient", False), ("strict", False)],
    ids=["off", "lenient", "strict"],
)
def test_an_endpoint_nobody_knows(store, clock, caller, how, accepted):
    service = Service(store, Settings(endpoint_validation=how), clock)
    request = {**NAME, "MonitoringScheduleConfig": {"MonitoringJobDefinition": embedded()}}
    if accepted:
        service.call("CreateMonitoringSchedule", request, caller)
    else:
        with pytest.raises(InvalidRequest, match="Could not find endpoint"):
            service.call("CreateMonitoringSchedule", request, caller)


def test_a_strict_server_wants_capture_enabled(store, clock, caller):
    service = Service(store, Settings(endpoint_validation="strict"), clock)
    variants = [{"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large"}]
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/c",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    for name, more in (("without", {}), ("with", {"DataCaptureConfig": capture})):
        config = {"EndpointConfigName": name, "ProductionVariants": variants, **more}
        service.call("CreateEndpointConfig", config, caller)
    request = {**NAME, "MonitoringScheduleConfig": {"MonitoringJobDefinition": embedded()}}
    service.call("CreateEndpoint", {"EndpointName": "churn", "EndpointConfigName": "without"}, caller)
    with pytest.raises(InvalidRequest, match="does not have data capture enabled"):
        service.call("CreateMonitoringSchedule", request, caller)
    service.call("UpdateEndpoint", {"EndpointName": "churn", "EndpointConfigName": "with"}, caller)
    service.call("CreateMonitoringSchedule", request, caller)


def test_a_time_limit_longer_than_the_period(call, store, clock, caller, caplog):
    long = {"MonitoringJobDefinition": embedded(StoppingCondition={"MaxRuntimeInSeconds": 7200})}
    config = {**long, "ScheduleConfig": {"ScheduleExpression": HOURLY}}
    create(call, config)
    assert "it will be clamped" in caplog.text
    strict = Service(store, Settings(strict_runtime=True, endpoint_validation="off"), clock)
    request = {"MonitoringScheduleName": "other", "MonitoringScheduleConfig": config}
    with pytest.raises(InvalidRequest, match="3600 seconds"):
        strict.call("CreateMonitoringSchedule", request, caller)


def test_the_quota(store, clock, caller):
    service = Service(store, Settings(max_schedules=1, endpoint_validation="off"), clock)
    config = {"MonitoringJobDefinition": embedded()}
    service.call("CreateMonitoringSchedule", {**NAME, "MonitoringScheduleConfig": config}, caller)
    request = {"MonitoringScheduleName": "second", "MonitoringScheduleConfig": config}
    with pytest.raises(LimitExceeded, match="max_schedules of 1"):
        service.call("CreateMonitoringSchedule", request, caller)


def test_a_one_time_schedule_has_its_execution_at_once(call, scheduled, clock):
    scheduled(config=now("schedule"))
    summary = describe(call)["LastMonitoringExecutionSummary"]
    assert summary["MonitoringExecutionStatus"] == "Pending"
    assert summary["ScheduledTime"] == clock().timestamp()
    assert "ProcessingJobArn" not in summary


def test_an_update_without_a_cadence_keeps_it_and_starts_the_schedule(call, scheduled):
    scheduled()
    call("StopMonitoringSchedule", **NAME)
    call("CreateDataQualityJobDefinition", **definition(name="second"))
    call("UpdateMonitoringSchedule", **NAME, MonitoringScheduleConfig=named("second", expression=None))
    found = describe(call)
    assert found["MonitoringScheduleStatus"] == "Scheduled"
    assert found["MonitoringScheduleConfig"] == named("second")


def test_an_update_loses_no_tick_that_no_worker_has_seen_yet(call, scheduled, clock, store):
    scheduled()
    clock.forward(hours=2)
    call(
        "UpdateMonitoringSchedule",
        **NAME,
        MonitoringScheduleConfig=named("schedule", expression="cron(0 0 ? * * *)"),
    )
    assert sorted(row["scheduled"].hour for row in rows(store)) == [11, 12]
    assert (
        describe(call)["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"]
        == "cron(0 0 ? * * *)"
    )


def test_the_sdks_swapped_baseline_is_repaired(call):
    baseline = {
        "ConstraintsResource": {"S3Uri": "s3://b/constraints.json"},
        "StatisticsResource": {"S3Uri": "s3://b/statistics.json"},
    }
    create(call, {"MonitoringJobDefinition": embedded(BaselineConfig=baseline)})
    swapped = {"StatisticsResource": {"S3Uri": "s3://b/constraints.json"}}
    config = {"MonitoringJobDefinition": embedded(BaselineConfig=swapped)}
    call("UpdateMonitoringSchedule", **NAME, MonitoringScheduleConfig=config)
    kept = describe(call)["MonitoringScheduleConfig"]["MonitoringJobDefinition"]["BaselineConfig"]
    assert kept == baseline


def test_stop_and_start_may_be_said_twice(call, scheduled, clock, store):
    scheduled()
    for operation, status in (
        ("Stop", "Stopped"),
        ("Stop", "Stopped"),
        ("Start", "Scheduled"),
        ("Start", "Scheduled"),
    ):
        clock.forward(hours=2)
        call(f"{operation}MonitoringSchedule", **NAME)
        assert describe(call)["MonitoringScheduleStatus"] == status
    [row] = rows(store, schedules)
    assert row["due"].hour == (clock().hour - 2 + 1) % 24  # what was missed while it was stopped stays out


def test_deleting_stops_what_runs_and_keeps_the_history(call, scheduled, store):
    scheduled(config=now("schedule"))
    call("DeleteMonitoringSchedule", **NAME)
    with pytest.raises(NotFound):
        describe(call)
    call("DeleteDataQualityJobDefinition", JobDefinitionName="schedule")
    [listed] = call("ListMonitoringExecutions", **NAME)["MonitoringExecutionSummaries"]
    assert listed["MonitoringExecutionStatus"] == "Stopped"
    assert rows(store, alerts) == []


def test_a_strict_server_refuses_to_delete_what_runs(store, clock, caller):
    service = Service(store, Settings(strict_delete=True, endpoint_validation="off"), clock)
    timing = {"ScheduleExpression": "NOW", "DataAnalysisStartTime": "-PT1H", "DataAnalysisEndTime": "-PT0H"}
    config = {"MonitoringJobDefinition": embedded(), "ScheduleConfig": timing}
    service.call("CreateMonitoringSchedule", {**NAME, "MonitoringScheduleConfig": config}, caller)
    with pytest.raises(InvalidRequest, match="in progress"):
        service.call("DeleteMonitoringSchedule", NAME, caller)


def test_a_name_may_be_used_again_and_the_new_schedule_has_no_history_of_its_own(call, scheduled):
    scheduled(config=now("schedule"))
    call("DeleteMonitoringSchedule", **NAME)
    create(call, named("schedule"))
    assert "LastMonitoringExecutionSummary" not in describe(call)


def test_lists_filter_by_everything(call, scheduled, clock):
    scheduled("first")
    clock.forward(minutes=1)
    scheduled("second", kind="ModelBias")
    clock.forward(minutes=1)
    create(call, {"MonitoringJobDefinition": embedded()}, name="third")
    call("StopMonitoringSchedule", MonitoringScheduleName="third")

    def names(**filters):
        found = call("ListMonitoringSchedules", **filters)["MonitoringScheduleSummaries"]
        return [one["MonitoringScheduleName"] for one in found]

    assert names() == ["third", "second", "first"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["first", "second", "third"]
    assert names(MonitoringTypeEquals="ModelBias") == ["second"]
    assert names(StatusEquals="Stopped") == ["third"]
    assert names(NameContains="IR") == ["third", "first"]
    assert names(MonitoringJobDefinitionName="first") == ["first"]
    assert names(EndpointName="churn") == ["third", "second", "first"]
    assert names(EndpointName="another") == []
    assert names(CreationTimeAfter=clock().timestamp() - 60) == ["third"]
    assert names(CreationTimeBefore=clock().timestamp()) == ["second", "first"]


def test_executions_of_unknown_schedules_are_none(call):
    assert (
        call("ListMonitoringExecutions", MonitoringScheduleName="nobody")["MonitoringExecutionSummaries"]
        == []
    )
