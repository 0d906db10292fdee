"""A deterministic generator of captures: 70 columns, CSV on both sides, one output and 69 inputs."""

import random
from pathlib import Path

COLUMNS = 69
VARIETY = 2000  # distinct lines, repeated: writing them must not take longer than reading them


def write(folder: Path, records: int, *, lines_per_file: int = 50_000) -> Path:
    """Write `records` capture lines below `folder` in hour folders; returns the folder. Written once."""
    done = folder / ".complete"
    if done.exists():
        return folder
    chance = random.Random(20260131)
    lines = [_line(chance, number) for number in range(VARIETY)]
    for first in range(0, records, lines_per_file):
        hour = first // lines_per_file
        place = folder / "bench" / "AllTraffic" / "2026" / "01" / f"{1 + hour // 24:02d}" / f"{hour % 24:02d}"
        place.mkdir(parents=True, exist_ok=True)
        with (place / "00-00-000-bench.jsonl").open("w") as file:
            for number in range(first, min(first + lines_per_file, records)):
                file.write(lines[number % VARIETY])
    done.touch()
    return folder


def _line(chance: random.Random, number: int) -> str:
    fields = [
        f"{chance.gauss(100, 25):.4f}"
        if i % 3 == 0
        else str(chance.randint(0, 500))
        if i % 3 == 1
        else f"{chance.random():.3f}"
        for i in range(COLUMNS)
    ]
    event = f"{number:08x}-0000-4000-8000-{chance.getrandbits(48):012x}"
    return (
        '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"'
        + ",".join(fields)
        + '","encoding":"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT",'
        f'"data":"{chance.random():.6f}\\n","encoding":"CSV"}}}},"eventMetadata":{{"eventId":"{event}",'
        '"inferenceTime":"2026-01-01T00:00:00Z"},"eventVersion":"0"}\n'
    )
