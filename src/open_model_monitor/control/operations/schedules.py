"""Monitoring schedules and their executions (`api.md` §4)."""

from __future__ import annotations

import fnmatch
import logging
from typing import Any

from sqlalchemy import func, select

from open_model_monitor.control.alerts import DEFAULT_ALERT, OK
from open_model_monitor.control.executions import OPEN, run_now, schedule_of, stop_execution
from open_model_monitor.control.operations.definitions import (
    check_template,
    find_definition,
    with_network_defaults,
)
from open_model_monitor.control.operations.listing import Noun, listed
from open_model_monitor.control.operations.registry import JSON, Context, operation
from open_model_monitor.control.operations.tags import add_tags, drop_tags
from open_model_monitor.control.schedule_language import Schedule
from open_model_monitor.control.store import Row, new_id
from open_model_monitor.control.tables import alerts, executions, resources, schedules
from open_model_monitor.control.template import NEEDS_LABELS, Template, template_of
from open_model_monitor.control.ticks import create_ticks
from open_model_monitor.control.windows import validate_pair
from open_model_monitor.errors import AlreadyExists, InvalidRequest, LimitExceeded, NotFound

log = logging.getLogger(__name__)

_SCHEDULES = Noun(
    schedules,
    sort={"CreationTime": "created", "Name": "name", "Status": "status"},
    equal={
        "EndpointName": "endpoint",
        "StatusEquals": "status",
        "MonitoringJobDefinitionName": "definition",
        "MonitoringTypeEquals": "kind",
    },
    times={"CreationTime": "created", "LastModifiedTime": "modified"},
)
_EXECUTIONS = Noun(
    executions,
    sort={"CreationTime": "created", "ScheduledTime": "scheduled", "Status": "status"},
    equal={
        "MonitoringScheduleName": "schedule",
        "EndpointName": "endpoint",
        "StatusEquals": "status",
        "MonitoringJobDefinitionName": "definition",
        "MonitoringTypeEquals": "kind",
    },
    times={"CreationTime": "created", "ScheduledTime": "scheduled", "LastModifiedTime": "modified"},
    name="schedule",
    tie="id",
)


@operation("CreateMonitoringSchedule")
def create_monitoring_schedule(context: Context, request: JSON) -> JSON:
    """Create a schedule and its alert; a `NOW` schedule's execution is queued at once."""
    name, config = request["MonitoringScheduleName"], request["MonitoringScheduleConfig"]
    kind, definition = _form(context, config)
    if find_schedule(context, name) is not None:
        raise AlreadyExists(f"Monitoring schedule {name} already exists; choose another name")
    template = template_of(config, definition, kind)
    schedule = _checked(context, config, template)
    _check_quota(context)
    row: Row = {
        "id": new_id(),
        **context.realm,
        "name": name,
        "created": context.now,
        **_changed(context, config, kind, template, schedule),
    }
    context.transaction.insert(schedules, **row)
    arn = context.arn("monitoring-schedule", name)
    drop_tags(context, arn)
    add_tags(context, arn, request.get("Tags"))
    context.transaction.insert(
        alerts,
        **context.realm,
        schedule=name,
        name=DEFAULT_ALERT,
        created=context.now,
        modified=context.now,
        status=OK,
        datapoints=1,
        period=1,
    )
    _queue_if_now(context, row, schedule)
    return {"MonitoringScheduleArn": arn}


@operation("UpdateMonitoringSchedule")
def update_monitoring_schedule(context: Context, request: JSON) -> JSON:
    """Replace a schedule's configuration; without a ScheduleConfig the cadence stays. It is scheduled afterwards."""
    row = existing_schedule(context, request["MonitoringScheduleName"])
    if row["due"] is not None and row["due"] <= context.now:  # no worker has come to it yet
        create_ticks(context.transaction, row, context.settings, context.now)
    config = _repaired(request["MonitoringScheduleConfig"], row["config"], row["name"])
    if "ScheduleConfig" not in config and "ScheduleConfig" in row["config"]:
        config = {**config, "ScheduleConfig": row["config"]["ScheduleConfig"]}
    kind, definition = _form(context, config)
    template = template_of(config, definition, kind)
    schedule = _checked(context, config, template)
    row = {**row, **_changed(context, config, kind, template, schedule)}
    context.transaction.update(schedules, {"id": row["id"]}, **row)
    _queue_if_now(context, row, schedule)
    return {"MonitoringScheduleArn": context.arn("monitoring-schedule", row["name"])}


def _form(context: Context, config: JSON) -> tuple[str, JSON | None]:
    """Return the monitoring type and the named definition (None: an embedded one)."""
    name, kind = config.get("MonitoringJobDefinitionName"), config.get("MonitoringType")
    if ("MonitoringJobDefinition" in config) == (name is not None):
        raise InvalidRequest(
            "Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName is required in "
            "MonitoringScheduleConfig"
        )
    if name is None:
        if kind not in (None, "DataQuality"):
            raise InvalidRequest(f"MonitoringType {kind} needs a MonitoringJobDefinitionName")
        return "DataQuality", None
    if kind is None:
        raise InvalidRequest("MonitoringJobDefinitionName needs a MonitoringType beside it")
    row = find_definition(context, kind, name)
    if row is None:
        raise InvalidRequest(f"Could not find job definition {name} of type {kind}")
    return kind, row["document"]


