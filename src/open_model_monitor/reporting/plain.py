"""Numbers and sentences of documents in plain words."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

_NUMBER = r"(-?[\d.]+(?:[eE][-+]?\d+)?|NaN|-?Infinity)"
OLD_WORDING = re.compile(rf"Value: {_NUMBER} does not meet the constraint requirement")
_SHARES = re.compile(rf"Expected(?: match)?: {_NUMBER}%.*?Observed: (?:Only )?{_NUMBER}%", re.DOTALL)
_DRIFT = re.compile(rf"distance: {_NUMBER} exceeds threshold: {_NUMBER}")
_TYPE = re.compile(r"Expected data type: (\w+)")
_SEGMENT = re.compile(r"(\[[^\[\]]*=.*?\] )(.*)", re.DOTALL)
_QUALITY = re.compile(rf"Metric (\S+) with {_NUMBER} \+/- {_NUMBER} was (\w+) '{_NUMBER}'")


@dataclass(frozen=True, slots=True)
class Point:
    """One thing a document says; `items` are what it says it of, with what is particular to each."""

    heading: str
    text: str = ""
    remedy: str = ""
    items: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a document is, and what it says."""

    kind: str
    title: str
    lines: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        return asdict(self)


def sentence(check: str, description: str) -> str:
    """Return a violation's description in plain words; itself where it is already plain or unknown."""
    if found := _SEGMENT.fullmatch(description):
        return found[1] + sentence(check, found[2])
    if found := OLD_WORDING.search(description):
        return f"{_OF_WHAT.get(check, 'measured')} {in_percent(found[1]) if check in _OF_WHAT else found[1]}"
    if found := _DRIFT.search(description):
        return f"distance {short(found[1])}, allowed {short(found[2])}"
    if found := _SHARES.search(description):
        kind = f"are {of[1]}" if (of := _TYPE.search(description)) else _HAVE.get(check, "hold")
        return f"{short(found[2])} % {kind}, required {short(found[1])} %"
    if found := _QUALITY.search(description):
        below = found[4].startswith("Less")
        return f"{short(found[2])} ± {short(found[3])}, {'below' if below else 'above'} {short(found[5])}"
    return description.strip()


_OF_WHAT = {
    "data_type_check": "share of values of the expected type:",
    "completeness_check": "share of rows that have a value:",
    "categorical_values_check": "share of known values:",
}
_HAVE = {"completeness_check": "have a value", "categorical_values_check": "are known values"}


def short(text: str | float) -> str:
    """Return a number with at most four significant digits, but a share just below 1 not as 1."""
    number = float(text)
    short = f"{number:.4g}"
    return short if float(short) == number or float(short) not in (1.0, 100.0) else f"{number:.10g}"


def in_percent(text: str | float) -> str:
    """Return a share of 1 in percent."""
    return f"{short(float(text) * 100)} %"


def many(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
