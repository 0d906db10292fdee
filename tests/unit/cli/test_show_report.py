import dataclasses

import pytest

import open_model_monitor as omm
from open_model_monitor.cli.show_report import report
from open_model_monitor.errors import ScriptFailure

pa = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def checked():
    rows = 40
    columns = {f"number_{n}": list(range(rows)) for n in range(60)}
    baseline = omm.suggest(pa.table(columns | {"city": ["Oslo", "Bergen"] * 20, "gone": [1] * rows}))
    moved = {name: [value * (n + 1) for value in values] for n, (name, values) in enumerate(columns.items())}
    half = ["Oslo", None, "Rome", "Bergen"] * 10
    return omm.check(pa.table(moved | {"city": half, "new": [1] * rows}), baseline)


@pytest.mark.parametrize("width", [100, 60])
def test_many_violations_stay_readable(printed, checked, width):
    text = printed(report(checked), width)
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) < 90
    for part in (
        "Drift",
        "Unknown values",
        "Missing values",
        "--all shows them one by one",
        "nothing was written",
    ):
        assert part in text, text
    assert f"✘ {len(checked.violations)} violations" in text


def test_what_is_alike_shares_a_line_and_all_shows_all(printed, checked):
    text = printed(report(checked))
    assert text.index(" more    0.5725") < text.index("number_2 ")  # the worst comes first
    everything = printed(report(checked, everything=True))
    assert everything.count("number_") == 58
    assert "--all" not in everything


def test_more_than_a_few_are_left_out(printed, checked):
    entries = tuple({**entry, "description": str(n)} for n, entry in enumerate(checked.violations))
    text = printed(report(dataclasses.replace(checked, violations=entries)))
    assert "… and 48 more violations: --all shows them" in text


def test_shares_say_how_many_rows(printed, checked):
    text = printed(report(checked))
    assert "75 %" in text
    assert "10 rows not" in text


def test_sentences_that_a_script_wrote_are_shown_as_they_are(printed, checked):
    entries = tuple({**entry, "description": "mine [bold]now"} for entry in checked.violations)
    assert "mine [bold]now" in printed(report(dataclasses.replace(checked, violations=entries)))


def test_logs_warnings_and_a_failed_postprocessor(printed, checked):
    failure = ScriptFailure("postprocessor", "call", "q.py", "ValueError", "oh")
    changed = dataclasses.replace(
        checked, warnings=("look [at] this",), script_failure=failure, output="out/"
    )
    text = printed(report(changed, script_lines=[f"stdout: {n}" for n in range(9)]))
    for part in (
        "look [at] this",
        "postprocessor · call · ValueError",
        "(9 lines)",
        "stdout: 8",
        "written to out/",
    ):
        assert part in text


def test_a_baseline_shows_its_features(printed):
    text = printed(report(omm.suggest(pa.table({"a": [1.5, None], "city": ["Oslo", "Rome"]}))))
    assert "50 %" in text
    assert "Oslo, Rome" in text
