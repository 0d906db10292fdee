"""The resource classes of generation 3, which check every answer against the service's shapes (check 19)."""

import pytest
from botocore.exceptions import ClientError
from documents import HOURLY, NOW, OUTPUT, definition, processing_job
from harness import TRAINING, drifted_captures, executions, unique
from sagemaker.core import shapes
from sagemaker.core.resources import (
    DataQualityJobDefinition,
    Endpoint,
    EndpointConfig,
    ModelBiasJobDefinition,
    ModelExplainabilityJobDefinition,
    ModelQualityJobDefinition,
    MonitoringAlert,
    MonitoringExecution,
    MonitoringSchedule,
    ProcessingJob,
    Tag,
)

DEFINITIONS = {
    "DataQuality": DataQualityJobDefinition,
    "ModelQuality": ModelQualityJobDefinition,
    "ModelBias": ModelBiasJobDefinition,
    "ModelExplainability": ModelExplainabilityJobDefinition,
}


@pytest.mark.parametrize("family", DEFINITIONS)
def test_definitions_and_schedules(session, endpoint, family):
    client, kind, name, monitored = session.sagemaker_client, DEFINITIONS[family], unique("typed"), endpoint()
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in family)
    getattr(client, f"create{words}_job_definition")(**definition(family, name, monitored))
    found = kind.get(job_definition_name=name)
    assert found.job_resources.cluster_config.instance_count == 1
    assert [one.job_definition_name for one in kind.get_all(endpoint_name=monitored)] == [name]

    config = shapes.MonitoringScheduleConfig(
        monitoring_job_definition_name=name,
        monitoring_type=family,
        schedule_config=shapes.ScheduleConfig(schedule_expression=HOURLY["ScheduleExpression"]),
    )
    schedule = MonitoringSchedule.create(monitoring_schedule_name=name, monitoring_schedule_config=config)
    assert schedule.monitoring_schedule_status == "Scheduled"
    assert schedule.endpoint_name == monitored
    (listed,) = MonitoringSchedule.get_all(endpoint_name=monitored)
    assert listed.monitoring_schedule_config.monitoring_job_definition_name == name
    schedule.stop()
    assert schedule.refresh().monitoring_schedule_status == "Stopped"
    schedule.start()
    schedule.wait_for_status("Scheduled", timeout=5)
    schedule.update(monitoring_schedule_config=config)
    (alert,) = MonitoringAlert.get_all(monitoring_schedule_name=name)
    assert alert.monitoring_alert_name
    schedule.delete()
    with pytest.raises(ClientError) as gone:
        schedule.refresh()
    assert gone.value.response["Error"]["Code"] == "ResourceNotFound"
    found.delete()
    with pytest.raises(ClientError):
        kind.get(job_definition_name=name)


def test_executions(session, endpoint, bucket):
    client, name = session.sagemaker_client, unique("listed")
    request = definition("DataQuality", name, endpoint(drifted_captures()))
    target = OUTPUT | {"S3Uri": f"s3://{bucket}/reports"}
    request["DataQualityJobOutputConfig"] = {"MonitoringOutputs": [{"S3Output": target}]}
    client.create_data_quality_job_definition(**request)
    client.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={
            "MonitoringJobDefinitionName": name,
            "MonitoringType": "DataQuality",
            "ScheduleConfig": NOW,
        },
    )
    executions(name)
    (found,) = MonitoringExecution.get_all(monitoring_schedule_name=name)
    assert found.monitoring_execution_status == "Completed"
    job = ProcessingJob.get(processing_job_name=found.processing_job_arn.rpartition("/")[2])
    assert job.processing_job_status == "Completed"
    assert job.processing_inputs[0].s3_input.s3_data_type == "S3Prefix"
    last = MonitoringSchedule.get(monitoring_schedule_name=name).last_monitoring_execution_summary
    assert last.processing_job_arn == found.processing_job_arn
    job.delete()
    (cleared,) = executions(name)
    assert "ProcessingJobArn" not in cleared


def test_processing_jobs(session, bucket):
    session.boto_session.client("s3").upload_file(str(TRAINING), bucket, "training.csv")
    name = unique("job")
    session.sagemaker_client.create_processing_job(**processing_job(name, bucket))
    job = ProcessingJob.get(processing_job_name=name)
    job.wait(poll=1, timeout=60)
    assert job.refresh().processing_job_status == "Completed"
    assert [one.processing_job_name for one in ProcessingJob.get_all(name_contains=name)] == [name]
    with pytest.raises(ClientError):
        job.stop()
    job.delete()
    with pytest.raises(ClientError, match="Could not find requested job with name"):
        job.refresh()


def test_endpoints_and_tags(endpoint):
    name = endpoint()
    found = Endpoint.get(endpoint_name=name)
    assert found.endpoint_status == "InService"
    assert found.data_capture_config.capture_status == "Started"
    config = EndpointConfig.get(endpoint_config_name=found.endpoint_config_name)
    assert config.data_capture_config.initial_sampling_percentage == 100
    Tag.add_tags(resource_arn=found.endpoint_arn, tags=[shapes.Tag(key="team", value="churn")])
    assert [(tag.key, tag.value) for tag in Tag.get_all(resource_arn=found.endpoint_arn)] == [
        ("team", "churn")
    ]
    Tag.delete_tags(resource_arn=found.endpoint_arn, tag_keys=["team"])
    assert list(Tag.get_all(resource_arn=found.endpoint_arn)) == []
    found.delete()
    with pytest.raises(ClientError, match="Could not find endpoint"):
        found.refresh()
