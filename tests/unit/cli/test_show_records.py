import dataclasses

import pytest

from open_model_monitor.capture.record import Origin
from open_model_monitor.cli import show_records
from open_model_monitor.errors import ScriptFailure
from open_model_monitor.jobs.inspection import inspect
from open_model_monitor.jobs.trial import Outcome, Trial
from open_model_monitor.rows.lint import Hint


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize(
    "name", ["endpoint-capture-csv.jsonl", "endpoint-capture-json.jsonl", "merged-endpoint-json.jsonl"]
)
def test_autopsies_fit(printed, data, width, name):
    text = printed(show_records.autopsy(inspect(str(data / "recorded" / name))), width)
    assert max(map(len, text.splitlines())) <= width
    assert "endpointOutput" in text
    assert "No preprocessor is needed" in text


def test_what_is_wrong_is_shown(printed, data):
    found = inspect(str(data / "recorded" / "endpoint-capture-csv.jsonl"))
    found = dataclasses.replace(
        found,
        malformed=2,
        malformed_samples=("a.jsonl:1: not [JSON]",),
        preprocessor="needed",
        reasons=("no table",),
    )
    text = printed(show_records.autopsy(found))
    for part in (
        "2 of 5 lines",
        "not [JSON]",
        "A preprocessor is needed",
        "no table",
        "--write-script",
    ):
        assert part in text
    assert "omm try mine.py" in printed(show_records.autopsy(found, written="mine.py"))


def tried(number, **more):
    return Trial(
        number, Origin("s3://b/x.jsonl", number), {"endpointInput": "CSV 1,2"}, seconds=0.001, **more
    )


FAILURE = ScriptFailure("preprocessor", "call", "p.py", "ValueError", "oh", line=3, traceback="Traceback …")


@pytest.mark.parametrize("width", [100, 60])
def test_trials(printed, width):
    many_rows = tuple({"a": n, "b": None, "c": "two words"} for n in range(9))
    log = tuple(("stdout", f"line {n}") for n in range(12))
    text = printed(
        show_records.trial(tried(1, rows=many_rows, types={"a": "Integral"}, log=log), width=width), width
    )
    for part in (
        "x.jsonl:1",
        "9 rows × 1 column",
        "CSV 1,2",
        "a=0 b=· c='two words'",
        "6 more rows",
        "4 more lines",
    ):
        assert part in text
    assert "dropped: why" in printed(show_records.trial(tried(2, dropped="why"), width=width), width)
    failed = tried(3, failure=FAILURE)
    assert "Traceback" in printed(show_records.trial(failed, width=width), width)
    known = {show_records.kind_of(failed)}
    assert "Traceback" not in printed(show_records.trial(failed, width=width, known=known), width)


def test_the_sum_of_trials(printed, data):
    columns = inspect(str(data / "recorded" / "endpoint-capture-csv.jsonl")).columns[:3]
    outcome = Outcome(columns, {"_c0": "Churn", "_c1": "Age"}, ("Gone",), ("paired in order",))
    trials = [tried(1, rows=({"_c0": 1},)), tried(2, dropped="why"), tried(3, failure=FAILURE)]
    text = printed(show_records.trial_summary(trials, outcome, [Hint(3, "pad them")], script="p.py"))
    for part in ("Churn", "none: extra", "without a column: Gone", "paired in order", "p.py:3", "pad them"):
        assert part in text
    assert "3 records → 1 row, 1 dropped, 1 failed; 1.0 ms per record" in text
