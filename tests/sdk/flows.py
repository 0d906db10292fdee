"""What monitors of every class go through, with whichever SDK is imported."""

import pytest
from harness import ROLE
from sagemaker.model_monitor import CronExpressionGenerator
from sagemaker.network import NetworkConfig

HOURLY = CronExpressionGenerator.hourly()
GROUND_TRUTH = "s3://labels/churn"


def made(kind, session, **more):
    """Return a monitor with limits, tags, and a network that lacks one of its switches."""
    network = NetworkConfig(
        enable_network_isolation=False, security_group_ids=["sg-0123456789abcdef0"], subnets=["subnet-1"]
    )
    return kind(
        role=ROLE,
        instance_type="ml.m5.large",
        max_runtime_in_seconds=1800,
        tags=[{"Key": "team", "Value": "churn"}],
        network_config=network,
        sagemaker_session=session,
        **more,
    )


def attach_update_delete(scheduled, family, session):
    """Attach to a monitor with an hourly schedule, change it, stop, start and delete it."""
    kind, client, name = type(scheduled), session.sagemaker_client, scheduled.monitoring_schedule_name
    attached = kind.attach(name, sagemaker_session=session)
    assert attached.monitoring_schedule_name == name
    assert attached.role == ROLE
    assert attached.instance_type == "ml.m5.large"
    assert attached.max_runtime_in_seconds == 1800
    assert attached.tags == [{"Key": "team", "Value": "churn"}]
    assert attached.network_config.subnets == ["subnet-1"]
    assert attached.network_config.encrypt_inter_container_traffic is False
    assert attached.job_definition_name == scheduled.job_definition_name
    described = attached.describe_schedule()
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    assert ("MonitoringJobDefinition" in described["MonitoringScheduleConfig"]) == (family is None)

    attached.update_monitoring_schedule(max_runtime_in_seconds=900)
    config = attached.describe_schedule()["MonitoringScheduleConfig"]
    assert config["ScheduleConfig"]["ScheduleExpression"] == HOURLY  # check 8: also if the SDK leaves it out
    if family:
        describe = getattr(client, f"describe_{family}_job_definition")
        definition = describe(JobDefinitionName=attached.job_definition_name)
        old = describe(JobDefinitionName=scheduled.job_definition_name)
        assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 900}
        assert old["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}
    else:
        definition = config["MonitoringJobDefinition"]
        assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 900}
        assert definition["Environment"] == {"TEAM": "churn"}

    attached.update_monitoring_schedule(schedule_cron_expression=CronExpressionGenerator.daily())
    attached.stop_monitoring_schedule()
    attached.start_monitoring_schedule()
    assert attached.describe_schedule()["MonitoringScheduleStatus"] == "Scheduled"
    attached.delete_monitoring_schedule()
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_monitoring_schedule(MonitoringScheduleName=name)
