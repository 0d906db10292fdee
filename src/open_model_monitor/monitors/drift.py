"""How far a feature has moved from its baseline, and whether that may be judged (`data_quality.md` §5.3, §6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from open_model_monitor.capture.record import JSON
from open_model_monitor.monitors import sentences
from open_model_monitor.monitors.base import Finding, Notice
from open_model_monitor.monitors.baseline_features import BaselineFeature
from open_model_monitor.monitors.distances import (
    DISTINCT,
    ROWS,
    ChiSquared,
    Distance,
    categorical,
    chi_squared,
    correction,
    numeric,
)
from open_model_monitor.monitors.monitoring_config import CHI_SQUARED, L_INFINITY, ROBUST
from open_model_monitor.monitors.statistics import FeatureStatistics

CHECK = "baseline_drift_check"


@dataclass(frozen=True, slots=True)
class Drift:
    """The distances of one feature from its baseline; `n` is the size of the data's sample, `m` the baseline's.

    `distance` and `threshold` are as reported and published. For ChiSquared they are 1 − p and 1 − threshold, so
    that drift is always a distance above the threshold.
    """

    method: str
    counting: str
    distance: float
    threshold: float
    distinct: Distance
    rows: Distance
    test: ChiSquared | None = None

    @property
    def exceeds(self) -> bool:
        """Whether the threshold is exceeded."""
        if self.test is not None:  # 1 − p rounds where p does not
            return self.test.p_value < 1 - self.threshold
        return self.distance > self.threshold

    @property
    def other(self) -> float:
        """The distance that the other counting gives."""
        return (self.distinct if self.counting == ROWS else self.rows).by(self.method)

    def to_dict(self) -> JSON:
        """Return the drift as the run summary holds it."""
        document = {
            "method": self.method,
            "counting": self.counting,
            "distance": self.distance,
            "threshold": self.threshold,
            "distances": {DISTINCT: self.distinct.to_dict(), ROWS: self.rows.to_dict()},
        }
        return document if self.test is None else document | {"chi_squared": self.test.to_dict()}


def measure(feature: FeatureStatistics, known: BaselineFeature) -> tuple[Drift | None, str | None]:
    """Return the drift of a feature, or why there is none; neither where nothing is to be compared."""
    baseline, config = known.statistics, known.config
    if baseline is None or not config.perform_comparison:
        return None, None
    if not feature.num_present or not baseline.num_present:
        side = "the data" if baseline.num_present else "the baseline"
        return None, f"{side} holds no value" if feature.num_present or baseline.num_present else None
    if not _same_type(feature, known):
        return None, f"the type was {baseline.inferred_type} and is {feature.inferred_type}"
    return _of_numbers(feature, known) if feature.numeric else _of_texts(feature, known)


def _same_type(feature: FeatureStatistics, known: BaselineFeature) -> bool:
    assert known.statistics is not None  # noqa: S101
    was, now = known.statistics.inferred_type, feature.inferred_type
    tolerant = known.behaviour.integral_counts_as_fractional
    return was == now or (tolerant and (was, now) == ("Fractional", "Integral"))


def _of_numbers(feature: FeatureStatistics, known: BaselineFeature) -> tuple[Drift | None, str | None]:
    assert known.statistics is not None  # noqa: S101
    now, was = feature.levels, known.statistics.levels
    if not was or now is None:
        return None, "the baseline has no sketch"
    distinct, rows = numeric(now, was, DISTINCT), numeric(now, was, ROWS)
    if distinct is None or rows is None:
        return None, "a sketch is empty"
    config, counting = known.config, known.behaviour.drift_counting
    used = distinct if counting == DISTINCT else rows
    return Drift(config.method, counting, used.by(config.method), config.threshold, distinct, rows), None


def _of_texts(feature: FeatureStatistics, known: BaselineFeature) -> tuple[Drift | None, str | None]:
    assert known.statistics is not None  # noqa: S101
    now, was = feature.categories, known.statistics.categories
    if now is None or was is None:
        side = "data" if now is None else "baseline"
        return None, f"the {side} has too many distinct values to be compared"
    plain = categorical(now, was)
    if plain is None:
        return None, "a list of values is empty"
    config = known.config
    if config.categorical_method == L_INFINITY:
        distance, limit = plain.by(config.method), config.categorical_threshold
        return Drift(config.method, ROWS, distance, limit, plain, plain), None
    test = chi_squared(now, was)
    if test is None:
        return None, "fewer than two values occur often enough for a ChiSquared test"
    limit = 1 - config.categorical_threshold
    return Drift(CHI_SQUARED, ROWS, 1 - test.p_value, limit, plain, plain, test), None


def judge(feature: FeatureStatistics, known: BaselineFeature, drift: Drift) -> Finding | None:
    """Return the finding on a feature's drift; None where it may not be judged."""
    if _unjudged(feature, known) is not None:
        return None
    sentence = sentences.drift(distance=drift.distance, limit=drift.threshold)
    about = {"feature_name": feature.name}
    return Finding(about, CHECK, not drift.exceeds, sentence, drift.distance, drift.threshold)


