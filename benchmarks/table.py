"""Results as Markdown: the tables, what machine they were measured on, and the page that holds them."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measuring import Series

LIBRARIES = ("open-model-monitor", "numpy", "pyarrow", "msgspec", "pandas", "pyspark")
NOT_MEASURED = "not measured"


def speed(results: Mapping[str, Series], records: int, base: str) -> str:
    """Seconds, records per second, and the time as a multiple of the base's."""
    rows = [
        [
            name,
            f"{series.wall:.2f}",
            f"{series.cpu:.2f}",
            _rate(records, series),
            f"{series.ratio(results[base]):.2f}",
            f"{series.peak_mb:,.0f}",
        ]
        if series.runs
        else [name, f"{NOT_MEASURED}: {series.missing}"]
        for name, series in results.items()
    ]
    return grid(
        ["", "s", "cpu s", "records/s", f"time ÷ {base.split(':')[0].split(',')[0]}", "peak MB"], rows
    )


def beyond_start(pairs: Mapping[str, tuple[Series, Series]], records: int) -> str:
    """Each contender's whole time and its start-up; what is compared, with the first, is the rest."""
    work = {name: whole.beyond(start) for name, (whole, start) in pairs.items()}
    base = next(iter(work.values()))
    rows = [
        [
            name,
            f"{whole.wall:.2f}",
            f"{start.wall:.2f}",
            _rate(records, work[name]),
            f"{work[name].ratio(base):.1f}",
            f"{whole.peak_mb:,.0f}",
        ]
        if whole.runs
        else [name, f"{NOT_MEASURED}: {whole.missing}"]
        for name, (whole, start) in pairs.items()
    ]
    return grid(["", "s", "start-up s", "records/s after it", "time after it ÷ first row", "peak MB"], rows)


def starts(results: Mapping[str, Series], empty: str) -> str:
    """Milliseconds, and what they are beyond those of an empty process."""
    rows = [
        [
            name,
            f"{series.wall * 1000:.0f}",
            f"{series.beyond(results[empty]).wall * 1000:.0f}",
            f"{series.cpu * 1000:.0f}",
        ]
        for name, series in results.items()
    ]
    return grid(["", "ms", "beyond empty", "cpu ms"], rows)


def peaks(found: Mapping[str, Sequence[float]], records: Sequence[int]) -> str:
    """Peak memory by number of records, and the last as a multiple of the one before."""
    head = ["", *(f"MB at {number:,}" for number in records), "last ÷ one before"]
    rows = [[name, *(f"{peak:,.0f}" for peak in each), _growth(each)] for name, each in found.items()]
    return grid(head, rows)


def _growth(peaks: Sequence[float]) -> str:
    return f"{peaks[-1] / peaks[-2]:.2f}" if len(peaks) > 1 and peaks[-2] else ""


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right; short rows are filled."""
    lines = [list(head), *([*row, *[""] * (len(head) - len(row))] for row in rows)]
    plain = [line for line in lines if not line[1].startswith(NOT_MEASURED)]  # a reason may stick out
    first, *others = [max(len(line[i]) for line in plain) for i in range(len(head))]
    first = max(first, *(len(line[0]) for line in lines))
    lines.insert(1, ["-" * first, *("-" * (width - 1) + ":" for width in others)])
    return "\n".join(
        f"| {line[0].ljust(first)} | {' | '.join(map(str.rjust, line[1:], others))} |" for line in lines
    )


def _rate(records: int, series: Series) -> str:
    return f"{records / series.wall:,.0f}" if series.wall > 0 else ""


def machine() -> str:
    """One line: when, on what machine, with which versions."""
    found = ", ".join(f"{name} {installed}" for name in LIBRARIES if (installed := _version(name)))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {_processor()}, {cores} cores, {memory:.0f} GB, {platform.system()}; "
        f"Python {platform.python_version()}, {found}"
    )


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def put(page: Path, group: str, text: str) -> None:
    """Replace what a page has between the markers of a group.

    Raises SystemExit if the page has no such markers.
    """
    start, end = f"<!-- {group} -->", f"<!-- end of {group} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(start)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"{page} has no lines {start} and {end}, between which the results of {group} go")
    page.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}", encoding="utf-8")
