"""A client for people who never used SageMaker: monitors, their executions, what those found."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from open_model_monitor.errors import StorageError, UsageError
from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.reporting.notebook import violations_table
from open_model_monitor.sdk.data_quality import DefaultModelMonitor
from open_model_monitor.sdk.inputs import CronExpressionGenerator, DatasetFormat
from open_model_monitor.sdk.jobs import is_not_there
from open_model_monitor.sdk.session import Session, session_at

JSON = dict[str, Any]
RUNNING = ("Pending", "InProgress", "Stopping")
EVERY = {"hour": CronExpressionGenerator.hourly(), "day": CronExpressionGenerator.daily(), "now": "NOW"}
POLL_SECONDS = 0.3


def connect(
    where: str | os.PathLike[str] | None = None,
    *,
    key: tuple[str, str] | None = None,
    region: str | None = None,
) -> Client:
    """Return a client of a server (`http://…`), or of a folder that this process works in itself.

    `where`, `key` (an access key of the server and its secret) and `region` as for `session_at`.
    """
    return Client(session_at(where, key=key, region=region))


@dataclass(frozen=True)
class Client:
    """The monitors of a server, or of a folder."""

    session: Session

    def monitors(self) -> list[MonitorClient]:
        """Return all monitors, by name."""
        return sorted(map(self._monitor, self._schedules()), key=lambda one: one.name)

    def monitor(self, name: str) -> MonitorClient:
        """Return a monitor; raises NotFound (or boto3's error) if there is none of that name."""
        described = self.session.sagemaker_client.describe_monitoring_schedule(MonitoringScheduleName=name)
        return self._monitor(described)

    def create_monitor(
        self,
        name: str,
        *,
        captures: str,
        baseline: str,
        baseline_format: Mapping[str, Any] | None = None,
        every: str = "hour",
        preprocess: str | None = None,
        postprocess: str | None = None,
    ) -> MonitorClient:
        """Make a baseline of a data set and watch captures with it.

        `captures` is the folder, or address, of an endpoint's captures (`…/endpoint`), `baseline` that of a data set
        (CSV with a header unless `baseline_format` says otherwise). `every` is hour, day, now (the last hour, once)
        or an expression such as `cron(0 0/6 ? * * *)`. Scripts are files of this machine or addresses.

        Raises UsageError, UnexpectedStatusException if the baseline fails, and what the service refuses.
        """
        place, _, endpoint = _address(captures).rstrip("/").rpartition("/")
        self._register(endpoint, place)
        made = DefaultModelMonitor(sagemaker_session=self.session)
        made.suggest_baseline(
            baseline,
            baseline_format or DatasetFormat.csv(),
            record_preprocessor_script=preprocess,
            logs=False,
        )
        window = ("-PT1H", "-PT0H") if every == "now" else (None, None)
        made.create_monitoring_schedule(
            endpoint_input=endpoint,
            record_preprocessor_script=preprocess,
            post_analytics_processor_script=postprocess,
            statistics=made.baseline_statistics(),
            constraints=made.suggested_constraints(),
            monitor_schedule_name=name,
            schedule_cron_expression=EVERY.get(every, every),
            data_analysis_start_time=window[0],
            data_analysis_end_time=window[1],
        )
        return self.monitor(name)

    def _register(self, endpoint: str, place: str) -> None:
        """Tell where the captures of an endpoint lie, unless that is known."""
        client = self.session.sagemaker_client
        known = client.list_endpoints(NameContains=endpoint, MaxResults=100)["Endpoints"]
        if any(one["EndpointName"] == endpoint for one in known):
            return
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": place,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
        variant = {"VariantName": "AllTraffic", "ModelName": endpoint, "InstanceType": "ml.m5.large"}
        self.session.endpoint_from_production_variants(
            endpoint, [variant | {"InitialInstanceCount": 1}], data_capture_config_dict=capture
        )

    def _schedules(self) -> Iterator[JSON]:
        token: JSON = {}
        while True:
            page = self.session.sagemaker_client.list_monitoring_schedules(MaxResults=100, **token)
            yield from page["MonitoringScheduleSummaries"]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _monitor(self, one: JSON) -> MonitorClient:
        return MonitorClient(
            self.session,
            one["MonitoringScheduleName"],
            one["MonitoringScheduleStatus"],
            one.get("MonitoringType", "DataQuality"),
            one.get("EndpointName"),
        )

    def close(self) -> None:
        """End the work of a folder."""
        self.session.close()


@dataclass(frozen=True)
class MonitorClient:
    """A monitor as it was when it was asked for."""

    session: Session = field(repr=False)
    name: str
    status: str
    kind: str  # DataQuality or ModelQuality
    endpoint: str | None

    def executions(self, limit: int = 100) -> list[MonitorExecution]:
        """Return the last executions, the newest first."""
        found = self.session.sagemaker_client.list_monitoring_executions(
            MonitoringScheduleName=self.name,
            MaxResults=min(limit, 100),
            SortBy="ScheduledTime",
            SortOrder="Descending",
        )
        return [_execution(self.session, one) for one in found["MonitoringExecutionSummaries"]]

    def wait(self, timeout: float = 600.0) -> MonitorExecution:
        """Wait until the newest execution has ended; returns it.

        Raises TimeoutError.
        """
        ends = time.monotonic() + timeout
        while time.monotonic() < ends:
            newest = self.executions(1)
            if newest and newest[0].status not in RUNNING:
                return newest[0]
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"No execution of {self.name} ended within {timeout:g} seconds")

    def start(self) -> None:
        """Start it again; one that runs `now` runs once more."""
        self.session.sagemaker_client.start_monitoring_schedule(MonitoringScheduleName=self.name)

    def stop(self) -> None:
        """Stop it."""
        self.session.sagemaker_client.stop_monitoring_schedule(MonitoringScheduleName=self.name)

    def delete(self) -> None:
        """Delete it; results stay."""
        self.session.sagemaker_client.delete_monitoring_schedule(MonitoringScheduleName=self.name)


