"""Schedule expressions become ticks: SageMaker's own set, and as an extension any rate, cron and time zone.

Pure arithmetic (`api.md` §12.1, §12.2, §12.5): no clock, no database. Ticks are aware instants in UTC, to the second.
"""

from __future__ import annotations

import calendar
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

from open_model_monitor.errors import InvalidRequest

DAY = timedelta(days=1)
PATH = "monitoringScheduleConfig.scheduleConfig.scheduleExpression"
MAX_YEARS = 9  # two leap days are at most eight years apart, so what does not fire within them never does
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")  # 1 is Sunday
YEARS = (1970, 2199)

_HOURLY = re.compile(r"cron\(0 \* (?:[?*] \* [?*]) \*\)", re.IGNORECASE | re.ASCII)
_DAILY = re.compile(r"cron\(0 (\d{1,2})(?:/(\d{1,2}))? (?:[?*] \* [?*]) \*\)", re.IGNORECASE | re.ASCII)
_RATE = re.compile(r"rate\((\d{1,6}) (minute|hour|day)s?\)", re.IGNORECASE | re.ASCII)
_CRON = re.compile(r"cron\(([^()]{1,200})\)", re.IGNORECASE | re.ASCII)
_ZONE = re.compile(r"TZ=([A-Za-z0-9_+/-]{1,64}) +(.*)", re.IGNORECASE | re.ASCII)
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class _Days(ABC):
    """Which times of which days fire, by the wall clock of a zone."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone

    @abstractmethod
    def of(self, day: date) -> list[tuple[int, int]]:
        """Return hours and minutes of a day, in order."""

    def ticks_of(self, day: date) -> list[datetime]:
        """Return the instants of a day: an hour that does not exist fires right after the gap, once."""
        found: set[datetime] = set()
        for hour, minute in self.of(day):
            wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
            instant = wall.astimezone(UTC)
            if instant.astimezone(self.zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
                instant = _after_gap(wall, self.zone)
            found.add(instant)
        return sorted(found)


def _after_gap(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant after a gap in which a wall time lies: where the offset changes."""
    before = wall.replace(fold=0).utcoffset() or timedelta()  # the offset before the gap
    after = wall.replace(fold=1).utcoffset() or timedelta()
    low = (wall.replace(tzinfo=None) - max(before, after)).replace(tzinfo=UTC) - timedelta(minutes=1)
    high = (wall.replace(tzinfo=None) - min(before, after)).replace(tzinfo=UTC)
    old = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == old else (low, middle)
    return high


class _Hours(_Days):
    """The same hours every day, on the hour."""

    def __init__(self, hours: tuple[int, ...]) -> None:
        super().__init__(UTC)
        self._times = [(hour, 0) for hour in sorted(hours)]

    def of(self, day: date) -> list[tuple[int, int]]:
        return self._times


