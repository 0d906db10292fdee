"""What is known of predictions and their labels: the mergeable state of a model-quality run.

A batch has the columns of `capture.record.LABELLED`. Which words are the same label is only decided when metrics are
read off, because it depends on all of them; here labels are counted as they are written, numbers by value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from open_model_monitor.capture.record import KEY, LABEL, PREDICTION, PROBABILITY
from open_model_monitor.errors import DataError
from open_model_monitor.profiling.problems import BINARY, REGRESSION
from open_model_monitor.profiling.samples import GROUPS, SAMPLES, SUBSAMPLES, memberships
from open_model_monitor.profiling.scores import ScoreCounts
from open_model_monitor.profiling.values import as_numpy, class_of, number_of

POSITIVE, NEGATIVE = "1", "0"
MAX_LABELS = 1000
EXAMPLES = 5
NUMBERS = ("Integral", "Fractional")

Pairs = dict[tuple[str, str], list[int]]  # (label, prediction) → rows of each sample


@dataclass(frozen=True, slots=True)
class QualityOptions:
    """What a quality profile is told before it sees a row.

    `predicted` says what there is of a prediction: "label", "probability", "both", or "either" if only the values
    tell whether they are labels or probabilities. A probability means the positive class above `threshold`.
    """

    problem: str = BINARY
    predicted: str = "label"
    threshold: float = 0.5
    subsample_seed: int = 0
    max_exact_scores: int = 1_000_000


class QualityProfile:
    """Counts and sums of the rows that have a prediction and a label; the others are counted, by reason."""

    kind: ClassVar[str] = "quality-profile"

    def __init__(self, options: QualityOptions | None = None) -> None:
        self.options = options or QualityOptions()
        self.rows = 0  # those that count
        self.left_out: dict[str, int] = {}  # what they lack → rows
        self.unreadable: dict[str, int] = {}  # column → values that should be numbers and are not
        self.examples: dict[str, list[str]] = {}  # column → some of them
        self.without_probability = 0  # rows that count for labels, not for curves
        self.pairs: Pairs = {}
        self.by_threshold: Pairs = {}  # of "either": what the pairs are if the predictions are probabilities
        self.scores: dict[str, ScoreCounts] = {}  # by label
        self.groups = Errors(GROUPS)
        self.subsamples = Errors(SUBSAMPLES)

    def number_columns(self) -> dict[str, str]:
        """Return which columns need not be read as text: none, the text of a label matters."""
        return {}

    def update(self, batch: pa.RecordBatch, _: object = None) -> Self:
        """Add a batch; returns this profile. Raises DataError if there are too many different labels."""
        member, groups = memberships(_written(batch.column(KEY)).to_pylist(), self.options.subsample_seed)
        if self.options.problem == REGRESSION:
            self._update_errors(batch, member, groups)
        else:
            self._update_labels(batch, member)
        return self

    # ------------------------------------------------------------ regression

    def _update_errors(
        self, batch: pa.RecordBatch, member: NDArray[np.bool_], groups: NDArray[np.int64]
    ) -> None:
        predicted, prediction_is = self._numbers(batch, PREDICTION)
        labels, label_is = self._numbers(batch, LABEL)
        rows = prediction_is & label_is
        self._count_left_out(prediction_is, label_is)
        self.rows += int(rows.sum())
        member, groups = member[rows], groups[rows]
        with np.errstate(all="ignore"):  # differences of the largest doubles are infinite
            errors, labels = predicted[rows] - labels[rows], labels[rows]
            self.groups = self.groups.merge(Errors.of(errors, labels, groups[:, None] == np.arange(GROUPS)))
            self.subsamples = self.subsamples.merge(Errors.of(errors, labels, member[:, 1:]))

    def _numbers(self, batch: pa.RecordBatch, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return a column's numbers, and which rows have one; what is no number is counted with examples."""
        array = batch.column(name)
        if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
            numbers = as_numpy(array.cast(pa.float64()).fill_null(math.nan))
            return numbers, np.isfinite(numbers)
        texts = pc.utf8_trim_whitespace(_written(array)).dictionary_encode()
        known = np.full(len(texts.dictionary) + 1, math.nan)
        strange = np.zeros(len(known), dtype=bool)
        for place, text in enumerate(texts.dictionary.to_pylist()):
            if class_of(text) in NUMBERS:
                known[place] = number_of(text)
            strange[place] = not math.isfinite(known[place]) and not _is_missing(text)
        codes = as_numpy(texts.indices.fill_null(len(texts.dictionary)))
        numbers = known[codes]
        if unreadable := int(strange[codes].sum()):
            examples = [t for t, odd in zip(texts.dictionary.to_pylist(), strange, strict=False) if odd]
            self._note_unreadable(name, unreadable, examples)
        return numbers, np.isfinite(numbers)

    def _count_left_out(self, prediction_is: NDArray[np.bool_], label_is: NDArray[np.bool_]) -> None:
        without_label, without_prediction = int((~label_is).sum()), int((label_is & ~prediction_is).sum())
        self.left_out = _added(self.left_out, {LABEL: without_label, PREDICTION: without_prediction})

    def _note_unreadable(self, column: str, values: int, examples: Sequence[str]) -> None:
        self.unreadable[column] = self.unreadable.get(column, 0) + values
        self.examples[column] = _first([*self.examples.get(column, ()), *examples])

    # ------------------------------------------------------------ classification

    def _update_labels(self, batch: pa.RecordBatch, member: NDArray[np.bool_]) -> None:
        how = self.options.predicted
        labels, label_is = _label_texts(batch.column(LABEL))
        scored = how != "label"
        scores = np.full(batch.num_rows, math.nan)
        score_is = np.zeros(batch.num_rows, dtype=bool)
        if scored:
            scores, score_is = self._numbers(batch, PROBABILITY if how != "either" else PREDICTION)
        if how == "probability":
            predicted = np.where(scores > self.options.threshold, POSITIVE, NEGATIVE).astype(object)
            predicted_is = score_is
        else:
            predicted, predicted_is = _label_texts(batch.column(PREDICTION))
        rows = label_is & predicted_is
        self._count_left_out(predicted_is, label_is)
        self.rows += int(rows.sum())
        if how == "both":
            self.without_probability += int((rows & ~score_is).sum())
        if how == "either":
            words = rows & ~score_is  # labels for certain
            self._add_pairs(self.pairs, labels[words], predicted[words], member[words])
            rows &= score_is
            above = np.where(scores > self.options.threshold, POSITIVE, NEGATIVE).astype(object)
            self._add_pairs(self.by_threshold, labels[rows], above[rows], member[rows])
        else:
            self._add_pairs(self.pairs, labels[rows], predicted[rows], member[rows])
        if scored:
            rows = rows & score_is
            self._add_scores(labels[rows], scores[rows], member[rows])

    def _add_pairs(
        self,
        pairs: Pairs,
        labels: NDArray[np.object_],
        predicted: NDArray[np.object_],
        member: NDArray[np.bool_],
    ) -> None:
        if not len(labels):
            return
        known_labels, label_codes = np.unique(labels.astype(str), return_inverse=True)
        known_predicted, predicted_codes = np.unique(predicted.astype(str), return_inverse=True)
        codes = label_codes * len(known_predicted) + predicted_codes
        size = len(known_labels) * len(known_predicted)
        counts = np.stack([np.bincount(codes[member[:, j]], minlength=size) for j in range(SAMPLES)], axis=1)
        for code in np.flatnonzero(counts[:, 0]):
            pair = (
                str(known_labels[code // len(known_predicted)]),
                str(known_predicted[code % len(known_predicted)]),
            )
            pairs[pair] = _sum(pairs.get(pair), counts[code].tolist())
        self._refuse_too_many(pairs)

    def _refuse_too_many(self, pairs: Pairs) -> None:
        labels = {label for pair in pairs for label in pair}
        if len(labels) > MAX_LABELS:
            shown = ", ".join(sorted(labels)[:EXAMPLES])
            raise DataError(
                f"more than {MAX_LABELS:,} different labels ({shown}, …); is this problem a Regression, or do "
                "inference_attribute and ground_truth_attribute name the columns of the labels?"
            )

    def _add_scores(
        self, labels: NDArray[np.object_], scores: NDArray[np.float64], member: NDArray[np.bool_]
    ) -> None:
        texts = labels.astype(str)
        for label in np.unique(texts):
            rows = texts == label
            counts = self.scores.setdefault(str(label), ScoreCounts(self.options.max_exact_scores))
            counts.insert(scores[rows], member[rows])

    # ------------------------------------------------------------ adding up

    def merge(self, other: Self) -> Self:
        """Return a new profile of both."""
        both = type(self)(self.options)
        both.rows = self.rows + other.rows
        both.without_probability = self.without_probability + other.without_probability
        for one in (self, other):
            both.left_out = _added(both.left_out, one.left_out)
            for column, values in one.unreadable.items():
                both._note_unreadable(column, values, one.examples[column])
            for pair, counts in one.pairs.items():
                both.pairs[pair] = _sum(both.pairs.get(pair), counts)
            for pair, counts in one.by_threshold.items():
                both.by_threshold[pair] = _sum(both.by_threshold.get(pair), counts)
            for label, scores in one.scores.items():
                known = both.scores.get(label)
                both.scores[label] = scores if known is None else known.merge(scores)
        both.groups = self.groups.merge(other.groups)
        both.subsamples = self.subsamples.merge(other.subsamples)
        self._refuse_too_many(both.pairs)
        return both

    def take(self, other: Self) -> None:
        """Merge another profile into this one, which is used up."""
        vars(self).update(vars(self.merge(other)))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "options": asdict(self.options),
            "rows": self.rows,
            "left_out": self.left_out,
            "unreadable": self.unreadable,
            "examples": self.examples,
            "without_probability": self.without_probability,
            "pairs": _listed(self.pairs),
            "by_threshold": _listed(self.by_threshold),
            "scores": {label: scores.to_dict() for label, scores in self.scores.items()},
            "groups": self.groups.to_dict(),
            "subsamples": self.subsamples.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        profile = cls(QualityOptions(**data["options"]))
        for name in ("rows", "left_out", "unreadable", "examples", "without_probability"):
            setattr(profile, name, data[name])
        profile.pairs = {(label, predicted): counts for label, predicted, counts in data["pairs"]}
        profile.by_threshold = {
            (label, predicted): counts for label, predicted, counts in data["by_threshold"]
        }
        profile.scores = {label: ScoreCounts.from_dict(scores) for label, scores in data["scores"].items()}
        profile.groups = Errors.from_dict(data["groups"])
        profile.subsamples = Errors.from_dict(data["subsamples"])
        return profile


class Errors:
    """Sums over the rows of several samples: of the errors, and mean and squared deviations of the labels."""

    __slots__ = ("absolute", "deviations", "mean", "rows", "squared")

    def __init__(self, samples: int) -> None:
        self.rows, self.absolute, self.squared, self.mean, self.deviations = np.zeros((5, samples))

    @classmethod
    def of(
        cls, errors: NDArray[np.float64], labels: NDArray[np.float64], member: NDArray[np.bool_]
    ) -> Errors:
        """Sum up errors (prediction − label) and labels; `member` tells, by row, to which samples it belongs."""
        one = cls(member.shape[1])
        weights = member.astype(np.float64)
        one.rows = weights.sum(axis=0)
        one.absolute, one.squared = np.abs(errors) @ weights, (errors * errors) @ weights
        filled = np.maximum(one.rows, 1.0)
        one.mean = (labels @ weights) / filled
        one.deviations = (((labels[:, None] - one.mean) ** 2) * weights).sum(axis=0)
        return one

    def merge(self, other: Errors) -> Errors:
        """Return a new value for both; mean and deviations by the pairwise update (Chan, Golub, LeVeque 1983)."""
        both = Errors(len(self.rows))
        both.rows = self.rows + other.rows
        filled = np.maximum(both.rows, 1.0)
        with np.errstate(all="ignore"):  # sums of the largest doubles are infinite
            both.absolute, both.squared = self.absolute + other.absolute, self.squared + other.squared
            delta = other.mean - self.mean
            both.mean = np.where(self.rows > 0, self.mean + delta * (other.rows / filled), other.mean)
            both.deviations = (
                self.deviations + other.deviations + delta * delta * (self.rows * other.rows / filled)
            )
        return both

    def total(self) -> Errors:
        """Return the sums over all samples together, as one sample."""
        whole = Errors(1)
        for place in range(len(self.rows)):
            whole = whole.merge(self.one(place))
        return whole

    def one(self, place: int) -> Errors:
        """Return the sums of one sample."""
        single = Errors(1)
        for name in self.__slots__:
            setattr(single, name, getattr(self, name)[place : place + 1])
        return single

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {name: getattr(self, name).tolist() for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Errors:
        """Rebuild what `to_dict` returned."""
        one = cls(len(data["rows"]))
        for name in cls.__slots__:
            setattr(one, name, np.array(data[name], dtype=np.float64))
        return one


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    total = {name: left.get(name, 0) + right.get(name, 0) for name in [*left, *right]}
    return {name: rows for name, rows in total.items() if rows}


def _sum(left: Sequence[int] | None, right: Sequence[int]) -> list[int]:
    return list(right) if left is None else [a + b for a, b in zip(left, right, strict=True)]


def _listed(pairs: Pairs) -> list[list[Any]]:
    return [[label, predicted, counts] for (label, predicted), counts in pairs.items()]


def _first(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:EXAMPLES]


def _written(array: pa.Array) -> pa.Array:
    """Return a column as texts."""
    return array.cast(pa.string()) if not pa.types.is_string(array.type) else array


def _is_missing(text: str) -> bool:
    return text.lower() in ("", "nan", "null", "none")


def canonical(text: str) -> str:
    """Return the one spelling of a label: numbers by value, everything else trimmed (`datasets.md` §12)."""
    text = text.strip()
    if class_of(text) not in NUMBERS:
        return text
    number = number_of(text)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _label_texts(array: pa.Array) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return a column's canonical labels, and which rows have one."""
    encoded = _written(array).dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    known = np.array([*map(canonical, texts), ""], dtype=object)
    present = np.array([*(not _is_missing(text.strip()) for text in texts), False])
    codes = as_numpy(encoded.indices.fill_null(len(texts)))
    return known[codes], present[codes]
