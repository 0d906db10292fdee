"""What people do at the pages: it happens in their account, and is in the audit log."""

import pytest
from sqlalchemy import select

from open_model_monitor.control.by_hand import run_schedule
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.tables import audit
from open_model_monitor.errors import Denied, NotFound


def test_a_run_by_hand(make, call, service, store, caller):
    pytest.skip("replaced below")
