"""What an account holds of monitoring: read through its API, saved to a folder, loaded from one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.sdk.session import Session
from open_model_monitor.storage import Storage

JSON = dict[str, Any]
FAMILIES = {
    "DataQuality": "data_quality",
    "ModelQuality": "model_quality",
    "ModelBias": "model_bias",
    "ModelExplainability": "model_explainability",
}
FILE, FILES, VERSION = "export.json", "files", 1
Tell = Callable[[str], None]


@dataclass
class Export:
    """Descriptions as the API gives them, and the files they name, by address.

    `failures` says of what could not be read why not.
    """

    schedules: list[JSON] = field(default_factory=list)  # a description, with its Tags and Alerts
    definitions: dict[str, JSON] = field(default_factory=dict)  # "DataQuality/name" → description, with Tags
    endpoints: dict[str, JSON] = field(default_factory=dict)  # name → description, with Config
    jobs: dict[str, JSON] = field(default_factory=dict)  # that made baselines
    files: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it to a folder: export.json, and files by their addresses.

        Raises UsageError if something else is there.
        """
        if folder.exists() and any(folder.iterdir()) and not (folder / FILE).exists():
            raise UsageError(f"{folder} holds something else than an export; name an empty or a new folder")
        storage = Storage()
        for number, (_, content) in enumerate(sorted(self.files.items())):
            storage.write(str(folder / FILES / f"{number:04}"), content)
        named = {address: f"{number:04}" for number, address in enumerate(sorted(self.files))}
        document = {"version": VERSION, **asdict(self), "files": named}
        storage.write(str(folder / FILE), json.dumps(document, indent=2, default=_text).encode())

    @classmethod
    def load(cls, folder: Path) -> Export:
        """Read it from a folder.

        Raises UsageError if there is none, DocumentError if it is damaged or of another version.
        """
        path = folder / FILE
        if not path.exists():
            raise UsageError(
                f"There is no {FILE} in {folder}; `omm migrate sagemaker --save FOLDER` makes one"
            )
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document.pop("version") != VERSION:
                raise ValueError("it is of another version")
            named = document.pop("files")
            # Only plain numbers name files, so that an export leads nowhere else.
            files = {
                address: (folder / FILES / f"{int(number):04}").read_bytes()
                for address, number in named.items()
            }
            return cls(**document, files=files)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DocumentError(f"{path} is no export that can be read: {error}") from error


def read_account(session: Session, only: Iterable[str] = (), tell: Tell = lambda text: None) -> Export:
    """Read all schedules and definitions, or the schedules of some names, with everything they name.

    What may not be read becomes a failure of the export; the rest is read all the same. Raises what boto3 raises if
    schedules cannot even be listed.
    """
    return _Reader(session, Export(), tell).read(set(only))


