"""The steps of a run that no numbered case covers; the cases are in tests/contract."""

import functools
import json
from pathlib import Path

import pytest

import open_model_monitor as omm
from open_model_monitor.errors import DataError, SettingsError, UsageError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "x,1\ny,2\n" * 20)
    return path


def test_outputs_are_refused_before_any_work(table, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("…")
    with pytest.raises(UsageError, match="not of a former run"):
        omm.suggest(table, tmp_path / "mine")


def test_a_summary_lists_the_files_and_hashes_the_scripts(table, tmp_path):
    script = tmp_path / "p.py"
    script.write_text("def preprocess_handler(line): return line\n")
    omm.suggest(table, tmp_path / "out", preprocess=script)
    summary = json.loads((tmp_path / "out" / "run_summary.json").read_text())
    assert set(summary["files"]) == {p.name for p in (tmp_path / "out").iterdir()}
    assert len(summary["scripts"]["preprocessor"]) == 64
    assert summary["counts"]["rows_out"] == 40


def test_missing_values_and_excluded_columns(table):
    report = omm.profile(table, options={"missing_values": {"a": ["x"]}, "exclude_features_attribute": ["b"]})
    assert [(f.name, f.num_missing) for f in report.statistics.features] == [("a", 20)]


def test_a_memory_address_takes_the_output(table):
    from open_model_monitor.storage import Storage

    omm.suggest(table, "memory://runs/baseline")
    assert json.loads(Storage().read("memory://runs/baseline/run_summary.json"))["kind"] == "baseline"


def test_metrics_may_be_added_by_a_postprocessor(table, tmp_path):
    script = tmp_path / "q.py"
    script.write_text(
        "def postprocess_handler():\n"
        "    open('/opt/ml/output/metrics/cloudwatch/mine.json', 'w').write('{\"MetricName\": \"x\"}')\n"
    )
    omm.check(table, None, tmp_path / "out", postprocess=script)
    assert (tmp_path / "out" / "metrics" / "mine.json").exists()
    assert (tmp_path / "out" / "metrics" / "cloudwatch_metrics.jsonl").exists()


def test_the_output_may_not_lie_inside_the_input(table):
    with pytest.raises(UsageError, match="lies inside the input"):
        omm.check(table.parent, None, table.parent / "out", format="csv")


def test_a_link_to_a_folder_is_followed(table, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "real").mkdir()
    (elsewhere / "link").symlink_to("real")
    for _ in range(2):
        omm.check(table, None, elsewhere / "link")
    assert (elsewhere / "link").is_symlink()
    assert (elsewhere / "real" / "statistics.json").exists()


def test_the_current_folder_stays_the_one_one_stands_in(table, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for _ in range(2):
        omm.check(table, None, ".")
        assert Path("statistics.json").exists()


def test_unknown_names_are_refused(table):
    with pytest.raises(SettingsError, match="nosuch"):
        omm.profile(table, options={"exclude_features_attribute": ["nosuch"]})


def test_keys_that_are_ids_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("open_model_monitor.jobs.part_state.MAX_COLUMNS", 50)
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"id{n}": 1}}\n' for n in range(60)))
    with pytest.raises(DataError, match="more than 50 columns"):
        omm.profile(path)


def test_several_parts_and_several_script_workers(tmp_path, monkeypatch):
    """Spawned workers do not see what a test patches, so the parts are made small in the plan."""
    from open_model_monitor.capture import layout
    from open_model_monitor.jobs import run

    for n in range(4):
        (tmp_path / f"{n}.csv").write_text("a\n" + "x\ny\n" * 10)
    script = tmp_path / "p.py"
    script.write_text("def preprocess_handler(line): return line\n")
    small = functools.partial(layout.plan, part_bytes=1)
    monkeypatch.setattr(run, "plan", small)
    reports = [
        omm.check(tmp_path, preprocess=script, format="csv", options={"script_workers": workers})
        for workers in (1, 2)
    ]
    assert reports[0].to_dict() == reports[1].to_dict()
    assert reports[0].rows == 80
