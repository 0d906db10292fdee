import dataclasses

import pytest

from open_model_monitor.cli.parameters import Cleaning, Reading, Running, ScriptSettings, pairs
from open_model_monitor.errors import UsageError
from open_model_monitor.jobs.contract import Options, options_from


def test_options_are_those_of_a_run(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("")
    cleaning = Cleaning(missing=["NA", "age=-1", "note=a=b"], exclude=["id"], max_malformed=0.5)
    running = Running(skip_failing_records=True, script_workers=2, workers=3)
    settings = ScriptSettings(requirements=str(requirements), script_memory=1, seed=0, time_limit=2.5)
    given = {**cleaning.options(), **running.options(), **settings.options()}
    assert set(given) <= {f.name for f in dataclasses.fields(Options)}
    options = options_from(given)
    assert options.missing_values == {"": ("NA",), "age": ("-1",), "note=a": ("b",)}
    assert (options.on_record_error, options.script_random_seed, options.max_runtime_seconds) == (
        "skip",
        0,
        2.5,
    )


def test_nothing_said_changes_nothing():
    given = {**Cleaning().options(), **Running().options(), **ScriptSettings().options()}
    assert options_from(given) == Options()


@pytest.mark.parametrize(
    ("reading", "format_"),
    [
        (Reading(), None),
        (Reading(format="parquet"), "parquet"),
        (Reading(header=False), {"csv": {"header": False}}),
        (Reading(format="csv", header=True), {"csv": {"header": True}}),
    ],
)
def test_formats(reading, format_):
    assert reading.as_format() == format_


def test_pairs():
    assert pairs("--env", ["A=b=c", "B="]) == {"A": "b=c", "B": ""}
    with pytest.raises(UsageError, match="--env 'x'"):
        pairs("--env", ["x"])
