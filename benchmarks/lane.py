"""Our lane: a check without a baseline over captures.

`python -m benchmarks.lane FOLDER [--processes N] [--script]`
"""

import argparse
from pathlib import Path

import open_model_monitor as omm
from benchmarks.reading import say

HANDLER = Path(__file__).with_name("handler.py")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lane")
    parser.add_argument("folder")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--script", action="store_true")
    arguments = parser.parse_args()
    option = "script_workers" if arguments.script else "workers"
    report = omm.check(
        arguments.folder,
        format="capture",
        preprocess=HANDLER if arguments.script else None,
        options={option: arguments.processes},
    )
    say(report.rows)


if __name__ == "__main__":  # worker processes import this module
    main()
