"""Make docs/checks.md and its pictures: every check run on data that violate it, what it said, what to do.

    .venv/bin/python tools/checks_page.py

Nothing is drawn by hand: the data below go through `suggest` and `check`, and the charts are those of reports.
"""

import random
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

import open_model_monitor as omm
from open_model_monitor.reporting import charts
from open_model_monitor.reporting.evidence import Evidence, buckets_of, counts_of
from open_model_monitor.reporting.meanings import CHECKS

DOCS = Path(__file__).parents[1] / "docs"
PAGE, IMAGES = DOCS / "checks.md", DOCS / "images" / "checks"
HEAD = """# The checks

Made by `tools/checks_page.py`: the data behind every picture went through `omm suggest` and `omm check`, and what is
quoted is what those wrote. Grey is the baseline, green the data that were checked.

A run compares each feature with its baseline, in the order below; whatever does not hold is one entry of
`constraint_violations.json`. `omm explain` says it in words, [reports](reports.md) with pictures. Limits are in
`constraints.json`, where you may change them, on the server with a preview of what that would have found in the past.
"""
STYLE = """<style>
text{font:11.5px system-ui,sans-serif;fill:#5a6763}.axis{stroke:#dfe3de}.limit{stroke:#96590a;stroke-dasharray:5 4}
.bar.old{fill:#9fb4b0;opacity:.75}.bar.new{fill:#1f6460;fill-opacity:.45;stroke:#1f6460}
.line{fill:none;stroke:#1f6460}.interval{stroke:#9fb4b0;stroke-width:2}.dot{fill:#1f6460}.dot.bad{fill:#b3261e}
</style>"""


@dataclass(frozen=True)
class Case:
    """A check, data that violate it, and what a reader should know."""

    check: str
    feature: str | None
    before: dict[str, list[object]]
    after: dict[str, list[object]]
    why: str
    tune: str


def _normal(mean: float, count: int = 400) -> list[object]:
    draw = random.Random(7)
    return [round(draw.gauss(mean, 10), 2) for _ in range(count)]


def _words(**shares: int) -> list[object]:
    return [word for word, count in shares.items() for _ in range(count)]


CASES = [
    Case(
        "data_type_check",
        "age",
        {"age": [20 + n % 50 for n in range(400)]},
        {"age": [20 + n % 50 if n % 8 else "unknown" for n in range(400)]},
        "The share of values that are of the type the baseline found: Integral, Fractional, String. A new sender, a "
        "changed export, a unit written beside a number show here first. With the recommended settings `7` counts as "
        "Fractional; as SageMaker judges it does not.",
        "`monitoring_config.datatype_check_threshold`, the share that must hold (1.0), or `inferred_type` of the "
        "feature. Texts that mean missing: `--missing`.",
    ),
    Case(
        "completeness_check",
        "income",
        {"income": _normal(50)},
        {"income": [None if n % 3 == 0 else value for n, value in enumerate(_normal(50))]},
        "The share of rows that have a value, against the baseline's. A join that lost its right side, a field that a "
        "client stopped sending.",
        "`completeness` of the feature.",
    ),
    Case(
        "categorical_values_check",
        "plan",
        {"plan": _words(basic=260, family=100, business=40)},
        {"plan": _words(basic=200, family=80, premium=100, business=20)},
        "The share of values that the baseline knew, of texts with few different ones. New products, new spellings.",
        "`string_constraints.domains` of the feature, or `monitoring_config.domain_content_threshold` (1.0).",
    ),
    Case(
        "baseline_drift_check",
        "minutes",
        {"minutes": _normal(180)},
        {"minutes": _normal(192)},
        "How far two distributions are apart, from 0 (the same) to 1. Of numbers it is the largest difference of the "
        "cumulative distributions (Kolmogorov-Smirnov), corrected for how many rows were seen (*Robust*) or not "
        "(*Simple*); of texts the largest difference of a value's share (L-infinity), or chi-squared. Below 30 rows "
        "it is not judged, which a notice says.",
        "`distribution_constraints.comparison_threshold` (0.1), `comparison_method` (Robust, Simple), "
        "`categorical_drift_method` (LInfinity, ChiSquared). Train anew before you raise a threshold.",
    ),
    Case(
        "missing_column_check",
        None,
        {"a": _normal(1), "b": _normal(2)},
        {"a": _normal(1)},
        "Columns of the baseline that the data do not have.",
        "Make the baseline of what is captured: `--exclude` leaves columns out.",
    ),
    Case(
        "extra_column_check",
        None,
        {"a": _normal(1)},
        {"a": _normal(1), "b": _normal(2)},
        "Columns of the data that the baseline does not have.",
        "`--exclude`, or a preprocessor that returns what is wanted.",
    ),
]


