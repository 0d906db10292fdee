"""docs/settings.md names every setting, with the default it really has."""

import dataclasses
import re
from pathlib import Path

import pytest

from open_model_monitor.jobs.contract import Options
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.quality_behaviour import QualityBehaviour

DOCS = Path(__file__).parents[2] / "docs"


def rows(page):
    return {
        cells[0].strip("` "): [cell.strip("` ") for cell in cells[1:]]
        for line in (DOCS / page).read_text().splitlines()
        if line.startswith("| `")
        for cells in [line.strip("|").split("|")]
    }


ROWS, QUALITY = rows("settings.md"), rows("model-quality.md")


def spelled(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("field", dataclasses.fields(Behaviour), ids=lambda field: field.name)
def test_behaviour_and_its_two_values(field):
    expected = [
        spelled(getattr(made, field.name)) for made in (Behaviour.sagemaker(), Behaviour.recommended())
    ]
    assert ROWS[field.name][:2] == expected


@pytest.mark.parametrize("field", dataclasses.fields(Options), ids=lambda field: field.name)
def test_options_and_their_defaults(field):
    shown = ROWS[field.name][0]
    default = getattr(Options(), field.name)
    if field.name == "workers":
        assert (default, shown) == (0, "one per core")
    elif default in (None, (), {}):
        assert shown in ("none", "all")
    else:
        assert float(shown) == default if isinstance(default, float) else shown == spelled(default)


def test_nothing_is_described_that_is_not_there():
    known = {field.name for made in (Behaviour, Options) for field in dataclasses.fields(made)}
    assert set(ROWS) - known == set()


def test_flags_exist():
    from open_model_monitor.cli.app import build

    flags = set(re.findall(r"`(--[a-z-]+)`", (DOCS / "settings.md").read_text()))
    app = build()
    known = {
        name
        for command in ("check", "suggest")
        for argument in app[command].assemble_argument_collection()
        for name in argument.names
    }
    assert flags - known == {"--behaviour"} - known


def test_behaviour_of_model_quality_and_its_two_values():
    named = [field.name for field in dataclasses.fields(QualityBehaviour) if field.name != "compatibility"]
    for name in named:
        expected = [
            spelled(getattr(made, name)) for made in (QualityBehaviour(), QualityBehaviour.recommended())
        ]
        assert QUALITY[name][:2] == expected
    assert set(QUALITY) == set(named)
