"""What every monitor does with its schedule and its executions, whatever it monitors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from open_model_monitor.errors import UsageError
from open_model_monitor.sdk.alerts import MonitoringAlertHistorySummary, MonitoringAlertSummary
from open_model_monitor.sdk.inputs import BatchTransformInput, EndpointInput, NetworkConfig, given
from open_model_monitor.sdk.jobs import BaseliningJob, MonitoringExecution
from open_model_monitor.sdk.session import ROLE, Session, session_of

JSON = dict[str, Any]
SETTLE_SECONDS = 0.3
Alerts = tuple[list[MonitoringAlertSummary], str | None]
History = tuple[list[MonitoringAlertHistorySummary], str | None]


class ScheduledMonitor:
    """A schedule, its executions and alerts, and the jobs that made its baselines."""

    def __init__(
        self,
        role: str | None,
        instance_count: int,
        instance_type: str,
        volume_size_in_gb: int,
        volume_kms_key: str | None,
        output_kms_key: str | None,
        max_runtime_in_seconds: int | None,
        base_job_name: str | None,
        sagemaker_session: Session | None,
        env: dict[str, str] | None,
        tags: Sequence[JSON] | None,
        network_config: NetworkConfig | None,
    ) -> None:
        self.role = role or ROLE
        self.instance_count, self.instance_type = instance_count, instance_type
        self.volume_size_in_gb, self.volume_kms_key = volume_size_in_gb, volume_kms_key
        self.output_kms_key, self.max_runtime_in_seconds = output_kms_key, max_runtime_in_seconds
        self.base_job_name = base_job_name
        self.sagemaker_session = session_of(sagemaker_session)
        self.env, self.tags, self.network_config = env, tags, network_config
        self.baselining_jobs: list[BaseliningJob] = []
        self.latest_baselining_job: BaseliningJob | None = None
        self.latest_baselining_job_name: str | None = None
        self.monitoring_schedule_name: str | None = None
        self.job_definition_name: str | None = None

    @property
    def _client(self) -> Any:
        return self.sagemaker_session.sagemaker_client

    # ------------------------------------------------------------ baselines

    def baseline_statistics(self, file_name: str = "statistics.json") -> Any:
        """Return the statistics of the last baseline; raises UsageError if none was made."""
        return self._baseline().baseline_statistics(file_name, self.output_kms_key)

    def suggested_constraints(self, file_name: str = "constraints.json") -> Any:
        """Return the constraints of the last baseline; raises UsageError if none was made."""
        return self._baseline().suggested_constraints(file_name, self.output_kms_key)

    def describe_latest_baselining_job(self) -> JSON:
        """Return the description of the job that made the last baseline; raises UsageError if there is none."""
        return self._baseline().describe()

    def _baseline(self) -> BaseliningJob:
        if self.latest_baselining_job is None:
            raise UsageError("This monitor made no baseline; call suggest_baseline() first")
        return self.latest_baselining_job

    # ------------------------------------------------------------ the schedule

    @property
    def _schedule(self) -> str:
        if self.monitoring_schedule_name is None:
            raise UsageError(
                "This monitor has no schedule; call create_monitoring_schedule() or attach() first"
            )
        return self.monitoring_schedule_name

    def describe_schedule(self) -> JSON:
        """Return the description of the schedule."""
        return self._client.describe_monitoring_schedule(MonitoringScheduleName=self._schedule)  # type: ignore[no-any-return]

    def start_monitoring_schedule(self) -> None:
        """Start the schedule again; one that runs `now` runs once more."""
        self._client.start_monitoring_schedule(MonitoringScheduleName=self._schedule)
        self._settle()

    def stop_monitoring_schedule(self) -> None:
        """Stop the schedule; an execution that runs ends by itself."""
        self._client.stop_monitoring_schedule(MonitoringScheduleName=self._schedule)
        self._settle()

    def delete_monitoring_schedule(self) -> None:
        """Delete the schedule; results stay."""
        self._client.delete_monitoring_schedule(MonitoringScheduleName=self._schedule)
        self.monitoring_schedule_name = None

    def _settle(self) -> None:
        while self.describe_schedule()["MonitoringScheduleStatus"] == "Pending":
            time.sleep(SETTLE_SECONDS)

    # ------------------------------------------------------------ executions

    def list_executions(self) -> list[MonitoringExecution]:
        """Return the executions that started a job, oldest first."""
        found = self._client.list_monitoring_executions(MonitoringScheduleName=self._schedule, MaxResults=100)
        started = [one for one in found["MonitoringExecutionSummaries"] if "ProcessingJobArn" in one]
        return [
            MonitoringExecution.from_processing_arn(self.sagemaker_session, one["ProcessingJobArn"])
            for one in reversed(started)
        ]

    def _latest(self) -> MonitoringExecution | None:
        executions = self.list_executions()
        return executions[-1] if executions else None

    def latest_monitoring_statistics(self, file_name: str = "statistics.json") -> Any:
        """Return the statistics of the last execution, None if there is none."""
        latest = self._latest()
        return None if latest is None else latest.statistics(file_name)

    def latest_monitoring_constraint_violations(self, file_name: str = "constraint_violations.json") -> Any:
        """Return what the last execution found, None if there is none."""
        latest = self._latest()
        return None if latest is None else latest.constraint_violations(file_name)

    def get_latest_execution_logs(self, wait: bool = False) -> None:
        """Print the log of the last execution.

        Raises ValueError if there is none, or it started no job.
        """
        found = self._client.list_monitoring_executions(MonitoringScheduleName=self._schedule)
        summaries = found["MonitoringExecutionSummaries"]
        if not summaries:
            raise ValueError(f"There are no executions of {self._schedule} yet")
        if "ProcessingJobArn" not in summaries[0]:
            raise ValueError(
                f"Processing Job did not run for the last execution: {summaries[0].get('FailureReason')}"
            )
        name = summaries[0]["ProcessingJobArn"].rpartition("/")[2]
        self.sagemaker_session.logs_for_processing_job(name, wait=wait)

    # ------------------------------------------------------------ alerts

    def update_monitoring_alert(
        self, monitoring_alert_name: str, data_points_to_alert: int | None, evaluation_period: int | None
    ) -> None:
        """Change after how many bad executions, of how many, the alert is raised."""
        self._client.update_monitoring_alert(
            MonitoringScheduleName=self._schedule,
            MonitoringAlertName=monitoring_alert_name,
            **given(DatapointsToAlert=data_points_to_alert, EvaluationPeriod=evaluation_period),
        )

    def list_monitoring_alerts(self, next_token: str | None = None, max_results: int | None = 10) -> Alerts:
        """Return alerts, and the token of the next page."""
        answer = self._client.list_monitoring_alerts(
            MonitoringScheduleName=self._schedule, **given(NextToken=next_token, MaxResults=max_results)
        )
        listed = answer["MonitoringAlertSummaries"]
        return [MonitoringAlertSummary.of(one) for one in listed], answer.get("NextToken")

    def list_monitoring_alert_history(
        self,
        monitoring_alert_name: str | None = None,
        sort_by: str | None = "CreationTime",
        sort_order: str | None = "Descending",
        next_token: str | None = None,
        max_results: int | None = 10,
        creation_time_before: Any = None,
        creation_time_after: Any = None,
        status_equals: str | None = None,
    ) -> History:
        """Return changes of alerts' statuses, and the token of the next page."""
        answer = self._client.list_monitoring_alert_history(
            **given(
                MonitoringScheduleName=self._schedule,
                MonitoringAlertName=monitoring_alert_name,
                SortBy=sort_by,
                SortOrder=sort_order,
                NextToken=next_token,
                MaxResults=max_results,
                CreationTimeBefore=creation_time_before,
                CreationTimeAfter=creation_time_after,
                StatusEquals=status_equals,
            )
        )
        listed = answer["MonitoringAlertHistory"]
        return [MonitoringAlertHistorySummary.of(one) for one in listed], answer.get("NextToken")

    # ------------------------------------------------------------ pieces of requests

    def _cluster(self) -> JSON:
        return {
            "ClusterConfig": {
                "InstanceCount": self.instance_count,
                "InstanceType": self.instance_type,
                "VolumeSizeInGB": self.volume_size_in_gb,
                **given(VolumeKmsKeyId=self.volume_kms_key),
            }
        }

    def _limits(self) -> JSON:
        limit, network = self.max_runtime_in_seconds, self.network_config
        return given(
            StoppingCondition=None if limit is None else {"MaxRuntimeInSeconds": limit},
            NetworkConfig=None if network is None else network._to_request_dict(),
        )


def cadence(expression: str | None, start: str | None, end: str | None) -> JSON:
    """Return the ScheduleConfig of a request; empty if nothing is said."""
    config = given(ScheduleExpression=expression, DataAnalysisStartTime=start, DataAnalysisEndTime=end)
    return {"ScheduleConfig": config} if config else {}


def input_of(
    endpoint: str | EndpointInput | None, batch: BatchTransformInput | None, destination: str
) -> JSON | None:
    """Return the input of a request, None if neither is given.

    Raises UsageError if both are.
    """
    if endpoint is not None and batch is not None:
        raise UsageError("A monitor looks at endpoint_input or at batch_transform_input, not at both")
    if batch is not None:
        return batch._to_request_dict()
    if isinstance(endpoint, str):
        endpoint = EndpointInput(endpoint, destination)
    return None if endpoint is None else endpoint._to_request_dict()


def address_of(document: Any) -> str | None:
    """Return the address of a document, or what is one."""
    address: str | None = getattr(document, "file_s3_uri", document)
    return address