def _checked(context: Context, config: JSON, template: Template) -> Schedule:
    """Check what the shapes cannot say of a configuration; returns its parsed expression."""
    schedule = schedule_of(config, context.settings)
    timing = config.get("ScheduleConfig") or {}
    pair = (timing.get("DataAnalysisStartTime"), timing.get("DataAnalysisEndTime"))
    validate_pair(
        *pair, path="monitoringScheduleConfig.scheduleConfig.dataAnalysisStartTime", now=schedule.is_now
    )
    check_template(template, application_path="monitoringAppSpecification")
    period = int(schedule.period_seconds or 0)
    if period and template.max_runtime:
        limit = period // 2 if template.kind in NEEDS_LABELS else period
        if template.max_runtime > limit:
            text = f"MaxRuntimeInSeconds {template.max_runtime} is more than the schedule leaves: {limit} seconds"
            if context.settings.strict_runtime:
                raise InvalidRequest(text)
            log.warning("%s; it will be clamped", text)
    _check_endpoint(context, template)
    return schedule


def _check_endpoint(context: Context, template: Template) -> None:
    name, how = template.endpoint, context.settings.endpoint_validation
    if name is None or how == "off":
        return
    row = context.transaction.get(resources, **context.realm, kind="Endpoint", name=name)
    if row is not None and (how == "lenient" or _captures(context, row)):
        return
    matches = any(
        fnmatch.fnmatchcase(name, one.endpoint_pattern) for one in context.settings.capture_locations
    )
    if how == "lenient" and matches:
        return
    if row is None:
        raise InvalidRequest(
            f'Could not find endpoint "{context.arn("endpoint", name)}". Register it with CreateEndpointConfig '
            "(with a DataCaptureConfig) and CreateEndpoint, or say in the setting capture_locations where it captures"
        )
    raise InvalidRequest(f"Endpoint {name} does not have data capture enabled")


def _captures(context: Context, endpoint: Row) -> bool:
    config = context.transaction.get(
        resources, **context.realm, kind="EndpointConfig", name=endpoint["document"]["EndpointConfigName"]
    )
    capture = (config or {}).get("document", {}).get("DataCaptureConfig")
    return bool(capture) and capture.get("EnableCapture", True)


def _check_quota(context: Context) -> None:
    count = context.transaction.scalar(
        select(func.count())
        .select_from(schedules)
        .where(schedules.c.account == context.caller.account, schedules.c.region == context.caller.region)
    )
    if count >= context.settings.max_schedules:
        raise LimitExceeded(f"The quota max_schedules of {context.settings.max_schedules} is reached")


def _changed(
    context: Context, config: JSON, kind: str, template: Template, schedule: Schedule
) -> dict[str, Any]:
    """Return the columns that a create or an update sets."""
    return {
        "modified": context.now,
        "status": "Scheduled",
        "kind": kind,
        "endpoint": template.endpoint,
        "definition": config.get("MonitoringJobDefinitionName"),
        "config": config,
        "failure": None,
        "last_tick": context.now,
        "due": None if schedule.is_now else schedule.next(context.now),
    }


def _queue_if_now(context: Context, row: Row, schedule: Schedule) -> None:
    if schedule.is_now:
        run_now(context.transaction, row, context.now, context.settings, "now")


def _repaired(config: JSON, stored: JSON, name: str) -> JSON:
    """Undo a defect of the SDK: it sends the constraints' address as that of the statistics (`api.md` §14.1)."""
    embedded = config.get("MonitoringJobDefinition")
    former = (stored.get("MonitoringJobDefinition") or {}).get("BaselineConfig") or {}
    sent = (embedded or {}).get("BaselineConfig") or {}
    constraints = (former.get("ConstraintsResource") or {}).get("S3Uri")
    swapped = (sent.get("StatisticsResource") or {}).get("S3Uri")
    if not constraints or swapped != constraints or "ConstraintsResource" in sent:
        return config
    log.warning(
        "schedule %s: the client sent its constraints as statistics; the stored baseline is kept", name
    )
    kept = {key: former[key] for key in ("ConstraintsResource", "StatisticsResource") if key in former}
    rest = {key: value for key, value in sent.items() if key != "StatisticsResource"}
    return {**config, "MonitoringJobDefinition": {**(embedded or {}), "BaselineConfig": {**rest, **kept}}}


