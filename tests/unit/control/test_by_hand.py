"""What people do at the pages: it happens in their account, and is in the audit log."""

import pytest
from sqlalchemy import select

from open_model_monitor.control.by_hand import run_schedule
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.tables import audit
from open_model_monitor.errors import Denied, NotFound


def test_a_run_is_queued_and_recorded(service, store, scheduled, caller, clock):
    scheduled("monitor")
    made = run_schedule(service, "monitor", caller)
    assert (made["trigger"], made["status"], made["window_end"]) == ("run", "Pending", clock.now)
    with store.read() as transaction:
        last = transaction.all(select(audit).where(audit.c.operation == "RunMonitoringSchedule"))
    assert [(row["resource"], row["outcome"]) for row in last] == [("monitor", "OK")]


def test_not_without_the_scope_and_not_in_another_account(service, scheduled, caller):
    scheduled("monitor")
    with pytest.raises(Denied, match="'run'"):
        run_schedule(
            service, "monitor", Caller("000000000000", "us-east-1", scopes=frozenset({"read", "write"}))
        )
    with pytest.raises(NotFound):
        run_schedule(service, "monitor", Caller("111111111111", "us-east-1"))