class _Rate(_Days):
    """Every so many seconds; less than a day from midnight on, else from 1970 on."""

    def __init__(self, seconds: int) -> None:
        super().__init__(UTC)
        self._seconds = seconds

    def of(self, day: date) -> list[tuple[int, int]]:
        if self._seconds <= 86400 and 86400 % self._seconds == 0:
            starts = range(0, 86400, self._seconds)
        else:  # whole hours that do not divide a day run through midnight
            midnight = (day - date(1970, 1, 1)).days * 86400
            first = -midnight % self._seconds
            starts = range(first, 86400, self._seconds)
        return [(start // 3600, start % 3600 // 60) for start in starts]


class _Cron(_Days):
    """Six fields in AWS's form: minutes, hours, day of month, month, day of week, year."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        super().__init__(zone)
        fields = text.split()
        if len(fields) != 6:
            raise ValueError(f"a cron expression has six fields, this has {len(fields)}")
        minutes, hours, self._month_day, months, self._week_day, years = fields
        if (self._month_day == "?") == (self._week_day == "?") and "*" not in (
            self._month_day,
            self._week_day,
        ):
            raise ValueError("one of day-of-month and day-of-week must be ?")
        self._times = [(h, m) for h in _numbers(hours, 0, 23) for m in _numbers(minutes, 0, 59)]
        self._months = set(_numbers(months, 1, 12, MONTHS))
        self._years = set(_numbers(years, *YEARS))
        _month_days(self._month_day, date(2024, 2, 1))  # so that what is wrong is said at once
        _week_days(self._week_day, date(2024, 2, 1))

    def of(self, day: date) -> list[tuple[int, int]]:
        if day.year not in self._years or day.month not in self._months or not self._fires_on(day):
            return []
        return self._times

    def _fires_on(self, day: date) -> bool:
        first = day.replace(day=1)
        by_month = self._month_day in ("?", "*") or day.day in _month_days(self._month_day, first)
        by_week = self._week_day in ("?", "*") or day.day in _week_days(self._week_day, first)
        return by_month and by_week


def _numbers(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> list[int]:
    """Return what a field means: numbers or names, lists, ranges and steps."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, 1, high - low + 1) if slash else 1
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, low, high, names)
            last = _number(end, low, high, names) if dash else (high if slash else first)
        if last < first:
            raise ValueError(f"the range {span} runs backwards")
        found.update(range(first, last + 1, step))
    return sorted(found)


def _number(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + low
    if not text.isascii() or not text.isdecimal() or len(text) > 4 or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is not between {low} and {high}")
    return int(text)


def _month_days(text: str, first: date) -> set[int]:
    """Return the days of a month that a day-of-month field names; W is the weekday nearest, L the last day."""
    length = calendar.monthrange(first.year, first.month)[1]
    if text in ("?", "*"):
        return set()
    if text.upper() == "L":
        return {length}
    if text.upper() == "LW":
        return {_nearest_weekday(first, length, length)}
    if text[-1:].upper() == "W":
        day = _number(text[:-1], 1, 31)
        return {_nearest_weekday(first, day, length)} if day <= length else set()
    return {day for day in _numbers(text, 1, 31) if day <= length}


def _nearest_weekday(first: date, day: int, length: int) -> int:
    """Return the weekday nearest to a day, within its month."""
    weekday = first.replace(day=day).weekday()
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < length else day - 2
    return day


def _week_days(text: str, first: date) -> set[int]:
    """Return the days of a month that a day-of-week field names; 6L is the last Friday, 2#1 the first Monday."""
    length = calendar.monthrange(first.year, first.month)[1]
    if text in ("?", "*"):
        return set()
    by_weekday: dict[int, list[int]] = {number: [] for number in range(1, 8)}
    for day in range(1, length + 1):
        by_weekday[(first.replace(day=day).weekday() + 1) % 7 + 1].append(day)
    if text.upper() == "L":
        return set(by_weekday[7])
    if text[-1:].upper() == "L":
        return {by_weekday[_number(text[:-1], 1, 7, WEEKDAYS)][-1]}
    if "#" in text:
        weekday, _, which = text.partition("#")
        days = by_weekday[_number(weekday, 1, 7, WEEKDAYS)]
        place = _number(which, 1, 5)
        return {days[place - 1]} if place <= len(days) else set()
    return {day for number in _numbers(text, 1, 7, WEEKDAYS) for day in by_weekday[number]}


@dataclass(frozen=True)
class Schedule:
    """A parsed expression. `text` is as it was given; one-time schedules (`NOW`) have no ticks."""

    text: str | None
    days: _Days | None

    @property
    def is_now(self) -> bool:
        """Whether it runs once, when it is created."""
        return self.days is None

    def ticks(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the ticks after `after` (without it) up to `until` (with it)."""
        if self.days is None or after >= until:
            return
        zone = self.days.zone
        day, last = (after.astimezone(zone) - DAY).date(), (until.astimezone(zone) + DAY).date()
        latest = after
        while day <= last:
            for tick in self.days.ticks_of(day):
                if latest < tick <= until:  # next to a gap two days may name the same instant
                    latest = tick
                    yield tick
            day += DAY

    def next(self, after: datetime) -> datetime | None:
        """Return the first tick after `after`; None if there is none in the coming years."""
        return next(self.ticks(after, _years_from(after, MAX_YEARS)), None)

    def previous(self, before: datetime) -> datetime | None:
        """Return the last tick before `before`; None if there is none in the past years."""
        if self.days is None:
            return None
        day = (before.astimezone(self.days.zone) + DAY).date()
        for _ in range(366 * MAX_YEARS):
            found = [tick for tick in self.days.ticks_of(day) if tick < before]
            if found:
                # A tick moved out of a gap may belong to the day before and be later.
                return max([*found, *(t for t in self.days.ticks_of(day - DAY) if t < before)])
            day -= DAY
        return None

    @cached_property
    def period_seconds(self) -> float | None:
        """The shortest distance of two ticks, as far as the coming year shows; None without two."""
        shortest: float | None = None
        former: datetime | None = None
        start = datetime(2025, 1, 1, tzinfo=UTC)
        is_regular = isinstance(self.days, _Hours | _Rate)
        end = start + timedelta(days=800) if is_regular else _years_from(start, MAX_YEARS)
        for count, tick in enumerate(self.ticks(start, end)):
            if former is not None:
                distance = (tick - former).total_seconds()
                shortest = distance if shortest is None else min(shortest, distance)
            former = tick
            if count > 2000:
                break
        return shortest


def _years_from(moment: datetime, years: int) -> datetime:
    return min(moment + timedelta(days=366 * years), datetime(9990, 1, 1, tzinfo=UTC))


def parse(
    text: str | None,
    *,
    extended: bool = False,
    default_daily_hour: int = 0,
    min_period_seconds: int = 60,
) -> Schedule:
    """Return the schedule of an expression; None means daily at `default_daily_hour`.

    Raises InvalidRequest for what is not accepted, saying what is.
    """
    if text is None:
        return Schedule(None, _Hours((default_daily_hour,)))
    trimmed = " ".join(text.split())
    if trimmed.upper() == "NOW":
        return Schedule(text, None)
    if _HOURLY.fullmatch(trimmed):
        return Schedule(text, _Hours(tuple(range(24))))
    if found := _DAILY.fullmatch(trimmed):
        hour, step = int(found[1]), int(found[2] or 24)
        if hour <= 23 and 1 <= step <= 24:
            # Plain cron would end at midnight; SageMaker goes on around the clock, and starts anew every day.
            return Schedule(text, _Hours(tuple({(hour + n) % 24 for n in range(0, 24, step)})))
    if not extended:
        raise _refused(
            text, "it is none of cron(0 * ? * * *), cron(0 H ? * * *), cron(0 H/N ? * * *) and NOW"
        )
    try:
        schedule = Schedule(text, _extended(trimmed))
    except ValueError as error:
        raise _refused(text, str(error)) from None
    return _checked(schedule, min_period_seconds)


def _extended(text: str) -> _Days:
    zone: tzinfo = UTC
    if found := _ZONE.fullmatch(text):
        zone, text = _zone(found[1]), found[2]
    if rate := _RATE.fullmatch(text):
        return _rate(int(rate[1]), rate[2].lower())
    if cron := _CRON.fullmatch(text):
        return _Cron(cron[1], zone)
    raise ValueError("expected rate(…), cron(…) with six fields, or NOW; before it TZ=<zone> if wanted")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None


def _rate(number: int, unit: str) -> _Rate:
    seconds = number * _SECONDS[unit]
    if not number or (unit == "minute" and 1440 % number and number % 60):
        raise ValueError(f"rate({number} {unit}s): minutes must divide a day, or be whole hours")
    if seconds > 366 * 86400:
        raise ValueError("a rate is at most a year")
    return _Rate(seconds)


def _checked(schedule: Schedule, min_period_seconds: int) -> Schedule:
    if schedule.next(datetime(2025, 1, 1, tzinfo=UTC)) is None:
        raise _refused(schedule.text or "", "it never fires")
    period = schedule.period_seconds
    if period is not None and period < min_period_seconds:
        raise _refused(
            schedule.text or "", f"it fires every {period:g} seconds; at least {min_period_seconds} apart"
        )
    return schedule


def _refused(text: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"1 validation error detected: Value '{text[:256]}' at '{PATH}' failed to satisfy constraint: {why}"
    )
