"""Lists: filters, order and pages, the same for every noun (`api.md` §1.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, func, literal, select, tuple_

from open_model_monitor.control.operations.registry import JSON, Context
from open_model_monitor.control.paging import LISTINGS, decode, encode
from open_model_monitor.control.store import Row
from open_model_monitor.control.tables import EPOCH, MILLISECOND, Moment

_PAGING = ("NextToken", "MaxResults")


@dataclass(frozen=True, slots=True)
class Noun:
    """How a table is listed: what request members mean, and by which columns it is sorted.

    `equal` are members that must equal a column, `times` prefixes of `…Before` and `…After` members.
    """

    table: Table
    sort: Mapping[str, str]  # SortBy → column
    equal: Mapping[str, str]
    times: Mapping[str, str]
    name: str = "name"
    tie: str = "name"


def listed(
    context: Context,
    operation: str,
    request: JSON,
    noun: Noun,
    summary: Callable[[Row], JSON],
    conditions: Sequence[ColumnElement[bool]] = (),
) -> JSON:
    """Return one page of a list operation's response."""
    listing, table = LISTINGS[operation], noun.table
    columns = table.c
    filters = {name: _plain(value) for name, value in request.items() if name not in _PAGING}
    sort_by = request.get("SortBy") or listing.sort_by[0]
    descending = (request.get("SortOrder") or listing.default_order) == "Descending"
    keys: list[Column[Any]] = [columns[noun.sort[sort_by]], columns.created, columns[noun.tie]]
    where = [columns.account == context.caller.account, columns.region == context.caller.region]
    where += [*conditions, *_filters(request, noun)]
    if token := request.get("NextToken"):
        position = decode(token, filters, context.secret)
        after = tuple_(*(_literal(key, value) for key, value in zip(keys, position, strict=True)))
        where.append(tuple_(*keys) < after if descending else tuple_(*keys) > after)
    size = request.get("MaxResults") or listing.default_size
    order = [key.desc() if descending else key.asc() for key in keys]
    rows = context.transaction.all(select(table).where(and_(*where)).order_by(*order).limit(size + 1))
    page: JSON = {listing.member: [summary(row) for row in rows[:size]]}
    if len(rows) > size:
        position = [_plain(rows[size - 1][key.name]) for key in keys]
        page["NextToken"] = encode(position, filters, context.secret)
    return page


def _filters(request: JSON, noun: Noun) -> list[ColumnElement[bool]]:
    columns, found = noun.table.c, []
    for member, column in noun.equal.items():
        if request.get(member) is not None:
            found.append(columns[column] == request[member])
    for prefix, column in noun.times.items():
        if (before := request.get(f"{prefix}Before")) is not None:
            found.append(columns[column] < before)
        if (after := request.get(f"{prefix}After")) is not None:
            found.append(columns[column] > after)
    if request.get("NameContains"):
        # Names are letters, digits and hyphens: nothing in them is a wildcard.
        found.append(func.lower(columns[noun.name]).contains(request["NameContains"].lower()))
    return found


def _plain(value: Any) -> Any:
    return (value - EPOCH) // MILLISECOND if isinstance(value, datetime) else value


def _literal(key: Column[Any], value: Any) -> ColumnElement[Any]:
    is_time = isinstance(key.type, Moment) and value is not None
    return literal(EPOCH + value * MILLISECOND if is_time else value, key.type)
