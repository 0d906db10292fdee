"""Documents read together."""

from open_model_monitor.reporting.evidence import Evidence, subject_of
from support.pages import numbers, statistics, texts, violation

DRIFT = {"distance": 0.3, "threshold": 0.1, "method": "Robust"}


def evidence(**more):
    documents = {
        "summary": {
            "features": {"calls": {"drift": DRIFT}},
            "notices": [{"feature": "calls", "text": "few"}],
        },
        "statistics": statistics(texts("plan", {"basic": 3}), numbers("calls", 3.0)),
        "violations": (violation("calls"),),
        "baseline": statistics(numbers("calls")),
    }
    return Evidence("out", **{**documents, **more})


def test_features_with_violations_come_first():
    first, second = evidence().features()
    assert (first["name"], first["distance"], len(first["violations"])) == ("calls", 0.3, 1)
    assert (second["name"], second["violations"], second["completeness"]) == ("plan", [], 1.0)


def test_one_feature_against_its_baseline():
    known = evidence().feature("calls")
    assert ("mean", 8.0, 5.0) in known["figures"]
    assert (len(known["buckets"]), len(known["buckets_before"])) == (10, 10)
    assert (known["drift"], known["notices"]) == (DRIFT, ["few"])
    assert evidence().feature("plan")["counts"] == {"basic": 3}
    assert evidence().feature("none") is None


def test_whether_anything_was_checked():
    assert evidence().checked
    assert Evidence(None, {"violations": 0}).checked
    assert not Evidence(None, {"violations": None}).checked
    assert not Evidence(None).checked


def test_documents_of_any_shape_are_read():
    strange = {"features": "none", "notices": None}
    made = evidence(
        summary=strange, statistics={"features": [None, {"name": 1}, {"name": "x"}]}, violations=({},)
    )
    assert [row["name"] for row in made.features()] == ["x"]
    assert made.feature("x")["buckets"] == []
    hostile = numbers("x")
    hostile["numerical_statistics"]["common"]["num_present"] = "many"
    hostile["numerical_statistics"]["distribution"]["kll"]["buckets"] = [None, {"lower_bound": "NaN"}]
    made = evidence(statistics={"features": [hostile]})
    assert (made.features()[0]["completeness"], made.feature("x")["buckets"]) == (None, [])
    assert subject_of({"metric_name": "recall"}) == "recall"
