"""One monitor."""


def run_of(distance, threshold=0.1):
    drift = {"distance": distance, "threshold": threshold, "method": "Robust"}
    return {"features": {"calls": {"drift": drift}, "plan": {"drift": None}}}


def test_a_monitor_with_its_definition_and_executions(visitor, world):
    world.monitor("churn")
    output = world.documents("out", run_summary=run_of(0.3))
    made = world.execution("churn", output=output, status="CompletedWithViolations", violations=1)
    text = visitor.get("/monitors/churn").text
    assert f'/ui/executions/{made}"' in text
    assert "sagemaker-model-monitor-analyzer" in text
    assert "CreateMonitoringSchedule by anonymous" in text
    told = visitor.get("/monitors/churn.json").json()
    assert [one["id"] for one in told["executions"]] == [made]


def test_features_farthest_beyond_their_threshold_first(visitor, world):
    world.monitor("churn")
    drift = {"a": (0.2, 0.1), "b": (0.3, 0.5), "c": (0.9, 0.1)}
    features = {name: {"drift": {"distance": d, "threshold": t}} for name, (d, t) in drift.items()}
    world.execution("churn", output=world.documents("out", run_summary={"features": features}))
    text = visitor.get("/monitors/churn/trends").text
    assert text.index("<h3>c") < text.index("<h3>a") < text.index("<h3>b")
    assert "<h3>b" in visitor.get("/monitors/churn/trends?q=B").text
    assert "No feature fits" in visitor.get("/monitors/churn/trends?q=zzz").text


def test_start_and_stop(visitor, world):
    world.monitor("churn")
    assert visitor.post("/monitors/churn/stop").status_code == 303
    assert visitor.get("/monitors/churn.json").json()["status"] == "Stopped"
    assert visitor.post("/monitors/churn/start").status_code == 303
    assert visitor.get("/monitors/churn.json").json()["status"] == "Scheduled"


def test_metrics_of_model_quality_with_their_intervals(visitor, world):
    world.monitor("quality", "ModelQuality")
    found = {"recall": {"value": 0.8, "threshold": 0.9, "interval": {"low": 0.7, "high": 0.9}}}
    for hours in (1, 2):
        output = world.documents(f"out{hours}", run_summary={"features": found})
        world.execution("quality", hours_ago=hours, output=output)
    text = visitor.get("/monitors/quality/trends").text
    assert text.count('class="interval"') == 2
    assert "Value, with its interval, threshold 0.9" in text