def _unjudged(feature: FeatureStatistics, known: BaselineFeature) -> str | None:
    """Return the kind of notice that stands in place of a finding."""
    assert known.statistics is not None  # noqa: S101
    if not known.config.evaluate_constraints:
        return "evaluation_disabled"
    if feature.num_present < known.behaviour.minimum_rows:
        return "insufficient_data"
    integral = known.statistics.inferred_type == "Integral"
    return "drift_not_evaluated" if integral and not known.behaviour.drift_on_integers else None


def notices(
    feature: FeatureStatistics, known: BaselineFeature, drift: Drift | None, reason: str | None
) -> Iterator[Notice]:
    """Yield why drift was not judged, and what the other way of counting would have flagged (§8)."""
    if not known.config.evaluate_constraints:
        return
    if drift is None:
        if reason is not None:
            yield Notice("drift_not_evaluated", feature.name, f"drift was not evaluated: {reason}")
        return
    kind = _unjudged(feature, known)
    if kind == "insufficient_data":
        text = f"{feature.num_present} values are too few to judge drift; it takes {known.behaviour.minimum_rows}"
        yield Notice(kind, feature.name, text)
        return
    other_exceeds = drift.other > drift.threshold and drift.test is None
    if kind is not None:
        yield Notice(kind, feature.name, _on_integers(drift, flagged=drift.exceeds or other_exceeds))
    elif other_exceeds and not drift.exceeds:
        yield Notice("other_counting_flags", feature.name, _on_counting(drift))
    elif _blind(drift):
        text = (
            "drift was not evaluated: too few distinct values, no change could exceed the threshold "
            f"{sentences.number_text(drift.threshold)} (drift_counting distinct, {drift.method})"
        )
        yield Notice("drift_not_evaluated", feature.name, text)


def _on_integers(drift: Drift, *, flagged: bool) -> str:
    text = "drift of integers is not judged (drift_on_integers false)"
    if not flagged:
        return text
    largest = max(drift.distance, drift.other)
    return (
        f"{text}; a distance of {sentences.number_text(largest)} exceeds the threshold "
        f"{sentences.number_text(drift.threshold)}"
    )


def _on_counting(drift: Drift) -> str:
    other = DISTINCT if drift.counting == ROWS else ROWS
    return (
        f"counting {other}, the drift distance is {sentences.number_text(drift.other)} and exceeds the threshold "
        f"{sentences.number_text(drift.threshold)}; counting {drift.counting} it is "
        f"{sentences.number_text(drift.distance)}"
    )


def _blind(drift: Drift) -> bool:
    """Whether not even disjoint data could exceed the threshold, because repeated values do not count."""
    if drift.counting != DISTINCT or drift.method != ROBUST:
        return False
    return 1 - correction(drift.distinct.n, drift.distinct.m) <= drift.threshold
