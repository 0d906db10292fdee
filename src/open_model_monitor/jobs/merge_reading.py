"""Both sides of a merge: which files, in which order, and what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.ground_truth import HOUR_SECONDS, Capture, Label, captures, labels
from open_model_monitor.capture.items import items
from open_model_monitor.capture.layout import is_capture, plan
from open_model_monitor.capture.record import Block, Counts, Format, Part
from open_model_monitor.errors import NoData, NoLabels
from open_model_monitor.jobs.merge_job import MergeJob
from open_model_monitor.rows.batch_outputs import batch_outputs
from open_model_monitor.storage import Stat, Storage

HOUR = re.compile(r"(?:^|/)(\d{4})/(\d\d)/(\d\d)/(\d\d)(?=/[^/]+$)")  # the hour folder of an object

_LABELS = Format("jsonlines")


def capture_parts(job: MergeJob, storage: Storage) -> list[tuple[Part, str]]:
    """Return the parts of the captures, each with the folder below the output where it goes; "" if that varies."""
    if is_capture(job.format) or job.window is None:
        planned = plan(storage, job.source, job.format, job.window, variants=job.variants)
        return [(part, "") for part in planned.parts]
    found, hour = [], job.window.start.replace(minute=0, second=0, microsecond=0)
    while hour < job.window.end:  # a manifest lists objects that lie elsewhere: their hour is the manifest's
        folder = f"{hour:%Y/%m/%d/%H}"
        if any(storage.list(f"{job.source}/{folder}")):
            planned = plan(storage, f"{job.source}/{folder}", job.format, None)
            found += [(part, folder) for part in planned.parts]
        hour += timedelta(hours=1)
    if not found:
        raise NoData(
            f"Job inputs had no data: no output of a batch transform below {job.source} in the window"
        )
    return found


def label_files_of(job: MergeJob, storage: Storage) -> list[Stat]:
    """Return the files of labels, the latest last: by hour folder, then by when they were written."""
    window = job.label_window
    try:
        planned = plan(storage, job.labels, _LABELS, window, range_bytes=None)
    except NoData as error:
        reach = "" if window is None else f" from {window.start:%Y-%m-%dT%H:00Z} on"
        raise NoLabels(
            f"No labels yet: there is no file of labels in {job.labels}{reach}. Folders that were searched: "
            f"{str(error).partition('no object to read in ')[2] or job.labels}"
        ) from error
    wanted = {address for part in planned.parts for address in part.objects}
    stats = {stat.address: stat for stat in storage.list(job.labels) if stat.address in wanted}
    return sorted(
        stats.values(), key=lambda stat: (hour_of_folder(stat.address) or 0, stat.modified, stat.address)
    )


def hour_of_folder(address: str) -> int | None:
    """Return the hour folder that an object lies in, in hours since 1970; None if it lies in none."""
    found = HOUR.search(address)
    if found is None:
        return None
    year, month, day, hour = map(int, found.groups())
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() // HOUR_SECONDS)


def read_labels(storage: Storage, address: str, counts: Counts) -> Iterator[tuple[str, Label]]:
    """Yield the labels of a file, each with the id that it is for."""
    with closing(blocks(storage, Part((address,)), _LABELS, counts)) as found:
        for block in found:
            yield from labels(block, hour_of_folder(address), counts)


def read_captures(
    job: MergeJob, storage: Storage, part: Part, counts: Counts
) -> Iterator[tuple[Block, Iterator[Capture]]]:
    """Yield the blocks of a part, each with its captures."""
    with closing(blocks(storage, part, job.format, counts)) as found:
        for block in found:
            if is_capture(job.format):
                yield block, captures(block, counts, window=job.window, variants=job.variants)
            else:
                records = (batch_outputs(item, counts) for item in items(block, job.format, counts))
                yield block, (capture for one in records for capture in one)
