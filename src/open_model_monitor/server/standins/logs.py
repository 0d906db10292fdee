"""The logs of jobs, in CloudWatch Logs' words: what `wait(logs=True)` of the SDK reads (`api.md` §15.1)."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypedDict

import msgspec
from sqlalchemy import and_, func, select

from open_model_monitor.control.operations.registry import JSON, Caller
from open_model_monitor.control.store import Row, Store, Transaction
from open_model_monitor.control.tables import EPOCH, MILLISECOND, jobs, log_events
from open_model_monitor.errors import ApiError, InvalidRequest

GROUP = "/aws/sagemaker/ProcessingJobs"
MAX_EVENTS, MAX_STREAMS = 10_000, 50
MAX_BYTES = 1 << 20  # of one answer, as CloudWatch has it


class NoSuchLog(ApiError):
    """There is no such group or stream; clients wait for it to appear."""

    code = "ResourceNotFoundException"


class UnknownLogOperation(ApiError):
    """An operation of CloudWatch Logs that we do not answer."""

    code = "UnknownOperationException"


_Time = Annotated[int, msgspec.Meta(ge=0, le=10**14)]  # milliseconds


class _Request(TypedDict, total=False):
    """Whatever the operations take."""

    logGroupName: str | None
    logGroupIdentifier: str | None
    logGroupNamePrefix: str | None
    logStreamName: str | None
    logStreamNames: list[str] | None
    logStreamNamePrefix: str | None
    filterPattern: str | None
    nextToken: str | None
    startFromHead: bool | None
    startTime: _Time | None
    endTime: _Time | None
    limit: Annotated[int, msgspec.Meta(ge=1)] | None


class Logs:
    """Answers CloudWatch Logs' operations from the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._operations: dict[str, Callable[[Transaction, JSON, Caller], JSON]] = {
            "DescribeLogGroups": _describe_groups,
            "DescribeLogStreams": _describe_streams,
            "GetLogEvents": _get_events,
            "FilterLogEvents": _filter_events,
        }

    def answer(self, operation: str, request: JSON, caller: Caller) -> JSON:
        """Return the response to a request.

        Raises ApiError.
        """
        answer = self._operations.get(operation)
        if answer is None:
            raise UnknownLogOperation(
                f"Open Model Monitor does not implement {operation} of CloudWatch Logs; "
                f"it knows {', '.join(self._operations)}"
            )
        try:
            clean: Any = msgspec.convert(request, _Request)
        except msgspec.ValidationError as error:
            raise InvalidRequest(str(error)) from None
        with self._store.read() as transaction:
            return answer(transaction, clean, caller)


