"""Say in words what a document says: ours, and those of SageMaker Model Monitor and Clarify."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from open_model_monitor.cli.words_models import clarify, ending_in, model_constraints, model_quality
from open_model_monitor.errors import DocumentError
from open_model_monitor.reporting.plain import (
    OLD_WORDING,
    Explanation,
    Point,
    in_percent,
    many,
    sentence,
    short,
)
from open_model_monitor.reporting.violations import meaning_of


def explain(document: Any) -> Explanation:
    """Return what a document says.

    Raises DocumentError if it is none of those we know.
    """
    if (
        isinstance(document, list)
        and document
        and isinstance(document[0], dict)
        and list(document[0]) == ["prefix"]
    ):
        text = f"It lists {len(document) - 1} objects below {document[0]['prefix']}."
        return Explanation(
            "manifest", "A manifest: the files of a batch capture", (text, "Look inside: omm inspect")
        )
    if not isinstance(document, dict):
        raise DocumentError(f"This is a JSON {type(document).__name__}, not a document of a monitor")
    for is_it, say in _KNOWN:
        if is_it(document):
            try:
                return say(document)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise DocumentError(
                    f"This looks like a document of a monitor, but it is damaged: {type(error).__name__} {error}"
                ) from error
    keys = ", ".join(map(repr, list(document)[:8])) or "none"
    raise DocumentError(f"This is no document of a monitor that we know; its keys are {keys}")


# ---------------------------------------------------------------- violations


def _violations(document: Mapping[str, Any]) -> Explanation:
    entries = document["violations"]
    if not entries:
        return Explanation("constraint_violations", "No violations: everything that was checked holds")
    by_check: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        by_check.setdefault(entry["constraint_check_type"], []).append(entry)
    lines = []
    if any(OLD_WORDING.search(str(entry.get("description"))) for entry in entries):
        lines.append("The wording is that of 2019, which names no limit; constraints.json has it.")
    points = tuple(_of_check(check, found) for check, found in by_check.items())
    return Explanation("constraint_violations", f"{many(len(entries), 'violation')}", tuple(lines), points)


def _of_check(check: str, entries: list[Mapping[str, Any]]) -> Point:
    meaning = meaning_of(check)
    items = tuple((_about(entry), sentence(check, str(entry.get("description", "")))) for entry in entries)
    return Point(f"{meaning.title} ({check})", meaning.text, meaning.remedy, items)


def _about(entry: Mapping[str, Any]) -> str:
    keys = ("feature_name", "facet", "facet_value", "label", "metric_name")
    return " ".join(str(entry[key]) for key in keys if entry.get(key) not in (None, "")) or "–"


# ---------------------------------------------------------------- data quality


def _statistics(document: Mapping[str, Any]) -> Explanation:
    features = document["features"]
    rows = (document.get("dataset") or {}).get("item_count")
    kinds = Counter(feature.get("inferred_type", "Unknown") for feature in features)
    lines = [f"{_count(kinds)}."]
    if len(features) == 1 and features[0].get("name") == "message":
        lines.append(
            "The one feature is the text of a message: these are no statistics of data, make a new baseline."
        )
    items = tuple((str(feature["name"]), _of_feature(feature)) for feature in features)
    points = (Point("Features", items=items),)
    of = many(rows, "row") if rows is not None else "a data set"
    title = f"Statistics of {of}, {many(len(features), 'feature')}"
    return Explanation("statistics", title, tuple(lines), points)


def _of_feature(feature: Mapping[str, Any]) -> str:
    numbers = feature.get("numerical_statistics")
    values = numbers or feature.get("string_statistics") or {}
    common = values.get("common") or {}
    present, missing = common.get("num_present", 0), common.get("num_missing", 0)
    parts = [str(feature.get("inferred_type", "Unknown"))]
    if missing:
        parts.append(f"{in_percent(str(missing / (present + missing)))} missing")
    if numbers and not isinstance(numbers.get("mean"), str | None):
        low, high = numbers.get("min"), numbers.get("max")
        parts.append(f"mean {short(numbers['mean'])}, from {short(low)} to {short(high)}")
    elif not numbers:
        parts.append(many(int(values.get("distinct_count") or 0), "distinct value"))
        buckets = ((values.get("distribution") or {}).get("categorical") or {}).get("buckets") or []
        if buckets:
            parts.append("most often " + ", ".join(repr(str(b["value"])[:40]) for b in buckets[:3]))
    return ", ".join(parts)


def _constraints(document: Mapping[str, Any]) -> Explanation:
    features = document["features"]
    kinds = Counter(feature.get("inferred_type", "Unknown") for feature in features)
    items = tuple((str(feature["name"]), _asked(feature)) for feature in features)
    lines = (f"{_count(kinds)}.", *_of_config(document.get("monitoring_config") or {}))
    points = (Point("What must hold", items=items),)
    return Explanation("constraints", f"Constraints on {many(len(features), 'feature')}", lines, points)


def _asked(feature: Mapping[str, Any]) -> str:
    parts = [f"type {feature.get('inferred_type', 'not checked')}"]
    if (complete := feature.get("completeness")) is not None:
        parts.append("never missing" if complete == 1 else f"at least {in_percent(complete)} present")
    if (feature.get("num_constraints") or {}).get("is_non_negative"):
        parts.append("not negative")
    if domains := (feature.get("string_constraints") or {}).get("domains"):
        more = f" and {len(domains) - 4} more" if len(domains) > 4 else ""
        parts.append("one of " + ", ".join(repr(str(value)[:40]) for value in domains[:4]) + more)
    return ", ".join(parts)


def _of_config(config: Mapping[str, Any]) -> Iterator[str]:
    if str(config.get("evaluate_constraints", "Enabled")).lower() == "disabled":
        yield "evaluate_constraints is Disabled: nothing of this is checked."
    if (share := config.get("datatype_check_threshold")) is not None:
        yield f"At least {in_percent(share)} of a feature's values must be of its type."
    if (share := config.get("domain_content_threshold")) is not None:
        yield f"At least {in_percent(share)} of a feature's values must be known ones."
    drift = config.get("distribution_constraints") or {}
    if str(drift.get("perform_comparison", "Enabled")).lower() == "disabled":
        yield "Drift is not compared."
    elif (limit := drift.get("comparison_threshold")) is not None:
        yield f"A distribution may move by {short(limit)} ({drift.get('comparison_method', 'Robust')})."
    if block := config.get("open_model_monitor"):
        yield f"Evaluated by the {block.get('compatibility', 'sagemaker')} rules of Open Model Monitor."
    else:
        yield "Evaluated as SageMaker would: the block open_model_monitor is not there."


def _summary(document: Mapping[str, Any]) -> Explanation:
    counts = document.get("counts") or {}
    lines = [
        str(document.get("exit_message")),
        f"Read {counts.get('records_in', 0):,} records of {document.get('source')}; "
        f"{counts.get('rows_out', 0):,} rows came of them, {counts.get('records_dropped_by_script', 0):,} records "
        f"were dropped by the preprocessor, {counts.get('lines_malformed', 0):,} could not be read.",
    ]
    if window := document.get("window"):
        lines.append(f"Window: {window[0]} to {window[1]}.")
    notices = tuple(
        (str(n.get("feature") or "the run"), str(n["text"])) for n in document.get("notices") or ()
    )
    warnings = tuple(("warning", str(text)) for text in document.get("warnings") or ())
    points = [Point("Worth knowing", "None of this is a violation.", items=notices)] if notices else []
    points += [Point("Warnings", items=warnings)] if warnings else []
    return Explanation("run_summary", f"The summary of a {document['kind']} run", tuple(lines), tuple(points))


def _script_error(document: Mapping[str, Any]) -> Explanation:
    where = (
        f"{document['script']}:{document.get('line')}" if document.get("line") else str(document["script"])
    )
    phase = {
        "load": "could not be loaded",
        "call": "failed on a record",
        "return value": "returned what is no row",
    }
    lines = [f"{document['exception_type']}: {document['message']} ({where})"]
    if document.get("source_object"):
        lines.append(f"The record: {document['source_object']} line {document.get('line_number')}")
    title = f"The {document['role']} {phase.get(document['phase'], 'failed')}"
    if document["role"] == "postprocessor" and document["phase"] == "call":
        title = "The postprocessor failed; what was measured before it is complete"
    points = [Point("Traceback", str(document["traceback"]).rstrip())] if document.get("traceback") else []
    if document.get("remedy"):
        points.append(Point("What to do", remedy=str(document["remedy"])))
    return Explanation("script_error", title, tuple(lines), tuple(points))


# ---------------------------------------------------------------- what is it?


def _count(kinds: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "No features"


def _has_features(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("features"), list)


def _is_statistics(document: Mapping[str, Any]) -> bool:
    entries = document["features"] if _has_features(document) else ()
    return any(
        isinstance(e, dict) and {"numerical_statistics", "string_statistics"} & e.keys() for e in entries
    )


def _capture(document: Mapping[str, Any]) -> Explanation:
    return Explanation("capture", "Captured records, not a report", ("Look inside: omm inspect",))


_KNOWN: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], Explanation]], ...] = (
    (lambda d: isinstance(d.get("violations"), list), _violations),
    (lambda d: {"exit_message", "counts", "kind"} <= d.keys(), _summary),
    (lambda d: {"role", "phase", "exception_type"} <= d.keys(), _script_error),
    (lambda d: "captureData" in d, _capture),
    (ending_in("metrics"), model_quality),
    (ending_in("constraints"), model_constraints),
    (
        lambda d: bool(
            {"pre_training_bias_metrics", "post_training_bias_metrics", "explanations"} & d.keys()
        ),
        clarify,
    ),
    (_is_statistics, _statistics),
    (_has_features, _constraints),
)
