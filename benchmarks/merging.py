"""Captures merged with as many shuffled labels, and reading both sides only.

`python -m benchmarks.merging merge|read FOLDER LABELS [--engine inline|processes|spark]`
"""

import argparse
import json
import random
import re
import shutil
import tempfile
from pathlib import Path

from benchmarks.reading import blocks, files, say

FILES = 24
BUCKET_BYTES = 48 << 20
SEED = 20260131
_EVENT = re.compile(rb'"eventId":"([^"]+)"')


def labels(cache: Path, folder: str, records: int) -> str:
    """Return the folder of labels of captures, written once: one for each, in an order of its own."""
    target = cache / f"labels-{records}"
    if target.exists():
        return str(target)
    names = [name for path in files(folder) for name in _EVENT.findall(path.read_bytes())]
    random.Random(SEED).shuffle(names)
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for number in range(FILES):
        place = partial / f"2026/01/02/{number:02}"
        place.mkdir(parents=True)
        lines = [_label(name.decode(), n % 2) for n, name in enumerate(names[number::FILES])]
        (place / "labels.jsonl").write_text("".join(lines))
    partial.rename(target)
    return str(target)


def _label(name: str, truth: int) -> str:
    data = {"data": str(truth), "encoding": "CSV"}
    line = {"groundTruthData": data, "eventMetadata": {"eventId": name}, "eventVersion": "0"}
    return json.dumps(line, separators=(",", ":")) + "\n"


def read(folder: str, labels: str) -> None:
    """Reading only: blocks of a megabyte of both sides, in which lines are counted."""
    say(sum(block.count(b"\n") for side in (labels, folder) for block in blocks(side, 1 << 20)) // 2)


def merge(folder: str, labels: str, engine: str) -> None:
    """Our merge, written to a temporary folder."""
    from open_model_monitor.engines.local import Inline, Processes
    from open_model_monitor.engines.spark import Spark
    from open_model_monitor.jobs.merge import merge as run
    from open_model_monitor.jobs.merge_job import MergeJob
    from open_model_monitor.storage import Storage

    engines = {"inline": Inline, "processes": lambda: Processes(2), "spark": lambda: Spark("local[2]")}
    with tempfile.TemporaryDirectory(dir=Path(labels).parent) as out:
        job = MergeJob(folder, labels, f"{out}/merge", f"{out}/scratch")
        # Engines are of use where labels do not fit into memory at once.
        size = {} if engine == "inline" else {"bucket_bytes": BUCKET_BYTES}
        say(run(job, Storage(), engine=engines[engine](), **size).coverage.joined)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merging")
    parser.add_argument("what", choices=["merge", "read"])
    parser.add_argument("folder")
    parser.add_argument("labels")
    parser.add_argument("--engine", default="inline")
    arguments = parser.parse_args()
    if arguments.what == "read":
        read(arguments.folder, arguments.labels)
    else:
        merge(arguments.folder, arguments.labels, arguments.engine)


if __name__ == "__main__":  # worker processes import this module
    main()
