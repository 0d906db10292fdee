"""What the documents of models say: quality, bias, explainability."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from open_model_monitor.reporting.meanings import METRICS
from open_model_monitor.reporting.plain import Explanation, Point, many, short


def ending_in(ending: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return what tells the model-quality documents whose main key ends in `ending`."""
    names = tuple(
        f"{kind}_{ending}" for kind in ("regression", "binary_classification", "multiclass_classification")
    )
    return lambda document: any(name in document for name in names)


def model_quality(document: Mapping[str, Any]) -> Explanation:
    """Return what the metrics of a model say."""
    key = next(key for key in document if key.endswith("_metrics"))
    rows = (document.get("dataset") or {}).get("item_count")
    items = tuple(
        (name, _of_metric(name, values)) for name, values in document[key].items() if "value" in values
    )
    kind = key.removesuffix("_metrics").replace("_", " ")
    over = f" over {many(rows, 'row')}" if rows is not None else ""
    return Explanation(
        "model_quality_statistics", f"How good a {kind} model was{over}", (), (Point("Metrics", items=items),)
    )


def _of_metric(name: str, values: Mapping[str, Any]) -> str:
    spread = values.get("standard_deviation")
    plus = f" ± {short(spread)}" if spread not in (None, "NaN") else ""
    base = name.removesuffix("_best_constant_classifier")
    meaning = METRICS.get(base, "")
    if base != name:
        meaning = "the same, if one always guessed the best constant answer"
    value = values["value"]
    shown = value if isinstance(value, str) else short(value)
    return f"{shown}{plus}" + (f"; {meaning}" if meaning else "")


def model_constraints(document: Mapping[str, Any]) -> Explanation:
    """Return what the limits of a model say."""
    key = next(key for key in document if key.endswith("_constraints"))
    items = tuple(
        (name, f"a violation if {_operator(values)} {short(values['threshold'])}")
        for name, values in document[key].items()
    )
    title = f"Limits for a {key.removesuffix('_constraints').replace('_', ' ')} model"
    return Explanation("model_quality_constraints", title, (), (Point("Limits", items=items),))


def _operator(values: Mapping[str, Any]) -> str:
    return "below" if str(values.get("comparison_operator", "")).startswith("Less") else "above"


def clarify(document: Mapping[str, Any]) -> Explanation:
    """Return what an analysis of Clarify says."""
    points = [*_bias(document, "pre_training_bias_metrics"), *_bias(document, "post_training_bias_metrics")]
    bias = bool(points)
    for label, values in ((document.get("explanations") or {}).get("kernel_shap") or {}).items():
        shares = sorted(values.get("global_shap_values", {}).items(), key=lambda pair: -abs(pair[1]))
        text = "How much each feature moves the prediction, on average; the largest first."
        points.append(Point(f"Attributions for {label}", text, items=tuple((n, short(v)) for n, v in shares)))
    kind = "bias_analysis" if bias else "explainability_analysis"
    title = "A bias analysis of Clarify" if bias else "An explainability analysis of Clarify"
    lines = ("Baselines and live runs share this form; a monitor compares the two.",)
    return Explanation(kind, title, lines, tuple(points))


def _bias(document: Mapping[str, Any], key: str) -> Iterator[Point]:
    when = "in the data" if key.startswith("pre") else "in the predictions"
    for facet, groups in ((document.get(key) or {}).get("facets") or {}).items():
        for group in groups:
            items = tuple(
                (str(m["name"]), f"{_metric_value(m)}; {m.get('description', '')}".rstrip("; "))
                for m in group["metrics"]
            )
            name = f"{facet} = {group.get('value_or_threshold')}, {when}"
            yield Point(name, "0 means that the group fares like the others (DI: 1).", items=items)


def _metric_value(metric: Mapping[str, Any]) -> str:
    value = metric.get("value")
    return str(metric.get("error") or "not available") if value is None else short(value)
