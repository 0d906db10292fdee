import json

import pytest

from open_model_monitor.cli.app import main


def documents(folder):
    return {path.name for path in folder.iterdir()}


def test_suggest(omm, data, tmp_path):
    done = omm("suggest", data / "churn" / "training-dataset-with-header.csv", "-o", tmp_path / "baseline")
    assert done.code == 0
    assert documents(tmp_path / "baseline") >= {"statistics.json", "constraints.json", "run_summary.json"}
    for text in (
        "2,333 rows × 70 features",
        "Account Length",
        "… and 50 more features: --all",
        "The baseline is made",
    ):
        assert text in done.out
    assert (
        "more features"
        not in omm("suggest", data / "churn" / "training-dataset-with-header.csv", "--all").out
    )


def test_suggest_options(omm, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("1,NA,x\n-1,2,y\n" * 20)
    words = [
        "suggest",
        path,
        "--no-header",
        "--missing",
        "NA",
        "--missing",
        "_c0=-1",
        "--exclude",
        "2",
        "--json",
    ]
    omm(*words, "-o", tmp_path / "out")
    statistics = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert statistics["dataset"]["item_count"] == 40
    missing = {f["name"]: f["numerical_statistics"]["common"]["num_missing"] for f in statistics["features"]}
    assert missing == {"_c0": 20, "_c1": 20}


def test_like_sagemaker(omm, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a\n" + "1\n" * 20)
    omm("suggest", path, "--like", "sagemaker", "-o", tmp_path / "out")
    config = json.loads((tmp_path / "out" / "constraints.json").read_text())["monitoring_config"]
    assert "open_model_monitor" not in config


def test_check(omm, captures, baseline, demo, tmp_path):
    words = ["check", captures, "--baseline", baseline, "--preprocess", demo / "preprocessor.py"]
    done = omm(*words, "--postprocess", demo / "postprocessor.py", "-o", tmp_path / "out")
    assert done.code == 0
    assert "7 dropped by the preprocessor" in done.out
    assert "data_type_check" in done.out
    assert "and 58 more" in done.out  # of which the same is said
    assert "--all shows them one by one" in done.out
    assert "60 violations; written to" in done.out
    assert "Your scripts said (8 lines)" in done.out
    assert "drifted.csv" in documents(tmp_path / "out")
    assert "State_WY" in omm(*words, "--all").out


def test_strict(omm, captures, baseline, data):
    assert omm("check", captures, "--baseline", baseline, "--strict").code == 1
    same = data / "churn" / "training-dataset-with-header.csv"
    done = omm("check", same, "--baseline", baseline, "--strict")
    assert done.code == 0
    assert "No violations" in done.out


def test_check_as_json_prints_nothing_else(omm, captures, baseline, demo):
    preprocessor = demo / "preprocessor.py"
    done = omm("check", captures, "--baseline", baseline, "--preprocess", preprocessor, "--json")
    told = json.loads(done.out)
    assert done.err == ""
    assert len(told["violations"]) == 60
    assert told["counts"]["records_dropped_by_script"] == 7


def test_single_documents_and_windows(omm, captures, baseline):
    words = ["check", captures, "--constraints", baseline / "constraints.json", "--json"]
    windowed = json.loads(
        omm(*words, "--since", "2026-01-31T10:00:00Z", "--until", "2026-01-31T11:00:00Z").out
    )
    assert windowed["counts"]["records_in"] == 112
    assert windowed["violations"]
    profiled = omm("check", captures)
    assert "Profiled only" in profiled.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--behaviour", "minimum_row=3"], "did you mean minimum_rows"),
        (["--behaviour", "minimum_rows"], "expected KEY=VALUE"),
        (["--env", "=x"], "expected KEY=VALUE"),
        (["--requirements", "nosuch.txt"], "there is no file nosuch.txt"),
        (["--header", "--format", "json"], "about CSV files"),
        (["--since", "yesterday"], "expected a time"),
        (["--max-malformed", "x"], "--max-malformed"),
        (["--baseline", "nosuch/"], "neither statistics.json nor constraints.json"),
        (["--format", '{"avro": {}}'], "avro"),
    ],
)
def test_refusals_name_what_is_wrong(omm, captures, words, said):
    done = omm("check", captures, *words)
    assert done.code == 2
    assert said in " ".join(done.err.replace("│", " ").split())


def test_environment_and_failing_records(omm, captures, script):
    source = """
import os
def preprocess_handler(record):
    return {"who": os.environ["WHO"], "n": 1 / (record.event_metadata.event_time[14:16] != "00")}
"""
    words = ["check", captures, "--preprocess", script(source), "--env", "WHO=me", "--json"]
    told = json.loads(omm(*words, "--skip-failing-records").out)
    assert told["counts"]["records_failed_in_script"] == 6
    assert omm(*words).code == 4


def test_inspect(omm, captures):
    done = omm("inspect", captures)
    assert done.code == 0
    for text in (
        "334 records (all)",
        "1 line of 69 fields",
        "_c0",
        "No preprocessor is needed",
        "50 more columns",
    ):
        assert text in done.out
    told = json.loads(omm("inspect", captures, "-n", 5, "--json").out)
    assert (told["records"], told["complete"], len(told["columns"])) == (5, False, 70)


def test_a_written_script_can_be_tried(omm, captures, tmp_path):
    path = tmp_path / "start.py"
    done = omm("inspect", captures, "--write-script", path)
    assert "A script to start from" in done.out
    assert omm("try", path, captures).code == 0
    refused = omm("inspect", captures, "--write-script", path)
    assert refused.code == 2
    assert "there already" in " ".join(refused.err.replace("│", " ").split())


@pytest.mark.parametrize("as_json", [True, False])
def test_explain(omm, data, as_json):
    done = omm("explain", data / "sdk" / "constraint_violations.json", *(["--json"] if as_json else []))
    assert done.code == 0
    assert "7 violations" in done.out
    if as_json:
        assert json.loads(done.out)["kind"] == "constraint_violations"


def test_explain_what_is_no_document(omm, data, tmp_path):
    assert "omm inspect" in omm("explain", data / "sdk" / "capture.jsonl").out
    (tmp_path / "x.json").write_text("{oh")
    assert omm("explain", tmp_path / "x.json").code == 3
    (tmp_path / "y.json").write_text('{"a": 1}')
    done = omm("explain", tmp_path / "y.json")
    assert (done.code, "its keys are 'a'" in " ".join(done.err.split())) == (3, True)
    assert omm("explain", tmp_path / "z.json").code == 5


def test_run_hands_the_environment_over(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "open_model_monitor.jobs.container.run_container", lambda e: seen.append(dict(e)) or 3
    )
    monkeypatch.setattr("open_model_monitor.cli.logs.log_to_stdout", lambda: None)
    monkeypatch.setenv("dataset_source", "/data")
    assert main(["run"]) == 3
    assert seen[0]["dataset_source"] == "/data"
