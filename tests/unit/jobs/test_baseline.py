import json

import pyarrow as pa
import pytest

import open_model_monitor as omm
from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.jobs.baseline import read_baseline
from open_model_monitor.jobs.contract import Job
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.storage import Storage

CONSTRAINTS = {"version": 0.0, "features": [{"name": "a", "inferred_type": "String", "completeness": 1.0}]}
OURS = CONSTRAINTS | {"monitoring_config": {"open_model_monitor": {"compatibility": "recommended"}}}


def baseline(tmp_path, document, **more):
    path = tmp_path / "constraints.json"
    path.write_text(json.dumps(document))
    return read_baseline(Job("data", is_baseline=False, baseline_constraints=str(path), **more), Storage())


def test_behaviour_travels_with_the_constraints(tmp_path):
    assert baseline(tmp_path, CONSTRAINTS).behaviour == Behaviour.sagemaker()
    assert baseline(tmp_path, OURS).behaviour == Behaviour.recommended()
    changed = baseline(tmp_path, OURS, behaviour={"drift_counting": "distinct"}).behaviour
    assert changed.drift_counting == "distinct"


def test_a_baseline_run_has_none():
    found = read_baseline(Job("data", is_baseline=True), Storage())
    assert (found.exists, found.columns, found.behaviour) == (False, (), Behaviour.recommended())
    assert (
        read_baseline(Job("data", is_baseline=True, like="sagemaker"), Storage()).behaviour
        == Behaviour.sagemaker()
    )


def test_names_and_order_come_from_the_baseline(tmp_path):
    assert baseline(tmp_path, CONSTRAINTS).columns == ("a",)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(DocumentError, match=r"constraints.json holds a list"):
        baseline(tmp_path, [])
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(DocumentError, match=r"broken.json is not JSON"):
        read_baseline(
            Job("d", is_baseline=False, baseline_constraints=str(tmp_path / "broken.json")), Storage()
        )
    with pytest.raises(UsageError, match=r"none.json"):
        read_baseline(
            Job("d", is_baseline=False, baseline_constraints=str(tmp_path / "none.json")), Storage()
        )


def test_features_leave_both_documents(tmp_path):
    data = pa.table({"a": ["x", "y"] * 5, "b": [1, 2] * 5, "c": [1.5, 2.5] * 5})
    omm.suggest(data, tmp_path / "out")
    job = Job(
        "data",
        is_baseline=False,
        baseline_constraints=str(tmp_path / "out" / "constraints.json"),
        baseline_statistics=str(tmp_path / "out" / "statistics.json"),
    )
    found = read_baseline(job, Storage())
    less = found.without({"b"})
    assert (found.columns, less.columns) == (("a", "b", "c"), ("a", "c"))
    assert [f["name"] for f in less.constraints.to_dict()["features"]] == ["a", "c"]
    assert [f.name for f in less.statistics.features] == ["a", "c"]
    assert less.constraints.config == found.constraints.config
    assert found.without(()) is found
