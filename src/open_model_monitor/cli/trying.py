"""`omm try`: a script on real records, once or whenever it changes."""

from __future__ import annotations

import ast
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from open_model_monitor.cli import show
from open_model_monitor.cli.parameters import Common, Reading, ScriptSettings
from open_model_monitor.errors import MonitorError, ScriptError

if TYPE_CHECKING:
    from open_model_monitor.jobs.contract import Job
    from open_model_monitor.jobs.trial import Trial
    from open_model_monitor.rows.lint import Hint

POLL = 0.3  # seconds between two looks at a watched script


@dataclass(frozen=True)
class Wanted:
    """What the command was asked for."""

    script: str
    captures: str
    limit: int
    baseline: str | None
    preprocess: str | None
    reading: Reading
    settings: ScriptSettings
    everything: bool


def once(wanted: Wanted, common: Common) -> int:
    """Try the script; returns the exit code: that of a script error if a record failed."""
    if _role(wanted.script) == "postprocessor":
        return _postprocessor(wanted, common)
    return _preprocessor(wanted, common)


def watch(wanted: Wanted, *, pause: Callable[[float], None] = time.sleep) -> int:
    """Try the script, and again whenever it changes, until interrupted; `pause` waits between two looks."""
    console = show.console()
    try:
        while True:
            seen = _changed(wanted.script)
            console.clear()
            try:
                once(wanted, Common())
            except MonitorError as error:
                console.print(show.error_panel(error))
            console.print(Text(f"\nWatching {wanted.script}; Ctrl-C ends it", style="dim"))
            while _changed(wanted.script) == seen:
                pause(POLL)
    except KeyboardInterrupt:
        return 0


def _changed(script: str) -> float | None:
    try:
        return Path(script).stat().st_mtime
    except OSError:  # editors replace files: for a moment there is none
        return None


def _source(script: str) -> str | None:
    try:
        return Path(script).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _role(script: str) -> str:
    """Return the role of a script: a postprocessor is one that defines that handler and not the other."""
    try:
        tree = ast.parse(_source(script) or "")
    except (SyntaxError, ValueError):
        return "preprocessor"
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return (
        "postprocessor"
        if "postprocess_handler" in names and "preprocess_handler" not in names
        else "preprocessor"
    )


def _job(wanted: Wanted, *, preprocessor: str | None, postprocessor: str | None = None) -> Job:
    from open_model_monitor.api import format_of, window_of
    from open_model_monitor.jobs.contract import Job, options_from
    from open_model_monitor.storage import Storage, normalise

    reading, settings = wanted.reading, wanted.settings
    variants = {"variants": reading.variants} if reading.variants else {}
    folder, storage = normalise(wanted.baseline).rstrip("/") if wanted.baseline else None, Storage()
    found = {
        name: f"{folder}/{name}.json"
        for name in ("statistics", "constraints")
        if folder and storage.exists(f"{folder}/{name}.json")
    }
    if folder and not found:
        from open_model_monitor.errors import UsageError

        raise UsageError(f"There is neither statistics.json nor constraints.json in {folder}")
    return Job(
        source=normalise(wanted.captures),
        is_baseline=False,
        format=format_of(reading.as_format()),
        window=window_of(reading.since, reading.until),
        baseline_statistics=found.get("statistics"),
        baseline_constraints=found.get("constraints"),
        environment=settings.environment(),
        options=options_from({**settings.options(), **variants}),
        preprocessor=normalise(preprocessor) if preprocessor else None,
        postprocessor=normalise(postprocessor) if postprocessor else None,
    )


# ---------------------------------------------------------------- preprocessor


def _preprocessor(wanted: Wanted, common: Common) -> int:
    from open_model_monitor.cli import show_records
    from open_model_monitor.jobs.trial import outcome, trial

    job, console = _job(wanted, preprocessor=wanted.script), show.console()
    trials: list[Trial] = []
    told: set[str] = set()
    for tried in trial(job, limit=wanted.limit):
        trials.append(tried)
        if not common.json:
            console.print(show_records.trial(tried, width=console.width, known=told))
            told.add(show_records.kind_of(tried))
    result, hints = outcome(job, trials), _hints(wanted.script, trials)
    name = Path(wanted.script).name
    if common.json:
        _write(
            {
                "trials": [tried.to_dict() for tried in trials],
                **result.to_dict(),
                "hints": [{"line": hint.line, "text": hint.text} for hint in hints],
            }
        )
    else:
        screen = show_records.trial_summary(trials, result, hints, script=name, everything=wanted.everything)
        console.print(screen)
    return ScriptError.exit_code if any(tried.failure for tried in trials) else 0


def _hints(script: str, trials: list[Trial]) -> list[Hint]:
    from open_model_monitor.capture.record import SECTIONS
    from open_model_monitor.rows.lint import lint

    sections = {name for tried in trials for name in tried.argument if name in SECTIONS}
    outputs = not sections or bool(sections - {"endpointInput"})
    columns = {name for tried in trials for name in tried.types}
    return lint(_source(script) or "", outputs_captured=outputs, columns=len(columns))


# ---------------------------------------------------------------- postprocessor


def _postprocessor(wanted: Wanted, common: Common) -> int:
    from open_model_monitor.cli import show_records
    from open_model_monitor.cli.progress import Watched
    from open_model_monitor.jobs.postprocessor_trial import try_postprocessor

    job = _job(wanted, preprocessor=wanted.preprocess, postprocessor=wanted.script)
    lines: list[str] = []
    with Watched(show.console(errors=True), f"Running {wanted.script}"):
        tried = try_postprocessor(job, on_log=lambda tag, text: lines.append(f"{tag}: {text}"))
    if common.json:
        _write(tried.to_dict() | {"log": lines})
    else:
        show.console().print(show_records.postprocessor_trial(tried, lines))
    return 0


def _write(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
