"""Expressions and their ticks: the numbered rules of the specification, and AWS's cron against a library."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from aws_croniter.aws_croniter import AwsCroniter

from open_model_monitor.control.schedule_language import parse
from open_model_monitor.errors import InvalidRequest

START = datetime(2026, 1, 31, 0, 30, tzinfo=UTC)
FAR = START + timedelta(days=30_000)


def hours(text, **options):
    """Return the hours of the day at which an expression fires."""
    day = datetime(2026, 1, 31, tzinfo=UTC)
    ticks = parse(text, **options).ticks(day - timedelta(seconds=1), day + timedelta(hours=23, minutes=59))
    return [tick.hour for tick in ticks]


def first(text, count, after=START, **options):
    return list(islice(parse(text, extended=True, **options).ticks(after, FAR), count))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron(0 * ? * * *)", list(range(24))),
        ("cron(0 * * * ? *)", list(range(24))),
        ("  CRON(0  *  ?  *  *  *) ", list(range(24))),
        ("cron(0 7 ? * * *)", [7]),
        ("cron(0 07 ? * * *)", [7]),
        ("cron(0 17/12 ? * * *)", [5, 17]),
        ("cron(0 0/2 ? * * *)", list(range(0, 24, 2))),
        ("cron(0 0/5 ? * * *)", [0, 5, 10, 15, 20]),
        ("cron(0 3/24 ? * * *)", [3]),
        ("cron(0 17/5 ? * * *)", [3, 8, 13, 17, 22]),
        (None, [0]),
    ],
)
def test_sagemakers_own(text, expected):
    assert hours(text) == expected


def test_an_absent_expression_is_daily_at_the_default_hour():
    assert hours(None, default_daily_hour=6) == [6]


def test_now_has_no_ticks():
    now = parse(" now ")
    assert now.is_now
    assert (now.next(START), now.previous(START), now.period_seconds) == (None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        *("", "hourly", "cron(0 24 ? * * *)", "cron(0 1/0 ? * * *)", "cron(0 1/25 ? * * *)"),
        *(
            "cron(*/5 * ? * * *)",
            "cron(5 * ? * * *)",
            "rate(1 hour)",
            "cron(0 * ? * *)",
            "TZ=UTC cron(0 * ? * * *)",
        ),
        *("cron(0 * ? * * *", "NOWW", "cron(0 ٣ ? * * *)", "x" * 300),
    ],
)
def test_anything_else_is_refused_where_it_stands(text):
    with pytest.raises(InvalidRequest, match="scheduleExpression"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("rate(0 minutes)", "rate(7 minutes)", "rate(-1 hour)", "rate(1 second)", "rate(1000 days)"),
        *("cron(* * * * *)", "cron(60 * ? * * *)", "cron(0 0 30 2 ? *)", "cron(0 0 1 1 ? 1980)"),
        *("cron(0 0 1 * MON *)", "cron(0 0 ? * 8 *)", "cron(0 0 ? * 2#6 *)", "cron(5-1 0 ? * * *)"),
        *("TZ=Nowhere/City rate(1 hour)", "TZ=../../etc cron(0 * ? * * *)"),
    ],
)
def test_what_the_extension_refuses(text):
    with pytest.raises(InvalidRequest):
        parse(text, extended=True)


def test_the_shortest_period_is_a_setting():
    parse("rate(1 minute)", extended=True)
    with pytest.raises(InvalidRequest, match="every 60 seconds; at least 300"):
        parse("cron(* * ? * * *)", extended=True, min_period_seconds=300)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("cron(0 * ? * * *)", 3600),
        ("cron(0 7 ? * * *)", 86400),
        ("cron(0 0/5 ? * * *)", 4 * 3600),
        ("rate(5 minutes)", 300),
        ("rate(2 days)", 2 * 86400),
        ("cron(0 9 ? * MON-FRI *)", 86400),
        ("TZ=Europe/Paris cron(0 9 ? * * *)", 23 * 3600),  # when summer time begins
    ],
)
def test_the_period_is_the_shortest_distance(text, seconds):
    assert parse(text, extended=True).period_seconds == seconds


def test_rates_are_anchored_at_midnight_or_at_1970():
    assert [tick.minute for tick in first("rate(20 minutes)", 3)] == [40, 0, 20]
    assert [tick.hour for tick in first("rate(6 hours)", 4)] == [6, 12, 18, 0]
    seven = first("rate(7 hours)", 50)
    assert {b - a for a, b in pairwise(seven)} == {timedelta(hours=7)}


CRONS = [
    "cron(*/15 * ? * * *)",
    "cron(0 9 ? * MON-FRI *)",
    "cron(0 10 1 * ? *)",
    "cron(5,35 8-10 ? * 2,4 *)",
    "cron(0 0 L * ? *)",
    "cron(0 0 15W * ? *)",
    "cron(0 0 1W * ? *)",
    "cron(0 0 ? * 6L *)",
    "cron(0 0 ? * 2#1 *)",
    "cron(0 0 ? * 1 *)",
    "cron(0 12 29 2 ? *)",
    "cron(0 0/8 ? JAN,JUL SUN *)",
    "cron(30 6 ? * * 2027-2028)",
]


@pytest.mark.parametrize("text", CRONS)
def test_cron_fires_as_awss_does(text):
    theirs = AwsCroniter(text.removeprefix("cron(").removesuffix(")"))
    expected = theirs.get_next(START, 12)
    count = len(expected)
    assert first(text, count) == [moment.astimezone(UTC) for moment in expected]


def test_the_last_weekday_of_a_month():
    days = [tick.day for tick in first("cron(0 0 LW * ? *)", 4, after=datetime(2026, 1, 1, tzinfo=UTC))]
    assert days == [30, 27, 31, 30]  # 31 January and 28 February 2026 are Saturdays


def wall(ticks, zone):
    return [tick.astimezone(ZoneInfo(zone)).strftime("%d %H:%M") for tick in ticks]


def test_an_hour_that_does_not_exist_fires_after_the_gap():
    before = datetime(2026, 3, 27, 12, tzinfo=UTC)
    ticks = first("TZ=Europe/Paris cron(30 2 ? * * *)", 3, after=before)
    assert wall(ticks, "Europe/Paris") == ["28 02:30", "29 03:00", "30 02:30"]


def test_an_hour_that_comes_twice_fires_once():
    before = datetime(2026, 10, 24, 12, tzinfo=UTC)
    ticks = first("TZ=Europe/Paris cron(30 2 ? * * *)", 2, after=before)
    assert [tick.strftime("%d %H:%M") for tick in ticks] == ["25 00:30", "26 01:30"]


def test_hourly_by_the_wall_clock_goes_through_the_gap():
    before = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    ticks = first("TZ=Europe/Paris cron(0 * ? * * *)", 3, after=before)
    assert wall(ticks, "Europe/Paris") == ["29 01:00", "29 03:00", "29 04:00"]


def test_a_gap_of_half_an_hour():
    before = datetime(2026, 10, 3, 10, tzinfo=UTC)
    ticks = first("TZ=Australia/Lord_Howe cron(15 2 ? * * *)", 1, after=before)
    assert wall(ticks, "Australia/Lord_Howe") == ["04 02:30"]
