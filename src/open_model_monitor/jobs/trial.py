"""Try a preprocessor on the first records, one by one: what went in, what came out, what it said, how it failed.

The script runs in the process of a real run, set up the same way; only the blocks are cut so that each holds one
record, and a record that fails does not end it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pyarrow as pa
from msgspec import structs

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.ipc import batch_from_ipc, batch_to_ipc
from open_model_monitor.capture.items import items
from open_model_monitor.capture.layout import plan
from open_model_monitor.capture.record import JSON, Block, CapturedData, Counts, Format, Item, Origin
from open_model_monitor.capture.sniff import sniff_format
from open_model_monitor.errors import ScriptError, ScriptFailure, UsageError
from open_model_monitor.jobs.baseline import read_baseline
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.inspection import ColumnSeen, columns_of, sample_values
from open_model_monitor.jobs.sandbox import Answer, Sandbox
from open_model_monitor.jobs.script_log import Listener
from open_model_monitor.jobs.scripting import script_setup
from open_model_monitor.jobs.workspace import private_workspace
from open_model_monitor.monitors.data_quality import DataQuality
from open_model_monitor.profiling.columns import DatasetProfile
from open_model_monitor.profiling.values import class_of
from open_model_monitor.rows.script_failures import EXCERPT, argument_kind, excerpt
from open_model_monitor.storage import Storage

READ = 64 << 10  # bytes to read at once: a trial wants the first records only


@dataclass(frozen=True, slots=True)
class Trial:
    """One record and what the script made of it.

    `dropped` is why there are no rows, None if there are; `types` holds the class of each column's values;
    `seconds` include the way to the script's process and back.
    """

    number: int
    origin: Origin
    argument: dict[str, str]  # what it was, shortened: by section of a captured record, else by kind
    rows: tuple[dict[str, Any], ...] = ()
    types: dict[str, str] = field(default_factory=dict)
    dropped: str | None = None
    log: tuple[tuple[str, str], ...] = ()  # tag and text of each line
    seconds: float = 0.0
    failure: ScriptFailure | None = None
    batches: tuple[pa.RecordBatch, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> JSON:
        """Return the trial as JSON values."""
        return {
            "number": self.number,
            "object": self.origin.source,
            "line": self.origin.line,
            "event_id": self.origin.event_id,
            "argument": self.argument,
            "rows": list(self.rows),
            "types": self.types,
            "dropped": self.dropped,
            "log": [{"tag": tag, "text": text} for tag, text in self.log],
            "seconds": self.seconds,
            "failure": self.failure.to_dict() if self.failure else None,
        }


def trial(
    job: Job, *, limit: int = 20, storage: Storage | None = None, on_log: Listener | None = None
) -> Iterator[Trial]:
    """Yield what the job's preprocessor makes of each of the first `limit` records.

    `on_log` is told of each line of the script's output as it comes. A script that died ends the trials; its
    last one carries the failure.

    Raises ScriptError if the script cannot be loaded, and what a run raises for data that cannot be had.
    """
    script = job.preprocessor
    if not script:
        raise UsageError("There is no preprocessor to try")
    storage = storage or Storage()
    # Failing records are reported one by one, as a run does that may skip them.
    job = replace(job, options=replace(job.options, on_record_error="skip"))
    format_ = job.format or sniff_format(storage, job.source, job.window)
    baseline = read_baseline(job, storage)
    lines = _Lines(on_log)
    seconds = job.options.max_runtime_seconds
    with private_workspace(None) as workspace:
        setup = script_setup(
            job,
            "preprocessor",
            script,
            format=format_,
            deadline=time.monotonic() + seconds if seconds else None,
            workspace=workspace,
            storage=storage,
        )
        with setup.sandbox("preprocessor", lines) as sandbox:
            sandbox.start(format_, job.window, job.options.variants, baseline.columns)
            number = 0
            for block, item in _records(job, format_, storage):
                if number >= limit:
                    return
                number += not item.header
                tried = _try(sandbox, block, item, number, lines)
                if not item.header or tried.rows or tried.failure:
                    yield tried
                if tried.failure is not None and tried.failure.exception_type in _FATAL:
                    return


_FATAL = ("ProcessDied", "TimeLimitExceeded")


class _Lines:
    """Collects the lines that belong to the record in hand."""

    def __init__(self, on_log: Listener | None) -> None:
        self._on_log = on_log
        self._lines: list[tuple[str, str]] = []

    def __call__(self, tag: str, text: str) -> None:
        self._lines.append((tag, text))
        if self._on_log is not None:
            self._on_log(tag, text)

    def taken(self) -> tuple[tuple[str, str], ...]:
        """Return the lines since the last call."""
        lines, self._lines = self._lines, []
        return tuple(lines)


def _try(sandbox: Sandbox, block: Block, item: Item, number: int, lines: _Lines) -> Trial:
    started = time.perf_counter()
    answer, failure = Answer([], Counts(), []), None
    try:
        answer = next(sandbox.answers([block]))
    except ScriptError as error:
        failure = error.failure
    seconds = time.perf_counter() - started
    sandbox.log.wait_for(answer.log_lines)
    failure = failure or next(iter(answer.failures), None)
    rows = [row for batch in answer.batches for row in _rows(batch)]
    return Trial(
        number=number,
        origin=item.origin,
        argument=_argument(item),
        rows=tuple(rows),
        types=_types(rows),
        dropped=None if rows or failure else _why_dropped(answer.counts),
        log=lines.taken(),
        seconds=seconds,
        failure=failure,
        batches=tuple(answer.batches),
    )


def _argument(item: Item) -> dict[str, str]:
    if not isinstance(item.value, CapturedData):
        return {argument_kind(item): excerpt(item)}
    sections = item.value.sections().items()
    return {name: f"{section.encoding or ''} {section.data}"[:EXCERPT] for name, section in sections}


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    if batch.num_columns:
        yield from batch.to_pylist()
    else:  # rows without columns are rows
        yield from ({} for _ in range(batch.num_rows))


def _types(rows: list[dict[str, Any]]) -> dict[str, str]:
    types: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            if types.get(name, "Unknown") == "Unknown":
                types[name] = _type(value)
    return types


def _type(value: Any) -> str:
    if isinstance(value, str):
        return class_of(value)
    return {int: "Integral", float: "Fractional", bool: "Boolean"}.get(type(value), "Unknown")


def _why_dropped(counts: Counts) -> str:
    if counts.malformed:
        return f"not readable: {counts.malformed[0]}"
    if counts.not_tabular:
        return f"no table in {', '.join(counts.not_tabular)}"
    if counts.returned_none:
        return "the handler returned None (is there a return missing?)"
    if counts.returned_empty:
        return "the handler returned an empty dict"
    return "the handler returned no rows ([])"


# ---------------------------------------------------------------- all of them together


@dataclass(frozen=True, slots=True)
class Outcome:
    """The columns that came of all trials, and the baseline feature each would be compared with.

    `matched` is None without a baseline; columns that are not in it are extra, `missing` features have no column.
    """

    columns: tuple[ColumnSeen, ...]
    matched: dict[str, str] | None = None
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> JSON:
        """Return the outcome as JSON values."""
        return asdict(self)


def outcome(job: Job, trials: Iterable[Trial], *, storage: Storage | None = None) -> Outcome:
    """Return what the rows of some trials add up to, matched as a run would match them."""
    baseline = read_baseline(job, storage or Storage())
    profile, samples = DatasetProfile(), dict[str, list[str]]()
    for tried in trials:
        for batch in tried.batches:
            profile.update(batch)
            sample_values(batch, samples)
    columns = columns_of(profile, samples)
    if not baseline.exists:
        return Outcome(columns)
    monitor = DataQuality(baseline.behaviour)
    statistics = monitor.statistics(
        profile,
        constraints=baseline.constraints,
        baseline=baseline.statistics,
        output_columns_position=baseline.output_columns_position or "START",
    )
    matching = statistics.matching
    if matching is None:
        return Outcome(columns)
    matched = {m.column: m.feature for m in matching.columns if m.index is not None}
    return Outcome(columns, matched, matching.missing, matching.warnings)


# ---------------------------------------------------------------- one record per block


def _records(job: Job, format_: Format, storage: Storage) -> Iterator[tuple[Block, Item]]:
    """Yield blocks of one record each, and the record as the script will see it."""
    planned = plan(storage, job.source, format_, job.window, variants=job.options.variants, range_bytes=None)
    for part in planned.parts:
        for block in blocks(storage, part, format_, Counts(), block_bytes=READ):
            first = block.starts_object
            for single in _cut(block, format_):
                single = replace(single, starts_object=first)
                counts = Counts()
                read = list(items(single, format_, counts, window=job.window, variants=job.options.variants))
                if read:
                    origin = structs.replace(
                        read[-1].origin, line=max(single.first_line, read[-1].origin.line)
                    )
                    yield single, structs.replace(read[-1], origin=origin)
                elif counts.lines_malformed:  # shown as what it is
                    text = single.data[:EXCERPT].decode("utf-8", "replace").strip()
                    yield single, Item("csv", text, Origin(single.source, single.first_line))
                first = False


def _cut(block: Block, format_: Format) -> Iterator[Block]:
    """Cut a block into blocks of one line, one CSV record, one element of a document or one row of a table."""
    if format_.kind in ("capture", "merged", "jsonlines"):
        for number, line in enumerate(block.data.split(b"\n"), block.first_line):
            if line.strip():
                yield replace(block, data=line, first_line=number)
        return
    records = [item for item in items(block, format_, Counts()) if not item.header]
    if not records or (len(records) == 1 and format_.kind == "json"):
        yield block
        return
    table = batch_from_ipc(block.data) if format_.kind == "parquet" else None
    for place, item in enumerate(records):
        if table is not None:
            data = batch_to_ipc(table.slice(place, 1))
        else:
            data = item.value.encode() if format_.kind == "csv" else json.dumps([item.value]).encode()
        yield replace(block, data=data, first_line=item.origin.line)
