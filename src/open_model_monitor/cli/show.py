"""What a person sees of reports, explanations and errors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from open_model_monitor.cli.meanings import CHECKS
from open_model_monitor.cli.words import Explanation, Point, sentence
from open_model_monitor.errors import MonitorError, ScriptError, ScriptFailure

if TYPE_CHECKING:
    from open_model_monitor.results.report import Report

FEW = 10  # of one kind, unless all are asked for
GOOD, BAD, CARE, NOTE = "green", "red", "yellow", "cyan"
_TITLES = {
    "SettingsError": "That setting makes no sense",
    "ContractError": "The environment is not complete",
    "UsageError": "That cannot be done",
    "NoData": "No data",
    "Malformed": "The data cannot be read",
    "DataError": "The data cannot be analysed",
    "DocumentError": "Not the document that was expected",
    "StorageError": "Storage",
    "EngineError": "A worker failed",
    "OutsideError": "Something outside failed",
}


def console(*, errors: bool = False) -> Console:
    """Return a console; what goes into a pipe or a file is 100 columns wide unless COLUMNS says otherwise."""
    made = Console(stderr=errors, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = 100
    return made


# ---------------------------------------------------------------- pieces


def facts(pairs: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Return labels and what belongs to them, one per line; what is None or empty is left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    for label, value in pairs:
        if value is not None and value != "":
            grid.add_row(label, Text(value) if isinstance(value, str) else value)
    return grid


def table(*columns: str, numbers: Sequence[str] = (), shrink: Sequence[str] = ()) -> Table:
    """Return an empty table without lines; `numbers` stand at the right, `shrink` give way first."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in columns:
        right = name in numbers
        made.add_column(
            name, justify="right" if right else "left", overflow="ellipsis", no_wrap=name not in shrink,
            ratio=1 if name in shrink else None,
        )  # fmt: skip
    return made


def heading(text: str, style: str = "bold") -> Rule:
    """Return the head of a part of the screen."""
    return Rule(Text(text, style=style), align="left", style="dim")


def indented(what: RenderableType) -> Padding:
    """Return something two columns further in."""
    return Padding(what, (0, 0, 0, 2))


