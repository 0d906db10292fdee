import pytest

from open_model_monitor.jobs.script_gain import parallel_gain

LONG = {"elapsed": 100.0, "seconds": 90.0, "script_seconds": 80.0, "parts": 8, "workers": 1, "cores": 4}


def test_the_gain_and_its_condition_are_told():
    said = parallel_gain(**LONG)
    assert said is not None
    assert "80%" in said
    assert "script_workers=4" in said
    assert "about 3.1 times faster" in said
    assert "keeps no state" in said


@pytest.mark.parametrize("limit", [{"parts": 2}, {"cores": 2}])
def test_no_more_workers_than_parts_or_cores(limit):
    assert "script_workers=2" in (parallel_gain(**LONG | limit) or "")


@pytest.mark.parametrize(
    "reason",
    [{"workers": 2}, {"parts": 1}, {"cores": 1}, {"elapsed": 5.0, "seconds": 4.0}, {"seconds": 10.0}],
)
def test_what_is_not_worth_saying_is_not_said(reason):
    assert parallel_gain(**LONG | reason) is None


def test_a_script_that_takes_no_time_still_shares_what_is_around_it():
    assert "0%" in (parallel_gain(**LONG | {"script_seconds": 0.0}) or "")
