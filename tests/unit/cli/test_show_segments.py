from io import StringIO

import pytest
from rich.console import Console

import open_model_monitor as omm
from open_model_monitor.cli.show_report import report as screen

pd = pytest.importorskip("pandas")
SCORED = pd.DataFrame(
    {"country": ["DE", "FR", "IT"] * 100, "prediction": [1, 0, 1] * 100, "label": [1, 1, 1] * 100}
)
TOLD = {
    "problem": "BinaryClassification",
    "inference_attribute": "prediction",
    "ground_truth_attribute": "label",
}


def shown(made):
    console = Console(file=StringIO(), width=110, color_system=None)
    console.print(screen(made))
    return console.file.getvalue()


def test_segments_with_violations_come_first():
    baseline = omm.suggest(SCORED[SCORED.country != "FR"], labelling=TOLD)
    text = shown(omm.check(SCORED, baseline, labelling=TOLD, options={"segment_by": "country"}))
    part = text.partition("Segments by country  3")[2].splitlines()
    assert part[2].split()[:2] == ["FR", "100"]
    assert part[2].split()[3] == "0"
    assert part[2].rstrip().endswith("the whole")
    assert part[3].split()[:4] == ["DE", "100", "0", "1"]


def test_data_quality_has_no_metric():
    report = omm.suggest(SCORED, options={"segment_by": "country"})
    head = shown(report).partition("Segments by country  3")[2].splitlines()[1]
    assert head.split() == ["segment", "rows", "violations", "compared", "with"]
