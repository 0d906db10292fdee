"""What a person sees of errors and explanations, and the pieces that all screens are made of."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from open_model_monitor.cli.parameters import Common
from open_model_monitor.errors import MonitorError, ScriptError, ScriptFailure
from open_model_monitor.reporting.plain import Explanation, Point

FEW = 10  # of one kind, unless all are asked for
GOOD, BAD, CARE, NOTE = "green", "red", "yellow", "cyan"
_TITLES = {
    "SettingsError": "That setting makes no sense",
    "ContractError": "The environment is not complete",
    "UsageError": "That cannot be done",
    "NoData": "No data",
    "NoLabels": "No labels yet",
    "Malformed": "The data cannot be read",
    "DataError": "The data cannot be analysed",
    "DocumentError": "Not the document that was expected",
    "StorageError": "Storage",
    "StoreError": "Database",
    "EngineError": "A worker failed",
    "OutsideError": "Something outside failed",
    "MonitorError": "That did not work",
}


def console(*, errors: bool = False) -> Console:
    """Return a console; what goes into a pipe or a file is 100 columns wide unless COLUMNS says otherwise."""
    made = Console(stderr=errors, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = 100
    return made


# ---------------------------------------------------------------- pieces


def near(address: str) -> str:
    """Return an address as a person here would type it: below the current folder, relative to it."""
    here = os.getcwd() + os.sep
    return address.removeprefix(here) if len(address) > len(here) else address


def facts(pairs: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Return labels and what belongs to them, one per line; what is None or empty is left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
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


def bullets(texts: Iterable[str], style: str = "") -> list[RenderableType]:
    """Return one point per text; what does not fit goes on below its own beginning."""
    return [facts([("•", Text(text, style=style, overflow="fold"))]) for text in texts]


def more(number_left: int, noun: str) -> list[Text]:
    """Return the line that says what was left out, and how to see it."""
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


# ---------------------------------------------------------------- errors


def error_panel(error: MonitorError) -> RenderableType:
    """Return what went wrong, where, and what to do about it."""
    if isinstance(error, ScriptError):
        return failure_panel(error.failure)
    kinds = [kind.__name__ for kind in type(error).__mro__]
    title = next(_TITLES[kind] for kind in kinds if kind in _TITLES)
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
        record = f"{near(failure.source_object)} line {failure.line_number}{event}"
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
            *(indented(left) for left in more(len(point.items) - len(shown), "item")),
        ]
    if point.remedy:
        parts.append(indented(Text(f"→ {point.remedy}", style=GOOD)))
    return parts


def answer(document: Any, screen: RenderableType, common: Common) -> None:
    """Print JSON or the screen."""
    if common.json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
    else:
        console().print(screen)
