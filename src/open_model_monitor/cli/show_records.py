"""What a person sees of single records: the autopsy of captures, and a script's trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.filesize import decimal
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
    table,
)

if TYPE_CHECKING:
    from open_model_monitor.jobs.inspection import Autopsy, ColumnSeen
    from open_model_monitor.jobs.postprocessor_trial import PostprocessorTrial
    from open_model_monitor.jobs.trial import Outcome, Trial
    from open_model_monitor.rows.lint import Hint

_VERDICTS = {
    "not needed": ("✔", GOOD, "No preprocessor is needed"),
    "advisable": ("•", CARE, "A preprocessor would help"),
    "needed": ("✘", BAD, "A preprocessor is needed"),
}


# ---------------------------------------------------------------- autopsy


def autopsy(found: Autopsy, *, everything: bool = False, written: str | None = None) -> RenderableType:
    """Return the screen of `omm inspect`; `written` is the script that was written."""
    parts: list[RenderableType] = [_head(found)]
    if found.payloads:
        parts += [
            Text(),
            heading(f"Payloads  {len(found.payloads)}"),
            indented(_payloads(found, everything=everything)),
        ]
    if found.columns:
        title = f"Columns a run would see  {len(found.columns)}"
        parts += [Text(), heading(title), indented(columns(found.columns, found.rows, everything=everything))]
    if found.malformed:
        title = f"Malformed  {found.malformed} of {found.records + found.malformed} lines"
        shown = found.malformed_samples if everything else found.malformed_samples[:5]
        parts += [Text(), heading(title, f"bold {BAD}"), indented(Group(*bullets(shown)))]
    if found.warnings:
        parts += [
            Text(),
            heading("Warnings", f"bold {CARE}"),
            indented(Group(*bullets(found.warnings[:FEW]))),
        ]
    parts += [Text(), *_verdict(found, written)]
    return Group(*parts)


def _head(found: Autopsy) -> RenderableType:
    (name,) = found.format
    options = ", ".join(f"{key} {_plain(value)}" for key, value in found.format[name].items())
    how = "found by looking" if found.sniffed else "as told"
    read = many(found.records, "record")
    read += " (all)" if found.complete else " (there are more; -n reads more)"
    times = f"{found.first_time} to {found.last_time}" if found.first_time else None
    beside = [
        f"{number:,} with {what}"
        for number, what in (
            (found.with_attributes, "custom attributes"),
            (found.with_inference_id, "an inference id"),
        )
        if number
    ]
    return facts(
        [
            ("source", f"{near(found.source)}, {many(found.objects, 'file')}, {decimal(found.bytes)}"),
            ("format", Text.assemble(name, (f"  {options}" if options else "", "dim"), (f"  {how}", "dim"))),
            ("records", read),
            ("inferred at", times),
            ("of these", "; ".join(beside)),
            ("rows", f"{found.rows:,}: {_per_record(found.rows_per_record)}"),
        ]
    )


def _plain(value: Any) -> str:
    return " + ".join(map(str, value)) if isinstance(value, list) else str(value).lower()


def _per_record(numbers: dict[int, int]) -> str:
    if len(numbers) == 1:
        (number,) = numbers
        return f"{number or 'none'} per record"
    common = sorted(numbers.items(), key=lambda pair: -pair[1])[:4]
    shown = ", ".join(f"{many(records, 'record')} with {number or 'none'}" for number, records in common)
    return f"{shown}{', …' if len(numbers) > len(common) else ''}"


def _payloads(found: Autopsy, *, everything: bool) -> RenderableType:
    shown = found.payloads if everything else found.payloads[:FEW]
    lines: list[RenderableType] = []
    for kind in shown:
        kinds = "  ".join(text for text in (kind.section, kind.encoding, kind.content_type) if text)
        lines.append(Text.assemble((kinds or "each", "bold"), f"  {many(kind.records, 'record')}"))
        lines.append(indented(Text(kind.shape, style=NOTE)))
        example = Text(" ".join(kind.example[:500].split()), style="dim", no_wrap=True, overflow="ellipsis")
        lines.append(indented(example))
    return Group(*lines, *more(len(found.payloads) - len(shown), "shape"))


def columns(
    seen: Sequence[ColumnSeen], rows: int, *, everything: bool = False, matched: dict[str, str] | None = None
) -> RenderableType:
    """Return columns with their types and samples; `matched` adds the baseline feature of each."""
    shown = seen if everything else seen[: 2 * FEW]
    sections = any(column.section for column in seen)
    names = [
        "column",
        *(["from"] if sections else []),
        *(["baseline feature"] if matched is not None else []),
        "type",
    ]
    lines = table(*names, "missing", "values", numbers=("missing",), shrink=("values",))
    for column in shown:
        cells = [Text(column_name(column.name))]
        cells += [Text(column.section, style="dim")] if sections else []
        if matched is not None:
            feature = matched.get(column.name)
            cells.append(
                Text(column_name(feature)) if feature is not None else Text("none: extra", style=BAD)
            )
        cells.append(_type(column))
        missing = Text(
            f"{column.missing:,}" if column.missing else "–", style=CARE if column.missing else "dim"
        )
        lines.add_row(*cells, missing, Text(", ".join(column.samples), style="dim"))
    return Group(lines, *more(len(seen) - len(shown), "column"))


def _type(column: ColumnSeen) -> Text:
    """Return the type; a column of numbers that some text has made text says so."""
    numbers = column.classes.get("Integral", 0) + column.classes.get("Fractional", 0)
    if column.inferred_type == "String" and numbers:
        words = sum(column.classes.values()) - numbers
        return Text.assemble("String ", (f"{words} of {words + numbers} are no numbers", CARE))
    return Text(column.inferred_type)


def _verdict(found: Autopsy, written: str | None) -> list[RenderableType]:
    sign, style, text = _VERDICTS[found.preprocessor]
    parts: list[RenderableType] = [Text(f"{sign} {text}", style=f"bold {style}")]
    parts += [indented(line) for line in bullets(found.reasons)]
    if written:
        parts.append(Text.assemble(("A script to start from is in ", ""), (written, "bold"), ("; next:", "")))
        parts.append(indented(Text(f"omm try {written} {near(found.source)}", style=GOOD)))
    elif found.preprocessor != "not needed":
        parts.append(
            indented(Text(f"omm inspect {near(found.source)} --write-script preprocessor.py", style=GOOD))
        )
    return parts


# ---------------------------------------------------------------- trials


def trial(tried: Trial, *, width: int, known: Iterable[str] = ()) -> RenderableType:
    """Return one record and what came of it; a failure of a `known` kind is told in one line."""
    parts: list[RenderableType] = [_line(tried)]
    room = max(30, width - 6)
    for name, text in tried.argument.items():
        parts.append(_detail("→", f"{name} {text}", room, "dim"))
    parts += [_detail("←", _values(row), room) for row in tried.rows[:3]]
    if len(tried.rows) > 3:
        parts.append(_detail("←", f"… and {many(len(tried.rows) - 3, 'more row')}", room, "dim"))
    parts += [_detail("≡", f"{tag}: {text}", room, NOTE) for tag, text in tried.log[:8]]
    if len(tried.log) > 8:
        parts.append(_detail("≡", f"… and {many(len(tried.log) - 8, 'more line')}", room, "dim"))
    if tried.failure is not None and kind_of(tried) not in known:
        parts.append(failure_panel(tried.failure, with_log=not tried.log))
    return Group(*parts)


def _detail(sign: str, text: str, room: int, style: str = "") -> Text:
    line = " ".join(text.split())
    shown = line if len(line) <= room else f"{line[: room - 1]}…"
    return Text.assemble(("    " + sign + " ", "dim"), (shown, style), no_wrap=True, overflow="ellipsis")


def kind_of(tried: Trial) -> str:
    """Return what tells one kind of failure from another."""
    failure = tried.failure
    return f"{failure.exception_type} {failure.line} {failure.phase}" if failure else ""


def _first_sentence(message: str) -> str:
    """Return what fits beside a record; the panel below tells the rest once."""
    return message.partition("\n")[0].partition(". ")[0]


def _line(tried: Trial) -> Text:
    if tried.failure is not None:
        came = (f"✘ {tried.failure.exception_type}: {_first_sentence(tried.failure.message)}", f"bold {BAD}")
    elif tried.dropped is not None:
        came = (f"• dropped: {tried.dropped}", CARE)
    else:
        came = (f"✔ {many(len(tried.rows), 'row')} × {many(len(tried.types), 'column')}", GOOD)
    place = f"{tried.origin.source.rpartition('/')[2]}:{tried.origin.line}"
    return Text.assemble((f"{tried.number:>3}  ", "bold"), (f"{place}  ", "dim"), came)


def _values(row: dict[str, Any]) -> str:
    return (
        "  ".join(f"{column_name(name)}={_value(value)}" for name, value in row.items())
        or "(a row without columns)"
    )


def _value(value: Any) -> str:
    return (
        "·"
        if value is None
        else repr(value)
        if isinstance(value, str) and (" " in value or not value)
        else str(value)
    )


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def trial_summary(
    trials: Sequence[Trial], outcome: Outcome, hints: Sequence[Hint], *, script: str, everything: bool = False
) -> RenderableType:
    """Return what all trials add up to: counts, time per record, columns and hints."""
    rows, failed = sum(len(t.rows) for t in trials), [t for t in trials if t.failure]
    parts: list[RenderableType] = []
    if outcome.columns:
        title = f"Columns of the result  {len(outcome.columns)}"
        seen = columns(outcome.columns, rows, everything=everything, matched=outcome.matched)
        parts += [Text(), heading(title), indented(seen)]
    if outcome.missing:
        names = ", ".join(column_name(name) for name in outcome.missing[: 2 * FEW])
        more = f" and {len(outcome.missing) - 2 * FEW} more" if len(outcome.missing) > 2 * FEW else ""
        parts.append(indented(Text(f"baseline features without a column: {names}{more}", style=BAD)))
    parts += [indented(line) for line in bullets(outcome.warnings, CARE)]
    if hints:
        lines = facts([(f"{script}:{hint.line}", hint.text) for hint in hints])
        parts += [Text(), heading(f"Hints  {len(hints)}", f"bold {CARE}"), indented(lines)]
    parts += [Text(), _closing(trials, rows, len(failed))]
    return Group(*parts)


def _closing(trials: Sequence[Trial], rows: int, failed: int) -> Text:
    dropped = sum(t.dropped is not None for t in trials)
    said = [many(len(trials), "record"), many(rows, "row"), *([f"{dropped} dropped"] if dropped else [])]
    sign, style = ("✘", BAD) if failed else ("✔", GOOD) if rows else ("•", CARE)
    head = (
        " → ".join(said[:2]) + (f", {said[2]}" if dropped else "") + (f", {failed} failed" if failed else "")
    )
    return Text.assemble((f"{sign} {head}", f"bold {style}"), (_speed(trials), "dim"))


def _speed(trials: Sequence[Trial]) -> str:
    """Return the time per record; the first ones carry the start of the process and are left out."""
    first = next((place for place, tried in enumerate(trials) if tried.rows), 0)
    times = sorted(tried.seconds for tried in trials[first + 1 :])
    return (
        f"; {_duration(times[len(times) // 2])} per record, at most {_duration(times[-1])}" if times else ""
    )


def postprocessor_trial(tried: PostprocessorTrial, log: Sequence[str]) -> RenderableType:
    """Return what a postprocessor did to a run."""
    now = len(tried.report.violations or ())
    changed = (
        f"{tried.violations_before} → {now}" if now != tried.violations_before else f"{now}, as they were"
    )
    files = [Text(f"{name}  {decimal(size)}") for name, size in tried.files.items()]
    parts: list[RenderableType] = [
        facts(
            [
                ("run", f"{many(tried.report.rows, 'row')} analysed"),
                ("violations", changed),
                ("files it wrote", Group(*files) if files else Text("none", style="dim")),
                (
                    "it said",
                    Text("\n".join(log[-20:]), style="cyan") if log else Text("nothing", style="dim"),
                ),
            ]
        )
    ]
    parts += [indented(line) for line in bullets(tried.report.warnings, CARE)]
    return Group(*parts, Text(), Text("✔ The postprocessor ran", style=f"bold {GOOD}"))
