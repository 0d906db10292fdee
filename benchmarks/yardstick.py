"""The yardstick of the fast lane: the straightforward pipeline of ready libraries, one process, one thread.

Typed msgspec structs take the payload texts out of the envelope, one bulk parse per block turns them into columns,
and each column gives its moments to NumPy and its values to the same sketch that we keep.

`python -m benchmarks.yardstick FOLDER [BLOCK BYTES]`
"""

import math
import sys
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from benchmarks.reading import blocks, say
from open_model_monitor.profiling.kll import KLL

BLOCK = 8 << 20


# The names are those of the format.
class Section(msgspec.Struct):
    data: str


class Sections(msgspec.Struct):
    endpointInput: Section
    endpointOutput: Section


class Capture(msgspec.Struct):
    captureData: Sections


@dataclass
class Column:
    """What is known of a column: moments and the sketch."""

    count: int = 0
    sum: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0  # of the distances from the mean
    sketch: KLL = field(default_factory=KLL)

    def update(self, values: NDArray[np.float64]) -> None:
        count, mean = len(values), float(values.mean())
        both, distance = self.count + count, mean - self.mean
        self.squares += float(values.std()) ** 2 * count + distance**2 * self.count * count / both
        self.mean += distance * count / both
        self.sum += float(values.sum())
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.count = both
        self.sketch.insert(values)


def table_of(captures: list[Capture]) -> pa.Table:
    """Parse the payloads of captures, output first."""
    lines = [
        f"{(both := c.captureData).endpointOutput.data.rstrip()},{both.endpointInput.data}" for c in captures
    ]
    names = [f"_c{i}" for i in range(lines[0].count(",") + 1)]
    return csv.read_csv(
        pa.py_buffer("\n".join(lines).encode()), csv.ReadOptions(use_threads=False, column_names=names)
    )


def main(folder: str, block_bytes: int) -> None:
    decode = msgspec.json.Decoder(Capture).decode_lines
    columns: dict[str, Column] = {}
    for block in blocks(folder, block_bytes):
        table = table_of(decode(block))
        for name, values in zip(table.column_names, table.columns, strict=True):
            column = columns.setdefault(name, Column())
            column.update(values.to_numpy().astype(np.float64, copy=False))
    first = columns["_c0"]
    said = {"mean": first.mean, "deviation": math.sqrt(first.squares / first.count)}
    say(first.count, **said, sketched=sum(column.sketch.weight for column in columns.values()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else BLOCK)