@operation("DescribeMonitoringSchedule")
def describe_monitoring_schedule(context: Context, request: JSON) -> JSON:
    """Describe a schedule, and its last execution once there is one."""
    row = existing_schedule(context, request["MonitoringScheduleName"])
    last = context.transaction.one(
        select(executions)
        .where(executions.c.schedule_id == row["id"])
        .order_by(executions.c.scheduled.desc(), executions.c.revision.desc())
        .limit(1)
    )
    return {
        "MonitoringScheduleArn": context.arn("monitoring-schedule", row["name"]),
        "MonitoringScheduleName": row["name"],
        "MonitoringScheduleStatus": row["status"],
        "MonitoringType": row["kind"],
        "FailureReason": row["failure"],
        "CreationTime": row["created"],
        "LastModifiedTime": row["modified"],
        "MonitoringScheduleConfig": _shown(row["config"], row["kind"]),
        "EndpointName": row["endpoint"],
        "LastMonitoringExecutionSummary": execution_summary(context, last) if last else None,
    }


def _shown(config: JSON, kind: str) -> JSON:
    shown = {**config, "MonitoringType": kind}
    if embedded := config.get("MonitoringJobDefinition"):
        # The SDK's attach() looks these up without asking.
        shown["MonitoringJobDefinition"] = {"Environment": {}, **with_network_defaults(embedded)}
    return shown


@operation("ListMonitoringSchedules")
def list_monitoring_schedules(context: Context, request: JSON) -> JSON:
    """List schedules."""

    def summary(row: Row) -> JSON:
        return {
            "MonitoringScheduleName": row["name"],
            "MonitoringScheduleArn": context.arn("monitoring-schedule", row["name"]),
            "CreationTime": row["created"],
            "LastModifiedTime": row["modified"],
            "MonitoringScheduleStatus": row["status"],
            "EndpointName": row["endpoint"],
            "MonitoringJobDefinitionName": row["definition"],
            "MonitoringType": row["kind"],
        }

    return listed(context, "ListMonitoringSchedules", request, _SCHEDULES, summary)


@operation("StartMonitoringSchedule")
def start_monitoring_schedule(context: Context, request: JSON) -> None:
    """Start a schedule; the next tick is the first after now, what was missed while it was stopped stays out."""
    row = existing_schedule(context, request["MonitoringScheduleName"])
    if row["status"] == "Scheduled":
        return
    schedule = schedule_of(row["config"], context.settings)
    due = None if schedule.is_now else schedule.next(context.now)
    context.transaction.update(
        schedules,
        {"id": row["id"]},
        status="Scheduled",
        modified=context.now,
        failure=None,
        last_tick=context.now,
        due=due,
    )
    _queue_if_now(context, row, schedule)


@operation("StopMonitoringSchedule")
def stop_monitoring_schedule(context: Context, request: JSON) -> None:
    """Stop a schedule; an execution in progress continues."""
    row = existing_schedule(context, request["MonitoringScheduleName"])
    if row["status"] != "Stopped":
        context.transaction.update(
            schedules, {"id": row["id"]}, status="Stopped", modified=context.now, due=None
        )


@operation("DeleteMonitoringSchedule")
def delete_monitoring_schedule(context: Context, request: JSON) -> None:
    """Delete a schedule, its alerts and tags; executions, jobs and results stay."""
    row = existing_schedule(context, request["MonitoringScheduleName"])
    unfinished = context.transaction.all(
        select(executions).where(executions.c.schedule_id == row["id"], executions.c.status.in_(OPEN))
    )
    if unfinished and context.settings.strict_delete:
        raise InvalidRequest(
            f"Monitoring schedule {row['name']} has an execution in progress, of {unfinished[0]['scheduled']}"
        )
    context.transaction.delete(alerts, {**context.realm, "schedule": row["name"]})
    for execution in unfinished:
        stop_execution(context.transaction, execution, context.now, "The monitoring schedule was deleted")
    drop_tags(context, context.arn("monitoring-schedule", row["name"]))
    context.transaction.delete(schedules, {"id": row["id"]})


@operation("ListMonitoringExecutions")
def list_monitoring_executions(context: Context, request: JSON) -> JSON:
    """List executions, also those of schedules that are gone."""

    def summary(row: Row) -> JSON:
        return execution_summary(context, row)

    return listed(context, "ListMonitoringExecutions", request, _EXECUTIONS, summary)


def execution_summary(context: Context, row: Row) -> JSON:
    """Return a MonitoringExecutionSummary; it names a job only once there is one that can be described."""
    return {
        "MonitoringScheduleName": row["schedule"],
        "ScheduledTime": row["scheduled"],
        "CreationTime": row["created"],
        "LastModifiedTime": row["modified"],
        "MonitoringExecutionStatus": row["status"],
        "ProcessingJobArn": context.arn("processing-job", row["job"]) if row["job"] else None,
        "EndpointName": row["endpoint"],
        "FailureReason": row["failure"] if row["status"] == "Failed" else None,
        "MonitoringJobDefinitionName": row["definition"],
        "MonitoringType": row["kind"],
    }


def find_schedule(context: Context, name: str) -> Row | None:
    """Return a schedule's row, None if there is none."""
    return context.transaction.get(schedules, **context.realm, name=name)


def existing_schedule(context: Context, name: str) -> Row:
    """Return a schedule's row.

    Raises NotFound.
    """
    row = find_schedule(context, name)
    if row is None:
        raise NotFound(f"Could not find monitoring schedule {name}")
    return row
