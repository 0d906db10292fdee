"""Deterministic captures in hour folders, or as one file; every line has values of its own.

A line is put together from segments of some columns each, drawn from pools that were spelled once: millions of
lines take seconds, and no two are alike.
"""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

Chance = np.random.Generator
Pool = Callable[[Chance, int], list[str]]  # spells so many texts of one segment

VERSION = 3  # of what is written; sets of another version are not read
SEED = 20260131
POOL = 50_000
LINES_PER_FILE = 12_500
FILES_PER_HOUR = 4
START = datetime(2026, 1, 1)  # noqa: DTZ001  (only its folder name is used)
SPARE = 1.1  # of the disk: how much more must be free than will be written

LINE = (
    '{"captureData":{"endpointInput":{"observedContentType":"TYPE","mode":"INPUT","data":"%s","encoding":"CODE"},'
    '"endpointOutput":{"observedContentType":"TYPE","mode":"OUTPUT","data":"%s","encoding":"CODE"}},"eventMetadata":'
    '{"eventId":"%08x-0000-4000-8000-%012x","inferenceTime":"%sZ"},"eventVersion":"0"}\n'
)

# How a numeric column is drawn, and how its values are spelled; columns take turns.
Kinds = tuple[tuple[Callable[[Chance, int], Any], str], ...]
ROUNDED: Kinds = (
    (lambda chance, n: chance.normal(100, 25, n), "%.4f"),
    (lambda chance, n: chance.integers(0, 500, n), "%d"),
    (lambda chance, n: chance.random(n), "%.3f"),
    (lambda chance, n: chance.lognormal(3, 1, n), "%.4f"),
    (lambda chance, n: chance.uniform(-1, 1, n), "%.6f"),
    (lambda chance, n: chance.gamma(2, 50, n), "%.3f"),
    (lambda chance, n: chance.integers(0, 1_000_000, n), "%d"),
)
# The same, and flags, small integers and doubles of full precision, some of them with exponents.
NUMBERS: Kinds = (
    *ROUNDED,
    (lambda chance, n: chance.integers(0, 2, n), "%d"),
    (lambda chance, n: chance.normal(0, 1, n), "%r"),
    (lambda chance, n: chance.integers(0, 12, n), "%d"),
)
WORDS = np.array(["basic", "plus", "Zürich", "São Paulo", 'the "large" one', "n/a", "", "gold"])


@dataclass(frozen=True)
class Shape:
    """How the payloads of a capture look."""

    says: str
    encoding: str
    content_type: str
    inputs: tuple[Pool, ...]  # joined by commas
    output: Pool
    wrap: Callable[[str], str] = str  # what is done to a payload before it stands in the line


def numbers(first: int, end: int, among: Kinds = NUMBERS) -> Pool:
    """CSV fields of the columns from `first` to before `end`."""
    kinds = [among[column % len(among)] for column in range(first, end)]
    form = ",".join(spelled for _, spelled in kinds)

    def pool(chance: Chance, size: int) -> list[str]:
        return [form % row for row in zip(*(draw(chance, size).tolist() for draw, _ in kinds), strict=True)]

    return pool


def members(first: int, end: int) -> Pool:
    """JSON members: some numbers, a text, a flag, one that may be null and one that may be absent."""
    spelled = numbers(first, end)

    def pool(chance: Chance, size: int) -> list[str]:
        words, flags = chance.choice(WORDS, size).tolist(), chance.integers(0, 2, size).tolist()
        texts = []
        for fields, word, flag, gap in zip(
            spelled(chance, size), words, flags, chance.random(size), strict=True
        ):
            pairs = [f'"number_{first + i}":{field}' for i, field in enumerate(fields.split(","))]
            pairs += [f'"text_{first}":{json.dumps(word, ensure_ascii=False)}']
            pairs += [f'"flag_{first}":{"true" if flag else "false"}']
            pairs += [f'"maybe_{first}":{"null" if gap < 0.1 else f"{gap:.5f}"}']
            pairs += [f'"seldom_{first}":{flag}'] if gap > 0.9 else []
            texts.append(",".join(pairs))
        return texts

    return pool


def _score(chance: Chance, size: int) -> list[str]:
    return [f"{score:.6f}" for score in chance.random(size).tolist()]


def _score_line(chance: Chance, size: int) -> list[str]:
    return [f"{score}\\n" for score in _score(chance, size)]


