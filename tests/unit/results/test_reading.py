"""Documents read back from a folder."""

import json

import pyarrow as pa
import pytest

import open_model_monitor as omm
from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.results.reading import read_evidence


@pytest.fixture
def run(tmp_path):
    before = omm.suggest(pa.table({"a": ["x", "y"] * 20, "n": [1.5, 2.5] * 20}), tmp_path / "base")
    made = omm.check(pa.table({"a": ["x", "z"] * 20, "n": [1.5, 2.5] * 20}), before, tmp_path / "out")
    return made, str(tmp_path / "out"), str(tmp_path / "base")


def test_a_folder_tells_what_the_run_told(run):
    made, out, base = run
    read, told = read_evidence(out, baseline=base), made.evidence()
    assert read.summary.pop("files")
    for name in ("folder", "summary", "statistics", "violations"):
        assert getattr(read, name) == getattr(told, name)
    assert read.feature("a")["counts_before"] == told.feature("a")["counts_before"] == {"x": 20, "y": 20}


def test_the_three_kinds_from_a_report(run):
    made, *_ = run
    assert "unknown" in made.to_html().lower()
    assert made.to_markdown("mine").startswith("### ⚠️ mine: ")
    assert made.to_junit().count("<failure") == len(made.violations)


def test_a_folder_of_sagemaker_has_no_summary(tmp_path):
    (tmp_path / "constraint_violations.json").write_text('{"violations": []}')
    assert read_evidence(str(tmp_path)).checked


@pytest.mark.parametrize(("text", "error"), [("{", DocumentError), ("[]", DocumentError), (None, UsageError)])
def test_what_is_no_output_of_a_run(tmp_path, text, error):
    if text is not None:
        (tmp_path / "statistics.json").write_text(text)
    with pytest.raises(error):
        read_evidence(str(tmp_path))


def test_a_baseline_that_is_not_there(run, tmp_path):
    _, out, _ = run
    with pytest.raises(UsageError, match="baseline"):
        read_evidence(out, baseline=str(tmp_path))
    assert json.dumps(read_evidence(out).baseline) == "{}"
