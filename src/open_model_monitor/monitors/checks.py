"""The checks of data quality but drift, and what is only noticed (`data_quality.md` §5.2, §8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from open_model_monitor.monitors import drift, sentences
from open_model_monitor.monitors.base import Finding, Notice
from open_model_monitor.monitors.baseline_features import BaselineFeature
from open_model_monitor.monitors.matching import POSITION, Matching
from open_model_monitor.monitors.statistics import FeatureStatistics

MISSING_COLUMNS, EXTRA_COLUMNS = "missing_column_check", "extra_column_check"
DATA_TYPE, COMPLETENESS, KNOWN_VALUES = "data_type_check", "completeness_check", "categorical_values_check"

# The order of violations in the report.
ORDER = (MISSING_COLUMNS, EXTRA_COLUMNS, DATA_TYPE, COMPLETENESS, KNOWN_VALUES, drift.CHECK)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by check; within one check they stay as they came."""
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.constraint_check_type)))


def columns(matching: Matching) -> Iterator[Finding]:
    """Compare the columns of the data with those of the constraints."""
    assert matching.expected is not None  # noqa: S101
    now, expected = len(matching.columns), matching.expected
    for check, kind, names in (
        (MISSING_COLUMNS, "missing", matching.missing),
        (EXTRA_COLUMNS, "extra", matching.extra),
    ):
        shown = () if matching.how == POSITION else names
        sentence = sentences.columns(kind, now=now, expected=expected, names=shown)
        about = {"feature_name": f"{kind.capitalize()} columns"}
        yield Finding(about, check, not names, sentence, float(now), float(expected))


def feature(current: FeatureStatistics, known: BaselineFeature) -> Iterator[Finding]:
    """Check one feature against its constraints, drift apart."""
    if known.constraints is None or not known.config.evaluate_constraints:
        return
    yield from _data_type(current, known)
    yield from _completeness(current, known)
    yield from _known_values(current, known)


def type_share(current: FeatureStatistics, expected: str, *, tolerant: bool) -> float | None:
    """Return the share of an expected type among present values; None where there is nothing to share.

    `tolerant` lets Integral values count as Fractional.
    """
    counts = current.type_counts
    if counts is None or expected == "Unknown" or not current.num_present:
        return None
    matching = counts[expected]
    if expected == "String":
        matching += counts["Boolean"]
    elif expected == "Fractional" and tolerant:
        matching += counts["Integral"]
    return matching / current.num_present


def _data_type(current: FeatureStatistics, known: BaselineFeature) -> Iterator[Finding]:
    expected = known.constraints.inferred_type if known.constraints is not None else None
    if expected is None:
        return
    share = type_share(current, expected, tolerant=known.behaviour.integral_counts_as_fractional)
    if share is None:
        return
    limit = known.config.datatype_threshold
    sentence = sentences.data_type(expected, limit=limit, share=share)
    yield Finding({"feature_name": current.name}, DATA_TYPE, share >= limit, sentence, share, limit)


def _completeness(current: FeatureStatistics, known: BaselineFeature) -> Iterator[Finding]:
    limit = known.constraints.completeness if known.constraints is not None else None
    if limit is None or not current.item_count:
        return
    share = current.completeness
    sentence = sentences.completeness(limit=limit, share=share)
    yield Finding({"feature_name": current.name}, COMPLETENESS, share >= limit, sentence, share, limit)


def _known_values(current: FeatureStatistics, known: BaselineFeature) -> Iterator[Finding]:
    domains = known.constraints.domains if known.constraints is not None else None
    if domains is None or not current.item_count:
        return
    rows = current.rows_with(domains)
    if rows is None:
        return
    share = (current.num_missing + rows) / current.item_count
    limit = known.config.domain_threshold
    sentence = sentences.known_values(limit=limit, share=share)
    yield Finding({"feature_name": current.name}, KNOWN_VALUES, share >= limit, sentence, share, limit)


def notices(current: FeatureStatistics, known: BaselineFeature) -> Iterator[Notice]:
    """Yield what the original hides about one feature, drift apart."""
    yield from turned_text(current, known.inferred_type)
    constraints = known.constraints
    if constraints is None or not known.config.evaluate_constraints:
        return
    if constraints.is_non_negative and current.minimum is not None and current.minimum < 0:
        lowest = sentences.number_text(current.minimum)
        text = f"there are negative values down to {lowest} where the baseline has none"
        yield Notice("negative_values", current.name, text)
    if (
        constraints.domains is not None
        and current.item_count
        and current.rows_with(constraints.domains) is None
    ):
        text = "known values were not checked: there are too many distinct values to count them all"
        yield Notice("values_not_evaluated", current.name, text)
    yield from _exact_classes(current, known)


def _exact_classes(current: FeatureStatistics, known: BaselineFeature) -> Iterator[Notice]:
    """Say where the other reading of integers in a Fractional feature would have decided otherwise."""
    if known.constraints is None or known.constraints.inferred_type != "Fractional":
        return
    exact, tolerant = (type_share(current, "Fractional", tolerant=t) for t in (False, True))
    limit = known.config.datatype_threshold
    if exact is None or tolerant is None or not exact < limit <= tolerant:
        return
    share = sentences.percent(exact)
    if known.behaviour.integral_counts_as_fractional:
        text = f"only {share} of the values are written as fractions; the original would report that"
    else:
        text = (
            f"only {share} of the values are written as fractions, all others needed are whole numbers, which "
            "integral_counts_as_fractional would accept"
        )
    yield Notice("exact_classes", current.name, text)


def turned_text(current: FeatureStatistics, expected: str | None) -> Iterator[Notice]:
    """Say which few values turn a column of numbers into text."""
    counts = current.type_counts
    if counts is None or current.inferred_type != "String" or expected == "String":
        return
    words = counts["String"] + counts["Boolean"]
    if not words or words >= current.num_present - words:
        return
    shown = ", ".join(repr(example[:40]) for example in current.examples)
    text = f"{words} of {current.num_present} values are no numbers and make the column text: {shown}"
    yield Notice("numbers_turned_text", current.name, text)
