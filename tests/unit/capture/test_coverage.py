from open_model_monitor.capture.coverage import Coverage


def test_counts_lateness_and_examples_add_up():
    first, second = (
        Coverage(joined=3, labels=4, lateness={0: 2, 5: 1}),
        Coverage(unlabelled=1, lateness={0: 1}),
    )
    for name in "abcd":
        first.example("unlabelled", name)
    both = first.merge(second)
    assert (both.joined, both.unlabelled, both.captured, both.share) == (3, 1, 4, 0.75)
    assert both.lateness == {0: 3, 5: 1}
    assert both.examples == {"unlabelled": ["a", "b", "c"]}
    assert Coverage.from_dict(both.to_dict()) == both


def test_lateness_as_the_summary_says_it():
    coverage = Coverage(joined=10)
    for hours in (0, 0, 0, 0, 1, 2, 3, 4, 30, -2):
        coverage.late(hours)
    assert coverage.summary()["lateness_hours"] == {"median": 0, "p90": 4, "max": 30}


def test_nothing_is_known_of_nothing():
    assert Coverage().share is None
    assert Coverage().summary()["lateness_hours"] == {"median": None, "p90": None, "max": None}