def many(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def column_name(name: str) -> str:
    """Return a column's name as it is shown: padded with zeros it tells its number, blank it is quoted."""
    if name.isdigit() and len(name) > 6 and name.startswith("0000"):
        return f"0…{name.lstrip('0') or '0'}"
    return name if name.strip() else repr(name)


# ---------------------------------------------------------------- errors


def error_panel(error: MonitorError) -> RenderableType:
    """Return what went wrong, where, and what to do about it."""
    if isinstance(error, ScriptError):
        return failure_panel(error.failure)
    title = _TITLES.get(type(error).__name__, type(error).__name__)
    return panel(title, Text(str(error)), subtitle=f"exit code {error.exit_code}")


def panel(title: str, body: RenderableType, *, style: str = BAD, subtitle: str | None = None) -> Panel:
    """Return a framed message."""
    return Panel(
        body,
        title=Text(f" {title} ", style=f"bold {style}"),
        subtitle=Text(f" {subtitle} ", style="dim") if subtitle else None,
        title_align="left",
        subtitle_align="right",
        border_style=style,
        padding=(0, 1),
    )


def failure_panel(failure: ScriptFailure, *, with_log: bool = True) -> Panel:
    """Return the full story of a script's failure."""
    where = None
    if failure.line is not None:
        where = f"{failure.script}:{failure.line} in {failure.function or '<module>'}"
    record = None
    if failure.source_object is not None:
        event = f", event {failure.event_id}" if failure.event_id else ""
        record = f"{failure.source_object} line {failure.line_number}{event}"
    processed = failure.records_processed
    tail = failure.log_tail[-5:] if with_log else []
    parts: list[RenderableType] = [Text(failure.message, style="bold")]
    if failure.traceback.strip():
        parts.append(Padding(Text(_shortened(failure.traceback.strip()), style="dim"), (1, 0, 1, 0)))
    parts.append(
        facts(
            [
                ("where", where if not failure.traceback else None),
                ("called with", failure.argument),
                ("record", record),
                ("payload", (failure.payload_excerpt or "")[:400]),
                ("before it", f"{many(processed, 'record')} went well" if processed else None),
                ("last log", "\n".join(tail)),
                ("remedy", Text(failure.remedy, style=GOOD) if failure.remedy else None),
            ]
        )
    )
    title = f"{failure.role} · {failure.phase} · {failure.exception_type}"
    return panel(title, Group(*parts), subtitle=f"{failure.script} · exit code 4")


def _shortened(traceback: str, lines: int = 24) -> str:
    split = traceback.splitlines()
    if len(split) <= lines:
        return traceback
    return "\n".join([*split[: lines // 2], f"  … {len(split) - lines} lines …", *split[-lines // 2 :]])


# ---------------------------------------------------------------- reports


def report(report: Report, *, everything: bool = False, script_lines: Sequence[str] = ()) -> RenderableType:
    """Return a run's screen; `everything` shows all violations and features."""
    parts: list[RenderableType] = [_head(report)]
    if report.kind == "baseline":
        parts += [Text(), heading("Features"), indented(_features(report, everything=everything))]
    elif report.violations is not None:
        parts += _violations(report, everything=everything)
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
            ("source", report.source),
            ("window", window),
            ("read", "; ".join([read, *said])),
            ("analysed", f"{many(report.rows, 'row')} × {many(len(report.statistics.features), 'feature')}"),
        ]
    )


def _features(report: Report, *, everything: bool) -> Group:
    rows = table(
        "feature",
        "type",
        "present",
        "mean",
        "min",
        "max",
        "values",
        numbers=("present", "mean", "min", "max"),
        shrink=("values",),
    )
    features = report.statistics.features
    shown = features if everything else features[: 2 * FEW]
    for feature in shown:
        values = ", ".join(list(feature.categories or ())[:4]) if not feature.numeric else ""
        rows.add_row(
            Text(column_name(feature.name)), feature.inferred_type, share(feature.completeness),
            *(number(value) for value in (feature.mean, feature.minimum, feature.maximum)), Text(values, style="dim"),
        )  # fmt: skip
    return Group(rows, *_more(len(features) - len(shown), "feature"))


def _violations(report: Report, *, everything: bool) -> list[RenderableType]:
    by_check: dict[str, list[Mapping[str, str]]] = {}
    for entry in report.violations or ():
        by_check.setdefault(entry["constraint_check_type"], []).append(entry)
    measured = {(f.about.get("feature_name"), f.constraint_check_type): f for f in report.findings}
    parts: list[RenderableType] = []
    for check, entries in by_check.items():
        title = CHECKS[check].title if check in CHECKS else check
        head = Text.assemble((title, f"bold {BAD}"), (f"  {len(entries)} · {check}", "dim"))
        parts += [Text(), Rule(head, align="left", style="dim")]
        rows = table("feature", "measured", "limit", "", numbers=("measured", "limit"), shrink=("",))
        shown = entries if everything else _worst(entries, measured)[:FEW]
        for entry in shown:
            finding = measured.get((entry["feature_name"], check))
            rows.add_row(*_measured(entry, finding))
        parts += [indented(rows), *(indented(more) for more in _more(len(entries) - len(shown), "violation"))]
        if check in CHECKS:
            parts.append(indented(Text(CHECKS[check].remedy, style="dim italic")))
    return parts


def _worst(entries: Sequence[Mapping[str, str]], measured: Mapping[Any, Any]) -> list[Mapping[str, str]]:
    """Drift: the largest distance first. Everything else stays in its order."""

    def distance(entry: Mapping[str, str]) -> float:
        found = measured.get((entry["feature_name"], "baseline_drift_check"))
        drifts = entry["constraint_check_type"] == "baseline_drift_check"
        return -(found.measured or 0.0) if found is not None and drifts else 0.0

    return sorted(entries, key=distance)


def _measured(entry: Mapping[str, str], finding: Any) -> tuple[Text, ...]:
    name, check = Text(column_name(entry["feature_name"])), entry["constraint_check_type"]
    plain = sentence(check, entry["description"])
    if finding is None or finding.measured is None or finding.description != entry["description"]:
        return name, Text(), Text(), Text(plain, style="dim")
    if check == "baseline_drift_check":
        bar = "█" * min(20, round(20 * min(1.0, finding.measured)))
        return (
            name,
            Text(number(finding.measured), style=BAD),
            Text(number(finding.limit)),
            Text(bar, style=BAD),
        )
    if check.endswith("_column_check"):
        names = entry["description"].partition(": ")[2].rpartition("constraints: ")[2].partition(". ")[2]
        return name, Text(f"{finding.measured:.0f}"), Text(f"{finding.limit:.0f}"), Text(names, style="dim")
    kind = plain.partition(" % ")[2].partition(",")[0]
    return name, Text(share(finding.measured), style=BAD), Text(share(finding.limit)), Text(kind, style="dim")


def _remarks(report: Report, *, everything: bool) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if report.notices:
        rows = table("feature", "notice", shrink=("notice",))
        shown = report.notices if everything else report.notices[:FEW]
        for notice in shown:
            rows.add_row(Text(column_name(notice.feature) if notice.feature else "–"), Text(notice.text))
        parts += [Text(), heading(f"Worth knowing  {len(report.notices)}", f"bold {NOTE}"), indented(rows)]
        parts += [indented(more) for more in _more(len(report.notices) - len(shown), "notice")]
    if report.warnings:
        lines = [Text(f"• {warning}", overflow="fold") for warning in report.warnings]
        shown_lines = lines if everything else lines[:FEW]
        parts += [Text(), heading(f"Warnings  {len(lines)}", f"bold {CARE}"), indented(Group(*shown_lines))]
        parts += [indented(more) for more in _more(len(lines) - len(shown_lines), "warning")]
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
        f"; written to {report.output}" if report.output else "; nothing was written (-o FOLDER writes it)"
    )
    return Text.assemble((f"{sign} {text}", f"bold {style}"), (where, "dim"))


def _more(number_left: int, noun: str) -> list[Text]:
    return (
        [Text(f"… and {many(number_left, f'more {noun}')}: --all shows them", style="dim")]
        if number_left > 0
        else []
    )


def number(value: float | None) -> str:
    """Return a number in few digits."""
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1e6 else f"{value:.4g}"


def share(value: float | None) -> str:
    """Return a share in percent; one just below 1 does not read as 100."""
    if value is None:
        return ""
    text = f"{value * 100:.4g}"
    return f"{text} %" if float(text) < 100 or value >= 1 else f"{value * 100:.10g} %"


# ---------------------------------------------------------------- explanations


def explanation(found: Explanation, *, everything: bool = False) -> RenderableType:
    """Return a document's explanation."""
    parts: list[RenderableType] = [Text(found.title, style="bold"), *(Text(line) for line in found.lines)]
    for point in found.points:
        parts += [Text(), *_point(point, everything=everything)]
    return Group(*parts)


def _point(point: Point, *, everything: bool) -> list[RenderableType]:
    count = f"  {len(point.items)}" if point.items else ""
    parts: list[RenderableType] = [heading(f"{point.heading}{count}")]
    if point.text:
        parts.append(indented(Text(point.text)))
    if point.items:
        rows = Table.grid(padding=(0, 2))
        rows.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
        rows.add_column(style="dim", overflow="fold")
        shown = point.items if everything else point.items[: 2 * FEW]
        for name, text in shown:
            rows.add_row(Text(column_name(name)), Text(text))
        parts += [
            indented(rows),
            *(indented(more) for more in _more(len(point.items) - len(shown), "of them")),
        ]
    if point.remedy:
        parts.append(indented(Text(f"→ {point.remedy}", style=GOOD)))
    return parts
