"""Violations by check, the same said once."""

from open_model_monitor.reporting.violations import grouped, meaning_of
from support.pages import violation


def test_the_same_of_many_features_is_said_once():
    listed = [
        violation("a"),
        violation("b"),
        violation("c", text="Baseline drift distance: 0.5 exceeds threshold: 0.1"),
    ]
    [group] = grouped([*listed])
    assert group.meaning.title == "Drift"
    assert group.count == 3
    assert [(one.subjects, one.text) for one in group.said] == [
        (("a", "b"), "distance 0.3, allowed 0.1"),
        (("c",), "distance 0.5, allowed 0.1"),
    ]


def test_a_segment_stays_named():
    text = "[country=DE] Baseline drift distance: 0.3 exceeds threshold: 0.1"
    [group] = grouped([violation("a", text=text)])
    assert group.said[0].text == "[country=DE] distance 0.3, allowed 0.1"


def test_checks_of_others_keep_their_words():
    [group] = grouped([violation("a", "my_check", "too blue")])
    assert (group.meaning.title, group.said[0].text) == ("my_check", "too blue")
    assert meaning_of("my_check").remedy == ""
