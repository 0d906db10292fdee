import pytest

from open_model_monitor.monitors import sentences
from open_model_monitor.reporting.plain import in_percent, many, sentence, short


@pytest.mark.parametrize(
    ("check", "description", "said"),
    [
        (
            "data_type_check",
            sentences.data_type("Integral", limit=1.0, share=0.99697),
            "99.7 % are Integral, required 100 %",
        ),
        (
            "completeness_check",
            sentences.completeness(limit=1.0, share=0.25),
            "25 % have a value, required 100 %",
        ),
        (
            "categorical_values_check",
            sentences.known_values(limit=1.0, share=0.5),
            "50 % are known values, required 100 %",
        ),
        ("baseline_drift_check", sentences.drift(distance=0.25, limit=0.1), "distance 0.25, allowed 0.1"),
        (
            "baseline_drift_check",
            sentences.drift(distance=1e-9, limit=1e-10),
            "distance 1e-09, allowed 1e-10",
        ),
        (
            "completeness_check",
            "Value: 0.0 does not meet the constraint requirement! ",
            "share of rows that have a value: 0 %",
        ),
        ("baseline_drift_check", "Value: 0.3 does not meet the constraint requirement! ", "measured 0.3"),
        (
            "LessThanThreshold",
            "Metric weightedF2 with 0.3518870011147463 +/- 0.006730551075118943 was LessThanThreshold '1.0'",
            "0.3519 ± 0.006731, below 1",
        ),
        ("anything", " as it is ", "as it is"),
    ],
)
def test_sentences_in_plain_words(check, description, said):
    assert sentence(check, description) == said


def test_numbers():
    assert short(0.99999999) == "0.99999999"
    assert in_percent(0.999999) == "99.9999 %"
    assert in_percent("1") == "100 %"
    assert [many(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
