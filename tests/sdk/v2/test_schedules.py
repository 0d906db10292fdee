"""Hourly schedules: create, describe, update, stop, start, delete, attach (checks 3, 7, 9, 10, 13, 16)."""

import pytest
from botocore.exceptions import ClientError
from documents import definition, schedule
from harness import DEMO, ROLE, serving, unique
from sagemaker.model_monitor import CronExpressionGenerator, DefaultModelMonitor, EndpointInput
from sagemaker.s3 import S3Uploader

HOURLY = CronExpressionGenerator.hourly()


def test_both_scripts_hourly(monitor, endpoint, baseline, session, bucket):
    """Check 3: what the published example does, its slips corrected."""
    code = f"s3://{bucket}/{unique('code')}"
    preprocessor = S3Uploader.upload(str(DEMO / "preprocessor.py"), code, sagemaker_session=session)
    postprocessor = S3Uploader.upload(str(DEMO / "postprocessor.py"), code, sagemaker_session=session)
    monitored, name = endpoint(), unique("scripted")
    monitor.create_monitoring_schedule(
        endpoint_input=monitored,
        record_preprocessor_script=preprocessor,
        post_analytics_processor_script=postprocessor,
        output_s3_uri=f"s3://{bucket}/reports",
        monitor_schedule_name=name,
        schedule_cron_expression=HOURLY,
        enable_cloudwatch_metrics=True,
        **baseline,
    )
    described = monitor.describe_schedule()
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    assert described["MonitoringScheduleName"] == name
    assert described["EndpointName"] == monitored
    assert described["MonitoringType"] == "DataQuality"
    assert "LastMonitoringExecutionSummary" not in described
    config = described["MonitoringScheduleConfig"]
    assert config["MonitoringType"] == "DataQuality"
    assert "MonitoringJobDefinition" not in config
    assert config["ScheduleConfig"] == {"ScheduleExpression": HOURLY}
    definition = session.sagemaker_client.describe_data_quality_job_definition(
        JobDefinitionName=config["MonitoringJobDefinitionName"]
    )
    application = definition["DataQualityAppSpecification"]
    assert application["RecordPreprocessorSourceUri"] == preprocessor
    assert application["PostAnalyticsProcessorSourceUri"] == postprocessor
    assert application["ImageUri"].endswith("sagemaker-model-monitor-analyzer")
    assert monitor.list_executions() == []


def test_scripts_of_this_machine_are_uploaded(monitor, endpoint, session):
    monitor.create_monitoring_schedule(
        endpoint_input=EndpointInput(endpoint(), "/opt/ml/processing/input/endpoint"),
        record_preprocessor_script=str(DEMO / "preprocessor.py"),
        post_analytics_processor_script=str(DEMO / "postprocessor.py"),
        monitor_schedule_name=unique("uploaded"),
        schedule_cron_expression=HOURLY,
    )
    definition = session.sagemaker_client.describe_data_quality_job_definition(
        JobDefinitionName=monitor.job_definition_name
    )
    address = definition["DataQualityAppSpecification"]["RecordPreprocessorSourceUri"]
    bucket, _, key = address.removeprefix("s3://").partition("/")
    read = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert read == (DEMO / "preprocessor.py").read_bytes()


def test_a_new_cadence_keeps_the_definition(hourly):
    before = hourly.monitor.describe_schedule()
    hourly.monitor.update_monitoring_schedule(schedule_cron_expression=CronExpressionGenerator.daily(hour=5))
    after = hourly.monitor.describe_schedule()
    config = dict(before["MonitoringScheduleConfig"])
    config["ScheduleConfig"] = {"ScheduleExpression": "cron(0 5 ? * * *)"}
    assert after["MonitoringScheduleConfig"] == config
    assert after["LastModifiedTime"] > before["LastModifiedTime"]
    assert after["CreationTime"] == before["CreationTime"]


