"""ROC and precision-recall curves, and the areas below them (`model_quality.md` §5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.profiling.scores import ScoreCounts, binned

JOINED = 1000  # distinct scores; twice as many are joined two by two, and so on

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Positives and negatives of each sample per distinct score, scores descending: `[score, sample]`."""

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    width: float | None = None  # of the bins, if scores were too many to be kept apart

    @classmethod
    def of(cls, positives: list[ScoreCounts], negatives: list[ScoreCounts]) -> Ranked:
        """Put the scores of labels together; either list may be empty, not both."""
        first, *others = [*positives, *negatives]
        whole = first
        for one in others:
            whole = whole.merge(one)
        sides = [_on_scale(side, whole) for side in (positives, negatives)]
        return cls(sides[0][::-1], sides[1][::-1], whole.width)

    def sample(self, place: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return positives and negatives of one sample per score that occurs in it."""
        positives, negatives = self.positives[:, place], self.negatives[:, place]
        there = positives + negatives > 0
        return positives[there], negatives[there]


def _on_scale(side: list[ScoreCounts], whole: ScoreCounts) -> NDArray[np.int64]:
    """Return the counts of one side at each score of both."""
    counts = np.zeros_like(whole.counts)
    for one in side:
        scores = binned(one.scores, whole.width)
        np.add.at(counts, np.searchsorted(whole.scores, scores), one.counts)
    return counts


@dataclass(frozen=True, slots=True)
class Curves:
    """Both curves of one sample."""

    false_positive_rates: Floats
    true_positive_rates: Floats
    precisions: Floats
    recalls: Floats

    @property
    def auc(self) -> float:
        """The area below the ROC curve, by trapezoids."""
        return _area(self.true_positive_rates, self.false_positive_rates)

    @property
    def au_prc(self) -> float:
        """The area below the precision-recall curve, by trapezoids; not average precision."""
        return _area(self.precisions, self.recalls)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return both curves as `statistics.json` has them."""
        return {
            "receiver_operating_characteristic_curve": {
                "false_positive_rates": self.false_positive_rates.tolist(),
                "true_positive_rates": self.true_positive_rates.tolist(),
            },
            "precision_recall_curve": {
                "precisions": self.precisions.tolist(),
                "recalls": self.recalls.tolist(),
            },
        }


def _area(heights: Floats, places: Floats) -> float:
    return float(((heights[1:] + heights[:-1]) * np.diff(places)).sum() / 2)


def curves(positives: NDArray[np.int64], negatives: NDArray[np.int64]) -> Curves:
    """Return the curves of counts per distinct score, scores descending, at least one."""
    step = max(1, len(positives) // JOINED)
    starts = np.arange(0, len(positives), step)
    true = np.cumsum(np.add.reduceat(positives, starts)).astype(np.float64)
    false = np.cumsum(np.add.reduceat(negatives, starts)).astype(np.float64)
    recalls = true / true[-1] if true[-1] else np.zeros_like(true)
    fall_outs = false / false[-1] if false[-1] else np.zeros_like(false)
    precisions = true / (true + false)
    return Curves(
        np.concatenate(([0.0], fall_outs, [1.0])),
        np.concatenate(([0.0], recalls, [1.0])),
        np.concatenate((precisions[:1], precisions)),
        np.concatenate(([0.0], recalls)),
    )
