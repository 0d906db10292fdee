"""Before a model-quality run: captures are merged with labels that were named beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.layout import is_capture
from open_model_monitor.capture.record import SECTIONS, Format
from open_model_monitor.capture.sniff import sniff_format
from open_model_monitor.engines.local import Engine, Inline, Processes
from open_model_monitor.errors import Malformed, UsageError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.merge import merge
from open_model_monitor.jobs.merge_job import Merged, MergeJob
from open_model_monitor.monitors.base import Metric
from open_model_monitor.storage import Storage, normalise

MERGED = "merge"  # the folder of merged captures, below the output
_SCRATCH = "_merging"
SHOWN = 3  # lines that could not be read
_ALL = Format("merged", sections=SECTIONS)

Progress = Callable[[int, int], None]


def with_labels(
    job: Job,
    output: Path,
    storage: Storage,
    *,
    spark: Engine | None = None,
    progress: Progress | None = None,
    cores: int = 1,
) -> tuple[Job, Merged | None]:
    """Merge if the job names labels; returns the job that reads what came of it, and what was counted.

    Merged captures are written below `output`; on Spark, whose executors do not see that, below the job's own output.

    Raises UsageError for labels without captures, or a Spark run without an output; and what `merge` raises.
    """
    labelling = job.labelling
    if labelling is None or labelling.ground_truth is None:
        return job, None
    format_ = job.format or sniff_format(storage, job.source, job.window)
    if format_.kind == "merged":
        raise UsageError(f"{job.source} holds merged captures already; leave out --ground-truth")
    if spark is not None and job.output is None:
        raise UsageError("A merge on Spark needs an output (-o) that all executors can write to")
    root = normalise(job.output or "") if spark is not None else str(output)
    with tempfile.TemporaryDirectory(prefix="omm-merge-") as folder:
        merging = MergeJob(
            source=_outputs(job.source, format_, storage),
            labels=labelling.ground_truth,
            output=f"{root}/{MERGED}",
            scratch=f"{root}/{_SCRATCH}" if spark is not None else folder,
            format=format_,
            window=job.window,
            lookback=labelling.ground_truth_lookback,
            variants=job.options.variants,
            max_malformed_fraction=job.options.max_malformed_fraction,
        )
        workers = job.options.workers or cores
        engine = spark or (Processes(workers) if workers > 1 else Inline())
        try:
            merged = merge(merging, storage, engine=engine, progress=progress)
        finally:
            if spark is not None:
                storage.remove(merging.scratch)
    return replace(job, source=merging.output, format=_ALL), merged


def _outputs(source: str, format_: Format, storage: Storage) -> str:
    """Return the side of a batch capture that holds predictions, if the source is such a capture (§9.2)."""
    if is_capture(format_):
        return source
    return f"{source}/output" if {"input", "output"} <= set(storage.folders(source)) else source


def merge_warnings(merged: Merged | None) -> tuple[str, ...]:
    """Return what is worth saying about the lines that were merged."""
    if merged is None:
        return ()
    counts, texts = merged.counts, list(merged.counts.warnings)
    if counts.lines_malformed:
        first = "; ".join(map(str, counts.rejected[:SHOWN]))
        texts.append(
            f"{counts.lines_malformed} of {counts.lines_read} lines of captures and labels could not be read and were "
            f"left out of the merge: {first}"
        )
    return tuple(texts)


def judge_coverage(coverage: Coverage | None, least: float) -> None:
    """Raise Malformed if fewer captures have a label than the settings want."""
    if coverage is not None and coverage.share is not None and coverage.share < least:
        raise Malformed(
            f"{coverage.joined} of {coverage.captured} captures have a label, {coverage.share:.1%}; "
            f"min_ground_truth_coverage is {least:.1%}"
        )


def coverage_metrics(coverage: Coverage | None) -> tuple[Metric, ...]:
    """Return the coverage as it is published (`model_quality.md` §10)."""
    if coverage is None or coverage.share is None:
        return ()
    return (
        Metric("ground_truth_coverage", coverage.share, dimension_sets="plain"),
        Metric("unlabelled_records", float(coverage.unlabelled), dimension_sets="plain"),
    )
