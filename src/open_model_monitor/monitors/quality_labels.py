"""Which written labels are the same one, and which is positive (`datasets.md` §12, `model_quality.md` §2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.errors import DataError
from open_model_monitor.profiling.quality import EXAMPLES, NEGATIVE, POSITIVE, Pairs, canonical
from open_model_monitor.profiling.samples import SAMPLES
from open_model_monitor.profiling.values import class_of, number_of

_WORDS = {
    **dict.fromkeys(("true", "yes", "y", "t"), POSITIVE),
    **dict.fromkeys(("false", "no", "n", "f"), NEGATIVE),
}
_BITS = frozenset((POSITIVE, NEGATIVE))


@dataclass(frozen=True, slots=True)
class Reduced:
    """What stands for each written label, and each prediction; and what is worth saying about that."""

    labels: Mapping[str, str]
    predictions: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def reduce_binary(
    labels: Collection[str], predicted: Collection[str], positive: str | None, *, by_threshold: bool
) -> Reduced:
    """Reduce the labels of a binary problem to `0` and `1`.

    `by_threshold` says that predictions are `0` and `1` already, whatever the labels are called.
    Raises DataError if there are more than two, naming some.
    """
    seen = set(labels) if by_threshold else {*labels, *predicted}
    positive = canonical(positive) if positive is not None else None
    names = {} if positive is not None else _as_bits(seen)
    warnings: tuple[str, ...] = ()
    if not names and seen:
        known = sorted(seen | ({positive} if positive is not None else set()))
        if len(known) > 2:
            raise DataError(
                f"a binary problem has two labels, here are {', '.join(map(repr, known[:EXAMPLES]))}"
                f"{', …' if len(known) > EXAMPLES else ''}; use problem_type MulticlassClassification, or look at "
                "what inference_attribute and ground_truth_attribute name"
            )
        chosen = positive if positive is not None else known[-1]
        if positive is None:
            warnings = (
                f"the label {chosen!r} is taken as the positive one; positive_label says which it is",
            )
        names = {label: POSITIVE if label == chosen else NEGATIVE for label in known}
    predictions = {POSITIVE: POSITIVE, NEGATIVE: NEGATIVE} if by_threshold else names
    return Reduced(names, predictions, warnings)


def reduce_multiclass(labels: Collection[str], predicted: Collection[str]) -> Reduced:
    """Keep labels as they are, unless one side says `yes` and `no` where the other says `1` and `0`."""
    seen = {*labels, *predicted}
    mixed = any(label in _BITS for label in seen) and any(label.lower() in _WORDS for label in seen)
    names = (_as_bits(seen) if mixed else {}) or {label: label for label in seen}
    return Reduced(names, names)


def _as_bits(labels: Collection[str]) -> dict[str, str]:
    """Return `0` or `1` for each label; nothing if one of them is neither that nor a word for it."""
    bits = {label: label if label in _BITS else _WORDS.get(label.lower()) for label in labels}
    found = {label: bit for label, bit in bits.items() if bit is not None}
    return found if len(found) == len(labels) else {}


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each label was predicted as which: `counts[sample, label, prediction]`, labels in order."""

    labels: tuple[str, ...]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: Pairs, reduced: Reduced) -> Confusion:
        """Count pairs under their reduced names."""
        named = {pair: (reduced.labels[pair[0]], reduced.predictions[pair[1]]) for pair in pairs}
        ordered = sorted_labels(label for pair in named.values() for label in pair)
        places = {label: place for place, label in enumerate(ordered)}
        counts = np.zeros((SAMPLES, len(ordered), len(ordered)), dtype=np.int64)
        for pair, (label, predicted) in named.items():
            counts[:, places[label], places[predicted]] += np.array(pairs[pair], dtype=np.int64)
        return cls(tuple(ordered), counts)

    def binary(self) -> NDArray[np.int64]:
        """Return the counts of `0` and `1`, zero where one does not occur."""
        places = [int(label) for label in self.labels]
        counts = np.zeros((len(self.counts), 2, 2), dtype=np.int64)
        counts[np.ix_(range(len(counts)), places, places)] = self.counts
        return counts

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return the matrix of all rows, `[actual][predicted]`."""
        rows = self.counts[0].tolist()
        return {
            label: dict(zip(self.labels, row, strict=True))
            for label, row in zip(self.labels, rows, strict=True)
        }


def sorted_labels(labels: Iterable[str]) -> list[str]:
    """Return labels in order: numerically if all are numbers, else by code point."""
    known = sorted(set(labels))
    if all(class_of(label) in ("Integral", "Fractional") for label in known):
        known.sort(key=number_of)
    return known
