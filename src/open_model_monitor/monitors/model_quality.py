"""Model quality: the monitor type that reads metrics off predictions and labels, and compares them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

import numpy as np

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import DocumentError, NoData
from open_model_monitor.monitors import quality_intervals as intervals
from open_model_monitor.monitors import quality_metrics as formulas
from open_model_monitor.monitors.base import Analysis, Checked, Finding, Metric, Notice
from open_model_monitor.monitors.quality_behaviour import TRUTH, QualityBehaviour
from open_model_monitor.monitors.quality_curves import Curves, Ranked, curves
from open_model_monitor.monitors.quality_documents import (
    SCALARS,
    QualityConstraints,
    QualityStatistics,
    Threshold,
)
from open_model_monitor.monitors.quality_intervals import Interval, Intervals
from open_model_monitor.monitors.quality_labels import Confusion, Reduced, reduce_binary, reduce_multiclass
from open_model_monitor.monitors.sentences import number_text
from open_model_monitor.profiling.problems import BINARY, REGRESSION
from open_model_monitor.profiling.quality import POSITIVE, Pairs, QualityProfile
from open_model_monitor.profiling.samples import SAMPLES
from open_model_monitor.profiling.scores import ScoreCounts

ENOUGH = 200  # rows from which on there are standard deviations (§7)
VIOLATIONS_METRIC = "total_number_of_violations"

# In the order in which the original lists violations (§9); anything else afterwards, by name.
_ORDER = (
    *(
        "auc",
        "precision",
        "true_positive_rate",
        "f1",
        "accuracy",
        "false_positive_rate",
        "true_negative_rate",
    ),
    *("false_negative_rate", "recall", "f2"),
    *("weighted_f2", "weighted_recall", "weighted_precision", "weighted_f1"),
    *("mae", "mse", "rmse", "r2"),
)
_MULTICLASS_ORDER = ("weighted_f2", "accuracy", "weighted_recall", "weighted_precision", "weighted_f1")
_NEVER_LISTED = ("f0_5", "weighted_f0_5")  # by the original, although they are constrained

_WORSE: Mapping[str, Callable[[float, float], bool]] = {
    "LessThanThreshold": operator.lt,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "GreaterThanOrEqualToThreshold": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What is read off a profile: the metrics, how sure they are, and what is worth saying about them."""

    statistics: QualityStatistics
    intervals: Intervals = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """Metrics, constraints and checks of one problem type."""

    behaviour: QualityBehaviour = field(default_factory=QualityBehaviour.recommended)
    positive_label: str | None = None

    kind: ClassVar[str] = "ModelQuality"

    def measure(self, state: QualityProfile, *, now: datetime | None = None) -> Measured:
        """Read the metrics off a profile; `now` is written as the time of the evaluation.

        Raises NoData if no row has both a prediction and a label, DataError for labels that fit no binary problem.
        """
        if not state.rows:
            raise NoData(f"No row has both a prediction and a label: {_left_out(state)}")
        if state.options.problem == REGRESSION:
            measured = _regression(state)
        elif state.options.problem == BINARY:
            measured = _binary(
                state, self.positive_label, best_by_truth=self.behaviour.best_constant == TRUTH
            )
        else:
            measured = _multiclass(state, best_by_truth=self.behaviour.best_constant == TRUTH)
        statistics = QualityStatistics(
            measured.statistics.problem,
            state.rows,
            measured.statistics.values,
            measured.statistics.deviations if state.rows >= ENOUGH else {},
            measured.statistics.matrix,
            measured.statistics.curves,
            now,
        )
        return Measured(
            statistics, measured.intervals, (*_notices(state), *measured.notices), measured.warnings
        )

    def suggest(self, statistics: QualityStatistics) -> QualityConstraints:
        """Propose constraints: the values of data we trust."""
        return QualityConstraints.suggest(statistics)

    def findings(self, statistics: QualityStatistics, constraints: QualityConstraints) -> tuple[Finding, ...]:
        """Compare metrics with thresholds, in the order in which violations are listed.

        Raises DocumentError if the constraints are for another problem type.
        """
        if constraints.problem != statistics.problem:
            raise DocumentError(
                f"constraints are for {constraints.problem}, but this run's problem_type is {statistics.problem}"
            )
        names = sorted(constraints.thresholds, key=lambda name: _rank(name, statistics.problem))
        return tuple(
            finding
            for name in names
            if self.behaviour.report_f0_5 or name not in _NEVER_LISTED
            if (finding := _finding(name, constraints.thresholds[name], statistics)) is not None
        )

    def analyse(
        self,
        state: QualityProfile,
        *,
        constraints: QualityConstraints | None = None,
        now: datetime | None = None,
    ) -> Analysis[QualityStatistics, QualityConstraints]:
        """Do all of it: metrics, a suggestion from them, checks, what is published.

        Raises NoData, DataError and DocumentError as the steps do.
        """
        measured = self.measure(state, now=now)
        statistics = measured.statistics
        findings = self.findings(statistics, constraints) if constraints is not None else ()
        published = [
            Metric(name, value, dimension_sets="plain")
            for name, value in statistics.values.items()
            if not math.isnan(value)
        ]
        if constraints is not None:
            number = sum(not finding.holds for finding in findings)
            published.append(Metric(VIOLATIONS_METRIC, float(number), dimension_sets="plain"))
        summary = _summary(statistics, measured.intervals, constraints)
        checked = Checked(findings, measured.notices, tuple(published), summary)
        return Analysis(statistics, self.suggest(statistics), checked, measured.warnings)


