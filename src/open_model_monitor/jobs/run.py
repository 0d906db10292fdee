"""One run, from captured files to delivered documents."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.layout import Plan, plan
from open_model_monitor.capture.line_numbers import resolve
from open_model_monitor.capture.record import Counts, Format, Part, Rejected
from open_model_monitor.capture.sniff import sniff_format
from open_model_monitor.engines.local import Inline, Processes, Threads
from open_model_monitor.engines.spark import Spark
from open_model_monitor.errors import OutsideError, ScriptError, ScriptFailure, UsageError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.labelled_input import merge_warnings, with_labels
from open_model_monitor.jobs.merge_job import Merged
from open_model_monitor.jobs.merged_files import read_coverage
from open_model_monitor.jobs.monitor_run import MonitorRun, open_run, segment_baselines
from open_model_monitor.jobs.part_state import PartState
from open_model_monitor.jobs.profile_parts import ProfileParts, Progress, merge_parts
from open_model_monitor.jobs.remote_parts import Arrivals, RemoteParts
from open_model_monitor.jobs.script_gain import parallel_gain
from open_model_monitor.jobs.script_kit import pack_script
from open_model_monitor.jobs.script_log import Listener
from open_model_monitor.jobs.script_setup import ScriptSetup
from open_model_monitor.jobs.scripting import script_setup
from open_model_monitor.jobs.workspace import (
    MESSAGE,
    METRICS,
    Workspace,
    container_workspace,
    private_workspace,
)
from open_model_monitor.monitors.base import Notice
from open_model_monitor.profiling.state import loads
from open_model_monitor.results.delivery import LOG, SCRIPT_ERROR, SUMMARY, add, check_destination, deliver
from open_model_monitor.results.folder import is_json, put, remove_strange_files, violations_in
from open_model_monitor.results.report import Report, to_json
from open_model_monitor.results.segments import Segments
from open_model_monitor.rows.script_failures import sha256_of
from open_model_monitor.storage import Storage, is_remote, normalise

log = logging.getLogger(__name__)

VIOLATIONS, ORIGINAL = "constraint_violations.json", "constraint_violations.original.json"
METRIC_LINES = "cloudwatch_metrics.jsonl"
MIN_POSTPROCESSOR_SECONDS = 60.0


def run(
    job: Job,
    *,
    storage: Storage | None = None,
    in_container: bool = False,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    listener: Listener | None = None,
    spark: Any = None,
) -> Report:
    """Do one run and deliver its documents to `job.output` (None: nowhere, the report is all).

    In a container, and in a `workspace` that somebody laid out, the documents stay in the output folder.
    `spark` is a SparkSession to read and profile with, whatever the job's options say.

    Raises the errors of `errors.py`; a run that found violations returns normally.
    """
    storage = storage or Storage()
    given, in_container = workspace, in_container or workspace is not None
    if job.output is not None and not in_container:
        job = replace(job, output=_destination(job))
    with nullcontext(given) if given else _workspace(job, in_container=in_container) as workspace:
        try:
            report = _Run(job, workspace, storage, progress, listener, spark).report()
        except ScriptError as error:
            _leave_diagnosis(error, job, workspace, storage, in_container=in_container)
            raise
        if job.output is not None and not in_container:
            deliver(workspace.output, job.output, storage)
    if report.script_failure is not None and job.options.postprocessor_failure == "fail":
        raise ScriptError(report.script_failure)
    return report


def _destination(job: Job) -> str:
    """Return where the output goes, links followed.

    Raises UsageError if it may not go there.
    """
    output, source = normalise(job.output or ""), normalise(job.source)
    if is_remote(output):
        return output
    output = os.path.realpath(output)
    if not is_remote(source) and Path(output).is_relative_to(os.path.realpath(source)):
        raise UsageError(
            f"The output {output} lies inside the input {source}; the next run would read it as data"
        )
    check_destination(output)
    return output


def _workspace(job: Job, *, in_container: bool) -> AbstractContextManager[Workspace]:
    if in_container:
        return container_workspace(Path(job.output or "."))
    local = job.output is not None and not is_remote(job.output)
    return private_workspace(Path(job.output or "") if local else None)


def _leave_diagnosis(
    error: ScriptError, job: Job, workspace: Workspace, storage: Storage, *, in_container: bool
) -> None:
    """A failed run leaves its diagnosis, and what its script wrote, beside what a former run delivered."""
    put(workspace.output / SCRIPT_ERROR, to_json(error.failure.to_dict()))
    _keep_log(workspace)
    if job.output is not None and not in_container:
        add(workspace.output, job.output, storage)


@dataclass(slots=True)
class _Run:
    """The steps of one run, in the order in which they stand here."""

    job: Job
    workspace: Workspace
    storage: Storage
    progress: Progress | None
    listener: Listener | None
    spark: Any = None
    gain: str | None = None  # what more processes of the script would bring
    merged: Merged | None = None  # what came of merging captures with labels, if that was asked for
    coverage: Coverage | None = None  # of the captures by labels
    source: str = ""  # as the caller named it, whatever was made of it

    def report(self) -> Report:
        job, started = self.job, time.monotonic()
        (self.workspace.output / SCRIPT_ERROR).unlink(missing_ok=True)  # of a former run in a container
        limit = job.options.max_runtime_seconds
        deadline = started + limit if limit else None
        monitor = open_run(job, self.storage)
        job = self._merge()
        format_ = monitor.settled(job.format or sniff_format(self.storage, job.source, job.window))
        planned = plan(self.storage, job.source, format_, job.window, variants=job.options.variants)
        if self.coverage is None and format_.kind == "merged":
            self.coverage = read_coverage(
                self.storage, (one for part in planned.parts for one in part.objects)
            )
        seen = self._fold(planned, format_, monitor, deadline)
        if job.options.redact_payloads:
            seen.counts.redact()
        monitor.judge(seen)
        monitor.judge_labels(self.coverage)
        report = self._analyse(seen, planned, format_, monitor)
        self._write(report)
        if job.postprocessor:
            report = self._postprocess(report, format_, deadline)
        strange = remove_strange_files(self.workspace.output)
        report = replace(report, warnings=(*report.warnings, *strange))
        self._finish(report)
        log.info(
            "run kind=%s rows=%d violations=%s outcome=%s seconds=%.2f",
            report.kind, report.rows, len(report.violations or ()), report.outcome, time.monotonic() - started,
        )  # fmt: skip
        return report

    # ------------------------------------------------------------ read and profile

    def _merge(self) -> Job:
        """Merge captures with labels, if the job names some; the job then reads what came of it."""
        options, self.source = self.job.options, self.job.source
        self.job, self.merged = with_labels(
            self.job,
            self.workspace.output,
            self.storage,
            spark=Spark(options.spark_master, options.spark_conf, self.spark) if self._uses_spark else None,
            progress=self.progress,
            cores=os.cpu_count() or 1,
        )
        if self.merged is not None:
            self.coverage = self.merged.coverage
            if options.redact_payloads:
                self.merged.counts.redact()
        return self.job

    def _fold(self, planned: Plan, format_: Format, monitor: MonitorRun, deadline: float | None) -> PartState:
        options = self.job.options
        work = ProfileParts(
            format=format_,
            window=self.job.window,
            variants=options.variants,
            settings=monitor.settings(format_),
            script=None,
            deadline=deadline,
            progress=self.progress,
            listener=self.listener,
        )
        fold = self._on_spark if self._uses_spark else self._here
        started = time.monotonic()
        try:
            seen = loads(fold(planned.parts, work), PartState)
        except ScriptError as error:
            _, [failure] = resolve(self.storage, [], [error.failure])
            raise ScriptError(failure) from error
        rejected, seen.failures = resolve(self.storage, seen.counts.rejected, seen.failures)
        seen.counts.rejected = [self._delivered(one) for one in rejected]
        if self.job.preprocessor and not self._uses_spark:
            self.gain = parallel_gain(
                elapsed=time.monotonic() - started,
                seconds=seen.seconds,
                script_seconds=seen.script_seconds,
                parts=len(planned.parts),
                workers=options.script_workers,
                cores=os.cpu_count() or 1,
            )
        return seen

    def _delivered(self, sample: Rejected) -> Rejected:
        """Name a merged file by where it will lie, not by where it lies while the run works."""
        here = str(self.workspace.output)
        if self.job.output is None or not sample.source.startswith(here):
            return sample
        return replace(sample, source=f"{self.job.output}{sample.source.removeprefix(here)}")

    @property
    def _uses_spark(self) -> bool:
        return self.spark is not None or self.job.options.run_engine == "spark"

    def _here(self, parts: Sequence[Part], work: ProfileParts) -> bytes:
        script = self._script("preprocessor", self.job.preprocessor, work.format, work.deadline)
        work, options = replace(work, script=script), self.job.options
        workers = options.script_workers if script else (options.workers or os.cpu_count() or 1)
        if workers == 1 or len(parts) == 1:
            return Inline().fold(parts, work, merge_parts)
        if script is None:
            return Processes(workers).fold(parts, work.portable(), merge_parts)
        stop = threading.Event()  # a script has its own process anyway
        return Threads(workers, stop).fold(parts, replace(work.portable(), stop=stop), merge_parts)

    def _on_spark(self, parts: Sequence[Part], work: ProfileParts) -> bytes:
        options = self.job.options
        kit = None
        if self.job.preprocessor:
            kit = pack_script(self.job, work.format, self.workspace, self.storage)
        arrivals = Arrivals(self.workspace.log, work.deadline, self.progress, self.listener)
        engine = Spark(options.spark_master, options.spark_conf, self.spark)
        return engine.fold(parts, RemoteParts(work, kit), arrivals.merge)

    def _script(
        self, role: str, address: str | None, format_: Format, deadline: float | None
    ) -> ScriptSetup | None:
        if not address:
            return None
        return script_setup(
            self.job,
            role,
            address,
            format=format_,
            deadline=deadline,
            workspace=self.workspace,
            storage=self.storage,
        )

    # ------------------------------------------------------------ analyse

    def _analyse(self, seen: PartState, planned: Plan, format_: Format, monitor: MonitorRun) -> Report:
        job, now = self.job, datetime.now(UTC)
        analysed = monitor.analyse(seen.profile, format_, now)
        segments = self._segments(seen, format_, monitor, now)
        monitoring = not job.is_baseline
        violations: Any = None
        if monitoring and monitor.checks:
            violations = (*analysed.violations, *(segments.violations if segments else ()))
        statistics, constraints = monitor.compared
        return Report(
            kind="monitoring" if monitoring else "baseline",
            monitor=job.monitor,
            statistics=analysed.statistics,
            constraints=analysed.constraints,
            findings=tuple(analysed.findings),
            violations=violations,
            notices=(*self._run_notices(seen, planned), *analysed.notices),
            metrics=(
                (*analysed.metrics, *monitor.label_metrics(self.coverage))
                if monitoring and job.publish_metrics
                else ()
            ),
            features=analysed.features,
            segments=segments,
            coverage=self.coverage,
            baseline_statistics=statistics,
            baseline_constraints=constraints,
            counts=seen.counts,
            warnings=(
                *merge_warnings(self.merged),
                *planned.warnings,
                *analysed.warnings,
                *_warnings(seen.counts),
            ),
            behaviour=monitor.behaviour,
            source=self.source,
            window=(job.window.start.isoformat(), job.window.end.isoformat()) if job.window else None,
            scripts=self._hash("preprocessor", job.preprocessor),
            record_failures=tuple(seen.failures),
            output=job.output,
        )

    def _segments(
        self, seen: PartState, format_: Format, monitor: MonitorRun, now: datetime
    ) -> Segments | None:
        """Analyse each segment by itself, against its own baseline if there is one."""
        column = self.job.options.segment_by
        if column is None:
            return None
        own = segment_baselines(self.job, self.storage)
        with_rows = {name: profile for name, profile in sorted(seen.segments.items()) if profile.rows}
        found = {
            name: monitor.analyse(profile, format_, now, own.get(name)) for name, profile in with_rows.items()
        }
        return Segments(column, found, frozenset(own) & found.keys())

    def _run_notices(self, seen: PartState, planned: Plan) -> Iterator[Notice]:
        if not self.job.preprocessor:
            return
        if not seen.profile.rows:
            text = f"the preprocessor dropped all {seen.counts.records_in} records"
            yield Notice("all_dropped", None, text)
        if self._uses_spark and len(planned.parts) > 1:
            text = (
                f"the preprocessor was started {len(planned.parts)} times on Spark, once per part of the data; "
                "what it remembers from record to record, and files it writes, are each part's own"
            )
            yield Notice("script_per_part", None, text)
        if self.gain is not None:
            yield Notice("parallel_gain", None, self.gain)

    def _hash(self, role: str, address: str | None) -> dict[str, str | None]:
        return {role: sha256_of(self.workspace.fetch_script(address, role, self.storage))} if address else {}

    # ------------------------------------------------------------ write, postprocess, finish

    def _write(self, report: Report) -> None:
        for name, document in report.documents().items():
            put(self.workspace.output / name, to_json(document))

    def _postprocess(self, report: Report, format_: Format, deadline: float | None) -> Report:
        """Call the users' handler; what it did to the violations counts, what it broke is restored."""
        limit = time.monotonic() + self.job.options.postprocessor_timeout
        if deadline is not None:
            limit = min(limit, max(deadline, time.monotonic() + MIN_POSTPROCESSOR_SECONDS))
        failure = self._call_postprocessor(format_, limit)
        if failure is not None:
            put(self.workspace.output / SCRIPT_ERROR, to_json(failure.to_dict()))
        scripts = {**report.scripts, "postprocessor": self._postprocessor_hash()}
        return self._reread(replace(report, script_failure=failure, scripts=scripts))

    def _call_postprocessor(self, format_: Format, limit: float) -> ScriptFailure | None:
        """Whatever goes wrong from fetching the script on is a failure of this phase; the results stay."""
        address = self.job.postprocessor or ""
        try:
            setup = self._script("postprocessor", address, format_, limit)
            if setup is not None:
                with setup.sandbox("postprocessor", self.listener) as sandbox:
                    sandbox.postprocess()
        except ScriptError as error:
            return error.failure
        except OutsideError as error:
            return ScriptFailure(
                "postprocessor", "load", Path(address).name, type(error).__name__, str(error)
            )
        return None

    def _postprocessor_hash(self) -> str | None:
        try:
            return self._hash("postprocessor", self.job.postprocessor)["postprocessor"]
        except ScriptError:  # it could not be fetched, which its failure says
            return None

    def _reread(self, report: Report) -> Report:
        """Restore what the postprocessor removed; take over the violations as it left them."""
        warnings = list(report.warnings)
        documents = {name: to_json(document) for name, document in report.documents().items()}
        for name, original in documents.items():
            path = self.workspace.output / name
            if path.is_symlink() or not path.is_file():
                warnings.append(f"the postprocessor removed {name}; it was restored")
                put(path, original)
            elif name != VIOLATIONS and not is_json(path.read_bytes()):
                warnings.append(f"the postprocessor left something in {name} that is no JSON")
        path, written = self.workspace.output / VIOLATIONS, documents.get(VIOLATIONS)
        if path.is_file() and (left := path.read_bytes()) != written:
            entries = violations_in(left)
            if entries is not None:
                report = replace(report, violations=tuple(entries))
            else:
                warnings.append(f"the postprocessor left no valid document in {VIOLATIONS}; it was restored")
                path.unlink()
            if written is not None:
                put(path if entries is None else self.workspace.output / ORIGINAL, written)
        return replace(report, warnings=tuple(warnings))

    def _finish(self, report: Report) -> None:
        output, workspace = self.workspace.output, self.workspace
        _keep_log(workspace)
        lines = b"".join(msgspec.json.encode(line) + b"\n" for line in self._metric_lines(report))
        if lines:
            workspace.path(METRICS).mkdir(parents=True, exist_ok=True)
            with (workspace.path(METRICS) / METRIC_LINES).open("ab") as file:
                file.write(lines)
        if not workspace.is_laid_out and (written := sorted(workspace.path(METRICS).glob("*.json*"))):
            for path in written:
                put(output / "metrics" / path.name, path.read_bytes())
        files = sorted(p.relative_to(output).as_posix() for p in output.rglob("*") if p.is_file())
        summary = {**report.to_dict(), "files": sorted({*files, SUMMARY})}
        put(output / SUMMARY, to_json(summary))
        workspace.write(MESSAGE, report.exit_message[:1024])

    def _metric_lines(self, report: Report) -> Iterator[dict[str, Any]]:
        job = self.job
        moment = job.metric_time or (job.window.end if job.window else None)
        for metric in report.metrics:
            yield from metric.lines(endpoint=job.endpoint, schedule=job.schedule, timestamp=moment)


def _keep_log(workspace: Workspace) -> None:
    if workspace.log.is_file():
        put(workspace.output / LOG, workspace.log.read_bytes())


def _warnings(counts: Counts) -> list[str]:
    texts = [f"{text} ({times}×)" if times > 1 else text for text, times in counts.warnings.items()]
    if counts.lines_malformed:
        texts.append(f"{counts.lines_malformed} of {counts.lines_read} lines or records could not be read")
    return texts
