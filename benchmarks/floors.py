"""Floors: what cannot be undercut by whoever reads the bytes, parses them as JSON, or calls a handler per record.

`python -m benchmarks.floors read|parse|script FOLDER`
"""

import sys

import msgspec

from benchmarks.handler import preprocess_handler
from benchmarks.reading import blocks, files, say


def read(folder: str) -> None:
    """Reading only: blocks of a megabyte, in which lines are counted."""
    say(sum(block.count(b"\n") for block in blocks(folder, 1 << 20)))


def parse(folder: str) -> None:
    """Parsing only: each line into plain Python values, which are thrown away."""
    decode = msgspec.json.Decoder().decode
    rows = 0
    for path in files(folder):
        with path.open("rb") as file:
            for line in file:
                decode(line)
                rows += 1
    say(rows)


def script(folder: str) -> None:
    """The bare loop of a script: parse each line, build the record, call the handler, keep nothing."""
    from open_model_monitor.capture.record import CapturedData

    decode = msgspec.json.Decoder().decode
    rows = 0
    for path in files(folder):
        with path.open("rb") as file:
            for line in file:
                preprocess_handler(CapturedData(decode(line)))
                rows += 1
    say(rows)


if __name__ == "__main__":
    {"read": read, "parse": parse, "script": script}[sys.argv[1]](sys.argv[2])
