"""Create what was planned, on a server or in a folder; what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from open_model_monitor.errors import UsageError
from open_model_monitor.moving.export import FAMILIES, Export, alerts_of, tags_of
from open_model_monitor.moving.plan import ONE_TIME, Step, plan
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
    failed = [] if is_dry else _copy(export, moved, target)
    steps = plan(export, moved, one_time=one_time)
    for step in steps:
        tell(f"{step.kind} {step.name}")
        if step.kind in _MAKERS:
            _do(step, target, is_dry=is_dry)
    return [*failed, *steps]


def _moved(export: Export, folder: str) -> dict[str, str]:
    """Return a new address for every file; numbers keep files of the same name apart."""
    return {
        address: f"{folder}/{number:04}/{PurePosixPath(address).name}"
        for number, address in enumerate(sorted(export.files))
    }


def _copy(export: Export, moved: dict[str, str], target: Session) -> list[Step]:
    """Copy files; what could not be copied is named where it was, and becomes a step that failed."""
    failed = []
    for address, new in list(moved.items()):
        try:
            target.write(new, export.files[address])
        except Exception as error:  # whatever boto3 and stores of files raise
            del moved[address]
            why = (
                f"could not be copied to {new}, so it is named where it was: {type(error).__name__}: {error}"
            )
            failed.append(Step("file", address, {}, action="failed", notes=[why]))
    return failed


def _do(step: Step, target: Session, *, is_dry: bool) -> None:
    known = _MAKERS[step.kind]
    try:
        present = known.present(step, target.sagemaker_client)
        if present is None:
            if step.action == "create" and not is_dry:
                known.create(step, target.sagemaker_client)
                step.action = "created"
            return
        differs = _differences(known.wanted(step), present)
        step.action = "decide" if differs else "unchanged"
        step.notes = [note for note in step.notes if note != ONE_TIME]
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
        present = _described(lambda: client.describe_endpoint_config(EndpointConfigName=name))
        if present is None:
            client.create_endpoint_config(**config)
        elif differs := _differences(config, present):
            raise UsageError(
                f"There is another endpoint configuration {name}, which differs in {', '.join(differs)}; "
                "rename or delete it, and migrate again"
            )
        client.create_endpoint(**step.request)


class _Definitions:
    """Job definitions of every family."""

    @staticmethod
    def wanted(step: Step) -> JSON:
        return {**step.request, "Tags": _sorted(step.request.get("Tags", []))}

    @staticmethod
    def present(step: Step, client: Any) -> JSON | None:
        describe = getattr(client, f"describe_{FAMILIES[step.family or '']}_job_definition")
        found = _described(lambda: describe(JobDefinitionName=step.name))
        return found and {**found, "Tags": _sorted(tags_of(client, found["JobDefinitionArn"]))}

    @staticmethod
    def create(step: Step, client: Any) -> None:
        getattr(client, f"create_{FAMILIES[step.family or '']}_job_definition")(**step.request)


class _Schedules:
    """Schedules, with their status and their alerts."""

    @staticmethod
    def wanted(step: Step) -> JSON:
        return {
            "MonitoringScheduleConfig": step.request["MonitoringScheduleConfig"],
            "Tags": _sorted(step.request["Tags"]),
            "Alerts": [_limits(one) for one in step.alerts],
            "MonitoringScheduleStatus": step.is_stopped,
        }

    @staticmethod
    def present(step: Step, client: Any) -> JSON | None:
        found = _described(lambda: client.describe_monitoring_schedule(MonitoringScheduleName=step.name))
        return found and {
            **found,
            "Tags": _sorted(tags_of(client, found["MonitoringScheduleArn"])),
            "Alerts": [_limits(one) for one in alerts_of(client, step.name)],
            "MonitoringScheduleStatus": found["MonitoringScheduleStatus"] == "Stopped",
        }

    @staticmethod
    def create(step: Step, client: Any) -> None:
        client.create_monitoring_schedule(**step.request)
        if step.is_stopped:
            client.stop_monitoring_schedule(MonitoringScheduleName=step.name)
        for there, here in zip(step.alerts, alerts_of(client, step.name), strict=False):
            if _limits(there) != _limits(here):
                client.update_monitoring_alert(
                    MonitoringScheduleName=step.name,
                    MonitoringAlertName=here["MonitoringAlertName"],
                    **_limits(there),
                )


_MAKERS: dict[str, Any] = {"endpoint": _Endpoints, "definition": _Definitions, "schedule": _Schedules}


def _limits(alert: JSON) -> JSON:
    """Return what can be set of an alert; its name is the service's."""
    return {name: alert[name] for name in ("DatapointsToAlert", "EvaluationPeriod")}


def _sorted(tags: list[JSON]) -> list[JSON]:
    return sorted(tags, key=lambda tag: str(tag["Key"]))


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
        name for name, value in wanted.items() if _without_type(present.get(name)) != _without_type(value)
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
