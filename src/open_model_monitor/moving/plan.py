"""From an export to requests: what is created where, and what somebody must decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from open_model_monitor.moving.export import Export, baselining_job, member_of, results_of

JSON = dict[str, Any]
Action = Literal["create", "created", "unchanged", "decide", "failed"]
NOT_RUN = ("ModelBias", "ModelExplainability")
ANALYZER, CLARIFY = "sagemaker-model-monitor-analyzer", "sagemaker-clarify-processing"
ONE_TIME = "it ran once; created here it would run again: --one-time does so"
DESCRIBED = ("CreationTime", "LastModifiedTime", "ResponseMetadata", "Tags", "Alerts")
VARIANT = ("VariantName", "ModelName", "InitialInstanceCount", "InstanceType", "InitialVariantWeight")


@dataclass
class Step:
    """One thing to create; `members` are what must be the same afterwards, `notes` what a reader should know."""

    kind: str  # "endpoint", "definition", "schedule"
    name: str
    request: JSON
    family: str | None = None
    config: JSON | None = None  # of an endpoint
    alerts: list[JSON] = field(default_factory=list)
    is_stopped: bool = False
    action: Action = "create"
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> JSON:
        """Return what was done, and why, for machines."""
        return {"kind": self.kind, "name": self.name, "action": self.action, "notes": list(self.notes)}


def plan(export: Export, moved: Mapping[str, str] | None = None, *, one_time: bool = False) -> list[Step]:
    """Return the steps that make the same elsewhere, in order: endpoints, definitions, schedules.

    `moved` says where files lie from now on. Schedules that run once would run at their creation, so they wait for a
    decision unless `one_time` says yes.
    """
    where = dict(moved or {})
    return [
        *(_endpoint(name, known) for name, known in sorted(export.endpoints.items())),
        *(_definition(key, known, export, where) for key, known in sorted(export.definitions.items())),
        *(_schedule(known, export, where, one_time=one_time) for known in export.schedules),
        *(
            Step("reading", what, {}, action="failed", notes=[why])
            for what, why in sorted(export.failures.items())
        ),
    ]


def _endpoint(name: str, known: JSON) -> Step:
    config = known["Config"]
    variants = [
        {member: one[member] for member in VARIANT if member in one}
        for one in config.get("ProductionVariants", [])
    ]
    request = {"EndpointName": name, "EndpointConfigName": known["EndpointConfigName"]}
    made: JSON = {"EndpointConfigName": known["EndpointConfigName"], "ProductionVariants": variants}
    if capture := config.get("DataCaptureConfig"):
        made["DataCaptureConfig"] = capture
    notes = [] if capture else ["it captures nothing"]
    return Step("endpoint", name, request, config=made, notes=notes)


def _definition(key: str, known: JSON, export: Export, moved: Mapping[str, str]) -> Step:
    family, name = key.split("/", 1)
    request = {
        member: value for member, value in known.items() if member not in (*DESCRIBED, "JobDefinitionArn")
    }
    notes = list(_remarks(family, request))
    request = _with_baseline(request, f"{family}BaselineConfig", export, notes)
    if tags := _tags(known, notes):
        request["Tags"] = tags
    return Step("definition", name, moved_in(request, moved), family, notes=notes)


def _schedule(known: JSON, export: Export, moved: Mapping[str, str], *, one_time: bool) -> Step:
    config = dict(known["MonitoringScheduleConfig"])
    notes: list[str] = []
    definition = config.get("MonitoringJobDefinition")
    if definition is not None:
        notes += _remarks("DataQuality", definition)
        config["MonitoringJobDefinition"] = _with_baseline(definition, "BaselineConfig", export, notes)
    request = {
        "MonitoringScheduleName": known["MonitoringScheduleName"],
        "MonitoringScheduleConfig": moved_in(config, moved),
        "Tags": _tags(known, notes),
    }
    step = Step(
        "schedule",
        known["MonitoringScheduleName"],
        request,
        alerts=list(known.get("Alerts", ())),
        is_stopped=known["MonitoringScheduleStatus"] == "Stopped",
        notes=notes,
    )
    if config.get("ScheduleConfig", {}).get("ScheduleExpression") == "NOW" and not one_time:
        step.action = "decide"
        step.notes.insert(0, ONE_TIME)
    return step


def _tags(known: JSON, notes: list[str]) -> list[JSON]:
    """Return the tags that anybody may set; those of services, such as CloudFormation's, are the account's own."""
    tags: list[JSON] = known.get("Tags", [])
    kept = [tag for tag in tags if not tag["Key"].lower().startswith("aws:")]
    if left := [tag["Key"] for tag in tags if tag not in kept]:
        notes.append(f"its tags {', '.join(left)} belong to services of the account and are left out")
    return kept


def _remarks(family: str, definition: JSON) -> Iterator[str]:
    """Yield what is another here than there, though it is kept."""
    if family in NOT_RUN:
        yield "this version keeps it but does not run it"
    image = str(member_of(definition, "AppSpecification").get("ImageUri"))
    if ANALYZER not in image and CLARIFY not in image:
        yield f"its image {image} is not SageMaker's: a server needs OMM_CONTAINER_COMMAND to run it"
    if definition.get("NetworkConfig"):
        yield "its network has no effect here"
    if "KmsKeyId" in str(definition):
        yield "its KMS keys have no effect here; buckets may still ask for them"


def _with_baseline(definition: JSON, member: str, export: Export, notes: list[str]) -> JSON:
    """Name the documents of a baseline by their addresses where only its job was named, which is not here."""
    job, config = baselining_job(definition), definition.get(member, {})
    missing = [name for name in ("StatisticsResource", "ConstraintsResource") if name not in config]
    if job is None or len(missing) < 2:
        return definition
    found = results_of(export.jobs.get(job, {}))
    known = {name: {"S3Uri": address} for name, address in found.items() if address in export.files}
    if member.startswith("ModelQuality"):
        known.pop("StatisticsResource", None)  # such a definition has none
    if not known:
        notes.append(
            f"its baseline is the result of the job {job}, which could not be read: nothing is checked"
        )
        return definition
    notes.append(f"its baseline, the result of the job {job}, is named by its files")
    return {
        **definition,
        member: {name: one for name, one in config.items() if name != "BaseliningJobName"} | known,
    }


def moved_in(value: Any, moved: Mapping[str, str]) -> Any:
    """Return a value with every address that was moved replaced."""
    if isinstance(value, dict):
        return {name: moved_in(one, moved) for name, one in value.items()}
    if isinstance(value, list):
        return [moved_in(one, moved) for one in value]
    return moved.get(value, value) if isinstance(value, str) else value
