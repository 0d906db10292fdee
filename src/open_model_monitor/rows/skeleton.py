"""Captures of one endpoint differ in a few texts only: the rest of a line, its skeleton, is learnt once.

After that a comparison finds the texts, and no line is parsed as JSON. This is as exact as parsing: in a line that
was understood, some texts are replaced by others that need no escapes, so the new line means the same but for these.
The loop is in `_loops.c`; without it no skeleton is learnt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from open_model_monitor.capture.jsontext import parse_json

try:
    from open_model_monitor._loops import scan
except ImportError:  # built without a compiler
    AVAILABLE = False
else:
    AVAILABLE = True

TIME = "inferenceTime"
SIDES = ("endpointInput", "endpointOutput")
MAX_TEXTS = 16  # as in _loops.c

_PAYLOAD, _WANTED, _SKIPPED = "p", "t", "s"
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?')  # a key, if a colon follows


@dataclass(frozen=True, slots=True)
class Texts:
    """What was taken out of captures, all of which count: lines of texts, the last without its end."""

    records: int
    payloads: Mapping[str, bytearray]  # of each side that was asked for
    times: bytearray | None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What surrounds the texts of a line, of which kind they are, and the names of those that are wanted."""

    pieces: tuple[bytes, ...]
    kinds: bytes
    names: tuple[str, ...]

    def read(self, data: bytes) -> Texts | None:
        """Return the texts of whole lines; None if a line has another skeleton or texts that are not plain.

        Plain are ASCII texts without escapes. Payloads are CSV lines without quotes, filled, and may end in one
        escaped line end.
        """
        found = scan(data, self.pieces, self.kinds)
        if found is None:
            return None
        lines, texts = found
        named = dict(zip(self.names, texts, strict=True))
        return Texts(lines, named, named.pop(TIME, None))


def skeleton_of(line: bytes, sides: tuple[str, ...]) -> Skeleton | None:
    """Return the skeleton of a capture, which is valid and has CSV text on these sides; None if it has none.

    Payloads may differ, and all texts among the metadata.
    """
    if not AVAILABLE:
        return None
    line = line.removesuffix(b"\n")
    values = [match.span(1) for match in _STRING.finditer(line) if match[2] is None]
    places = _places(parse_json(_numbered(line, values)), sides)
    if not 0 < len(places) <= MAX_TEXTS:
        return None
    kinds, names, pieces, end = "", [], [], 0
    for place in sorted(places):
        start, stop = values[place]
        pieces.append(line[end:start])
        end = stop
        name = places[place]
        kinds += _PAYLOAD if name in sides else _WANTED if name == TIME else _SKIPPED
        if name in sides or name == TIME:
            names.append(name)
    return Skeleton((*pieces, line[end:]), kinds.encode(), tuple(names))


def _numbered(line: bytes, values: list[tuple[int, int]]) -> bytes:
    """Return the line with its texts replaced by their numbers."""
    pieces, end = [], 0
    for number, (start, stop) in enumerate(values):
        pieces += [line[end:start], b"%d" % number]
        end = stop
    return b"".join((*pieces, line[end:]))


def _places(numbered: Any, sides: tuple[str, ...]) -> dict[int, str]:
    """Return which texts may differ, by number, and their names."""
    metadata = numbered.get("eventMetadata") or {}
    texts = {int(text): name for name, text in metadata.items() if isinstance(text, str)}
    for side in SIDES:
        text = (numbered["captureData"].get(side) or {}).get("data")
        if isinstance(text, str):
            texts[int(text)] = side
    return texts
