"""How floors, yardstick and peers read captures: files in order, blocks of whole lines. Standard library only."""

import json
from collections.abc import Iterator
from pathlib import Path


def files(folder: str) -> list[Path]:
    """Return the capture files below a folder, in order."""
    return sorted(Path(folder).rglob("*.jsonl"))


def blocks(folder: str, size: int) -> Iterator[bytes]:
    """Yield blocks of whole lines, of about so many bytes; the last of a file is smaller."""
    for path in files(folder):
        with path.open("rb") as file:
            while block := file.read(size):
                yield block + file.readline()


def say(rows: int, **more: object) -> None:
    """Print what a measured process answers; `rows` is compared with the captures that were written."""
    print(json.dumps({"rows": rows, **more}))
