"""What a person sees of a run: what was read, and for each check what was measured against its limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from open_model_monitor.cli.show import (
    BAD,
    CARE,
    FEW,
    GOOD,
    NOTE,
    bullets,
    column_name,
    facts,
    failure_panel,
    heading,
    indented,
    many,
    more,
    near,
    number,
    share,
    table,
)
from open_model_monitor.cli.show_quality import labels, quality
from open_model_monitor.cli.show_segments import segments
from open_model_monitor.reporting.meanings import CHECKS
from open_model_monitor.reporting.plain import sentence

if TYPE_CHECKING:
    from open_model_monitor.monitors.base import Finding
    from open_model_monitor.monitors.statistics import FeatureStatistics
    from open_model_monitor.results.report import Report


def report(report: Report, *, everything: bool = False, script_lines: Sequence[str] = ()) -> RenderableType:
    """Return a run's screen; `everything` shows all violations and features."""
    parts: list[RenderableType] = [_head(report)]
    if report.monitor == "ModelQuality":
        parts += quality(report)
    elif report.kind == "baseline":
        parts += [Text(), heading("Features"), indented(_features(report, everything=everything))]
    elif report.violations is not None:
        parts += _violations(report, everything=everything)
    if report.segments is not None:
        parts += segments(report.segments, everything=everything)
    parts += _remarks(report, everything=everything)
    if script_lines:
        shown = "\n".join(script_lines[-5:])
        parts += [
            Text(),
            heading(f"Your scripts said ({many(len(script_lines), 'line')})"),
            indented(Text(shown, style="dim")),
        ]
    if report.script_failure:
        parts += [Text(), failure_panel(report.script_failure)]
    parts += [Text(), _closing(report)]
    return Group(*parts)


def _head(report: Report) -> Table:
    counts = report.counts
    read = f"{many(counts.records_in, 'record')} in {many(counts.objects_selected, 'file')}"
    aside = {
        "dropped by the preprocessor": counts.records_dropped_by_script,
        "left out, the preprocessor failed on them": counts.records_failed_in_script,
        "outside the window": counts.records_out_of_window,
        "malformed": counts.lines_malformed,
    }
    said = [f"{number:,} {what}" for what, number in aside.items() if number]
    window = " → ".join(time.replace("+00:00", "Z") for time in report.window) if report.window else None
    return facts(
        [
            ("source", near(report.source)),
            ("window", window),
            ("read", "; ".join([read, *said])),
            *labels(report),
            ("analysed", _analysed(report)),
        ]
    )


def _analysed(report: Report) -> str:
    if report.monitor == "ModelQuality":
        return f"{many(report.statistics.item_count, 'row')} with a prediction and a label"
    return f"{many(report.rows, 'row')} × {many(len(report.statistics.features), 'feature')}"


def _features(report: Report, *, everything: bool) -> Group:
    features = report.statistics.features
    texts = any(not feature.numeric for feature in features)
    numeric = ("present", "mean", "min", "max")
    rows = table(
        "feature", "type", *numeric, *(["values"] if texts else []), numbers=numeric, shrink=("values",)
    )
    shown = features if everything else features[: 2 * FEW]
    for feature in shown:
        values = "" if feature.numeric else ", ".join(list(feature.categories or ())[:4])
        numbers = (feature.mean, feature.minimum, feature.maximum)
        rows.add_row(
            Text(column_name(feature.name)),
            feature.inferred_type,
            share(feature.completeness),
            *map(number, numbers),
            *([Text(values, style="dim")] if texts else []),
        )
    return Group(rows, *more(len(features) - len(shown), "feature"))


def _violations(report: Report, *, everything: bool) -> list[RenderableType]:
    by_check: dict[str, list[Mapping[str, str]]] = {}
    for entry in report.violations or ():
        by_check.setdefault(entry["constraint_check_type"], []).append(entry)
    parts: list[RenderableType] = []
    for check, entries in by_check.items():
        title = CHECKS[check].title if check in CHECKS else check
        head = Text.assemble((title, f"bold {BAD}"), (f"  {len(entries)} · {check}", "dim"))
        parts += [Text(), Rule(head, align="left", style="dim")]
        rows = table("feature", "measured", "limit", "", numbers=("measured", "limit"), shrink=("",))
        lines = _lines(report, entries, apart=everything)
        shown = lines if everything else lines[:FEW]
        for names, cells in shown:
            rows.add_row(_names(names), *cells)
        left = sum(len(names) for names, _ in lines[len(shown) :])
        parts.append(indented(rows))
        if not left and len(shown) < len(entries):
            parts.append(indented(Text("--all shows them one by one", style="dim")))
        parts += [*(indented(left_out) for left_out in more(left, "violation"))]
        if check in CHECKS:
            parts.append(indented(Text(CHECKS[check].remedy, style="dim")))
    return parts


