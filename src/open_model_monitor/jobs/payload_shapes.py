"""What one captured payload looks like, in a few words: the same words for payloads of one kind."""

from __future__ import annotations

import base64
import re
from typing import Any

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import EventData
from open_model_monitor.rows.flatten import PayloadError
from open_model_monitor.rows.payloads import read_lines

MAX_KEYS, MAX_DEPTH = 6, 4

_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"PK\x03\x04", "a zip archive, such as .npz"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "gzip"),
    (b"\x0a\x23\xd7\xce", "RecordIO protobuf"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"RIFF", "a WAV or WebP file"),
)


def section_shape(section: EventData) -> str:
    """Return the shape of a section's payload."""
    data, encoding = section.data, str(section.encoding or "").upper()
    if data is None:
        return "no data"
    if not isinstance(data, str):
        return f"already parsed: {json_shape(data)}"
    if encoding == "BASE64":
        return _base64_shape(data)
    return text_shape(data, "csv" if encoding == "CSV" else str(section.observedContentType or "").lower())


def text_shape(text: str, content_type: str = "") -> str:
    """Return the shape of a text, CSV or JSON or neither."""
    if not text.strip():
        return "empty"
    if "csv" not in content_type and text.lstrip()[:1] in ("{", "["):
        try:
            return json_shape(parse_json(text))
        except ValueError:
            lines = [line for line in text.splitlines() if line.strip()]
            if len(lines) > 1 and (shape := _json(lines[0])):
                return f"JSON Lines of {shape}"
    if "json" in content_type and (shape := _json(text)):
        return shape
    try:
        lines_of_fields = read_lines(text)
    except PayloadError:
        return "text with unbalanced quotes"
    widths = sorted({len(fields) for fields in lines_of_fields})
    fields = (
        f"{widths[0]} field{'s' * (widths[0] != 1)}"
        if len(widths) == 1
        else f"{widths[0]} to {widths[-1]} fields"
    )
    return f"1 line of {fields}" if len(lines_of_fields) == 1 else f"several lines of {fields}"


def _json(text: str) -> str | None:
    try:
        return json_shape(parse_json(text))
    except ValueError:
        return None


def json_shape(value: Any, depth: int = 0) -> str:
    """Return the shape of a JSON value; how many rows a list holds is left out."""
    if isinstance(value, dict):
        if depth >= MAX_DEPTH:
            return "{…}"
        inner = [f"{key}: {json_shape(item, depth + 1)}" for key, item in list(value.items())[:MAX_KEYS]]
        more = ["…"] if len(value) > MAX_KEYS else []
        return "{" + ", ".join([*inner, *more]) + "}"
    if isinstance(value, list):
        return _list_shape(value, depth)
    return _scalar(value)


def _list_shape(value: list[Any], depth: int) -> str:
    if not value:
        return "[]"
    if depth >= MAX_DEPTH:
        return "[…]"
    kinds = {_scalar(item) for item in value}
    if kinds & {"object", "list"}:
        return f"[{json_shape(value[0], depth + 1)}]"
    kinds -= {"null"}
    kind = kinds.pop() if len(kinds) == 1 else "value"
    return f"[{len(value)} {kind}{'s' * (len(value) != 1)}]"


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "number", float: "number", str: "text", dict: "object", list: "list"}
    return kinds.get(type(value), type(value).__name__)


def _base64_shape(data: str) -> str:
    try:
        decoded = base64.b64decode(re.sub(r"\s", "", data), validate=True)
    except ValueError:
        return "said to be BASE64, but is not"
    for magic, what in _MAGIC:
        if decoded.startswith(magic):
            return f"{what} in BASE64"
    try:
        return f"{text_shape(decoded.decode('utf-8-sig'))}, in BASE64"
    except UnicodeDecodeError:
        return "binary in BASE64"
