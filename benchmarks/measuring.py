"""Commands side by side: each a fresh process, round robin, so that what disturbs one disturbs all.

Processor seconds and peak memory are those of the whole process tree. Memory is read 20 times a second: what each
process has for itself, and once what they share, as much as the one that shares most. For one process that is its
resident size. (The proportional size, PSS, would shrink with whoever else uses the same libraries.)
"""

import ctypes
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PR_SET_CHILD_SUBREAPER = 36
SECONDS_FOR_ORPHANS = 15
PAGE_KB = resource.getpagesize() // 1024


@dataclass(frozen=True)
class Contender:
    """A command to measure; without one, `missing` says why it cannot run here."""

    command: tuple[str, ...] = ()
    missing: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """One run: seconds on the clock, processor seconds, peak memory, and what the process said in its last line."""

    wall: float
    cpu: float
    peak_mb: float
    said: dict[str, Any]


@dataclass(frozen=True)
class Series:
    """All rounds of one contender; none if it is missing."""

    runs: tuple[Measured, ...] = ()
    missing: str = ""

    @property
    def wall(self) -> float:
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for run in self.runs)

    def ratio(self, base: "Series") -> float:
        """The median, over the rounds, of this time by that of the base."""
        return statistics.median(a.wall / b.wall for a, b in zip(self.runs, base.runs, strict=True))

    def beyond(self, start: "Series") -> "Series":
        """What remains of each round without the time of another contender, such as one with almost no input."""
        if self.missing:
            return self
        pairs = zip(self.runs, start.runs, strict=True)
        return Series(tuple(Measured(a.wall - b.wall, a.cpu - b.cpu, a.peak_mb, a.said) for a, b in pairs))


def race(
    contenders: Mapping[str, Contender],
    rounds: int,
    *,
    rows: Mapping[str, int] | int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Series]:
    """Run each contender once per round; `rows` is how many each has to have seen.

    Raises SystemExit if a command fails or saw something else.
    """
    runs: dict[str, list[Measured]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            if contender.missing:
                continue
            tell(f"round {number + 1} of {rounds}: {name}")
            measured = measure(contender)
            wanted = rows if isinstance(rows, int) or rows is None else rows[name]
            if wanted is not None and measured.said.get("rows") != wanted:
                raise SystemExit(f"{name} saw {measured.said.get('rows')} rows; {wanted} were written")
            runs[name].append(measured)
    return {name: Series(tuple(runs[name]), contender.missing) for name, contender in contenders.items()}


def measure(contender: Contender) -> Measured:
    """Run a command to its end.

    Raises SystemExit if it fails.
    """
    _adopt_orphans()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before = _processor_seconds()
        start = time.perf_counter()
        process = subprocess.Popen(
            contender.command,
            stdout=out,
            stderr=err,
            cwd=ROOT,
            env={**_environment(), **contender.environment},
        )
        watch = _Watch(process.pid)
        watch.start()
        code = process.wait()
        wall = time.perf_counter() - start
        watch.join()
        _wait_for_orphans()
        if code:
            err.seek(0)
            raise SystemExit(
                f"{' '.join(contender.command)} ended with {code}:\n{err.read().decode(errors='replace')[-4000:]}"
            )
        out.seek(0)
        return Measured(wall, _processor_seconds() - before, watch.peak_kb / 1024, _last_line(out.read()))


def _last_line(output: bytes) -> dict[str, Any]:
    lines = output.splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith(b"{") else {}


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment() -> dict[str, str]:
    """Return ours, without what keeps Python from storing what it compiled: users' starts find it stored."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _adopt_orphans() -> None:
    """Become the parent of what a command leaves behind, such as a Java machine, so that its time is counted."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait_for_orphans() -> None:
    deadline = time.monotonic() + SECONDS_FOR_ORPHANS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)
        except ChildProcessError:
            return


class _Watch(threading.Thread):
    """Keeps the highest memory of a process and all its descendants; 0 where there is no /proc."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process = Path(f"/proc/{pid}")
        self.peak_kb = 0

    def run(self) -> None:
        while used := list(_memory_of_tree(self.process)):
            self.peak_kb = max(self.peak_kb, sum(own for own, _ in used) + max(shared for _, shared in used))
            time.sleep(0.05)


def _memory_of_tree(process: Path) -> Iterator[tuple[int, int]]:
    """Yield the private and the shared kilobytes of a process and its descendants, those that have any."""
    try:
        own, shared = _memory(process)
        children = [
            pid for task in (process / "task").iterdir() for pid in (task / "children").read_text().split()
        ]
    except OSError:  # it ended
        return
    if own:
        yield own, shared
    for pid in children:
        yield from _memory_of_tree(process.with_name(pid))


def _memory(process: Path) -> tuple[int, int]:
    try:
        told = (process / "smaps_rollup").read_text()
    except PermissionError:  # of a process that set itself apart; what it shares is not told
        return int((process / "statm").read_text().split()[1]) * PAGE_KB, 0
    sizes = re.findall(r"^(Private|Shared)_(?:Clean|Dirty): +(\d+)", told, re.MULTILINE)
    return (
        sum(int(size) for kind, size in sizes if kind == "Private"),
        sum(int(size) for kind, size in sizes if kind == "Shared"),
    )
