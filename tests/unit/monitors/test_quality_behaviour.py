import pytest

from open_model_monitor.errors import SettingsError
from open_model_monitor.monitors.quality_behaviour import QualityBehaviour


def test_settings_come_as_texts():
    found = QualityBehaviour.of(
        {"best_constant": "predicted", "subsample_seed": "7", "coverage_metrics": "False"}
    )
    assert found.best_constant == "predicted"
    assert (found.subsample_seed, found.coverage_metrics, found.report_f0_5) == (7, False, True)


def test_the_original_and_what_we_recommend():
    assert QualityBehaviour.of({}, default="sagemaker") == QualityBehaviour()
    assert QualityBehaviour.of({"compatibility": "sagemaker"}).best_constant == "predicted"
    assert QualityBehaviour.of({}).best_constant == "truth"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("best_constant", "mean", "expected predicted or truth"),
        ("report_f0_5", "maybe", "expected true or false"),
        ("max_exact_scores", "-1", "a whole number"),
        ("min_ground_truth_coverage", "2", "from 0 to 1"),
        ("best_konstant", "truth", "did you mean best_constant"),
    ],
)
def test_what_makes_no_sense_is_named(key, value, says):
    with pytest.raises(SettingsError, match=says):
        QualityBehaviour.of({key: value})