# ---------------------------------------------------------------- metrics of each problem


def _regression(state: QualityProfile) -> Measured:
    whole, samples = formulas.regression(state.groups.total()), formulas.regression(state.subsamples)
    values = {name: float(values[0]) for name, values in whole.items()}
    deviations = {name: _deviation(samples[name].tolist()) for name in samples}
    statistics = QualityStatistics(REGRESSION, state.rows, values, deviations)
    return Measured(statistics, intervals.regression(state.groups))


def _multiclass(state: QualityProfile, *, best_by_truth: bool) -> Measured:
    reduced = reduce_multiclass(*_sides(state.pairs))
    confusion = Confusion.of(state.pairs, reduced)
    found = formulas.multiclass(confusion.counts)
    constant = formulas.multiclass(formulas.always_one_answer(confusion.counts, best_by_truth=best_by_truth))
    found |= {name + formulas.CONSTANT: values for name, values in constant.items()}
    statistics = _statistics(state, found, confusion)
    return Measured(statistics, intervals.multiclass(confusion.counts[0]), warnings=reduced.warnings)


def _binary(state: QualityProfile, positive: str | None, *, best_by_truth: bool) -> Measured:
    pairs, scores, by_threshold = _understood(state)
    reduced = reduce_binary(*_sides(pairs), positive, by_threshold=by_threshold)
    confusion = Confusion.of(pairs, reduced)
    counts = confusion.binary()
    found = formulas.binary(counts)
    constant = formulas.binary(formulas.always_one_answer(counts, best_by_truth=best_by_truth))
    names = ("recall", "precision", "accuracy", *formulas.BETAS)
    found |= {name + formulas.CONSTANT: constant[name] for name in names}
    sure = intervals.binary(counts[0])
    drawn: dict[str, JSON] = {}
    notices: tuple[Notice, ...] = ()
    if scores:
        ranked = _ranked(scores, reduced)
        samples = [_curves_of(ranked, place) for place in range(SAMPLES)]
        for name in ("auc", "au_prc"):
            found[name] = np.array([getattr(one, name) if one else math.nan for one in samples])
        if samples[0] is not None:
            drawn = samples[0].to_dict()
        sure |= intervals.areas(ranked, auc=float(found["auc"][0]), au_prc=float(found["au_prc"][0]))
        notices = tuple(_binned(ranked, state))
    return Measured(_statistics(state, found, confusion, drawn), sure, notices, reduced.warnings)


def _understood(state: QualityProfile) -> tuple[Pairs, Mapping[str, ScoreCounts], bool]:
    """Return pairs, scores, and whether predictions are what a threshold made of the scores.

    Where nobody said what the predictions are, whole numbers are labels and others are probabilities.
    """
    if state.options.predicted != "either":
        return state.pairs, state.scores, state.options.predicted == "probability"
    exact = all(scores.width is None for scores in state.scores.values())
    values = [scores.scores for scores in state.scores.values()]
    whole = exact and all(bool((numbers == np.floor(numbers)).all()) for numbers in values)
    if not whole and not state.pairs:
        return state.by_threshold, state.scores, True
    pairs = dict(state.pairs)
    for label, scores in state.scores.items():
        for score, counts in zip(scores.scores.tolist(), scores.counts.tolist(), strict=True):
            text = str(int(score)) if score.is_integer() else repr(score)
            pairs[label, text] = [
                a + b for a, b in zip(pairs.get((label, text), [0] * SAMPLES), counts, strict=True)
            ]
    return pairs, {}, False


def _sides(pairs: Pairs) -> tuple[set[str], set[str]]:
    return {label for label, _ in pairs}, {predicted for _, predicted in pairs}


