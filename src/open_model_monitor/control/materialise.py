"""What an execution is made of: its baseline, where its captures are, which hours of them exist (`api.md` §9.3, §11).

`resolve` asks the store, `find_inputs` asks the storage.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from open_model_monitor.capture.record import Window
from open_model_monitor.control.executions import schedule_of, template_of_execution
from open_model_monitor.control.store import Row, Transaction
from open_model_monitor.control.tables import executions, jobs, resources
from open_model_monitor.control.template import NEEDS_LABELS, Template
from open_model_monitor.control.windows import hours
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage

JSON = dict[str, Any]

NO_DATA = "Job inputs had no data"


@dataclass(frozen=True, slots=True)
class Unrunnable:
    """The execution cannot run; it fails with this reason and no job."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A baselining job still runs; look again later."""

    job: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the store knows of an execution's inputs. `captures` is where its endpoint, or batch job, captures."""

    template: Template
    captures: str
    sections: tuple[str, ...] = ("endpointInput", "endpointOutput")
    variants: tuple[str, ...] = ()  # none: all that are found
    period: float | None = None
    shares_minute: bool = False  # with an earlier execution of the schedule, whose results shall stay


@dataclass(frozen=True, slots=True)
class DataInput:
    """A folder of captures and where below the input's LocalPath it goes."""

    address: str
    below: str


# ------------------------------------------------------------ what the store knows


def resolve(transaction: Transaction, execution: Row, settings: Settings) -> Resolved | Waiting | Unrunnable:
    """Find out where an execution's captures and baseline are (§9.3, §11.5)."""
    template = template_of_execution(execution)
    template_or_not = _with_baseline(transaction, execution, template)
    if not isinstance(template_or_not, Template):
        return template_or_not
    period = schedule_of(execution["snapshot"]["config"], settings).period_seconds
    shared = _shares_minute(transaction, execution)
    if template.is_batch:
        captures = template.input["DataCapturedDestinationS3Uri"]
        return Resolved(template_or_not, captures, ("batchTransformOutput",), (), period, shared)
    found = _capture_location(transaction, execution, template.endpoint or "", settings)
    if found is None:
        return Unrunnable(
            f"Endpoint {template.endpoint} is not registered with data capture, and no setting capture_locations "
            "says where it captures"
        )
    return replace(found, template=template_or_not, period=period, shares_minute=shared)


def _shares_minute(transaction: Transaction, execution: Row) -> bool:
    """Whether an earlier run of the schedule fell into the same minute: two by hand, one after the other."""
    minute = execution["scheduled"].replace(second=0, microsecond=0)
    earlier = select(executions.c.id).where(
        executions.c.schedule_id == execution["schedule_id"],
        executions.c.scheduled >= minute,
        executions.c.scheduled < execution["scheduled"],
    )
    return transaction.one(earlier.limit(1)) is not None


def _with_baseline(
    transaction: Transaction, execution: Row, template: Template
) -> Template | Waiting | Unrunnable:
    """Take what a definition does not name from its baselining job; explicit addresses win one by one."""
    name = template.baselining_job
    clarify = template.kind in ("ModelBias", "ModelExplainability")
    complete = template.constraints and (template.statistics or template.kind != "DataQuality")
    if name is None or complete:
        return template
    job = transaction.get(jobs, account=execution["account"], region=execution["region"], name=name)
    if job is None or job["status"] in ("Failed", "Stopped"):
        if template.constraints or template.statistics:
            return template  # the half that was named is enough to go on
        state = "is not known" if job is None else f"ended as {job['status']}"
        return Unrunnable(f"The baselining job {name} {state}, so there is nothing to compare with")
    if job["status"] != "Completed":
        return Waiting(name)
    outputs = (job["request"].get("ProcessingOutputConfig") or {}).get("Outputs") or []
    if not outputs:
        return Unrunnable(f"The baselining job {name} has no output")
    folder = outputs[0]["S3Output"]["S3Uri"].rstrip("/")
    if clarify:
        return replace(template, constraints=template.constraints or f"{folder}/analysis.json")
    return replace(
        template,
        constraints=template.constraints or f"{folder}/constraints.json",
        statistics=template.statistics or f"{folder}/statistics.json",
    )


def _capture_location(
    transaction: Transaction, execution: Row, endpoint: str, settings: Settings
) -> Resolved | None:
    template = template_of_execution(execution)
    realm = {"account": execution["account"], "region": execution["region"]}
    row = transaction.get(resources, **realm, kind="Endpoint", name=endpoint)
    if row is not None:
        name = row["document"]["EndpointConfigName"]
        config = transaction.get(resources, **realm, kind="EndpointConfig", name=name)
        capture = (config or {}).get("document", {}).get("DataCaptureConfig")
        if capture and capture.get("EnableCapture", True):
            modes = {one["CaptureMode"] for one in capture.get("CaptureOptions", ())}
            both = "InputAndOutput" in modes or not modes
            sections = [
                section
                for section, mode in (("endpointInput", "Input"), ("endpointOutput", "Output"))
                if both or mode in modes
            ]
            return Resolved(template, capture["DestinationS3Uri"], tuple(sections))
    for rule in settings.capture_locations:
        if fnmatch.fnmatchcase(endpoint, rule.endpoint_pattern):
            return Resolved(template, rule.capture_s3_uri, variants=rule.variants)
    return None


# ------------------------------------------------------------ what the storage knows


def find_inputs(storage: Storage, resolved: Resolved, window: Window) -> list[DataInput]:
    """Return the hour folders of the window that hold something, by hour then variant.

    Raises StorageError.
    """
    if resolved.template.is_batch:
        side = "output" if resolved.template.kind in NEEDS_LABELS else "input"
        root = f"{resolved.captures.rstrip('/')}/{side}"
        return [DataInput(f"{root}/{hour}", hour) for hour in existing_hours(storage, root, window)]
    endpoint = resolved.template.endpoint or ""
    base = resolved.captures.rstrip("/")
    for root in (
        f"{base}/{endpoint}",
        f"{base}//{endpoint}",
    ):  # captures of a destination that ended in a slash
        found = [
            (hour, variant)
            for variant in resolved.variants or storage.folders(root)
            for hour in existing_hours(storage, f"{root}/{variant}", window)
        ]
        if found:
            return [
                DataInput(f"{root}/{variant}/{hour}", f"{endpoint}/{variant}/{hour}")
                for hour, variant in sorted(found)
            ]
    return []


def existing_hours(storage: Storage, root: str, window: Window) -> list[str]:
    """Return `yyyy/mm/dd/HH` of the window's hours that exist below a folder: one listing per day."""
    wanted: dict[str, list[str]] = {}
    for hour in hours(window):
        wanted.setdefault(hour.strftime("%Y/%m/%d"), []).append(hour.strftime("%H"))
    return [
        f"{day}/{hour}"
        for day, of_day in wanted.items()
        for hour in sorted(set(of_day) & set(storage.folders(f"{root}/{day}")))
    ]
