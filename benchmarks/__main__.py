"""Run the benchmarks and print a table: `python -m benchmarks [--records N] [--folder DIR] [--runs N]`."""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.captures import write

ROOT = Path(__file__).parent


@dataclass(frozen=True)
class Measured:
    """One run of a command: seconds on the clock, processor seconds and peak memory of its whole process tree."""

    wall: float
    cpu: float
    peak_mb: float


def measure(*command: str) -> Measured:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT.parent)
    watch = _Watch(process.pid)
    watch.start()
    code = process.wait()
    wall = time.perf_counter() - start
    watch.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, cpu, watch.peak / 1024)


class _Watch(threading.Thread):
    """Sums the resident memory of a process and all its descendants, 20 times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0

    def run(self) -> None:
        while os.path.exists(f"/proc/{self.pid}") and (used := self._tree(self.pid)) is not None:
            self.peak = max(self.peak, used)
            time.sleep(0.05)

    def _tree(self, pid: int) -> int | None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            if "State:\tZ" in status:
                return None
            used = next((int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS")), 0)
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except (OSError, ProcessLookupError):
            return None
        return used + sum(self._tree(int(child)) or 0 for child in children)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "omm-benchmarks")
    arguments = parser.parse_args()
    captures = write(arguments.folder / str(arguments.records), arguments.records)
    commands = {
        "floor: parse, record, handler": ("-m", "benchmarks.floor", str(captures)),
        "run with the handler": ("-m", "benchmarks.lane", str(captures), str(ROOT / "handler.py")),
        "run without a script": ("-m", "benchmarks.lane", str(captures), "-"),
    }
    rounds: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(arguments.runs):
        for name, command in commands.items():
            rounds[name].append(measure(sys.executable, *command))
    _print(rounds, arguments.records)


def _print(rounds: dict[str, list[Measured]], records: int) -> None:
    print(
        f"{records:,} captures of 70 columns; Python {platform.python_version()}, {os.cpu_count()} cores; medians"
    )
    print(f"{'':32}{'s':>8}{'cpu s':>8}{'records/cpu s':>15}{'× floor cpu':>13}{'peak MB':>9}")
    floor = statistics.median(m.cpu for m in next(iter(rounds.values())))
    for name, measured in rounds.items():
        wall, cpu, peak = (
            statistics.median(getattr(m, f) for m in measured) for f in ("wall", "cpu", "peak_mb")
        )
        print(f"{name:32}{wall:8.2f}{cpu:8.2f}{records / cpu:15,.0f}{cpu / floor:13.2f}{peak:9.0f}")


if __name__ == "__main__":
    main()
