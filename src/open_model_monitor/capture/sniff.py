"""What is in here? The format of a source, from its names and the first object's first lines."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.encoding import refuse_utf16
from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.layout import plan
from open_model_monitor.capture.record import JSON, SECTIONS, Counts, Format, Part, Window
from open_model_monitor.errors import DataError
from open_model_monitor.storage import Storage

LOOK_BYTES = 256 << 10
LOOK_LINES = 50


def sniff_format(storage: Storage, source: str, window: Window | None = None) -> Format:
    """Return the format of a source's objects; what a manifest lists decides where there are manifests.

    Raises NoData if there is no object, DataError if the first one cannot be read or is no UTF-8.
    """
    address = plan(storage, source, Format("jsonlines"), window, range_bytes=None).parts[0].objects[0]
    name = address.lower().removesuffix(".gz")
    with storage.open(address) as stream:
        magic = stream.read(4)
    if magic == b"PAR1" or name.endswith((".parquet", ".pq")):
        return Format("parquet")
    lines = _first_lines(storage, address)
    if lines[0].lstrip().startswith(("{", "[")):
        return _json_format(lines, name)
    return Format("csv", header=_has_header(lines, name))


def _first_lines(storage: Storage, address: str) -> list[str]:
    counts = Counts()
    read = blocks(storage, Part((address,)), Format("jsonlines"), counts, block_bytes=LOOK_BYTES)
    for block in read:
        refuse_utf16(block)
        lines = [line for line in block.data.decode("utf-8", "replace").split("\n") if line.strip()]
        if lines:
            return lines[:LOOK_LINES]
    reasons = [*counts.warnings, *counts.malformed, "it holds no text"]
    raise DataError(f"Cannot tell the format of {address}: {reasons[0]}; name it (--format)")


def _json_format(lines: Sequence[str], name: str) -> Format:
    values = [value for value in map(_json, lines) if value is not None]
    captured = [v for v in values if isinstance(v, dict) and isinstance(v.get("captureData"), dict)]
    if captured:
        merged = any("groundTruthData" in value for value in captured)
        return Format("merged", sections=SECTIONS) if merged else Format("capture")
    every_line = len(lines) > 1 and len(values) == len(lines)
    by_name = name.endswith((".jsonl", ".jsonlines", ".ndjson"))
    return Format("jsonlines" if by_name or every_line else "json")


def _json(line: str) -> JSON:
    try:
        return parse_json(line)
    except ValueError:
        return None


def _has_header(lines: Sequence[str], name: str) -> bool:
    """Whether the first line holds names: words with numbers below, or distinct ones none of which is below.

    Words without a line below are names where the object calls itself CSV; elsewhere they may be an answer.
    """
    try:  # a CR within a line is what the reader would stumble over
        rows = list(csv.reader(line.rstrip("\r").replace("\r", " ") for line in lines))
    except csv.Error:
        return False
    names = [field.strip() for field in rows[0]]
    if any(not word or _is_value(word) for word in names):
        return False
    if len(rows) < 2:
        return name.endswith(".csv")
    below = [field.strip() for row in rows[1:] for field in row]
    return any(map(_is_value, below)) or (len(set(names)) == len(names) and not set(names) & set(below))


def _is_value(text: str) -> bool:
    """Whether a text is a number or a boolean; nan and infinity are words as well."""
    if text.lower() in ("true", "false"):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return text.lstrip("+-")[:1] in "0123456789."
