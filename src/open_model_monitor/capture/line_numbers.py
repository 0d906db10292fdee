"""The lines of a range are counted from its beginning; for the few that a user is shown, those before it too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from open_model_monitor.capture.ranges import line_ends
from open_model_monitor.capture.record import Rejected
from open_model_monitor.errors import ScriptFailure, StorageError
from open_model_monitor.storage import Storage, is_remote

CHUNK = 1 << 20
MAX_REMOTE = 1 << 30  # bytes of an object that are fetched again only to count its lines

Place = tuple[str, int]  # an object, and a byte of it


def resolve(
    storage: Storage, rejected: Sequence[Rejected], failures: Sequence[ScriptFailure]
) -> tuple[list[Rejected], list[ScriptFailure]]:
    """Return both with line numbers that count from the beginning of their objects, each of which is read once.

    Where that is too far, or fails, a number stays, and says from which byte it counts.
    """
    places = {(one.source, one.lines_from) for one in rejected}
    places |= {(one.source_object or "", one.lines_from) for one in failures}
    before = _lines_before(storage, {place for place in places if place[1]})
    return [_of_line(one, before) for one in rejected], [_of_record(one, before) for one in failures]


def _of_line(one: Rejected, before: dict[Place, int]) -> Rejected:
    lines = before.get((one.source, one.lines_from))
    return one if lines is None else replace(one, line=one.line + lines, lines_from=0)


def _of_record(one: ScriptFailure, before: dict[Place, int]) -> ScriptFailure:
    lines = before.get((one.source_object or "", one.lines_from))
    if lines is None or one.line_number is None:
        return one
    return replace(one, line_number=one.line_number + lines, lines_from=0)


def _lines_before(storage: Storage, places: Iterable[Place]) -> dict[Place, int]:
    """Return the number of line ends before each place, as far as they can be counted."""
    offsets: dict[str, list[int]] = {}
    for source, offset in sorted(places):
        if not is_remote(source) or offset <= MAX_REMOTE:
            offsets.setdefault(source, []).append(offset)
    before: dict[Place, int] = {}
    for source, ascending in offsets.items():
        try:
            before |= _counted(storage, source, ascending)
        except (StorageError, OSError):  # no reason to lose the results of a run
            continue
    return before


def _counted(storage: Storage, source: str, ascending: Sequence[int]) -> dict[Place, int]:
    before, lines, at = {}, 0, 0
    with storage.open(source) as stream:
        for offset in ascending:
            while at < offset and (chunk := stream.read(min(CHUNK, offset - at))):
                lines += line_ends(chunk)
                at += len(chunk)
            before[source, offset] = lines
    return before