@dataclass(frozen=True)
class MonitorExecution:
    """One run of a monitor."""

    session: Session = field(repr=False)
    monitor: str
    scheduled: datetime
    status: str
    failure: str | None
    job: str | None

    @property
    def violations(self) -> list[JSON]:
        """What did not hold; empty if nothing was checked, or nothing is there yet."""
        return list(self._document("constraint_violations.json").get("violations") or ())

    def evidence(self) -> Evidence:
        """Return the documents of the run and of its baseline."""
        named = {one["InputName"]: one["S3Input"]["S3Uri"] for one in self._job().get("ProcessingInputs", ())}
        return Evidence(
            self._folder(),
            self._document("run_summary.json"),
            self._document("statistics.json"),
            tuple(self.violations),
            self._read(named.get("baseline")),
            self._read(named.get("constraints")),
        )

    def to_html(self) -> str:
        """Return the run as one HTML page; see `docs/reports.md`."""
        from open_model_monitor.reporting.page import html_report

        return html_report(self.evidence(), title=self.monitor)

    def log(self) -> None:
        """Print the log of the run."""
        if self.job is None:
            raise UsageError(f"This execution of {self.monitor} started no job: {self.failure}")
        self.session.logs_for_processing_job(self.job)

    def _job(self) -> JSON:
        return {} if self.job is None else self.session.describe_processing_job(self.job)

    def _folder(self) -> str | None:
        outputs = self._job().get("ProcessingOutputConfig", {}).get("Outputs") or []
        return str(outputs[0]["S3Output"]["S3Uri"]) if outputs else None

    def _document(self, name: str) -> JSON:
        folder = self._folder()
        return {} if folder is None else self._read(f"{folder}/{name}")

    def _read(self, address: str | None) -> JSON:
        if address is None:
            return {}
        try:
            document = json.loads(self.session.read(address))
        except StorageError:
            return {}
        except Exception as error:  # of boto3, which may not be there
            if not is_not_there(error):
                raise
            return {}
        return document if isinstance(document, dict) else {}

    def _repr_html_(self) -> str:
        return violations_table({"violations": self.violations})


def _execution(session: Session, one: JSON) -> MonitorExecution:
    job = one.get("ProcessingJobArn")
    return MonitorExecution(
        session,
        one["MonitoringScheduleName"],
        one["ScheduledTime"],
        one["MonitoringExecutionStatus"],
        one.get("FailureReason"),
        None if job is None else job.rpartition("/")[2],
    )


def _address(path: str) -> str:
    from open_model_monitor.storage import is_remote, normalise

    local = normalise(path)
    return local if is_remote(local) else f"file://{local}"
