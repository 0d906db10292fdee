"""Is what was read good enough to be analysed?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from open_model_monitor.capture.record import Counts
from open_model_monitor.errors import Malformed, NoData, ScriptError, ScriptFailure
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.part_state import PartState


def judge_reading(seen: PartState, job: Job) -> None:
    """Refuse an input of which too much is malformed, or fails in the script, or which holds no record.

    Raises NoData, Malformed or ScriptError (`datasets.md` §13, `scripts.md` §5.3, §9).
    """
    counts = seen.counts
    _judge_malformed(counts, job)
    _judge_failing(seen, job)
    if not counts.records_in and not seen.profile.rows:
        beyond = (
            f"; {counts.records_out_of_window} records lie outside the window"
            if counts.records_out_of_window
            else ""
        )
        raise NoData(f"Job inputs had no data: no record in {job.source}{beyond}")


def judge_rows(seen: PartState, job: Job) -> None:
    """Refuse an input that gave no row: no payload is tabular, or a script returned nothing.

    Raises NoData, Malformed or ScriptError.
    """
    counts = seen.counts
    if seen.profile.rows:
        return
    if counts.not_tabular:
        kinds = ", ".join(sorted(counts.not_tabular))
        raise Malformed(
            f"No captured payload is tabular (content types: {kinds}); a preprocessing script is needed: "
            "`omm inspect --write-script preprocessor.py` writes one to start from"
        )
    silent = counts.returned_none + counts.returned_empty
    if (
        job.preprocessor
        and counts.records_dropped_by_script
        and silent * 2 >= counts.records_dropped_by_script
    ):
        raise ScriptError(
            ScriptFailure(
                role="preprocessor",
                phase="return value",
                script=Path(job.preprocessor).name,
                exception_type="NoRows",
                message=f"the preprocessor never returned a row (None {counts.returned_none} times); "
                "missing return statement?",
                remedy="return a dict per row; return [] to drop a record",
                records_processed=counts.records_in,
            )
        )
    if job.is_baseline or not job.preprocessor:
        raise NoData(f"No row is left of {counts.records_in} records in {job.source}: nothing to analyse")


def _judge_malformed(counts: Counts, job: Job) -> None:
    if (
        counts.objects_unreadable
        and counts.objects_unreadable == counts.objects_selected
        and not counts.records_in
    ):
        raise Malformed(
            f"None of {counts.objects_selected} objects could be read: {'; '.join(counts.warnings)[:500]}"
        )
    read = max(counts.lines_read, counts.lines_malformed)
    share = counts.lines_malformed / read if read else 0.0
    limit = job.options.max_malformed_fraction
    if share > limit or (share == 1.0 and counts.lines_malformed):
        samples = "\n  ".join(counts.malformed)
        raise Malformed(
            f"{counts.lines_malformed} of {read} lines or records cannot be read ({share:.0%}; at most {limit:.0%} "
            f"may be, see --max-malformed). The first ones:\n  {samples}"
        )


def _judge_failing(seen: PartState, job: Job) -> None:
    failed, limit = seen.counts.records_failed_in_script, job.options.max_record_error_fraction
    if failed and failed > limit * seen.counts.records_in and seen.failures:
        first = seen.failures[0]
        more = f"; {failed} of {seen.counts.records_in} records failed, more than the {limit:.0%} that may"
        raise ScriptError(replace(first, message=first.message + more))