def test_a_new_definition_keeps_the_cadence(hourly, session):
    old = hourly.monitor.job_definition_name
    hourly.monitor.update_monitoring_schedule(env={"TEAM": "churn"}, instance_count=2)
    config = hourly.monitor.describe_schedule()["MonitoringScheduleConfig"]
    assert config["ScheduleConfig"] == {"ScheduleExpression": HOURLY}
    new = config["MonitoringJobDefinitionName"]
    assert new == hourly.monitor.job_definition_name != old
    describe = session.sagemaker_client.describe_data_quality_job_definition
    before, after = describe(JobDefinitionName=old), describe(JobDefinitionName=new)
    assert after["JobResources"]["ClusterConfig"]["InstanceCount"] == 2
    assert after["DataQualityAppSpecification"]["Environment"]["TEAM"] == "churn"
    for unchanged in ("DataQualityJobInput", "DataQualityBaselineConfig", "DataQualityJobOutputConfig"):
        assert after[unchanged] == before[unchanged]


def test_stop_and_start_twice(hourly):
    def status():
        return hourly.monitor.describe_schedule()["MonitoringScheduleStatus"]

    for _ in range(2):
        hourly.monitor.stop_monitoring_schedule()
        assert status() == "Stopped"
    for _ in range(2):
        hourly.monitor.start_monitoring_schedule()
        assert status() == "Scheduled"


def test_an_update_wakes_a_stopped_schedule(hourly):
    hourly.monitor.stop_monitoring_schedule()
    hourly.monitor.update_monitoring_schedule(max_runtime_in_seconds=1800)
    assert hourly.monitor.describe_schedule()["MonitoringScheduleStatus"] == "Scheduled"


def test_delete_takes_the_definition_with_it(hourly, session):
    client, definition = session.sagemaker_client, hourly.monitor.job_definition_name
    with pytest.raises(ClientError, match=hourly.name) as locked:
        client.delete_data_quality_job_definition(JobDefinitionName=definition)
    assert locked.value.response["Error"]["Code"] == "ValidationException"
    hourly.monitor.delete_monitoring_schedule()
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_data_quality_job_definition(JobDefinitionName=definition)
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_monitoring_schedule(MonitoringScheduleName=hourly.name)


def test_a_name_too_long_then_a_good_one(monitor, endpoint, session):
    """Check 13: the same object creates its schedule after a refusal, and leaves no definition behind."""
    monitored = endpoint()
    with pytest.raises(ClientError) as refused:
        monitor.create_monitoring_schedule(
            endpoint_input=monitored, monitor_schedule_name="x" * 70, schedule_cron_expression=HOURLY
        )
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    listed = session.sagemaker_client.list_data_quality_job_definitions(EndpointName=monitored)
    assert listed["JobDefinitionSummaries"] == []
    monitor.create_monitoring_schedule(
        endpoint_input=monitored, monitor_schedule_name=unique("good"), schedule_cron_expression=HOURLY
    )
    assert monitor.describe_schedule()["MonitoringScheduleStatus"] == "Scheduled"


def test_a_name_that_is_taken(hourly, session):
    second = DefaultModelMonitor(role=ROLE, sagemaker_session=session)
    with pytest.raises(ClientError, match="already exists") as refused:
        second.create_monitoring_schedule(endpoint_input=hourly.endpoint, monitor_schedule_name=hourly.name)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"


@pytest.mark.parametrize(
    "expression",
    [
        CronExpressionGenerator.daily(hour=23),
        CronExpressionGenerator.daily_every_x_hours(12, 17),
        "cron(0 * * * ? *)",  # what the SDK's own integration tests send
        None,
    ],
)
def test_expressions(monitor, endpoint, expression):
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint(), monitor_schedule_name=unique("cron"), schedule_cron_expression=expression
    )
    config = monitor.describe_schedule()["MonitoringScheduleConfig"]
    assert config.get("ScheduleConfig", {}).get("ScheduleExpression") == expression


def test_finer_schedules_are_an_extension(hourly, tmp_path):
    """Check 16: refused in AWS's words by default, accepted where the operator says so."""
    often = "cron(*/5 * ? * * *)"
    with pytest.raises(ClientError, match="scheduleExpression") as refused:
        hourly.monitor.update_monitoring_schedule(schedule_cron_expression=often)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with serving(tmp_path, schedule_extended="true", endpoint_validation="off") as extended:
        client = hourly.monitor.sagemaker_session.boto_session.client("sagemaker", endpoint_url=extended.url)
        client.create_data_quality_job_definition(**definition("DataQuality", "often", "anything"))
        schedule(client, "often", "often", {"ScheduleExpression": often})
        config = client.describe_monitoring_schedule(MonitoringScheduleName="often")[
            "MonitoringScheduleConfig"
        ]
        assert config["ScheduleConfig"]["ScheduleExpression"] == often
