"""Ticks become windows: offsets, alignment, catching up, the past (`api.md` §12.3, §12.4, §12.6).

Pure arithmetic. Windows are half-open and in UTC; those of consecutive ticks tile time without gap or overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from open_model_monitor.capture.record import Window
from open_model_monitor.control.schedule_language import Schedule
from open_model_monitor.errors import InvalidRequest

HOUR = timedelta(hours=1)
MAX_NOW_SPAN = timedelta(hours=24)
MAX_OFFSET = timedelta(days=366)

_OFFSET = re.compile(
    r"-?P(?=.)(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,4})D)?(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?",
    re.ASCII,
)

Offsets = tuple[str | None, str | None]


def parse_offset(text: str, *, seconds: bool = False, path: str = "offset") -> timedelta:
    """Return how long before a tick an offset such as `-PT1H` lies.

    Days after the T, which AWS's samples have, are taken; seconds only with `seconds`.

    Raises InvalidRequest naming `path`.
    """
    found = _OFFSET.fullmatch(text) if len(text) <= 15 else None
    if found is None or (found[5] and not seconds):
        raise _refused(text, path, "it must look like -PT1H, -P1D or -P1DT12H")
    days, days_too, hours, minutes, seconds_ = (int(one or 0) for one in found.groups())
    offset = timedelta(days=days + days_too, hours=hours, minutes=minutes, seconds=seconds_)
    if offset > MAX_OFFSET:
        raise _refused(text, path, "it is more than a year")
    return offset


def validate_pair(
    start: str | None, end: str | None, *, path: str, now: bool = False, seconds: bool = False
) -> None:
    """Check the offsets of a window against each other; of a one-time schedule (`now`) both are needed.

    Raises InvalidRequest naming `path`.
    """
    if now and (start is None or end is None):
        raise _refused(start or "null", path, "NOW needs both DataAnalysisStartTime and DataAnalysisEndTime")
    begins = parse_offset(start, seconds=seconds, path=path) if start is not None else None
    ends = parse_offset(end, seconds=seconds, path=path) if end is not None else timedelta()
    if begins is None:
        return
    if begins <= ends:
        raise _refused(start or "", path, f"the start must lie before the end ({end or 'the tick'})")
    if now and begins - ends > MAX_NOW_SPAN:
        raise _refused(start or "", path, "the window of NOW is at most 24 hours")


def _refused(text: str, path: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"1 validation error detected: Value '{text[:256]}' at '{path}' failed to satisfy constraint: {why}"
    )


def window(
    schedule: Schedule,
    tick: datetime,
    *,
    schedule_offsets: Offsets = (None, None),
    input_offsets: Offsets = (None, None),
    align_now: bool = True,
) -> Window:
    """Return the window of an execution: offsets of the schedule, else of the input, else back to the tick before.

    With `align_now` the window of a one-time schedule is widened to whole hours. A run by hand of a schedule without
    any tick before covers a day.

    Raises InvalidRequest if start and end cross, which a mixture of both kinds of offsets may do.
    """
    start, end = (
        tick - parse_offset(text, seconds=True) if text is not None else None
        for text in (
            one if one is not None else other
            for one, other in zip(schedule_offsets, input_offsets, strict=True)
        )
    )
    start = start or schedule.previous(tick) or tick - timedelta(days=1)
    end = end or tick
    if schedule.is_now and align_now:
        start, end = _floor(start), _ceil(end)
    if start >= end:
        raise InvalidRequest(f"The window of {tick.isoformat()} would begin at {start} and end at {end}")
    return Window(start, end)


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _ceil(moment: datetime) -> datetime:
    return moment if _floor(moment) == moment else _floor(moment) + HOUR


def hours(span: Window) -> list[datetime]:
    """Return the hours that a window touches, as hour folders are named."""
    first, found = _floor(span.start.astimezone(UTC)), []
    while first < span.end:
        found.append(first)
        first += HOUR
    return found


def whole_hours(span: Window) -> bool:
    """Whether both bounds fall on hours, so that folders alone decide which records are meant."""
    return all(_floor(bound) == bound for bound in (span.start, span.end))


def label_hours(span: Window, tick: datetime) -> list[datetime]:
    """Return the hours in which labels of a window may have been collected: up to that of the tick, included."""
    return hours(Window(span.start, max(_floor(tick.astimezone(UTC)) + HOUR, span.end)))


@dataclass(frozen=True, slots=True)
class Due:
    """Which ticks are to be run now; `skipped` were missed and are left out; `last` is where to go on from."""

    ticks: tuple[datetime, ...]
    skipped: int
    last: datetime


def due(
    schedule: Schedule,
    last: datetime,
    now: datetime,
    *,
    catchup: Literal["all", "last", "none"] = "all",
    limit: int = 24,
    grace: timedelta = timedelta(minutes=2),
) -> Due:
    """Return the ticks after `last` up to `now`, oldest first.

    Those older than `grace` were missed: `all` runs them too, the newest `limit` at most; `last` only the newest of
    all; `none` leaves them out. If the clock went back there is nothing to do.
    """
    found = list(schedule.ticks(last, now))
    if not found:
        return Due((), 0, last)
    if catchup == "last":
        chosen = found[-1:]
    elif catchup == "none":
        chosen = [tick for tick in found if tick >= now - grace]
    else:
        chosen = found[-max(limit, 1) :]
    return Due(tuple(chosen), len(found) - len(chosen), found[-1])


def backfill(schedule: Schedule, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the ticks whose windows lie in the past span, oldest first."""
    return schedule.ticks(since, until)
