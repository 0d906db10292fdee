from open_model_monitor.monitors.baseline_features import baseline_features
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.constraints import Constraints
from open_model_monitor.monitors.statistics import FeatureStatistics, Statistics


def statistics(*features):
    return Statistics(9, tuple(FeatureStatistics(name, kind, rows, 0) for name, kind, rows in features))


def constraints(*entries, **config):
    return Constraints.from_dict({"features": list(entries), "monitoring_config": config})


def test_of_equal_names_the_position_decides():
    both = baseline_features(
        constraints({"name": "a"}, {"name": "b"}, {"name": "a"}, {"name": "c"}),
        statistics(("a", "Integral", 1), ("a", "Integral", 2), ("b", "Integral", 3)),
        Behaviour.sagemaker(),
    )
    assert [f.statistics and f.statistics.num_present for f in both] == [1, 3, 2, None]
    assert [f.inferred_type for f in both] == ["Integral"] * 3 + [None]


def test_the_order_is_that_of_the_constraints():
    both = baseline_features(
        constraints({"name": "b", "inferred_type": "String"}),
        statistics(("a", "Integral", 1), ("b", "Integral", 2)),
        Behaviour.sagemaker(),
    )
    assert [(f.name, f.inferred_type) for f in both] == [("b", "String")]


def test_what_the_job_asks_for_holds_for_every_feature():
    override = {
        "monitoring_config_overrides": {"open_model_monitor": {"drift_counting": "rows", "minimum_rows": 9}}
    }
    read = constraints({"name": "a"} | override, {"name": "b"}, open_model_monitor={"minimum_rows": 5})
    run = read.behaviour.overridden({"minimum_rows": "2"})
    a, b = baseline_features(read, None, run)
    assert (a.behaviour.drift_counting, a.behaviour.minimum_rows) == ("rows", 2)
    assert b.behaviour == run
    a, b = baseline_features(read, None, read.behaviour)
    assert (a.behaviour.minimum_rows, b.behaviour.minimum_rows) == (9, 5)


def test_statistics_alone_and_neither():
    (known,) = baseline_features(None, statistics(("a", "Integral", 1)), Behaviour.recommended())
    assert (known.constraints, known.config.threshold, known.behaviour) == (
        None,
        0.1,
        Behaviour.recommended(),
    )
    assert baseline_features(None, None, Behaviour.recommended()) == ()
