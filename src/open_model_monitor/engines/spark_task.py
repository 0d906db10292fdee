"""The part of the Spark engine that executors run: parts in, results or our errors out. Knows no Spark."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.failures import DONE, FAILED, Answer, pack_error
from open_model_monitor.engines.local import OpenWork
from open_model_monitor.errors import MonitorError


def pack_parts(parts: Sequence[Part]) -> list[bytes]:
    """Return parts as JSON."""
    return [msgspec.json.encode(part.to_dict()) for part in parts]


def answers(numbers: Iterable[int], parts: Sequence[bytes], open_work: bytes) -> Iterator[Answer]:
    """Do the parts of these numbers with one worker, until one fails; `open_work` is pickled."""
    opener: OpenWork = pickle.loads(open_work)  # noqa: S301 — from our own driver
    try:
        with opener() as work:
            for number in numbers:
                yield DONE, work(Part.from_dict(msgspec.json.decode(parts[number])))
    except MonitorError as error:
        yield FAILED, pack_error(error)
