"""What people do at the pages that no operation of SageMaker's does; it is in the audit log all the same."""

from __future__ import annotations

from open_model_monitor.control.executions import run_now
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Row, Transaction, new_id
from open_model_monitor.control.tables import audit, schedules
from open_model_monitor.errors import Denied, NotFound


def run_schedule(service: Service, name: str, caller: Caller) -> Row:
    """Queue one execution of the caller's schedule, whose window ends now; returns it.

    Raises NotFound, and Denied without the scope `run`.
    """
    if "run" not in caller.scopes:
        raise Denied(f"The key {caller.principal} lacks the scope 'run', which running a monitor needs")
    with service.store.begin() as transaction:
        row = transaction.get(schedules, account=caller.account, region=caller.region, name=name)
        if row is None:
            raise NotFound(f"There is no monitoring schedule {name} here; it may have been deleted")
        made = run_now(transaction, row, service.clock(), service.settings, "run")
        record(transaction, service, caller, "RunMonitoringSchedule", name)
    return made


def record(transaction: Transaction, service: Service, caller: Caller, what: str, resource: str) -> None:
    """Write into the audit log that a caller did something."""
    transaction.insert(
        audit,
        id=new_id(),
        time=service.clock(),
        account=caller.account,
        region=caller.region,
        principal=caller.principal,
        operation=what,
        resource=resource[:256],
        outcome="OK",
        request_id=caller.request_id,
        peer=caller.peer,
    )
