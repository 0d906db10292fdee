"""What each check and each metric means, and what to do about a violation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """A short title, what a violation says, and what to do."""

    title: str
    text: str
    remedy: str


CHECKS = {
    "data_type_check": Meaning(
        "Wrong type",
        "Too small a share of the feature's values is of the type that the baseline had.",
        "Look at the values (omm inspect). If a sender changed its format, mend it or convert in a "
        "preprocessor; if the new type is right, make a new baseline.",
    ),
    "completeness_check": Meaning(
        "Missing values",
        "More rows lack a value than in the baseline.",
        "Find out who stopped sending it. If gaps are normal, lower the feature's completeness in "
        "constraints.json.",
    ),
    "categorical_values_check": Meaning(
        "Unknown values",
        "Too many values occur that the baseline did not know.",
        "Look whether they are misspelt or truly new; add new ones to the feature's domains in constraints.json.",
    ),
    "baseline_drift_check": Meaning(
        "Drift",
        "The distribution of the feature has moved away from the baseline's, further than the limit.",
        "Compare both distributions (statistics.json holds them). If the world changed, train anew and make a new "
        "baseline; a higher comparison_threshold only silences it.",
    ),
    "missing_column_check": Meaning(
        "Missing columns",
        "The data have fewer columns than the baseline.",
        "If the baseline holds the label, capture the output as well, or make the baseline of the inputs alone.",
    ),
    "extra_column_check": Meaning(
        "Extra columns",
        "The data have columns that the baseline does not know.",
        "Drop them in a preprocessor (--exclude does it too), or make a new baseline with them.",
    ),
    "bias_drift_check": Meaning(
        "Bias drift",
        "A measure of fairness lies outside of the range that the baseline allows.",
        "Look at the group and at how many records it has; a small group moves a lot by chance.",
    ),
    "feature_attribution_drift_check": Meaning(
        "Attribution drift",
        "The features that decide are no longer ranked as in the baseline (NDCG below the limit).",
        "Compare both rankings; a feature that broke or drifted usually explains it.",
    ),
    "LessThanThreshold": Meaning(
        "Model quality too low",
        "A metric of the model is below its limit.",
        "Look at drift of the inputs in the same window, at the labels, then train anew.",
    ),
    "GreaterThanThreshold": Meaning(
        "Model error too high",
        "A metric of the model is above its limit.",
        "Look at drift of the inputs in the same window, at the labels, then train anew.",
    ),
}

METRICS = {
    "mae": "mean absolute error, in units of the label",
    "mse": "mean squared error",
    "rmse": "root of the mean squared error, in units of the label",
    "r2": "share of the label's variance that is explained; 1 is perfect, 0 no better than the mean",
    "accuracy": "share of right answers",
    "precision": "share of what it flagged that was right",
    "recall": "share of what was there that it found",
    "f0_5": "precision and recall in one number, precision counts more",
    "f1": "precision and recall in one number",
    "f2": "precision and recall in one number, recall counts more",
    "weighted_precision": "precision, classes weighted by size",
    "weighted_recall": "recall, classes weighted by size",
    "weighted_f0_5": "F0.5, classes weighted by size",
    "weighted_f1": "F1, classes weighted by size",
    "weighted_f2": "F2, classes weighted by size",
    "auc": "chance that a positive is ranked before a negative; 0.5 is guessing",
    "true_positive_rate": "share of the positives that it found",
    "true_negative_rate": "share of the negatives that it left alone",
    "false_positive_rate": "share of the negatives that it flagged",
    "false_negative_rate": "share of the positives that it missed",
}
