"""Find the baseline feature of each column (`datasets.md` §7)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from open_model_monitor.capture.record import SCRIPT
from open_model_monitor.rows.flatten import natural_key

AUTO, POSITION, NAME = "auto", "position", "name"


@dataclass(frozen=True, slots=True)
class CurrentColumn:
    """A column of the data: `section` is "output", "input" or ""; unnamed ones are called `_c{position}`."""

    name: str
    section: str = ""
    named: bool = True


@dataclass(frozen=True, slots=True)
class Matched:
    """A column, the feature it is reported as, and that feature's place in the baseline (None: an extra)."""

    column: str
    feature: str
    index: int | None


@dataclass(frozen=True, slots=True)
class Matching:
    """All columns in report order: baseline order, then extras; and the baseline features without a column.

    `expected` is the number of baseline features, None without a baseline.
    """

    how: str
    columns: tuple[Matched, ...]
    missing: tuple[str, ...] = ()
    expected: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def extra(self) -> tuple[str, ...]:
        """The reported names of columns that the baseline does not know."""
        known = self.expected is not None
        return tuple(m.feature for m in self.columns if m.index is None) if known else ()


Pairs = dict[int, int]  # place among the current columns → place in the baseline


def match(
    current: Sequence[CurrentColumn],
    baseline: Sequence[str] | None,
    how: str,
    *,
    output_columns_position: str = "START",
) -> Matching:
    """Pair the columns of the data with the names of the baseline's features.

    `how` is `auto`, `position` or `name`. The keys that a script returned have no order of their own: they are
    sorted, by code point under `position` and naturally otherwise. Other rows keep theirs.
    """
    keys = [column for column in current if column.section == SCRIPT]
    if how == POSITION:
        keys.sort(key=lambda column: column.name)
    else:
        keys.sort(key=lambda column: natural_key(column.name))
    columns = [*(column for column in current if column.section != SCRIPT), *keys]
    if baseline is None:
        return Matching(how, tuple(Matched(c.name, c.name, None) for c in columns))
    warnings: list[str] = []
    if how == POSITION:
        pairs = _in_order(range(len(columns)), range(len(baseline)))
    elif how == NAME:
        pairs = _by(str, columns, baseline, {})
    elif not any(column.named for column in columns):
        pairs = _by_section(columns, len(baseline), ends=output_columns_position.upper() == "END")
    else:
        pairs = _by_likeness(columns, baseline, warnings)
    return _reported(how, columns, baseline, pairs, warnings)


def _in_order(mine: Iterable[int], theirs: Iterable[int]) -> Pairs:
    return dict(zip(mine, theirs, strict=False))


def _by_section(columns: Sequence[CurrentColumn], expected: int, *, ends: bool) -> Pairs:
    """Align unnamed columns by the side they come from (§7.3); `ends` puts outputs last."""
    inputs = [i for i, column in enumerate(columns) if column.section == "input"]
    outputs = [i for i, column in enumerate(columns) if column.section == "output"]
    whole = range(len(columns))
    if len(columns) < expected and len(columns) in (len(inputs), len(outputs)):
        at_the_right = bool(inputs) != ends
        return _in_order(whole, range(expected - len(columns) if at_the_right else 0, expected))
    if outputs and len(inputs) == expected and len(columns) == len(inputs) + len(outputs):
        return _in_order(inputs, range(expected))
    return _in_order(whole, range(expected))


def _by_likeness(columns: Sequence[CurrentColumn], baseline: Sequence[str], warnings: list[str]) -> Pairs:
    pairs = _by(str, columns, baseline, {})
    pairs = _by(_reduced, columns, baseline, pairs)
    mine = [i for i in range(len(columns)) if i not in pairs]
    theirs = [j for j in range(len(baseline)) if j not in pairs.values()]
    if not pairs:
        return _in_order(mine, theirs)
    if not mine or len(mine) != len(theirs):
        return pairs
    mine.sort(key=lambda i: natural_key(columns[i].name))
    rest = _in_order(mine, theirs)
    shown = ", ".join(f"{columns[i].name!r} as {baseline[j]!r}" for i, j in rest.items())
    warnings.append(f"columns without a namesake in the baseline were paired in order: {shown}")
    return pairs | rest


def _reduced(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().casefold())


def _by(
    reduce: Callable[[str], str], columns: Sequence[CurrentColumn], baseline: Sequence[str], pairs: Pairs
) -> Pairs:
    """Add the pairs of columns whose reduced names are equal, and unique among the leftovers of both sides."""
    mine = {i: reduce(column.name) for i, column in enumerate(columns) if i not in pairs}
    theirs = {j: reduce(name) for j, name in enumerate(baseline) if j not in pairs.values()}
    mine_once, theirs_once = Counter(mine.values()), Counter(theirs.values())
    places = {name: j for j, name in reversed(theirs.items())}
    exact = reduce is str  # current names are unique; of equal names in the baseline the first counts
    return pairs | {
        i: places[name]
        for i, name in mine.items()
        if name in places and (exact or mine_once[name] == theirs_once[name] == 1)
    }


def _reported(
    how: str, columns: Sequence[CurrentColumn], baseline: Sequence[str], pairs: Pairs, warnings: list[str]
) -> Matching:
    found = sorted((j, columns[i].name) for i, j in pairs.items())
    matched = [Matched(name, baseline[j], j) for j, name in found]
    taken = set(baseline)
    sectioned = any(columns[i].section == "input" for i in pairs)
    numbered = 0
    for i, column in enumerate(columns):
        if i in pairs:
            continue
        name = column.name
        if not column.named and column.section == "output" and sectioned and how == AUTO:
            name, numbered = f"endpointOutput_{numbered}", numbered + 1
        matched.append(Matched(column.name, feature := _free(name, taken), None))
        taken.add(feature)
    missing = tuple(name for j, name in enumerate(baseline) if j not in pairs.values())
    return Matching(how, tuple(matched), missing, len(baseline), tuple(warnings))


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