def _describe_groups(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    if not GROUP.startswith(request.get("logGroupNamePrefix") or ""):
        return {"logGroups": []}
    return {"logGroups": [{"logGroupName": GROUP, "arn": _arn(caller), "creationTime": 0, "storedBytes": 0}]}


def _describe_streams(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    """All streams of a job at once, whatever the limit: version 2 of the SDK never asks for a second page."""
    _check_group(request)
    prefix = request.get("logStreamNamePrefix") or ""
    job, _, _ = prefix.partition("/")
    conditions = [log_events.c.stream.startswith(prefix, autoescape=True), *_of(caller)]
    if "/" in prefix:
        conditions.append(jobs.c.name == job)
    columns = log_events.c
    statement = (
        select(
            columns.stream,
            func.min(columns.time).label("first"),
            func.max(columns.time).label("last"),
        )
        .join(jobs, jobs.c.id == columns.job)
        .where(and_(*conditions))
        .group_by(columns.stream)
        .order_by(columns.stream)
        .limit(MAX_STREAMS)
    )
    streams = [
        {
            "logStreamName": row["stream"],
            "arn": f"{_arn(caller)}:log-stream:{row['stream']}",
            "creationTime": _milliseconds(row["first"]),
            "firstEventTimestamp": _milliseconds(row["first"]),
            "lastEventTimestamp": _milliseconds(row["last"]),
            "storedBytes": 0,
        }
        for row in transaction.all(statement)
    ]
    return {"logStreams": streams}


def _get_events(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    """One page of a stream. Tokens are places in it; at the end the same token comes back with no events."""
    _check_group(request)
    stream = request.get("logStreamName") or ""
    job = _job_of(transaction, stream, caller)
    token = request.get("nextToken")
    limit = min(int(request.get("limit") or MAX_EVENTS), MAX_EVENTS)
    columns = log_events.c
    conditions = [columns.job == job["id"], columns.stream == stream, *_between(request)]
    if token is None and not request.get("startFromHead"):
        newest = select(log_events).where(and_(*conditions)).order_by(columns.place.desc()).limit(limit)
        rows = transaction.all(newest)[::-1]
    else:
        forward, place = _read_token(token)
        if forward:
            statement = select(log_events).where(*conditions, columns.place >= place).order_by(columns.place)
            rows = transaction.all(statement.limit(limit))
        else:
            statement = select(log_events).where(*conditions, columns.place < place)
            rows = transaction.all(statement.order_by(columns.place.desc()).limit(limit))[::-1]
    rows = _within(rows)
    _, at = _read_token(token)
    first, after = (rows[0]["place"], rows[-1]["place"] + 1) if rows else (at, at)
    return {
        "events": [_event(row) for row in rows],
        "nextForwardToken": f"f/{after}",
        "nextBackwardToken": f"b/{first}",
    }


def _filter_events(transaction: Transaction, request: JSON, caller: Caller) -> JSON:
    """Events of all streams of a job that hold a text; patterns in CloudWatch's own language are refused."""
    _check_group(request)
    names = request.get("logStreamNames") or []
    prefix = request.get("logStreamNamePrefix")
    pattern = request.get("filterPattern") or ""
    columns = log_events.c
    conditions = [*_of(caller), *_between(request)]
    if names:
        conditions.append(columns.stream.in_(names))
    if prefix:
        conditions.append(columns.stream.startswith(prefix, autoescape=True))
    conditions += [columns.message.contains(term, autoescape=True) for term in _terms(pattern)]
    _, skip = _read_token(request.get("nextToken"))
    limit = min(int(request.get("limit") or MAX_EVENTS), MAX_EVENTS)
    statement = (
        select(log_events)
        .join(jobs, jobs.c.id == columns.job)
        .where(and_(*conditions))
        .order_by(columns.time, columns.stream, columns.place)
        .offset(skip)
        .limit(limit + 1)
    )
    rows = transaction.all(statement)
    page = _within(rows[:limit])
    answer: JSON = {
        "events": [{**_event(row), "logStreamName": row["stream"]} for row in page],
        "searchedLogStreams": [],
    }
    if len(rows) > len(page):
        answer["nextToken"] = f"f/{skip + len(page)}"
    return answer


def _terms(pattern: str) -> list[str]:
    """Return the words and quoted phrases that a line must hold, all of them."""
    try:
        if pattern.lstrip()[:1] not in ("{", "[", "%"):
            return shlex.split(pattern)
    except ValueError:
        pass
    raise InvalidRequest("filterPattern: only words and quoted phrases are supported")


def _check_group(request: JSON) -> None:
    name = request.get("logGroupName") or request.get("logGroupIdentifier")
    if not isinstance(name, str) or not name.endswith(GROUP):
        raise NoSuchLog("The specified log group does not exist.")


def _job_of(transaction: Transaction, stream: str, caller: Caller) -> Row:
    realm = {"account": caller.account, "region": caller.region}
    job = transaction.get(jobs, **realm, name=stream.partition("/")[0])
    if job is None:
        raise NoSuchLog("The specified log stream does not exist.")
    return job


def _of(caller: Caller) -> list[Any]:
    return [jobs.c.account == caller.account, jobs.c.region == caller.region]


def _between(request: JSON) -> list[Any]:
    conditions = []
    if (start := request.get("startTime")) is not None:
        conditions.append(log_events.c.time >= EPOCH + int(start) * MILLISECOND)
    if (end := request.get("endTime")) is not None:
        conditions.append(log_events.c.time < EPOCH + int(end) * MILLISECOND)
    return conditions


def _read_token(token: str | None) -> tuple[bool, int]:
    """Return whether it leads forward, and the place."""
    if token is None:
        return True, 0
    direction, _, place = token.partition("/")
    if direction not in ("f", "b") or not place.isdecimal() or len(place) > 12:
        raise InvalidRequest("The specified nextToken is invalid.")
    return direction == "f", int(place)


def _within(rows: list[Row]) -> list[Row]:
    """Return the first rows whose texts fit into one answer, at least one."""
    size = 0
    for place, row in enumerate(rows):
        size += len(row["message"]) + 26
        if size > MAX_BYTES and place:
            return rows[:place]
    return rows


def _event(row: Row) -> JSON:
    at = _milliseconds(row["time"])
    return {"timestamp": at, "message": row["message"], "ingestionTime": at}


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def _arn(caller: Caller) -> str:
    return f"arn:{caller.partition}:logs:{caller.region}:{caller.account}:log-group:{GROUP}"