Line = tuple[list[str], tuple[Text, ...]]  # features, and the cells that they share


def _lines(report: Report, entries: Sequence[Mapping[str, str]], *, apart: bool) -> list[Line]:
    """Return the worst first; features of which the same is said share a line unless they stand `apart`."""
    findings = {(f.about.get("feature_name"), f.constraint_check_type): f for f in report.findings}
    items = {feature.name: feature for feature in report.statistics.features}
    found: dict[Any, Line] = {}
    severity: dict[Any, float] = {}
    for place, entry in enumerate(entries):
        name, check = entry.get("feature_name", ""), entry["constraint_check_type"]
        finding = findings.get((name, check))
        if finding is not None and finding.description != entry["description"]:  # a script has its own words
            finding = None
        cells = _cells(entry, finding, items.get(name))
        key = place if apart else tuple(cell.plain for cell in cells)
        found.setdefault(key, ([], cells))[0].append(name)
        severity[key] = _severity(finding)
    return [found[key] for key in sorted(found, key=lambda key: severity[key])]


def _severity(finding: Finding | None) -> float:
    """Return a sort key: how far a share is below, or a distance above, its limit."""
    if finding is None or finding.measured is None or finding.limit is None:
        return 0.0
    return -abs(finding.measured - finding.limit)


def _cells(
    entry: Mapping[str, str], finding: Finding | None, feature: FeatureStatistics | None
) -> tuple[Text, ...]:
    check = entry["constraint_check_type"]
    plain = sentence(check, entry["description"])
    if finding is None or finding.measured is None:
        return Text(), Text(), Text(plain, style="dim")
    if check == "baseline_drift_check":
        bar = "█" * round(20 * min(1.0, finding.measured))
        return Text(number(finding.measured), style=BAD), Text(number(finding.limit)), Text(bar, style=BAD)
    if check.endswith("_column_check"):
        names = entry["description"].rpartition(". ")[2] if ". " in entry["description"] else ""
        return (
            Text(number(finding.measured), style=BAD),
            Text(number(finding.limit)),
            Text(names, style="dim"),
        )
    what = plain.partition(" % ")[2].partition(",")[0]
    rows = 0
    if feature is not None:
        among = feature.num_present if check == "data_type_check" else feature.item_count
        rows = round((1 - finding.measured) * among)
    told = f"{what}; {many(rows, 'row')} not" if rows else what
    return Text(share(finding.measured), style=BAD), Text(share(finding.limit)), Text(told, style="dim")


def _names(names: Sequence[str]) -> Text:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return Text.assemble(column_name(names[0]), (more, "bold"))


def _remarks(report: Report, *, everything: bool) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if report.notices:
        told: dict[Any, list[str]] = {}
        for place, notice in enumerate(report.notices):
            key = (notice.text, place if everything else 0)
            told.setdefault(key, []).append(notice.feature or "the run")
        rows = table("feature", "", shrink=("",))
        shown = list(told.items()) if everything else list(told.items())[:FEW]
        for (text, _), names in shown:
            rows.add_row(_names(names), Text(text))
        left = len(report.notices) - sum(len(names) for _, names in shown)
        parts += [Text(), heading(f"Worth knowing  {len(report.notices)}", f"bold {NOTE}"), indented(rows)]
        parts += [indented(left_out) for left_out in more(left, "notice")]
    if report.warnings:
        lines = bullets(report.warnings)
        few = lines if everything else lines[:FEW]
        parts += [Text(), heading(f"Warnings  {len(lines)}", f"bold {CARE}"), indented(Group(*few))]
        parts += [indented(left_out) for left_out in more(len(lines) - len(few), "warning")]
    return parts


def _closing(report: Report) -> Text:
    if report.kind == "baseline":
        sign, style, text = "✔", GOOD, "The baseline is made"
    elif report.violations is None:
        sign, style, text = "•", CARE, "Profiled only: there is no baseline to compare with (--baseline)"
    elif report.violations:
        sign, style, text = "✘", BAD, many(len(report.violations), "violation")
    else:
        sign, style, text = "✔", GOOD, "No violations"
    where = (
        f"; written to {near(report.output)}"
        if report.output
        else "; nothing was written (-o FOLDER writes it)"
    )
    return Text.assemble((f"{sign} {text}", f"bold {style}"), (where, "dim"))
