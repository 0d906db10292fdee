"""Monitors whose schedule names a job definition: of data quality and of model quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from open_model_monitor.errors import UsageError
from open_model_monitor.sdk.baselining import OUTPUT, BaseliningMonitor
from open_model_monitor.sdk.embedded import EMBEDDED, FAMILY, as_definition, as_embedded
from open_model_monitor.sdk.inputs import NetworkConfig, given
from open_model_monitor.sdk.schedules import address_of
from open_model_monitor.sdk.session import Session, named, session_of, unique_folder

JSON = dict[str, Any]
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
ENDPOINT_INPUT = "/opt/ml/processing/input/endpoint"


class DefinedMonitor(BaseliningMonitor):
    """Creates a definition and a schedule of it, and a new definition whenever something of it changes."""

    JOB_DEFINITION_BASE_NAME: ClassVar[str] = ""
    _family: ClassVar[str] = ""  # as operations and members of requests name it

    def __init__(
        self,
        role: str | None = None,
        instance_count: int = 1,
        instance_type: str = "ml.m5.xlarge",
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

    @classmethod
    def monitoring_type(cls) -> str:
        """Return the type of monitoring, as requests name it."""
        return cls._family

    @classmethod
    def attach(cls, monitor_schedule_name: str, sagemaker_session: Session | None = None) -> Self:
        """Return the monitor of a schedule that exists.

        Raises TypeError if it is of another type.
        """
        session = session_of(sagemaker_session)
        client = session.sagemaker_client
        schedule = client.describe_monitoring_schedule(MonitoringScheduleName=monitor_schedule_name)
        config = schedule["MonitoringScheduleConfig"]
        if config.get("MonitoringType", FAMILY) != cls._family:
            raise TypeError(
                f"{cls.__name__} can only attach to schedules of {cls._family} definitions; {monitor_schedule_name} "
                f"is of {config.get('MonitoringType')}"
            )
        tags = client.list_tags(ResourceArn=schedule["MonitoringScheduleArn"])["Tags"]
        made = cls(sagemaker_session=session, tags=tags)
        made.monitoring_schedule_name = monitor_schedule_name
        made.job_definition_name = config.get("MonitoringJobDefinitionName")
        made._take(made._described())
        return made

    def _described(self) -> JSON:
        """Return the description of the definition, which has a name or lies inside of the schedule."""
        if self.job_definition_name is not None:
            return self._call("describe", JobDefinitionName=self.job_definition_name)
        config = self.describe_schedule()["MonitoringScheduleConfig"]
        return as_definition(config[EMBEDDED])

    def _take(self, definition: JSON) -> None:
        """Take over what a definition says about how jobs run."""
        cluster = definition["JobResources"]["ClusterConfig"]
        self.role = definition["RoleArn"]
        self.instance_count, self.instance_type = cluster["InstanceCount"], cluster["InstanceType"]
        self.volume_size_in_gb = cluster["VolumeSizeInGB"]
        self.volume_kms_key = cluster.get("VolumeKmsKeyId")
        self.max_runtime_in_seconds = definition.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        self.env = definition[f"{self._family}AppSpecification"].get("Environment")
        self.output_kms_key = definition[f"{self._family}JobOutputConfig"].get("KmsKeyId")
        self.network_config = network_of(definition.get("NetworkConfig"))

    # ------------------------------------------------------------ create and update

    def _create(self, name: str | None, request: JSON, schedule: JSON, baseline: JSON) -> None:
        """Create a definition and a schedule of it; neither stays if one is refused."""
        if self.monitoring_schedule_name is not None:
            raise UsageError(
                f"This monitor has the schedule {self.monitoring_schedule_name} already; update or delete it, or "
                "make another monitor"
            )
        schedule_name = name or named(self.base_job_name or "monitoring-schedule")
        definition = named(self.base_job_name or self.JOB_DEFINITION_BASE_NAME)
        self._call("create", **self._request(definition, request, baseline), **given(Tags=_list(self.tags)))
        try:
            self._client.create_monitoring_schedule(
                MonitoringScheduleName=schedule_name,
                MonitoringScheduleConfig=self._config(definition, schedule),
                Tags=_list(self.tags) or [],
            )
        except Exception:
            self._call("delete", JobDefinitionName=definition)
            raise
        self.job_definition_name, self.monitoring_schedule_name = definition, schedule_name

    def _change(
        self,
        *,
        data: JSON | None,
        scripts: dict[str, str | None],
        output: str | None,
        documents: JSON,
        schedule: JSON,
        publish: bool | None,
        members: JSON,
        application: JSON | None = None,
    ) -> None:
        """Change what is given: a new cadence keeps the definition, anything else makes a new one."""
        for name, value in members.items():
            setattr(self, name, value)
        baseline = {name: {"S3Uri": address_of(one)} for name, one in documents.items() if one is not None}
        named_scripts = any(script is not None for script in scripts.values())
        if not (data or named_scripts or application or output or baseline or members or publish is not None):
            self._update_schedule(self.job_definition_name, schedule)
            return
        known = self._described()
        family = self._family
        app = known[f"{family}AppSpecification"] | self._placed(scripts) | (application or {})
        environment = published(members.get("env", app.get("Environment")), publish)
        self._replace(
            {
                f"{family}AppSpecification": app | given(Environment=environment or None),
                f"{family}JobInput": _joined(known[f"{family}JobInput"], data or {}),
                f"{family}JobOutputConfig": self._changed_output(known[f"{family}JobOutputConfig"], output),
            },
            known.get(f"{family}BaselineConfig", {}) | baseline,
            schedule,
        )

    def _replace(self, request: JSON, baseline: JSON, schedule: JSON) -> None:
        """Create another definition and have the schedule name it; it does not stay if that is refused."""
        if self.job_definition_name is None:
            self._update_schedule(None, schedule, as_embedded(self._request("", request, baseline)))
            return
        definition = named(self.base_job_name or self.JOB_DEFINITION_BASE_NAME)
        self._call("create", **self._request(definition, request, baseline))
        try:
            self._update_schedule(definition, schedule)
        except Exception:
            self._call("delete", JobDefinitionName=definition)
            raise
        self.job_definition_name = definition

    def _changed_output(self, known: JSON, address: str | None) -> JSON:
        if address is not None:
            return self._output(address)
        return known | given(KmsKeyId=self.output_kms_key)

    def _update_schedule(self, definition: str | None, schedule: JSON, embedded: JSON | None = None) -> None:
        """Have the schedule name a definition, or hold one; without a new cadence it keeps its own."""
        if definition is not None:
            config = self._config(definition, schedule)
        else:
            known = self.describe_schedule()["MonitoringScheduleConfig"]
            kept = {name: known[name] for name in ("ScheduleConfig",) if name in known}
            config = {EMBEDDED: embedded or known[EMBEDDED], **(schedule or kept)}
        self._client.update_monitoring_schedule(
            MonitoringScheduleName=self._schedule, MonitoringScheduleConfig=config
        )
        self._settle()

    def delete_monitoring_schedule(self) -> None:
        """Delete the schedule and its definition; results stay."""
        definition = self.job_definition_name
        super().delete_monitoring_schedule()
        if definition is not None:
            self._call("delete", JobDefinitionName=definition)
            self.job_definition_name = None

    # ------------------------------------------------------------ pieces of requests

    def _call(self, verb: str, **request: Any) -> JSON:
        operation = getattr(self._client, f"{verb}_{_words(self._family)}_job_definition")
        return operation(**request)  # type: ignore[no-any-return]

    def _request(self, name: str, request: JSON, baseline: JSON) -> JSON:
        return {
            "JobDefinitionName": name,
            **request,
            **({f"{self._family}BaselineConfig": baseline} if baseline else {}),
            "JobResources": self._cluster(),
            "RoleArn": self.role,
            **self._limits(),
        }

    def _config(self, definition: str, schedule: JSON) -> JSON:
        return {"MonitoringJobDefinitionName": definition, "MonitoringType": self._family, **schedule}

    def _application(
        self,
        scripts: dict[str, str | None],
        environment: dict[str, str] | None = None,
        **more: Any,
    ) -> JSON:
        """Return image, scripts (uploaded where they lie on this machine) and environment."""
        described = given(Environment=environment or None, **more)
        return {"ImageUri": ANALYZER, **self._placed(scripts), **described}

    def _placed(self, scripts: dict[str, str | None]) -> JSON:
        """Return the addresses of scripts, uploaded where they lie on this machine."""
        session = self.sagemaker_session
        return {
            member: session.placed(script, unique_folder(session, "monitoring", "code"))
            for member, script in scripts.items()
            if script is not None
        }

    def _output(self, address: str | None) -> JSON:
        place = address or f"{self.sagemaker_session.place}/model-monitor/reports"
        output = {"S3Uri": place, "LocalPath": OUTPUT, "S3UploadMode": "Continuous"}
        return {"MonitoringOutputs": [{"S3Output": output}], **given(KmsKeyId=self.output_kms_key)}

    def _baseline_config(self, statistics: Any, constraints: Any) -> JSON:
        """Return what the definition compares with: what is given, else the last baseline of this monitor."""
        named_ = {
            "StatisticsResource": address_of(statistics),
            "ConstraintsResource": address_of(constraints),
        }
        config: JSON = {member: {"S3Uri": address} for member, address in named_.items() if address}
        if self.latest_baselining_job_name is not None:
            config["BaseliningJobName"] = self.latest_baselining_job_name
        return config


def published(environment: dict[str, str] | None, enabled: bool | None) -> dict[str, str]:
    """Return an environment that says whether metrics are published."""
    said = {} if enabled is None else {"publish_cloudwatch_metrics": "Enabled" if enabled else "Disabled"}
    return {**(environment or {}), **said}


def network_of(described: JSON | None) -> NetworkConfig | None:
    """Return a network as a definition describes it."""
    if described is None:
        return None
    vpc = described.get("VpcConfig", {})
    return NetworkConfig(
        described.get("EnableNetworkIsolation"),
        vpc.get("SecurityGroupIds"),
        vpc.get("Subnets"),
        described.get("EnableInterContainerTrafficEncryption"),
    )


def _joined(known: JSON, data: JSON) -> JSON:
    """Return the input of a definition with another endpoint, batch or ground truth in place of what it had."""
    inputs = {"EndpointInput", "BatchTransformInput"}
    left = known.keys() - (inputs if data.keys() & inputs else set())
    return {name: known[name] for name in known if name in left} | data


def _list(tags: Sequence[JSON] | None) -> list[JSON] | None:
    return list(tags) if tags else None


def _words(family: str) -> str:
    """Return a family as methods name it: ModelQuality → model_quality."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in family).lstrip("_")
