"""Laws of time: windows tile, ticks rise, nothing runs twice, and no text breaks the parser."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from open_model_monitor.control.schedule_language import parse
from open_model_monitor.control.windows import due, parse_offset, window
from open_model_monitor.errors import InvalidRequest

ZONES = ("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
moments = st.integers(0, 6 * 366 * 86400).map(
    lambda n: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=n)
)
crons = st.one_of(
    st.builds("cron(0 {} ? * * *)".format, st.integers(0, 23)),
    st.builds("cron(0 {}/{} ? * * *)".format, st.integers(0, 23), st.integers(1, 24)),
    st.just("cron(0 * ? * * *)"),
    st.builds(
        "TZ={} cron({} {} ? * {} *)".format,
        st.sampled_from(ZONES),
        st.sampled_from(["0", "30", "*/20", "5,50"]),
        st.sampled_from(["*", "2", "0/3", "1-4"]),
        st.sampled_from(["*", "MON-FRI", "1", "7L", "2#2"]),
    ),
    st.builds(
        "TZ={} cron(30 2 {} * ? *)".format,
        st.sampled_from(ZONES),
        st.sampled_from(["1", "L", "15W", "LW", "31"]),
    ),
    st.builds("rate({} minutes)".format, st.sampled_from([1, 2, 15, 30, 60, 120, 1440])),
    st.builds("rate({} hours)".format, st.integers(1, 50)),
    st.builds("rate({} days)".format, st.integers(1, 9)),
)
schedules = crons.map(lambda text: parse(text, extended=True))


@given(schedules, moments)
def test_windows_of_consecutive_ticks_tile_time(schedule, after):
    ticks = list(islice(schedule.ticks(after, after + timedelta(days=800)), 30))
    windows = [window(schedule, tick) for tick in ticks]
    assert all(former.end == later.start for former, later in pairwise(windows))
    assert all(one.start < one.end for one in windows)


@given(schedules, moments)
def test_next_previous_and_ticks_agree(schedule, moment):
    following = schedule.next(moment)
    assume(following is not None)
    assert following > moment
    assert next(schedule.ticks(moment, following)) == following
    before = schedule.previous(following)
    assert before is None or (before <= moment and schedule.next(before) == following)


@given(schedules, moments, st.lists(st.integers(-7200, 40000), min_size=1, max_size=8))
def test_a_clock_that_jumps_yields_each_tick_once(schedule, start, jumps):
    last, now, seen = start, start, []
    for jump in jumps:
        now += timedelta(seconds=jump)
        found = due(schedule, last, now, limit=10**9)
        seen += found.ticks
        last = found.last
        assert found.skipped == 0
    assert seen == list(schedule.ticks(start, max(start, last)))
    assert seen == sorted(set(seen))


@given(schedules, moments, st.sampled_from(["all", "last", "none"]), st.integers(1, 30))
def test_what_is_not_run_is_counted(schedule, start, catchup, limit):
    now = start + timedelta(days=3)
    found = due(schedule, start, now, catchup=catchup, limit=limit)
    ticks = list(schedule.ticks(start, now))
    assert len(found.ticks) + found.skipped == len(ticks)
    assert found.last == (ticks[-1] if ticks else start)


fields = st.text("0123456789*?/,-#LWMONJAN ", max_size=12)


@given(
    st.one_of(st.text(max_size=300), st.builds("cron({})".format, st.lists(fields, max_size=7).map(" ".join)))
)
def test_no_text_breaks_the_parser(text):
    for extended in (False, True):
        try:
            schedule = parse(text, extended=extended)
        except InvalidRequest:
            continue
        assert schedule.is_now or schedule.next(datetime(2025, 1, 1, tzinfo=UTC)) is not None


@given(st.text("-+PT0123456789DHMS", max_size=20))
def test_no_text_breaks_offsets(text):
    with suppress(InvalidRequest):
        assert parse_offset(text, seconds=True) >= timedelta()
