"""From an export to steps."""

from open_model_monitor.moving.export import Export
from open_model_monitor.moving.plan import moved_in, plan
from support.clients import definition

JOB = {
    "ProcessingJobStatus": "Completed",
    "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": "s3://b/out"}}]},
}


def only_by_job(**more):
    made = definition(name="d", DataQualityBaselineConfig={"BaseliningJobName": "j"})
    return Export(
        definitions={"DataQuality/d": {**made, "JobDefinitionArn": "arn", "CreationTime": "t"}}, **more
    )


def test_a_baseline_named_by_its_job_is_named_by_its_files():
    files = {"s3://b/out/statistics.json": b"{}", "s3://b/out/constraints.json": b"{}"}
    [step] = plan(only_by_job(jobs={"j": JOB}, files=files))
    assert step.request["DataQualityBaselineConfig"] == {
        "StatisticsResource": {"S3Uri": "s3://b/out/statistics.json"},
        "ConstraintsResource": {"S3Uri": "s3://b/out/constraints.json"},
    }
    assert "named by its files" in step.notes[0]
    assert not step.request.keys() & {"JobDefinitionArn", "CreationTime"}


def test_a_baseline_that_cannot_be_read_is_told():
    [step] = plan(only_by_job())
    assert "nothing is checked" in step.notes[0]


def test_one_time_schedules_wait_for_a_word():
    config = {"MonitoringJobDefinitionName": "d", "MonitoringType": "DataQuality"}
    timing = {"ScheduleConfig": {"ScheduleExpression": "NOW"}}
    known = {
        "MonitoringScheduleName": "once",
        "MonitoringScheduleStatus": "Stopped",
        "MonitoringScheduleConfig": config | timing,
    }
    export = Export(schedules=[known])
    assert plan(export)[0].action == "decide"
    assert plan(export, one_time=True)[0].action == "create"


def test_what_could_not_be_read_is_a_step_that_failed():
    [step] = plan(Export(failures={"file s3://b/x": "AccessDenied"}))
    assert (step.action, step.notes) == ("failed", ["AccessDenied"])


def test_addresses_are_replaced_wherever_they_are():
    moved = {"s3://a/x": "s3://b/x"}
    assert moved_in({"one": ["s3://a/x", {"two": "s3://a/x"}], "n": 1}, moved) == {
        "one": ["s3://b/x", {"two": "s3://b/x"}],
        "n": 1,
    }


def test_tags_of_services_are_left_out():
    tags = [{"Key": "aws:cloudformation:stack-id", "Value": "s"}, {"Key": "team", "Value": "churn"}]
    known = {**definition(name="d"), "JobDefinitionArn": "arn", "Tags": tags}
    [step] = plan(Export(definitions={"DataQuality/d": known}))
    assert step.request["Tags"] == tags[1:]
    assert "aws:cloudformation:stack-id belong to services" in step.notes[0]
