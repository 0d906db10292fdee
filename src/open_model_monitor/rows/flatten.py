"""Nested values become flat columns, names joined by `_`; of equal names the later ones get a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

MAX_COLUMNS = 10_000  # of one row

Names = tuple[str, ...]

SCALARS = frozenset((str, int, float, bool, type(None)))


class PayloadError(ValueError):
    """A payload cannot be read; the message is the reason that reports give."""


def flatten_row(mapping: Mapping[Any, Any], notes: list[str] | None = None) -> tuple[Names, list[Any]]:
    """Return the names and values of one flat row; what is nested gets `_`-joined names.

    Lists and arrays count from 0. `notes` takes what deserves a warning. Raises PayloadError beyond MAX_COLUMNS.
    """
    try:
        return flat({str(key): value for key, value in mapping.items()}, [] if notes is None else notes)
    except RecursionError as error:
        raise PayloadError("a value is nested too deeply") from error


def is_nested(value: Any) -> bool:
    """Whether a value becomes several columns: mappings, lists, tuples, and arrays with a dimension."""
    return type(value) not in SCALARS and _children(value) is not None


def flat(mapping: Mapping[str, Any], notes: list[str]) -> tuple[Names, list[Any]]:
    """Return what `flatten_row` does, for keys that are text and values that came from JSON."""
    if len(mapping) <= MAX_COLUMNS and SCALARS.issuperset(map(type, mapping.values())):
        return tuple(mapping), list(mapping.values())
    names: list[str] = []
    values: list[Any] = []
    widths: dict[str, int] = {}
    for key, value in mapping.items():
        before = len(values)
        _grow(key, value, names, values)
        widths[key] = len(values) - before
        if len(values) > MAX_COLUMNS:
            widest = max(widths, key=lambda name: widths[name])
            raise PayloadError(
                f"more than {MAX_COLUMNS} columns, most of them from {f'key {widest!r}' if widest else 'a list'}; "
                "a preprocessing script can make features of it or leave it out"
            )
    unique, doubles = unique_names(names)
    notes.extend(doubles)
    return unique, values


def _grow(name: str, value: Any, names: list[str], values: list[Any]) -> None:
    if type(value) in SCALARS or (children := _children(value)) is None:
        names.append(name)
        values.append(value)
        return
    if type(value) is list and len(value) <= MAX_COLUMNS and SCALARS.issuperset(map(type, value)):
        names.extend(indexed_names(name, len(value)))
        values.extend(value)
        return
    for key, child in children:
        if len(values) > MAX_COLUMNS:
            return
        _grow(f"{name}_{key}" if name else str(key), child, names, values)


def _children(value: Any) -> Iterable[tuple[Any, Any]] | None:
    if isinstance(value, list | tuple):
        return enumerate(value)
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, str | bytes | type) or not hasattr(value, "__len__"):
        return None
    # Arrays and series of whatever library; an array without dimensions is a scalar.
    as_list = getattr(value, "tolist", None) or getattr(value, "to_list", None)
    return None if as_list is None or getattr(value, "ndim", 1) == 0 else enumerate(as_list())


@lru_cache(maxsize=256)
def natural_key(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return a sort key under which digit runs compare as numbers, everything else by code point."""
    parts = []
    for token in re.findall(r"[0-9]+|[^0-9]", text):
        number = token.lstrip("0")
        parts.append((ord("0"), len(number), number) if "0" <= token[0] <= "9" else (ord(token), 0, ""))
    return tuple(parts), text


def indexed_names(name: str, length: int) -> Names:
    """Return `name_0`, `name_1`, …"""
    return tuple([f"{name}_{i}" for i in range(length)])


def unique_names(names: Sequence[str]) -> tuple[Names, list[str]]:
    """Return the names with later doubles suffixed `_2`, `_3`…, and a warning for each."""
    taken = set(names)
    if len(taken) == len(names):
        return tuple(names), []
    times: dict[str, int] = {}
    unique, warnings = [], []
    for name in names:
        new, times[name] = name, times.get(name, 0) + 1
        if times[name] > 1:
            while (new := f"{name}_{times[name]}") in taken:
                times[name] += 1
            taken.add(new)
            warnings.append(f"more than one column is called {name!r}; a later one became {new!r}")
        unique.append(new)
    return tuple(unique), warnings