def _picture(evidence: Evidence, case: Case) -> str | None:
    known = case.feature and evidence.feature(case.feature)
    if not known:
        return None
    title = f"{case.feature}: baseline and now"
    if case.check == "completeness_check":
        current, former = known["current"], known["former"]
        names = {"num_present": "has a value", "num_missing": "has none"}
        now, then = (
            {word: entry["numerical_statistics"]["common"][name] for name, word in names.items()}
            for entry in (current, former)
        )
        return charts.categories(now, then, title=title)
    if case.check == "data_type_check":
        counted = [entry["type_counts"] for entry in (evidence.about(case.feature or ""),)]
        rows = known["former"]["numerical_statistics"]["common"]["num_present"]
        now = {name: count for name, count in counted[0].items() if count}
        return charts.categories(now, {"Integral": rows}, title=title)
    if case.check == "categorical_values_check":
        return charts.categories(counts_of(known["current"]), counts_of(known["former"]), title=title)
    return charts.histogram(buckets_of(known["current"]), buckets_of(known["former"]), title=title)


def files() -> dict[Path, str]:
    """Return the page and its pictures, by path."""
    made, parts = {}, [HEAD]
    for case in CASES:
        baseline = omm.suggest(
            pa.table({k: [None if v is None else str(v) for v in c] for k, c in case.before.items()})
        )
        current = {k: [None if v is None else str(v) for v in c] for k, c in case.after.items()}
        report = omm.check(pa.table(current), baseline)
        said = [one for one in report.violations or () if one["constraint_check_type"] == case.check]
        meaning = CHECKS[case.check]
        part = [f"## {meaning.title}: `{case.check}`", f"{meaning.text} {case.why}"]
        picture = _picture(report.evidence(), case)
        if picture is not None:
            made[IMAGES / f"{case.check}.svg"] = _standalone(picture)
            part.append(f"![{case.feature}](images/checks/{case.check}.svg)")
        part.append("\n".join(f"> {one['feature_name'].strip()}: {one['description']}" for one in said))
        part.append(f"**What to do.** {meaning.remedy}")
        part.append(f"**To tune it.** {case.tune}")
        parts.append("\n\n".join(part) + "\n")
    parts.append(_model_quality())
    made[PAGE] = "\n".join(parts)
    return made


def _standalone(picture: str) -> str:
    """Return a chart as a file of its own, with the colours that pages give it."""
    head, rest = str(picture).split(">", 1)
    return f'{head} xmlns="http://www.w3.org/2000/svg" width="480">{STYLE}{rest}\n'


def _model_quality() -> str:
    names = ("LessThanThreshold", "GreaterThanThreshold")
    rows = [f"| `{name}` | {CHECKS[name].title} | {CHECKS[name].text} |" for name in names]
    return "\n".join(
        [
            "## Model quality",
            "",
            "| Check | | |\n|---|---|---|",
            *rows,
            "",
            "A metric is compared with its threshold; its 95 % interval says how sure that is. Thresholds are those "
            "of the baseline; change `threshold` and `comparison_operator` in `constraints.json`. Metrics and "
            "formulas are in [model quality](model-quality.md).",
            "",
        ]
    )


def main() -> None:
    """Write them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path} written\n")


if __name__ == "__main__":
    main()
