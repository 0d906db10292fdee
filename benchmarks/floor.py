"""The floor: a bare loop that parses each line, builds the record and calls the handler, and keeps nothing."""

import sys
from pathlib import Path

import msgspec

from benchmarks.handler import preprocess_handler
from open_model_monitor.capture.record import CapturedData


def main(folder: str) -> None:
    decode = msgspec.json.Decoder().decode
    records = 0
    for path in sorted(Path(folder).rglob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                preprocess_handler(CapturedData(decode(line)))
                records += 1
    print(records)


if __name__ == "__main__":
    main(sys.argv[1])