def _json_score(chance: Chance, size: int) -> list[str]:
    return [f'"score":{score}' for score in _score(chance, size)]


def _as_json(members: str) -> str:
    return "{" + members.replace("\\", "\\\\").replace('"', '\\"') + "}"


def _as_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_EIGHTEEN = (numbers(0, 9), numbers(9, 17))
SHAPES = {
    "csv70": Shape(
        "70 columns of CSV",
        "CSV",
        "text/csv",
        tuple(numbers(i, min(i + 10, 69), ROUNDED) for i in range(0, 69, 10)),
        _score_line,
    ),
    "mixed70": Shape(
        "70 columns of CSV, flags and full precision among them",
        "CSV",
        "text/csv",
        tuple(numbers(i, min(i + 10, 69)) for i in range(0, 69, 10)),
        _score_line,
    ),
    "csv18": Shape("18 columns of CSV", "CSV", "text/csv", _EIGHTEEN, _score),
    "json": Shape(
        "flat JSON, 25 keys",
        "JSON",
        "application/json",
        tuple(members(i, i + 4) for i in (0, 4, 8)),
        _json_score,
        _as_json,
    ),
    "base64": Shape("18 columns of CSV in BASE64", "BASE64", "text/csv", _EIGHTEEN, _score, _as_base64),
}


def captures(cache: Path, shape: str, records: int, *, one_file: bool = False) -> Path:
    """Return the folder of so many captures of a shape, written below `cache` if they are not there yet.

    Raises SystemExit if the disk is too full for them.
    """
    place = cache / f"captures-{VERSION}" / f"{shape}-{records}"
    hours, one = place / "hours", place / "one-file"
    if not hours.exists():
        _write(SHAPES[shape], records, hours)
    if one_file and not one.exists():
        _join(hours, one)
    return one if one_file else hours


def _write(shape: Shape, records: int, folder: Path) -> None:
    partial = _fresh(folder)
    for number, block in enumerate(_blocks(shape, records)):
        if number == 0:
            _check_room(folder.parent, len(block.encode()) * max(1, records // LINES_PER_FILE))
        hour = START + timedelta(hours=number // FILES_PER_HOUR)
        minute = number % FILES_PER_HOUR * (60 // FILES_PER_HOUR)
        path = partial / "bench" / "AllTraffic" / f"{hour:%Y/%m/%d/%H}" / f"{minute:02d}-00-000-bench.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block, encoding="utf-8")
    partial.rename(folder)


def _blocks(shape: Shape, records: int) -> Iterator[str]:
    """Yield the text of one file after the other."""
    chance = np.random.default_rng(SEED)
    size = min(POOL, records)
    pools = [pool(chance, size) for pool in (*shape.inputs, shape.output)]
    line = LINE.replace("TYPE", shape.content_type).replace("CODE", shape.encoding)
    for number, first in enumerate(range(0, records, LINES_PER_FILE)):
        count = min(LINES_PER_FILE, records - first)
        picks = chance.integers(size, size=(len(pools), count)).tolist()
        *inputs, outputs = (map(pool.__getitem__, pick) for pool, pick in zip(pools, picks, strict=True))
        yield "".join(
            map(
                line.__mod__,
                zip(
                    (shape.wrap(",".join(parts)) for parts in zip(*inputs, strict=True)),
                    map(shape.wrap, outputs),
                    range(first, first + count),
                    chance.integers(1 << 48, size=count).tolist(),
                    _times(number, count),
                    strict=True,
                ),
            )
        )


def _times(number: int, count: int) -> Iterator[str]:
    """Yield the times of a file's lines, spread over its share of the hour."""
    span = timedelta(hours=1) / FILES_PER_HOUR
    start = START + number * span
    return ((start + span * i / count).isoformat(timespec="seconds") for i in range(count))


def _join(hours: Path, folder: Path) -> None:
    files = sorted(hours.rglob("*.jsonl"))
    _check_room(folder.parent, sum(path.stat().st_size for path in files))
    partial = _fresh(folder)
    with (partial / "captures.jsonl").open("wb") as whole:
        for path in files:
            with path.open("rb") as file:
                shutil.copyfileobj(file, whole, 1 << 20)
    partial.rename(folder)


def _fresh(folder: Path) -> Path:
    """Return an empty folder that becomes `folder` when all is written: nobody reads half a set."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed * SPARE:
        raise SystemExit(
            f"The captures need {needed * SPARE / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; name a folder on "
            "another disk with --cache, or fewer --records"
        )
