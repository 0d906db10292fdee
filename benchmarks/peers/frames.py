"""Captures as pandas frames, one per file, the way a hand-written job reads them."""

import io
import json
from collections.abc import Iterator

import pandas as pd

from benchmarks.reading import files


def frames(folder: str) -> Iterator[pd.DataFrame]:
    """Yield a frame per file: `json.loads` per line, one `read_csv` over the joined payloads, output first."""
    for path in files(folder):
        lines = []
        with path.open(encoding="utf-8") as file:
            for line in file:
                data = json.loads(line)["captureData"]
                lines.append(f"{data['endpointOutput']['data'].rstrip()},{data['endpointInput']['data']}")
        names = [f"_c{i}" for i in range(lines[0].count(",") + 1)]
        yield pd.read_csv(io.StringIO("\n".join(lines)), header=None, names=names)
