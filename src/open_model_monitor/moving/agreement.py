"""Two sets of documents compared, number by number: what is equal, what may differ by how much, what cannot be said.

The tolerances are those of `data_quality.md` §2.1: counts, types, minima, maxima, buckets and sketches are exact, sums
of floating-point numbers agree to nine digits, estimates of distinct values are nobody's promise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from open_model_monitor.reporting.evidence import buckets_of, counts_of, entries, present_of, subject_of

JSON = dict[str, Any]
Verdict = Literal["agrees", "differs", "cannot be compared"]
DIGITS = 1e-9  # of sums, means and deviations: the order of adding
EXACT, ROUNDED, ESTIMATED = "exactly", "to nine digits", "an estimate of both"


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
    """Compare documents by file name; of what only we write nothing is said."""
    found: list[Compared] = []
    for name, compare in _DOCUMENTS.items():
        if name not in theirs:
            continue
        if name not in ours:
            found.append(Compared(name, "", "document", "there", "missing", "differs"))
        else:
            found += compare(theirs[name], ours[name])
    return Agreement(tuple(found))


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
    if buckets_of(theirs):
        yield of("buckets", buckets_of(theirs), buckets_of(ours), ROUNDED)
    if sketch := _levels(theirs):
        yield of("sketch", sketch, _levels(ours))
    if counts_of(theirs):
        yield of("values", dict(sorted(counts_of(theirs).items())), dict(sorted(counts_of(ours).items())))
    for name in ("distinct_count", "approximate_num_distinct_values"):
        estimate, other = _estimate(theirs, name), _estimate(ours, name)
        if estimate is not None:
            same: Verdict = "agrees" if estimate == other else "cannot be compared"
            yield Compared(
                "statistics.json", theirs["name"], "distinct values", estimate, other, same, ESTIMATED
            )


def _estimate(feature: JSON, name: str) -> Any:
    blocks = [feature.get(kind) or {} for kind in ("numerical_statistics", "string_statistics")]
    return next((block[name] for block in blocks if name in block), None)


def _levels(feature: JSON) -> Any:
    distribution = (feature.get("numerical_statistics") or {}).get("distribution") or {}
    return ((distribution.get("kll") or {}).get("sketch") or {}).get("data")


def _metrics(document: str, theirs: JSON, ours: JSON) -> Iterator[Compared]:
    yield _same(document, "", "rows", _rows(theirs), _rows(ours))
    there, here = (_block(document, "_metrics") for document in (theirs, ours))
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
            alike: Verdict = "agrees" if _is_same(*pair, ROUNDED) else "cannot be compared"
            yield Compared(document, name, "standard deviation", *pair, alike, "of random subsamples of both")


# ---------------------------------------------------------------- constraints


def _block(document: JSON, ending: str) -> JSON:
    """Return the block of a problem type: regression_metrics, binary_classification_constraints, …."""
    found = next((block for name, block in document.items() if name.endswith(ending)), None)
    return found if isinstance(found, dict) else {}


def _constraints(theirs: JSON, ours: JSON) -> Iterator[Compared]:
    limits = _block(theirs, "_constraints")
    if limits:
        here = _block(ours, "_constraints")
        for name, entry in limits.items():
            known = here.get(name) or {}
            for what in ("comparison_operator", "threshold"):
                yield _same("constraints.json", name, what, entry.get(what), known.get(what), ROUNDED)
        return
    known = {one["name"]: one for one in entries(ours)}
    for feature in entries(theirs):
        other = known.get(feature["name"], {})
        for what in ("inferred_type", "completeness", "num_constraints", "string_constraints"):
            if what in feature:
                there, here = _unordered(feature[what]), _unordered(other.get(what))
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
    there, here = (_by_check(document) for document in (theirs, ours))
    for key in dict.fromkeys([*there, *here]):
        subject, check = key
        text, other = there.get(key, "no violation"), here.get(key, "no violation")
        yield _same("constraint_violations.json", subject, check, text, other, ROUNDED)


def _by_check(document: JSON) -> dict[tuple[str, str], str]:
    found = document.get("violations") or []
    return {
        (subject_of(one), str(one.get("constraint_check_type"))): str(one.get("description", ""))
        for one in found
    }


# ---------------------------------------------------------------- same


def _same(document: str, subject: str, what: str, theirs: Any, ours: Any, rule: str = EXACT) -> Compared:
    verdict: Verdict = "agrees" if _is_same(theirs, ours, rule) else "differs"
    return Compared(document, subject, what, theirs, ours, verdict, rule)


def _is_same(theirs: Any, ours: Any, rule: str) -> bool:
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return theirs is ours
    if isinstance(theirs, int | float) and isinstance(ours, int | float):
        close = math.isclose(theirs, ours, rel_tol=DIGITS, abs_tol=DIGITS * 1e-3)
        return theirs == ours or (rule == ROUNDED and close)
    if isinstance(theirs, str) and isinstance(ours, str):
        return theirs == ours or (rule == ROUNDED and _is_same_sentence(theirs, ours))
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(
            _is_same(one, ours[name], rule) for name, one in theirs.items()
        )
    if isinstance(theirs, list | tuple) and isinstance(ours, list | tuple):
        return len(theirs) == len(ours) and all(map(_is_same, theirs, ours, [rule] * len(theirs)))
    return bool(theirs == ours)


def _is_same_sentence(theirs: str, ours: str) -> bool:
    """Whether two sentences differ in the last digits of their numbers only."""
    there, here = theirs.split(), ours.split()
    return len(there) == len(here) and all(map(_is_same_word, there, here))


def _is_same_word(theirs: str, ours: str) -> bool:
    if theirs == ours:
        return True
    try:
        numbers = [float(word.strip("'%.,")) for word in (theirs, ours)]
    except ValueError:
        return False
    return math.isclose(*numbers, rel_tol=DIGITS)


_DOCUMENTS = {
    "statistics.json": _statistics,
    "constraints.json": _constraints,
    "constraint_violations.json": _violations,
}