def _ranked(scores: Mapping[str, ScoreCounts], reduced: Reduced) -> Ranked:
    sides: dict[bool, list[ScoreCounts]] = {True: [], False: []}
    for label, counts in scores.items():
        sides[reduced.labels[label] == POSITIVE].append(counts)
    return Ranked.of(sides[True], sides[False])


def _curves_of(ranked: Ranked, place: int) -> Curves | None:
    positives, negatives = ranked.sample(place)
    return curves(positives, negatives) if len(positives) else None


def _statistics(
    state: QualityProfile,
    found: formulas.Metrics,
    confusion: Confusion,
    drawn: Mapping[str, JSON] | None = None,
) -> QualityStatistics:
    problem = state.options.problem
    ordered = {name: found[name] for name in SCALARS[problem] if name in found}
    values = {name: float(samples[0]) for name, samples in ordered.items()}
    deviations = {name: _deviation(samples[1:].tolist()) for name, samples in ordered.items()}
    return QualityStatistics(problem, state.rows, values, deviations, confusion.to_dict(), drawn or {})


def _deviation(values: list[float]) -> float:
    """Return the population standard deviation of what is defined; NaN of fewer than two values."""
    known = [value for value in values if math.isfinite(value)]
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(np.std(known)) if len(known) > 1 else math.nan
    return spread if math.isfinite(spread) else math.nan


# ---------------------------------------------------------------- checks


def _rank(name: str, problem: str) -> tuple[int, int, str]:
    order = _ORDER if problem in (BINARY, REGRESSION) else _MULTICLASS_ORDER
    if name in _NEVER_LISTED:
        return 2, 0, name
    return (0, order.index(name), name) if name in order else (1, 0, name)


def _finding(name: str, limit: Threshold, statistics: QualityStatistics) -> Finding | None:
    value = statistics.values.get(name, math.nan)
    if math.isnan(value) or limit.threshold is None:
        return None
    shown = camel_case(name)
    deviation = statistics.deviations.get(name, math.nan)
    spread = "" if math.isnan(deviation) else f" +/- {number_text(deviation)}"
    return Finding(
        about={"metric_name": shown},
        constraint_check_type=limit.operator,
        holds=not _WORSE[limit.operator](value, limit.threshold),
        description=(
            f"Metric {shown} with {number_text(value)}{spread} was {limit.operator} "
            f"'{number_text(limit.threshold)}'"
        ),
        measured=value,
        limit=limit.threshold,
    )


def camel_case(name: str) -> str:
    """Return a metric's name as violations spell it: `true_positive_rate` → `truePositiveRate`, `f0_5` → `f05`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# ---------------------------------------------------------------- what is told


def _summary(
    statistics: QualityStatistics, sure: Mapping[str, Interval], constraints: QualityConstraints | None
) -> dict[str, JSON]:
    limits = constraints.thresholds if constraints is not None else {}
    summary: dict[str, JSON] = {}
    for name, value in statistics.values.items():
        entry: dict[str, JSON] = {"value": None if math.isnan(value) else value}
        if (interval := sure.get(name)) is not None and not math.isnan(value):
            entry["interval"] = {"low": interval.low, "high": interval.high, "level": intervals.LEVEL}
        if name in limits:
            entry["threshold"], entry["comparison_operator"] = limits[name].threshold, limits[name].operator
        summary[name] = entry
    return summary


def _notices(state: QualityProfile) -> Iterator[Notice]:
    if state.rows < ENOUGH:
        text = (
            f"too few labels: {state.rows} rows have a prediction and a label, from {ENOUGH} on there are standard "
            "deviations; look at the intervals before believing a difference"
        )
        yield Notice("too_few_labels", None, text)
    if state.left_out:
        yield Notice("rows_left_out", None, f"rows are left out of the metrics: {_left_out(state)}")
    if state.without_probability:
        text = f"{state.without_probability} rows without a probability count for labels, not for curves"
        yield Notice("no_probability", None, text)


def _left_out(state: QualityProfile) -> str:
    lacking = [f"{rows} have no {what}" for what, rows in state.left_out.items()]
    unreadable = [
        f"{values} values of {column} are no numbers, for example {', '.join(map(repr, state.examples[column]))}"
        for column, values in state.unreadable.items()
    ]
    return "; ".join([*lacking, *unreadable]) or "there is no row at all"


def _binned(ranked: Ranked, state: QualityProfile) -> Iterator[Notice]:
    if ranked.width is not None:
        text = (
            f"more than {state.options.max_exact_scores:,} different probabilities: they were put into bins "
            f"{number_text(ranked.width)} wide, so that curves and areas are exact up to ties within a bin"
        )
        yield Notice("scores_binned", None, text)
