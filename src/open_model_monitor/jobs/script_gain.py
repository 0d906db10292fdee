"""What running a script in several processes would gain, as a sentence for the user."""

from __future__ import annotations

WORTH_SECONDS = 10.0  # of a run; who waits for less does not want to be told
WORTH_TIMES = 1.25  # faster
MOST_WORKERS = 16  # that are suggested


def parallel_gain(
    *, elapsed: float, seconds: float, script_seconds: float, parts: int, workers: int, cores: int
) -> str | None:
    """Return what more `script_workers` would gain; None if that is not worth saying.

    `elapsed` is the time of the run, `seconds` how long the script's process worked and `script_seconds` the
    script's own share of it (as in `PartState`); `cores` are those that the run may use.
    """
    useful = min(parts, cores, MOST_WORKERS)
    if workers > 1 or useful < 2 or elapsed < WORTH_SECONDS:
        return None
    shared = min(seconds, elapsed)  # the rest is not divided among processes
    times = elapsed / (elapsed - shared + shared / useful)
    if times < WORTH_TIMES:
        return None
    share = min(1.0, script_seconds / elapsed)
    return (
        f"the script itself took {share:.0%} of the time; with script_workers={useful} the run would be about "
        f"{times:.1f} times faster, if the handler keeps no state from one record to another"
    )
