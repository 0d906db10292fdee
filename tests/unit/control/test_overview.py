"""What people look at: pages of rows, within one account."""

import pytest

from open_model_monitor.control import overview
from open_model_monitor.control.by_hand import run_schedule
from open_model_monitor.control.overview import Territory

HERE = Territory("000000000000", "us-east-1")


@pytest.fixture
def read(store):
    def read(function, *arguments, **more):
        with store.read() as transaction:
            return function(transaction, *arguments, **more)

    return read


def test_monitors_by_name_with_their_last_executions(scheduled, service, caller, clock, read):
    for name in ("b", "a", "c"):
        scheduled(name)
    for _ in range(2):
        run_schedule(service, "a", caller)
        clock.forward(minutes=1)
    page = read(overview.monitors, HERE, size=2)
    assert ([row["name"] for row in page.rows], page.total, page.former, page.following) == (
        ["a", "b"],
        3,
        None,
        2,
    )
    strip = page.rows[0]["strip"]
    assert [one["scheduled"] for one in strip] == sorted(one["scheduled"] for one in strip)
    assert len(strip) == 2
    assert "snapshot" not in strip[0]
    rest = read(overview.monitors, HERE, start=2, size=2)
    assert ([row["name"] for row in rest.rows], rest.former, rest.following) == (["c"], 0, None)


@pytest.mark.parametrize(
    ("search", "state", "names"),
    [
        ("ONE", "", ["one"]),
        ("%", "", []),
        ("_ne", "", []),
        ("", "Stopped", []),
        ("", "InAlert", []),
        ("", "Scheduled", ["one", "two"]),
    ],
)
def test_search_and_state(scheduled, read, search, state, names):
    scheduled("one")
    scheduled("two")
    assert [row["name"] for row in read(overview.monitors, HERE, search=search, state=state).rows] == names


def test_another_realm_is_empty(scheduled, read):
    scheduled("one")
    for realm in (Territory("111111111111", "us-east-1"), Territory("000000000000", "eu-west-1")):
        assert read(overview.monitors, realm).rows == []
        assert read(overview.monitor, realm, "one") is None
        assert read(overview.totals, realm) == {"all": 0, "scheduled": 0, "alarmed": 0}


def test_a_monitor_has_its_definition(scheduled, read):
    scheduled("one")
    assert read(overview.monitor, HERE, "one")["document"]["JobDefinitionName"] == "one"
    assert read(overview.monitor, HERE, "two") is None
    assert read(overview.alerts_of, HERE, "one")[0]["status"] == "OK"
    assert [row["operation"] for row in read(overview.changes_of, HERE, "one")] != []


def test_an_execution_and_its_neighbours(scheduled, service, caller, clock, read):
    scheduled("one")
    made = []
    for _ in range(3):
        made.append(run_schedule(service, "one", caller))
        clock.forward(minutes=1)
    whole = read(overview.execution, HERE, made[1]["id"])
    assert (whole["schedule"], whole["job_row"]) == ("one", None)
    before, after = read(overview.neighbours, whole)
    assert (before["id"], after["id"]) == (made[0]["id"], made[2]["id"])
    assert read(overview.execution, Territory("1", "us-east-1"), made[1]["id"]) is None
    page = read(overview.executions_page, whole["schedule_id"], status="Pending", size=2)
    assert ([row["id"] for row in page.rows], page.total) == ([made[2]["id"], made[1]["id"]], 3)
