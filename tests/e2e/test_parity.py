"""Recorded reports, done again: everything agrees that can."""

import json

import pytest

import open_model_monitor as omm
from open_model_monitor.cli.app import main
from open_model_monitor.moving.replay import parity, parity_of_execution


@pytest.fixture
def recorded(vectors, tmp_path):
    """Return folders of a baseline and of a run as they were recorded, with what both read."""
    case = vectors["end_to_end"]
    for name in ("baseline", "report"):
        (tmp_path / name).mkdir()
    (tmp_path / "baseline.csv").write_text(case["baseline_csv"])
    (tmp_path / "current.csv").write_text(case["current_csv"])
    documents = {
        "baseline/statistics.json": case["baseline_statistics"],
        "baseline/constraints.json": case["baseline_constraints"],
        "report/statistics.json": case["current_statistics"],
        "report/constraint_violations.json": {"violations": case["constraint_violations"]}
        if isinstance(case["constraint_violations"], list)
        else case["constraint_violations"],
    }
    for name, document in documents.items():
        (tmp_path / name).write_text(json.dumps(document))
    return tmp_path


def test_a_recorded_report_agrees(recorded, capsys):
    run = [str(recorded / "report"), str(recorded / "current.csv"), "--baseline", str(recorded / "baseline")]
    assert main(["parity", *run]) == 0
    assert "100 % agreement: 63 agree, 0 differ" in capsys.readouterr().out
    made = [str(recorded / "baseline"), str(recorded / "baseline.csv"), "--suggest", "--json"]
    assert main(["parity", *made]) == 0
    assert json.loads(capsys.readouterr().out)["agreement"] == 1


def test_what_differs_is_shown_and_exits_with_one(recorded, capsys):
    path = recorded / "report" / "statistics.json"
    document = json.loads(path.read_text())
    first = document["features"][0]
    block = first.get("numerical_statistics") or first["string_statistics"]
    block["common"]["num_missing"] += 1
    path.write_text(json.dumps(document))
    run = [str(recorded / "report"), str(recorded / "current.csv"), "--baseline", str(recorded / "baseline")]
    assert main(["parity", *run]) == 1
    shown = capsys.readouterr().out
    assert "98." in shown
    assert "differs" in shown


def test_the_numbers_of_a_real_run_over_the_churn_data(vectors, data, tmp_path):
    case = vectors["churn_training"]
    training = data / "churn" / "training-dataset-with-header.csv"
    features = []
    for one in case["features"]:
        numbers = {name: one[name] for name in ("common", "mean", "sum", "std_dev", "min", "max")}
        kept = {name: one[name] for name in ("name", "inferred_type")}
        features.append(kept | {"numerical_statistics": numbers})
    (tmp_path / "statistics.json").write_text(
        json.dumps({"dataset": {"item_count": 2333}, "features": features})
    )
    found = parity(str(tmp_path), str(training), is_baseline=True)
    # Numbers were recorded of some of the features, so the list of names is shorter.
    assert [one.what for one in found.differences] == ["features, in order"]
    assert found.count("agrees") == 1 + 8 * len(features)


def test_an_execution_is_done_again_from_its_own_description(tmp_path):
    (tmp_path / "train.csv").write_text("score,n,plan\n" + "0.5,1,x\n0.5,2,y\n" * 30)
    client = omm.connect(tmp_path / "data")
    with omm.Recorder(tmp_path / "captures", endpoint="plans") as recorder:
        for number in range(60):
            recorder.log(f"{number % 7},{'xyz'[number % 3]}", "0.5")
    script = tmp_path / "preprocessor.py"
    script.write_text(
        "def preprocess_handler(record):\n"
        "    n, plan = record.endpoint_input.data.split(',')\n"
        "    return {'score': record.endpoint_output.data, 'n': n, 'plan': plan}\n"
    )
    monitor = client.create_monitor(
        "plans",
        captures=str(tmp_path / "captures" / "plans"),
        baseline=str(tmp_path / "train.csv"),
        every="now",
    )
    execution = monitor.wait(60)
    found = parity_of_execution(client.session, execution.job)
    assert found.share == 1
    assert any(one.document == "constraint_violations.json" for one in found.compared)
    client.close()