@dataclass
class _Reader:
    session: Session
    export: Export
    tell: Tell

    def read(self, only: set[str]) -> Export:
        client = self.session.sagemaker_client
        order = {"SortBy": "CreationTime", "SortOrder": "Ascending", "MaxResults": 100}
        listed = pages(client.list_monitoring_schedules, "MonitoringScheduleSummaries", **order)
        known = [one["MonitoringScheduleName"] for one in listed]
        names = [name for name in known if not only or name in only]
        for name in sorted(only - set(names)):
            self.export.failures[f"schedule {name}"] = "there is no schedule of that name"
        for place, name in enumerate(names, 1):
            self.tell(f"{place} of {len(names)}: {name}")
            self._safely(f"schedule {name}", partial(self._schedule, name))
        if not only:
            for family in FAMILIES:
                self._safely(f"definitions of {family}", partial(self._without_schedule, family))
        return self.export

    def _without_schedule(self, family: str) -> None:
        """Read the definitions that no schedule names: somebody may start them by hand, or again."""
        list_them = getattr(self.session.sagemaker_client, f"list_{FAMILIES[family]}_job_definitions")
        for one in pages(list_them, "JobDefinitionSummaries", MaxResults=100):
            name = one["MonitoringJobDefinitionName"]
            if f"{family}/{name}" not in self.export.definitions:
                self.tell(f"definition {name}")
                self._safely(f"definition {name}", partial(self._alone, family, name))

    def _alone(self, family: str, name: str) -> None:
        self._named_by(self._definition(family, name))

    def _schedule(self, name: str) -> None:
        client = self.session.sagemaker_client
        schedule = _plain(client.describe_monitoring_schedule(MonitoringScheduleName=name))
        schedule["Tags"] = tags_of(client, schedule["MonitoringScheduleArn"])
        schedule["Alerts"] = [_plain(one) for one in alerts_of(client, name)]
        config = schedule["MonitoringScheduleConfig"]
        definition = config.get("MonitoringJobDefinition")
        if definition is None:
            definition = self._definition(config["MonitoringType"], config["MonitoringJobDefinitionName"])
        self._named_by(definition)
        self.export.schedules.append(schedule)

    def _definition(self, family: str, name: str) -> JSON:
        known = self.export.definitions.get(f"{family}/{name}")
        if known is None:
            describe = getattr(self.session.sagemaker_client, f"describe_{FAMILIES[family]}_job_definition")
            known = _plain(describe(JobDefinitionName=name))
            known["Tags"] = tags_of(self.session.sagemaker_client, known["JobDefinitionArn"])
            self.export.definitions[f"{family}/{name}"] = known
        return known

    def _named_by(self, definition: JSON) -> None:
        """Read what a definition names: scripts, baselines, the job that made them, the endpoint."""
        for address in addresses(definition):
            self._file(address)
        if job := baselining_job(definition):
            self._safely(f"processing job {job}", lambda: self._job(job))
        if endpoint := endpoint_name(definition):
            self._safely(f"endpoint {endpoint}", lambda: self._endpoint(endpoint))

    def _file(self, address: str) -> None:
        if address not in self.export.files:
            self._safely(
                f"file {address}",
                lambda: self.export.files.__setitem__(address, self.session.read(address)),
            )

    def _job(self, name: str) -> None:
        if name not in self.export.jobs:
            self.export.jobs[name] = _plain(self.session.describe_processing_job(name))
            for address in results_of(self.export.jobs[name]).values():
                self._file(address)

    def _endpoint(self, name: str) -> None:
        if name in self.export.endpoints:
            return
        client = self.session.sagemaker_client
        endpoint = _plain(client.describe_endpoint(EndpointName=name))
        config = _plain(client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"]))
        self.export.endpoints[name] = {**endpoint, "Config": config}

    def _safely(self, what: str, read: Callable[[], None]) -> None:
        """Read one thing; that it may not be read shall not end the reading of others."""
        try:
            read()
        except Exception as error:  # whatever boto3 and stores of files raise
            self.export.failures[what] = f"{type(error).__name__}: {error}"


def pages(ask: Callable[..., JSON], member: str, **request: Any) -> Iterator[JSON]:
    """Yield the entries of a listing, page by page."""
    token: JSON = {}
    while True:
        page = ask(**request, **token)
        yield from page[member]
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def tags_of(client: Any, arn: str) -> list[JSON]:
    """Return the tags of a resource."""
    return list(pages(client.list_tags, "Tags", ResourceArn=arn))


def alerts_of(client: Any, schedule: str) -> list[JSON]:
    """Return the alerts of a schedule, in the order of the service."""
    return list(
        pages(client.list_monitoring_alerts, "MonitoringAlertSummaries", MonitoringScheduleName=schedule)
    )


def addresses(definition: JSON) -> list[str]:
    """Return the files that a definition names: scripts, configuration, documents of its baseline."""
    application = member_of(definition, "AppSpecification")
    baseline = member_of(definition, "BaselineConfig")
    scripts = ("RecordPreprocessorSourceUri", "PostAnalyticsProcessorSourceUri", "ConfigUri")
    found = [application.get(name) for name in scripts]
    found += [baseline.get(name, {}).get("S3Uri") for name in ("StatisticsResource", "ConstraintsResource")]
    return [address for address in found if address]


def endpoint_name(definition: JSON) -> str | None:
    """Return the endpoint that a definition looks at, None if it looks at batches."""
    inputs = definition.get("MonitoringInputs") or [member_of(definition, "JobInput")]
    name: str | None = inputs[0].get("EndpointInput", {}).get("EndpointName")
    return name


def baselining_job(definition: JSON) -> str | None:
    """Return the job whose results a definition compares with, as far as it names none itself."""
    name: str | None = member_of(definition, "BaselineConfig").get("BaseliningJobName")
    return name


def results_of(job: JSON) -> dict[str, str]:
    """Return the addresses of a baseline's documents, by the member of a definition that would name them."""
    outputs = (job.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    if job.get("ProcessingJobStatus") != "Completed" or not outputs:
        return {}
    folder = outputs[0]["S3Output"]["S3Uri"].rstrip("/")
    return {
        "StatisticsResource": f"{folder}/statistics.json",
        "ConstraintsResource": f"{folder}/constraints.json",
    }


def member_of(definition: JSON, ending: str) -> JSON:
    """Return the member with an ending: each kind of definition has a prefix of its own."""
    return next((one or {} for name, one in definition.items() if name.endswith(ending)), {})


def _plain(answer: JSON) -> JSON:
    """Return an answer as JSON holds it, without what boto3 adds."""
    plain: JSON = json.loads(json.dumps(answer, default=_text))
    plain.pop("ResponseMetadata", None)
    return plain


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON")
