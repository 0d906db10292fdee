"""Two sets of documents compared, number by number: what is equal, what may differ by how much, what cannot be said.

The tolerances are those of `data_quality.md` §2.1: counts, types, minima and maxima are exact, sums of floating-point
numbers agree to nine digits. So are sketches, unless they dropped items: SageMaker merges those in no fixed order
(§3.3), so they agree within their error bounds. What is estimated or drawn at random by both says nothing, whether or
not it happens to be equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from open_model_monitor.moving.equality import (
    BOUNDED,
    ESTIMATED,
    EXACT,
    RANDOM,
    ROUNDED,
    SKETCHED,
    are_close_buckets,
    is_same,
    rank_error,
)
from open_model_monitor.profiling.kll import capacity
from open_model_monitor.reporting.evidence import buckets_of, counts_of, entries, present_of, subject_of

JSON = dict[str, Any]
Verdict = Literal["agrees", "differs", "cannot be compared"]
CLEAN, DRIFT = "no violation", "baseline_drift_check"
YOUNG = {"au_prc"}  # metrics that older images do not write


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that both documents say, or one of them."""

    document: str
    subject: str  # a feature or a metric
    what: str
    theirs: Any
    ours: Any
    verdict: Verdict
    rule: str = EXACT

    def to_dict(self) -> JSON:
        """Return it as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Agreement:
    """All comparisons of two sets of documents."""

    compared: tuple[Compared, ...]

    def count(self, verdict: Verdict) -> int:
        """Return how many comparisons ended so."""
        return sum(one.verdict == verdict for one in self.compared)

    @property
    def share(self) -> float | None:
        """The share that agrees of what can be compared; None if nothing can."""
        judged = self.count("agrees") + self.count("differs")
        return self.count("agrees") / judged if judged else None

    @property
    def differences(self) -> list[Compared]:
        """What differs."""
        return [one for one in self.compared if one.verdict == "differs"]

    def to_dict(self) -> JSON:
        """Return counts, and what does not agree, as JSON values."""
        others = [one.to_dict() for one in self.compared if one.verdict != "agrees"]
        return {
            "agreement": self.share,
            **{verdict: self.count(verdict) for verdict in ("agrees", "differs", "cannot be compared")},
            "others": others,
        }


def agreement(theirs: Mapping[str, JSON], ours: Mapping[str, JSON]) -> Agreement:
    """Compare documents by file name; of documents that only we write nothing is said."""
    found: list[Compared] = []
    for name, compare in _DOCUMENTS.items():
        if name not in theirs:
            continue
        if name not in ours:
            found.append(Compared(name, "", "document", "there", "missing", "differs"))
        else:
            found += compare(theirs[name], ours[name])
    merged = {one.subject for one in found if one.what == "sketch" and one.rule == BOUNDED}
    return Agreement(tuple(_without_distance(one) if one.subject in merged else one for one in found))


def _without_distance(one: Compared) -> Compared:
    """Leave open what follows from sketches that are not equal: by how much a feature has drifted."""
    if one.what != DRIFT or one.verdict != "differs" or CLEAN in (one.theirs, one.ours):
        return one
    return replace(one, verdict="cannot be compared", rule=BOUNDED)


# ---------------------------------------------------------------- statistics


def _statistics(theirs: JSON, ours: JSON) -> Iterator[Compared]:
    if any(name.endswith("_metrics") for name in theirs):
        yield from _metrics("statistics.json", theirs, ours)
        return
    here = {one["name"]: one for one in entries(ours)}
    yield _same("statistics.json", "", "rows", _rows(theirs), _rows(ours))
    names = [[one["name"] for one in entries(document)] for document in (theirs, ours)]
    yield _same("statistics.json", "", "features, in order", names[0], names[1])
    for feature in entries(theirs):
        if feature["name"] in here:
            yield from _feature(feature, here[feature["name"]])


def _rows(document: JSON) -> Any:
    return (document.get("dataset") or {}).get("item_count")


def _feature(theirs: JSON, ours: JSON) -> Iterator[Compared]:
    def of(what: str, there: Any, here: Any, rule: str = EXACT) -> Compared:
        return _same("statistics.json", theirs["name"], what, there, here, rule)

    yield of("type", theirs.get("inferred_type"), ours.get("inferred_type"))
    for place, what in enumerate(("present", "missing")):
        yield of(what, present_of(theirs)[place], present_of(ours)[place])
    there, here = (one.get("numerical_statistics") or {} for one in (theirs, ours))
    for name, rule in {
        "mean": ROUNDED,
        "sum": ROUNDED,
        "std_dev": ROUNDED,
        "min": EXACT,
        "max": EXACT,
    }.items():
        if name in there:
            yield of(name, there[name], here.get(name), rule)
    yield from _distribution(theirs, ours)
    if counts_of(theirs):
        yield of("values", dict(sorted(counts_of(theirs).items())), dict(sorted(counts_of(ours).items())))
    for name in ("distinct_count", "approximate_num_distinct_values"):
        estimate, other = _estimate(theirs, name), _estimate(ours, name)
        if estimate is not None:
            open_: Verdict = "cannot be compared"
            yield Compared(
                "statistics.json", theirs["name"], "distinct values", estimate, other, open_, ESTIMATED
            )


def _distribution(theirs: JSON, ours: JSON) -> Iterator[Compared]:
    """Compare histograms and sketches: exactly, or within their bounds if sketches had to drop items."""
    rows, is_whole = present_of(theirs)[0], present_of(theirs)[0] <= capacity(0)

    def of(what: str, there: Any, here: Any, rule: str, *, is_close: bool) -> Compared:
        same = _same("statistics.json", theirs["name"], what, there, here, rule)
        if same.verdict == "agrees" or is_whole or not is_close:
            return same
        return replace(same, verdict="agrees", rule=BOUNDED)

    there, here = buckets_of(theirs), buckets_of(ours)
    if there:
        yield of("buckets", there, here, ROUNDED, is_close=are_close_buckets(there, here, rows))
    mine, known = _levels(theirs), _levels(ours)
    if mine:
        yield of("sketch", mine, known, EXACT, is_close=bool(known) and rank_error(mine, known) <= SKETCHED)


def _estimate(feature: JSON, name: str) -> Any:
    blocks = [feature.get(kind) or {} for kind in ("numerical_statistics", "string_statistics")]
    return next((block[name] for block in blocks if name in block), None)


def _levels(feature: JSON) -> Any:
    distribution = (feature.get("numerical_statistics") or {}).get("distribution") or {}
    levels = ((distribution.get("kll") or {}).get("sketch") or {}).get("data")
    return levels and [sorted(level) for level in levels]  # parts arrive in no fixed order


def _metrics(document: str, theirs: JSON, ours: JSON) -> Iterator[Compared]:
    if _rows(theirs) is not None:  # older images do not say
        yield _same(document, "", "rows", _rows(theirs), _rows(ours))
    there, here = (_block(document, "_metrics") for document in (theirs, ours))
    yield _names(document, "metrics", there, here)
    for name, entry in there.items():
        if not isinstance(entry, dict):
            continue
        known = here.get(name) or {}
        if "value" not in entry:
            yield _same(document, name, "table", entry, known, ROUNDED)
            continue
        yield _same(document, name, "value", entry["value"], known.get("value"), ROUNDED)
        if "standard_deviation" in entry:
            pair = entry["standard_deviation"], known.get("standard_deviation")
            are_numbers = all(isinstance(one, int | float) for one in pair)
            yield (
                Compared(document, name, "standard deviation", *pair, "cannot be compared", RANDOM)
                if are_numbers
                else _same(document, name, "standard deviation", *pair)
            )


def _names(document: str, what: str, theirs: JSON, ours: JSON) -> Compared:
    """Compare which entries there are; those that older images lack are not missed."""
    there = sorted(name for name in theirs if isinstance(theirs[name], dict))
    here = sorted(name for name in ours if isinstance(ours[name], dict))
    return _same(document, "", what, there, [name for name in here if name in there or name not in YOUNG])


# ---------------------------------------------------------------- constraints


def _block(document: JSON, ending: str) -> JSON:
    """Return the block of a problem type: regression_metrics, binary_classification_constraints, …."""
    found = next((block for name, block in document.items() if name.endswith(ending)), None)
    return found if isinstance(found, dict) else {}


def _constraints(theirs: JSON, ours: JSON) -> Iterator[Compared]:
    limits = _block(theirs, "_constraints")
    if limits:
        here = _block(ours, "_constraints")
        yield _names("constraints.json", "constraints", limits, here)
        for name, entry in limits.items():
            known = here.get(name) or {}
            for what in ("comparison_operator", "threshold"):
                yield _same("constraints.json", name, what, entry.get(what), known.get(what), ROUNDED)
        return
    known = {one["name"]: one for one in entries(ours)}
    names = [[one["name"] for one in entries(document)] for document in (theirs, ours)]
    yield _same("constraints.json", "", "features, in order", names[0], names[1])
    for feature in entries(theirs):
        other = known.get(feature["name"], {})
        for what in ("inferred_type", "completeness", "num_constraints", "string_constraints"):
            # Not every image suggests a completeness; a rule that only we suggest is a difference.
            if what in feature or (what in other and what != "completeness"):
                there, here = _unordered(feature.get(what)), _unordered(other.get(what))
                yield _same("constraints.json", feature["name"], what.replace("_", " "), there, here, ROUNDED)
    settings = theirs.get("monitoring_config")
    if isinstance(settings, dict):
        mine = ours.get("monitoring_config") or {}
        for what, value in settings.items():
            yield _same("constraints.json", "", what, value, mine.get(what), ROUNDED)


def _unordered(value: Any) -> Any:
    """Return known values sorted: their order means nothing."""
    if isinstance(value, dict) and isinstance(value.get("domains"), list):
        return {**value, "domains": sorted(value["domains"], key=str)}
    return value


# ---------------------------------------------------------------- violations


def _violations(theirs: JSON, ours: JSON) -> Iterator[Compared]:
    counts = [len(document.get("violations") or []) for document in (theirs, ours)]
    yield _same("constraint_violations.json", "", "number of violations", counts[0], counts[1])
    there, here = (_by_check(document) for document in (theirs, ours))
    for key in dict.fromkeys([*there, *here]):
        subject, check = key
        text, other = there.get(key, CLEAN), here.get(key, CLEAN)
        alike = _same("constraint_violations.json", subject, check, _plain(text), _plain(other), ROUNDED)
        yield replace(alike, theirs=text, ours=other)


def _plain(sentence: str) -> str:
    """Return a sentence about a metric without the number that both drew at random."""
    return re.sub(r" \+/- \S+", " +/- …", sentence)


def _by_check(document: JSON) -> dict[tuple[str, str], str]:
    found = document.get("violations") or []
    return {
        (subject_of(one), str(one.get("constraint_check_type"))): str(one.get("description", ""))
        for one in found
    }


# ---------------------------------------------------------------- same


def _same(document: str, subject: str, what: str, theirs: Any, ours: Any, rule: str = EXACT) -> Compared:
    verdict: Verdict = "agrees" if is_same(theirs, ours, rule) else "differs"
    return Compared(document, subject, what, theirs, ours, verdict, rule)


_DOCUMENTS = {
    "statistics.json": _statistics,
    "constraints.json": _constraints,
    "constraint_violations.json": _violations,
}
