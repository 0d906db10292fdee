"""Constraints: view, preview, versions."""

import json

import pytest

from support.pages import numbers, statistics, violation


def constraints(threshold=0.1, completeness=1.0):
    return {
        "version": 0.0,
        "features": [{"name": "calls", "inferred_type": "Fractional", "completeness": completeness}],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": threshold,
                "comparison_method": "Simple",
            },
        },
    }


@pytest.fixture
def base(world, desk):
    """Lay a monitor whose baseline is a folder here, which no client may name."""
    from sqlalchemy import select

    from open_model_monitor.control.tables import resources

    world.monitor("churn")
    folder = world.documents(
        "base", constraints=constraints(), statistics=statistics(numbers("calls", present=1000))
    )
    named = {
        "ConstraintsResource": {"S3Uri": f"file://{folder}/constraints.json"},
        "StatisticsResource": {"S3Uri": f"file://{folder}/statistics.json"},
    }
    with desk.store.begin() as transaction:
        [row] = transaction.all(select(resources).where(resources.c.name == "churn-def"))
        document = row["document"] | {"DataQualityBaselineConfig": named}
        transaction.update(resources, {"name": "churn-def"}, document=document)
    return folder


def run(world, base, low, **more):
    output = world.documents(
        f"out{low}",
        statistics=statistics(numbers("calls", low)),
        run_summary={"features": {"calls": {"type_counts": {"Fractional": 100}}}},
        **more,
    )
    return world.execution("churn", output=output, baseline={"baseline": f"{base}/statistics.json"})


def preview(visitor, document):
    text = document if isinstance(document, str) else json.dumps(document)
    return visitor.post("/monitors/churn/baseline/preview", {"constraints": text})


def test_view(visitor, base):
    text = visitor.get("/monitors/churn/baseline").text
    assert "Drift beyond <b>0.1</b>" in text
    assert visitor.get("/monitors/churn/baseline.json").json() == constraints()


def test_what_it_would_have_flagged(visitor, world, base):
    made = run(world, base, 8.0, constraint_violations={"violations": [violation("calls")]})
    for limit, expected in ((0.1, 1), (0.99, 0)):
        [told] = preview(visitor, constraints(limit)).json()
        assert (told["id"], told["flagged"], told["would_be"]) == (made, 1, expected), limit
    assert told["no_longer"] == [["calls", "baseline_drift_check"]]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ({"features": 3}, "features"),
        (constraints("many"), "comparison_threshold"),
        (constraints(completeness=7), "completeness"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(visitor, base, document, told):
    answer = preview(visitor, document)
    assert answer.status_code == 400
    assert told in answer.text


def test_nothing_to_judge_again(visitor, base):
    assert preview(visitor, constraints()).json() == []


def test_versions_with_a_definition_are_refused_where_addresses_may_not_be_named(visitor, base):
    # A folder of this machine may not be named through the API, so the door refuses, and the monitor stays as it was.
    saved = visitor.post("/monitors/churn/baseline/save", {"constraints": json.dumps(constraints(0.5))})
    assert saved.status_code == 400
    assert "?version=2" not in visitor.get("/monitors/churn/baseline").text
    assert visitor.get("/monitors/churn/baseline.json").json() == constraints()


def test_a_version_beside_the_first_and_a_definition_that_names_it(browser, desk, visitor, base, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(desk.service, "settings", replace(desk.settings, local_addresses=True))
    fields = {"constraints": json.dumps(constraints(0.5)), "note": "calmer"}
    assert visitor.post("/monitors/churn/baseline/save", fields).status_code == 303
    assert visitor.get("/monitors/churn/baseline.json").json() == constraints(0.5)
    assert visitor.get("/monitors/churn/baseline.json?version=first").json() == constraints()
    text = visitor.get("/monitors/churn/baseline").text
    assert "calmer" in text
    assert text.index("In use</span>") < text.index("calmer")
    stale = visitor.post(
        "/monitors/churn/baseline/save", fields | {"based_on": f"file://{base}/constraints.json"}
    )
    assert (stale.status_code, "another version" in stale.text) == (400, True)
