"""Create what was planned, on a server or in a folder; what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from open_model_monitor.moving.export import FAMILIES, Export
from open_model_monitor.moving.plan import DESCRIBED, Step, plan
from open_model_monitor.sdk.session import Session

JSON = dict[str, Any]
UNKNOWN = ("ResourceNotFound", "ValidationException")  # of a description of what is not there


def migrate(
    export: Export,
    target: Session,
    *,
    copy_to: str | None = None,
    one_time: bool = False,
    is_dry: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Step]:
    """Create what an export holds; returns the steps with what became of each.

    With `copy_to` files are copied below an address and named there, else they stay where they are. Done again it
    finds everything `unchanged`. Nothing is replaced: what differs needs a decision.
    """
    moved = {} if copy_to is None else _moved(export, copy_to.rstrip("/"))
    steps = plan(export, moved, one_time=one_time)
    if not is_dry:
        for address, new in moved.items():
            target.write(new, export.files[address])
    for step in steps:
        tell(f"{step.kind} {step.name}")
        if step.action == "create":
            _do(step, target, is_dry=is_dry)
    return steps


def _moved(export: Export, folder: str) -> dict[str, str]:
    """Return a new address for every file; numbers keep files of the same name apart."""
    return {
        address: f"{folder}/{number:04}/{PurePosixPath(address).name}"
        for number, address in enumerate(sorted(export.files))
    }


def _do(step: Step, target: Session, *, is_dry: bool) -> None:
    known = _MAKERS[step.kind]
    try:
        present = known.present(step, target.sagemaker_client)
        if present is None:
            if not is_dry:
                known.create(step, target.sagemaker_client)
                step.action = "created"
            return
        differs = _differences(known.wanted(step), present)
        step.action = "decide" if differs else "unchanged"
        if differs:
            step.notes.insert(0, f"there is another of this name, which differs in {', '.join(differs)}")
    except Exception as error:  # a refusal of one thing shall not keep the others away
        step.action = "failed"
        step.notes.insert(0, f"{type(error).__name__}: {error}")


class _Endpoints:
    """Endpoints with their configurations."""

    @staticmethod
    def wanted(step: Step) -> JSON:
        return step.config or {}

    @staticmethod
    def present(step: Step, client: Any) -> JSON | None:
        described = _described(lambda: client.describe_endpoint(EndpointName=step.name))
        if described is None:
            return None
        found: JSON = client.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        return found

    @staticmethod
    def create(step: Step, client: Any) -> None:
        config = step.config or {}
        name = config["EndpointConfigName"]
        if _described(lambda: client.describe_endpoint_config(EndpointConfigName=name)) is None:
            client.create_endpoint_config(**config)
        client.create_endpoint(**step.request)


class _Definitions:
    """Job definitions of every family."""

    @staticmethod
    def wanted(step: Step) -> JSON:
        return {name: value for name, value in step.request.items() if name != "Tags"}

    @staticmethod
    def present(step: Step, client: Any) -> JSON | None:
        describe = getattr(client, f"describe_{FAMILIES[step.family or '']}_job_definition")
        return _described(lambda: describe(JobDefinitionName=step.name))

    @staticmethod
    def create(step: Step, client: Any) -> None:
        getattr(client, f"create_{FAMILIES[step.family or '']}_job_definition")(**step.request)


class _Schedules:
    """Schedules, with their status and their alerts."""

    @staticmethod
    def wanted(step: Step) -> JSON:
        return {"MonitoringScheduleConfig": step.request["MonitoringScheduleConfig"]}

    @staticmethod
    def present(step: Step, client: Any) -> JSON | None:
        return _described(lambda: client.describe_monitoring_schedule(MonitoringScheduleName=step.name))

    @staticmethod
    def create(step: Step, client: Any) -> None:
        client.create_monitoring_schedule(**step.request)
        if step.is_stopped:
            client.stop_monitoring_schedule(MonitoringScheduleName=step.name)
        listed = client.list_monitoring_alerts(MonitoringScheduleName=step.name)["MonitoringAlertSummaries"]
        for there, here in zip(step.alerts, listed, strict=False):
            numbers = {name: there[name] for name in ("DatapointsToAlert", "EvaluationPeriod")}
            if numbers != {name: here[name] for name in numbers}:
                client.update_monitoring_alert(
                    MonitoringScheduleName=step.name,
                    MonitoringAlertName=here["MonitoringAlertName"],
                    **numbers,
                )


_MAKERS: dict[str, Any] = {"endpoint": _Endpoints, "definition": _Definitions, "schedule": _Schedules}


def _described(describe: Callable[[], JSON]) -> JSON | None:
    """Return a description, None if there is nothing of that name."""
    try:
        return describe()
    except Exception as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code")
        if code not in UNKNOWN:
            raise
        return None


def _differences(wanted: JSON, present: JSON) -> list[str]:
    """Return the members in which what is there differs from what is wanted; what nobody asked for does not count."""
    return sorted(
        name
        for name, value in wanted.items()
        if name not in DESCRIBED and _without_type(present.get(name)) != _without_type(value)
    )


def _without_type(value: Any) -> Any:
    """Return the configuration of a schedule without the type that a description adds to it."""
    if isinstance(value, dict) and "MonitoringJobDefinition" in value:
        return {name: one for name, one in value.items() if name != "MonitoringType"}
    return value


def outcome(steps: Iterable[Step]) -> dict[str, int]:
    """Return how many steps ended in which action."""
    counted: dict[str, int] = {}
    for step in steps:
        counted[step.action] = counted.get(step.action, 0) + 1
    return counted
