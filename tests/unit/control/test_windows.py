"""Offsets, windows, catching up."""

from datetime import UTC, datetime, timedelta

import pytest

from open_model_monitor.capture.record import Window
from open_model_monitor.control.schedule_language import parse
from open_model_monitor.control.windows import (
    backfill,
    due,
    hours,
    label_hours,
    parse_offset,
    validate_pair,
    whole_hours,
    window,
)
from open_model_monitor.errors import InvalidRequest

HOURLY, DAILY, NOW = parse("cron(0 * ? * * *)"), parse("cron(0 0 ? * * *)"), parse("NOW")


def at(day, hour, minute=0):
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-PT1H", timedelta(hours=1)),
        ("PT1H", timedelta(hours=1)),
        ("-P8D", timedelta(days=8)),
        ("-PT2D", timedelta(days=2)),
        ("-P1DT12H", timedelta(hours=36)),
        ("-PT90M", timedelta(minutes=90)),
        ("-PT0H", timedelta()),
    ],
)
def test_offsets(text, expected):
    assert parse_offset(text) == expected


@pytest.mark.parametrize(
    "text", ["", "P", "-P", "-PT", "+PT1H", "PT1S", "1H", "-P1H", "-PT1.5H", "P1D1H", "-P999D"]
)
def test_what_is_no_offset(text):
    with pytest.raises(InvalidRequest, match="'here'"):
        parse_offset(text, path="here")


def test_seconds_are_of_the_extension():
    assert parse_offset("PT30S", seconds=True) == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("start", "end", "now"),
    [
        ("-PT1H", None, True),
        (None, "-PT0H", True),
        ("-PT25H", "-PT0H", True),
        ("-PT1H", "-PT1H", False),
        ("-PT1H", "-PT2H", False),
        ("-PT0H", None, False),
    ],
)
def test_pairs_that_cannot_be(start, end, now):
    with pytest.raises(InvalidRequest):
        validate_pair(start, end, path="p", now=now)


@pytest.mark.parametrize("pair", [(None, None), ("-P8D", "-P1D"), ("-PT24H", "-PT0H"), (None, "-PT1H")])
def test_pairs_that_can_be(pair):
    validate_pair(*pair, path="p")


@pytest.mark.parametrize(
    ("schedule", "tick", "options", "expected"),
    [
        (HOURLY, at(31, 5), {}, (at(31, 4), at(31, 5))),
        (DAILY, at(31, 0), {}, (at(30, 0), at(31, 0))),
        (parse("cron(0 0/5 ? * * *)"), at(31, 0), {}, (at(30, 20), at(31, 0))),
        (HOURLY, at(9, 13), {"input_offsets": ("-P8D", "-P1D")}, (at(1, 13), at(8, 13))),
        (
            HOURLY,
            at(9, 13),
            {"input_offsets": ("-P8D", "-P1D"), "schedule_offsets": ("-PT2H", None)},
            None,  # the start of one and the end of the other cross
        ),
        (
            HOURLY,
            at(9, 13),
            {"input_offsets": ("-P8D", "-P1D"), "schedule_offsets": ("-PT2H", "-PT1H")},
            (at(9, 11), at(9, 12)),
        ),
        (NOW, at(31, 10, 25), {"schedule_offsets": ("-PT1H", "-PT0H")}, (at(31, 9), at(31, 11))),
        (
            NOW,
            at(31, 10, 25),
            {"schedule_offsets": ("-PT1H", "-PT0H"), "align_now": False},
            (at(31, 9, 25), at(31, 10, 25)),
        ),
    ],
)
def test_windows(schedule, tick, options, expected):
    if expected is None:
        with pytest.raises(InvalidRequest, match="would begin"):
            window(schedule, tick, **options)
    else:
        assert window(schedule, tick, **options) == Window(*expected)


def test_the_hours_of_a_window():
    assert hours(Window(at(1, 9, 30), at(1, 11, 1))) == [at(1, hour) for hour in (9, 10, 11)]
    assert hours(Window(at(1, 9), at(1, 11))) == [at(1, 9), at(1, 10)]
    assert whole_hours(Window(at(1, 9), at(1, 11)))
    assert not whole_hours(Window(at(1, 9), at(1, 11, 1)))
    assert label_hours(Window(at(1, 9), at(1, 10)), at(1, 12)) == [at(1, hour) for hour in (9, 10, 11, 12)]


def test_catching_up():
    last, now = at(1, 0), at(2, 6, 30)  # thirty ticks were missed
    ticks = list(HOURLY.ticks(last, now))
    everything = due(HOURLY, last, now, catchup="all", limit=24)
    assert (everything.ticks, everything.skipped) == (tuple(ticks[-24:]), 6)
    newest = due(HOURLY, last, now, catchup="last")
    assert (newest.ticks, newest.skipped, newest.last) == ((at(2, 6),), 29, at(2, 6))
    nothing = due(HOURLY, last, now, catchup="none")
    assert (nothing.ticks, nothing.skipped, nothing.last) == ((), 30, at(2, 6))


def test_a_tick_that_is_only_a_little_late_was_not_missed():
    assert due(HOURLY, at(1, 0), at(1, 1, 1), catchup="none").ticks == (at(1, 1),)


def test_a_clock_that_went_back_has_nothing_due():
    found = due(HOURLY, at(2, 6), at(1, 6))
    assert (found.ticks, found.skipped, found.last) == ((), 0, at(2, 6))


def test_the_past():
    assert list(backfill(HOURLY, at(1, 0), at(1, 3))) == [at(1, 1), at(1, 2), at(1, 3)]
