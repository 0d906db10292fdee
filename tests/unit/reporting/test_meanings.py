from open_model_monitor.monitors import checks
from open_model_monitor.reporting.meanings import CHECKS


def test_every_check_of_ours_has_a_meaning():
    assert set(checks.ORDER) <= set(CHECKS)
    assert all(meaning.title and meaning.text and meaning.remedy for meaning in CHECKS.values())
