"""ModelMonitor: a schedule for an image of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from open_model_monitor.sdk.baselining import BaseliningMonitor
from open_model_monitor.sdk.definitions import ENDPOINT_INPUT, network_of
from open_model_monitor.sdk.inputs import (
    BatchTransformInput,
    EndpointInput,
    MonitoringOutput,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    given,
)
from open_model_monitor.sdk.jobs import BaseliningJob
from open_model_monitor.sdk.schedules import address_of, cadence, input_of
from open_model_monitor.sdk.session import Session, named, session_of

JSON = dict[str, Any]
DEFINITION = "MonitoringJobDefinition"


class ModelMonitor(BaseliningMonitor):
    """Runs an image over captures; its definition lies inside of its schedule."""

    def __init__(
        self,
        role: str | None = None,
        image_uri: str | None = None,
        instance_count: int = 1,
        instance_type: str = "ml.m5.xlarge",
        entrypoint: Sequence[str] | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: str | None = None,
        output_kms_key: str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        sagemaker_session: Session | None = None,
        env: dict[str, str] | None = None,
        tags: Sequence[JSON] | None = None,
        network_config: NetworkConfig | None = None,
    ) -> None:
        super().__init__(
            role,
            instance_count,
            instance_type,
            volume_size_in_gb,
            volume_kms_key,
            output_kms_key,
            max_runtime_in_seconds,
            base_job_name,
            sagemaker_session,
            env,
            tags,
            network_config,
        )
        self.image_uri, self.entrypoint = image_uri, entrypoint
        self.arguments: Sequence[str] | None = None

    @classmethod
    def monitoring_type(cls) -> str:
        """Raise: an image of one's own monitors what it likes."""
        raise TypeError("ModelMonitor has no monitoring type; DefaultModelMonitor and its like have")

    def run_baseline(
        self,
        baseline_inputs: Sequence[ProcessingInput],
        output: ProcessingOutput,
        arguments: Sequence[str] | None = None,
        wait: bool = True,
        logs: bool = True,
        job_name: str | None = None,
    ) -> BaseliningJob:
        """Run the image over inputs.

        Raises UnexpectedStatusException if it was waited for and failed.
        """
        return self._baseline_job(
            self.image_uri or "",
            baseline_inputs,
            output,
            self.env,
            name=job_name or named(self.base_job_name or "baseline-suggestion-job"),
            entrypoint=self.entrypoint,
            arguments=arguments,
            wait=wait,
            logs=logs,
        )

    def create_monitoring_schedule(
        self,
        endpoint_input: str | EndpointInput | None = None,
        output: MonitoringOutput | None = None,
        statistics: Any = None,
        constraints: Any = None,
        monitor_schedule_name: str | None = None,
        schedule_cron_expression: str | None = None,
        batch_transform_input: BatchTransformInput | None = None,
        arguments: Sequence[str] | None = None,
        data_analysis_start_time: str | None = None,
        data_analysis_end_time: str | None = None,
    ) -> None:
        """Run the image over captures on schedule; raises ApiError (or boto3's error) for what is refused."""
        name = monitor_schedule_name or named(self.base_job_name or "monitoring-schedule")
        self.arguments = arguments
        documents = {"StatisticsResource": statistics, "ConstraintsResource": constraints}
        definition = self._definition(
            input_of(endpoint_input, batch_transform_input, ENDPOINT_INPUT) or {},
            {"MonitoringOutputs": [output._to_request_dict()] if output else []},
            {member: {"S3Uri": address_of(one)} for member, one in documents.items() if one is not None},
        )
        schedule = cadence(schedule_cron_expression, data_analysis_start_time, data_analysis_end_time)
        self._client.create_monitoring_schedule(
            MonitoringScheduleName=name,
            MonitoringScheduleConfig={DEFINITION: definition, **schedule},
            **({"Tags": list(self.tags)} if self.tags else {}),
        )
        self.monitoring_schedule_name = name

    def update_monitoring_schedule(
        self,
        endpoint_input: str | EndpointInput | None = None,
        output: MonitoringOutput | None = None,
        statistics: Any = None,
        constraints: Any = None,
        schedule_cron_expression: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        entrypoint: Sequence[str] | None = None,
        volume_size_in_gb: int | None = None,
        volume_kms_key: str | None = None,
        output_kms_key: str | None = None,
        arguments: Sequence[str] | None = None,
        max_runtime_in_seconds: int | None = None,
        env: dict[str, str] | None = None,
        network_config: NetworkConfig | None = None,
        role: str | None = None,
        image_uri: str | None = None,
        batch_transform_input: BatchTransformInput | None = None,
        data_analysis_start_time: str | None = None,
        data_analysis_end_time: str | None = None,
    ) -> None:
        """Change what is given; the rest stays."""
        members = given(
            instance_count=instance_count,
            instance_type=instance_type,
            entrypoint=entrypoint,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=volume_kms_key,
            output_kms_key=output_kms_key,
            arguments=arguments,
            max_runtime_in_seconds=max_runtime_in_seconds,
            env=env,
            network_config=network_config,
            role=role,
            image_uri=image_uri,
        )
        for name, value in members.items():
            setattr(self, name, value)
        config = self.describe_schedule()["MonitoringScheduleConfig"]
        known = config[DEFINITION]
        documents = {"StatisticsResource": statistics, "ConstraintsResource": constraints}
        changed = {name: {"S3Uri": address_of(one)} for name, one in documents.items() if one is not None}
        definition = self._definition(
            input_of(endpoint_input, batch_transform_input, ENDPOINT_INPUT) or known["MonitoringInputs"][0],
            {"MonitoringOutputs": [output._to_request_dict()]} if output else known["MonitoringOutputConfig"],
            known.get("BaselineConfig", {}) | changed,
        )
        schedule = cadence(schedule_cron_expression, data_analysis_start_time, data_analysis_end_time)
        kept = {"ScheduleConfig": config["ScheduleConfig"]} if "ScheduleConfig" in config else {}
        self._client.update_monitoring_schedule(
            MonitoringScheduleName=self._schedule,
            MonitoringScheduleConfig={DEFINITION: definition, **(schedule or kept)},
        )
        self._settle()

    def _definition(self, data: JSON, output: JSON, baseline: JSON) -> JSON:
        application = given(
            ImageUri=self.image_uri,
            ContainerEntrypoint=self.entrypoint and list(self.entrypoint),
            ContainerArguments=self.arguments and list(self.arguments),
        )
        return {
            "MonitoringInputs": [data],
            "MonitoringOutputConfig": output | given(KmsKeyId=self.output_kms_key),
            "MonitoringResources": self._cluster(),
            "MonitoringAppSpecification": application,
            "RoleArn": self.role,
            "Environment": dict(self.env or {}),
            **({"BaselineConfig": baseline} if baseline else {}),
            **self._limits(),
        }

    @classmethod
    def attach(cls, monitor_schedule_name: str, sagemaker_session: Session | None = None) -> Self:
        """Return the monitor of a schedule that exists.

        Raises TypeError if its definition is not its own.
        """
        session = session_of(sagemaker_session)
        client = session.sagemaker_client
        schedule = client.describe_monitoring_schedule(MonitoringScheduleName=monitor_schedule_name)
        known = schedule["MonitoringScheduleConfig"].get(DEFINITION)
        if known is None:
            raise TypeError(
                f"ModelMonitor can only attach to schedules with a definition of their own; "
                f"{monitor_schedule_name} names {schedule['MonitoringScheduleConfig']['MonitoringJobDefinitionName']}"
            )
        cluster, application = (
            known["MonitoringResources"]["ClusterConfig"],
            known["MonitoringAppSpecification"],
        )
        made = cls(
            role=known["RoleArn"],
            image_uri=application["ImageUri"],
            instance_count=cluster["InstanceCount"],
            instance_type=cluster["InstanceType"],
            entrypoint=application.get("ContainerEntrypoint"),
            volume_size_in_gb=cluster["VolumeSizeInGB"],
            volume_kms_key=cluster.get("VolumeKmsKeyId"),
            output_kms_key=known["MonitoringOutputConfig"].get("KmsKeyId"),
            max_runtime_in_seconds=known.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"),
            sagemaker_session=session,
            env=known.get("Environment"),
            tags=client.list_tags(ResourceArn=schedule["MonitoringScheduleArn"])["Tags"],
            network_config=network_of(known.get("NetworkConfig")),
        )
        made.monitoring_schedule_name = monitor_schedule_name
        made.arguments = application.get("ContainerArguments")
        return made
