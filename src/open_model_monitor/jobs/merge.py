"""The ground-truth run: captures and labels in, merged captures out (`datasets.md` §11).

Labels that fit into memory are held there while captures pass by; more are dealt into buckets first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from open_model_monitor.capture.ground_truth import Labels
from open_model_monitor.capture.record import Part
from open_model_monitor.engines.local import Engine, Inline
from open_model_monitor.errors import Malformed, NoData, NoLabels
from open_model_monitor.jobs.merge_buckets import in_buckets
from open_model_monitor.jobs.merge_job import Merged, MergeJob, Progress
from open_model_monitor.jobs.merge_reading import capture_parts, label_files_of, read_captures, read_labels
from open_model_monitor.jobs.merged_files import HourWriter, write_coverage
from open_model_monitor.storage import Stat, Storage

BUCKET_BYTES = 160 << 20  # of label files in memory at a time, which then take about twice that
MAX_BUCKETS = 512


def merge(
    job: MergeJob,
    storage: Storage,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    bucket_bytes: int = BUCKET_BYTES,
) -> Merged:
    """Join captures with labels and write the merged captures.

    Raises NoData if there is no capture or nothing is joined, NoLabels if there is no label yet, Malformed if too
    many lines cannot be read.
    """
    found = capture_parts(job, storage)
    storage.remove(job.scratch)  # of a merge that was interrupted
    label_files = label_files_of(job, storage)
    size = sum(stat.size for stat in label_files)
    if size <= bucket_bytes:
        merged = _directly(job, storage, found, label_files, progress)
    else:
        buckets = min(MAX_BUCKETS, math.ceil(size / bucket_bytes))
        merged = in_buckets(job, storage, found, label_files, buckets, engine or Inline())
    _judge(job, merged)
    write_coverage(storage, merged)
    return merged


def _directly(
    job: MergeJob,
    storage: Storage,
    parts: Sequence[tuple[Part, str]],
    label_files: Sequence[Stat],
    progress: Progress | None,
) -> Merged:
    merged, known = Merged(), Labels()
    for stat in label_files:
        for key, label in read_labels(storage, stat.address, merged.counts):
            known.put(key, label)
    writer = HourWriter(job, storage, "part-00000", merged)
    for part, folder in parts:
        for block, found in read_captures(job, storage, part, merged.counts):
            writer.join(block.source, folder, found, known)
            if progress is not None:
                progress(merged.counts.bytes_read, merged.coverage.captured)
    writer.close()
    known.settle(merged.coverage)
    return merged


def _judge(job: MergeJob, merged: Merged) -> None:
    counts, coverage = merged.counts, merged.coverage
    share = counts.lines_malformed / counts.lines_read if counts.lines_read else 0.0
    if share > job.max_malformed_fraction:
        samples = "\n  ".join(counts.malformed)
        raise Malformed(
            f"{counts.lines_malformed} of {counts.lines_read} captures and labels cannot be read ({share:.0%}; at most "
            f"{job.max_malformed_fraction:.0%} may be). The first ones:\n  {samples}"
        )
    if not coverage.captured:
        raise NoData(f"Job inputs had no data: no capture in {job.source} within the window")
    if not coverage.labels:
        raise NoLabels(f"No labels yet: the files in {job.labels} hold no label")
    if not coverage.joined:
        mine = ", ".join(coverage.examples.get("unlabelled", ()))
        theirs = ", ".join(coverage.examples.get("labels_unmatched", ()))
        raise NoData(
            f"None of {coverage.captured} captures has one of {coverage.labels} labels; ids of captures: {mine}; of "
            f"labels (eventMetadata.eventId): {theirs}. A label's id must be the capture's inferenceId if it has one, "
            "else its eventId"
        )
