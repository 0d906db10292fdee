"""Recorder: takes predictions without making anybody wait, and writes them from a thread of its own."""

from __future__ import annotations

import atexit
import functools
import inspect
import logging
import os
import random
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from open_model_monitor.errors import UsageError
from open_model_monitor.recording.capture_lines import (
    CSV_TYPES,
    JSON_TYPES,
    LineFormat,
    Prediction,
    moment_of,
)
from open_model_monitor.recording.payloads import payload_of
from open_model_monitor.storage import Storage

log = logging.getLogger(__name__)

HOUR = 3600
LAST = 4102444800.0  # the year 2100: no clock goes that wrong, and folders have four digits for the year
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between attempts to write
WARN_EVERY = 60.0  # seconds between warnings of the same recorder
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class RecorderCounts:
    """What became of predictions since the start: each is in exactly one of the last five."""

    offered: int = 0
    sampled_out: int = 0
    written: int = 0
    dropped: int = 0  # the queue was full, or the recorder closed
    refused: int = 0  # too large, or not a payload
    lost: int = 0  # the storage refused them for too long

    @property
    def waiting(self) -> int:
        """Those that are still to be written."""
        return self.offered - self.sampled_out - self.written - self.dropped - self.refused - self.lost

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name, `waiting` among them."""
        return {**asdict(self), "waiting": self.waiting}


class Recorder:
    """Writes predictions as captures below `destination`/`endpoint`/`variant`, an hour folder per hour (UTC).

    `destination` is a folder or an address such as `s3://bucket/captures`. Of all predictions `sampling_percentage`
    are kept. A file is written every `flush_seconds`, when `flush_bytes` wait, at the end of an hour, and on `close`;
    it appears whole. At most `queue_bytes` wait in memory; what does not fit is dropped and counted. A storage that
    fails is tried again for `retry_seconds`. Nothing of this raises into a prediction: see `counts` and the log.

    May be used from any thread, and after a fork.
    """

    def __init__(
        self,
        destination: str | os.PathLike[str],
        *,
        endpoint: str,
        variant: str = "AllTraffic",
        sampling_percentage: float = 100.0,
        flush_seconds: float = 60.0,
        flush_bytes: int = 8 << 20,
        queue_bytes: int = 64 << 20,
        retry_seconds: float = 300.0,
        max_payload_bytes: int = 6 << 20,
        csv_content_types: Sequence[str] = CSV_TYPES,
        json_content_types: Sequence[str] = JSON_TYPES,
        storage: Storage | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises UsageError for a name that endpoints cannot have, and for a percentage beyond 0 to 100."""
        for what, name in (("endpoint", endpoint), ("variant", variant)):
            if not is_name(name):
                raise UsageError(f"{what} is {name!r}; expected letters, digits and hyphens, at most 63")
        if not 0 <= sampling_percentage <= 100:
            raise UsageError(f"sampling_percentage is {sampling_percentage}; expected 0 to 100")
        self.counts = RecorderCounts()
        self.max_payload_bytes = max_payload_bytes
        self._folder = f"{os.fspath(destination).rstrip('/')}/{endpoint}/{variant}"
        self._share = sampling_percentage / 100
        self._flush_seconds, self._flush_bytes = flush_seconds, flush_bytes
        self._queue_bytes, self._retry_seconds = queue_bytes, retry_seconds
        self._format = LineFormat(tuple(csv_content_types), tuple(json_content_types))
        self._storage = storage or Storage()
        self._clock = clock
        self._begin()
        _RECORDERS.add(self)

    def _begin(self) -> None:
        """Start with nothing waiting, in a new process or after a fork; what the parent holds is the parent's."""
        self._change = threading.Condition()
        self._waiting: list[Prediction] = []
        self._held = 0
        self._flushes = 0  # that were asked for
        self._done = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        self._warned = -WARN_EVERY

    # ------------------------------------------------------------ taking

    def is_sampled(self) -> bool:
        """Decide whether the next prediction is kept; one that is not is counted here."""
        if self._share >= 1 or random.random() < self._share:  # noqa: S311 — no secret
            return True
        with self._change:
            self.counts.offered += 1
            self.counts.sampled_out += 1
        return False

    def log(
        self,
        input: Any = None,
        output: Any = None,
        *,
        inference_id: str | None = None,
        custom_attributes: str | None = None,
        input_type: str | None = None,
        output_type: str | None = None,
    ) -> None:
        """Record one prediction, if the sample wants it; never raises and never waits.

        `input` and `output` as `payload_of` takes them, None for what is not captured. Labels are matched by
        `inference_id`.
        """
        if not self.is_sampled():
            return
        try:
            prediction = Prediction(
                self._clock(),
                None if input is None else payload_of(input, input_type),
                None if output is None else payload_of(output, output_type),
                inference_id=inference_id,
                custom_attributes=custom_attributes,
            )
        except Exception as error:  # whatever a value does when it is turned into text
            self.refuse(f"a prediction could not be written down: {type(error).__name__}: {error}")
        else:
            self.take(prediction)

    def take(self, prediction: Prediction) -> None:
        """Take a prediction that the sample wanted; never raises and never waits."""
        sizes = [len(one.data) for one in (prediction.input, prediction.output) if one is not None]
        if max(sizes, default=0) > self.max_payload_bytes:
            self.refuse(f"a payload is larger than {self.max_payload_bytes:,} bytes")
            return
        if not 0 <= prediction.time < LAST:
            self.refuse("its time is none of this age")
            return
        with self._change:
            self.counts.offered += 1
            reason = self._keep(prediction)
            if reason is None:
                return
            self.counts.dropped += 1
        self._warn(f"a prediction was dropped: {reason}")

    def _keep(self, prediction: Prediction) -> str | None:
        """Put a prediction into the queue; returns why it could not be."""
        if self._closing:
            return "the recorder is closed"
        if self._held + prediction.size > self._queue_bytes:
            return "more wait than may"
        if self._thread is None:
            try:
                self._thread = threading.Thread(target=self._work, name="omm-recorder", daemon=True)
                self._thread.start()
            except RuntimeError as error:  # there are too many, or the interpreter ends
                self._thread = None
                return f"no thread could be started: {error}"
        before = self._held
        self._waiting.append(prediction)
        self._held += prediction.size
        if not before or self._held >= self._flush_bytes:
            self._change.notify_all()
        return None

    def refuse(self, reason: str) -> None:
        """Count a prediction that cannot be recorded, and say why in the log."""
        with self._change:
            self.counts.offered += 1
            self.counts.refused += 1
        self._warn(reason)

    def _warn(self, text: str) -> None:
        now = time.monotonic()
        if now - self._warned >= WARN_EVERY:
            self._warned = now
            log.warning("captures for %s: %s; so far %s", self._folder, text, self.counts.to_dict())

    def capture(
        self, function: F | None = None, *, inference_id: Callable[..., str | None] | None = None
    ) -> Any:
        """Decorate a function that predicts: its argument is the input, what it returns the output.

        Several arguments are recorded as an object by their names. `inference_id`, called with the same arguments,
        names the prediction. A call that raises is no prediction and is not recorded.
        """
        if function is None:
            return functools.partial(self.capture, inference_id=inference_id)
        names = list(inspect.signature(function).parameters)

        def noted(arguments: tuple[Any, ...], named: dict[str, Any], answer: Any) -> None:
            try:
                given = {**dict(zip(names, arguments, strict=False)), **named}
                whole = {key: one for key, one in given.items() if key not in ("self", "cls")}
                value = next(iter(whole.values())) if len(whole) == 1 else whole
                name = None if inference_id is None else inference_id(*arguments, **named)
            except Exception as error:
                self.refuse(f"the arguments could not be read: {type(error).__name__}: {error}")
            else:
                self.log(value, answer, inference_id=name)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def predicts_later(*arguments: Any, **named: Any) -> Any:
                answer = await function(*arguments, **named)
                noted(arguments, named, answer)
                return answer

            return predicts_later

        @functools.wraps(function)
        def predicts(*arguments: Any, **named: Any) -> Any:
            answer = function(*arguments, **named)
            noted(arguments, named, answer)
            return answer

        return predicts

    # ------------------------------------------------------------ writing

    def flush(self, timeout: float | None = 30.0) -> bool:
        """Have everything that waits written now; returns whether it is."""
        with self._change:
            if self._thread is None:
                return True
            self._flushes += 1
            wanted = self._flushes
            self._change.notify_all()
            return self._change.wait_for(lambda: self._done >= wanted, timeout)

    def close(self, timeout: float | None = 30.0) -> bool:
        """Write what waits and take no more; returns whether all was written. May be called twice."""
        with self._change:
            self._closing = True
            thread = self._thread
            self._change.notify_all()
        if thread is not None:
            thread.join(timeout)
            if thread.is_alive():
                log.error(
                    "captures for %s: %d could not be written in time", self._folder, self.counts.waiting
                )
                return False
        return True

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        while True:
            with self._change:
                while not (self._is_due() or self._is_late()):
                    self._change.wait(self._pause())
                batch, self._waiting, self._held = self._waiting, [], 0
                flushes, ends = self._flushes, self._closing
            for hour, predictions in _by_hour(batch):
                self._write(hour, predictions)
            with self._change:
                self._done = flushes
                self._change.notify_all()
                if ends and not self._waiting:
                    return

    def _is_due(self) -> bool:
        return self._closing or self._flushes > self._done or self._held >= self._flush_bytes

    def _is_late(self) -> bool:
        return bool(self._waiting) and self._clock() >= self._deadline()

    def _deadline(self) -> float:
        """Return when the first that waits must be written: soon, and before a monitor looks at its hour."""
        first = self._waiting[0].time
        return min(first + self._flush_seconds, (first // HOUR + 1) * HOUR)

    def _pause(self) -> float | None:
        return max(0.0, self._deadline() - self._clock()) if self._waiting else None

    def _write(self, folder: str, predictions: Sequence[Prediction]) -> None:
        """Write one file; while the storage fails, try again."""
        lines = [line for one in predictions if (line := self._line(one))]
        if not lines:
            return
        first = moment_of(predictions[0])
        name = f"{first:%M-%S}-{first.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        gives_up, pause = time.monotonic() + self._retry_seconds, FIRST_PAUSE
        while True:
            try:
                self._storage.write(f"{self._folder}/{folder}/{name}", b"".join(lines))
            except Exception as error:  # whatever it is, the predictions that follow shall be written
                if time.monotonic() + pause > gives_up:
                    self._count("lost", len(lines))
                    log.error("captures for %s: %d are lost: %s", self._folder, len(lines), error)
                    return
                self._warn(str(error))
            else:
                self._count("written", len(lines))
                return
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _line(self, prediction: Prediction) -> bytes | None:
        try:
            return self._format.line(prediction)
        except (
            UnicodeError,
            TypeError,
            ValueError,
            OverflowError,
        ) as error:  # an id that is no text, a time beyond
            self._count("refused", 1)
            self._warn(f"a prediction could not be written down: {error}")
            return None

    def _count(self, what: str, number: int) -> None:
        with self._change:
            setattr(self.counts, what, getattr(self.counts, what) + number)


def _by_hour(batch: Sequence[Prediction]) -> Iterator[tuple[str, list[Prediction]]]:
    """Yield predictions by the folder of their hour."""
    found: dict[str, list[Prediction]] = {}
    for one in batch:
        found.setdefault(f"{moment_of(one):%Y/%m/%d/%H}", []).append(one)
    yield from found.items()


def is_name(text: str) -> bool:
    """Whether a text may name an endpoint: what SageMaker takes, so nothing that leads out of a folder."""
    words = text.split("-")
    return (
        0 < len(text) <= 63
        and text.isascii()
        and text[0].isalnum()
        and text[-1].isalnum()
        and all(word.isalnum() or not word for word in words)
    )


_RECORDERS: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _close_all() -> None:
    for one in list(_RECORDERS):
        one.close()


def _begin_all() -> None:
    for one in list(_RECORDERS):
        one.counts = RecorderCounts()
        one._begin()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_begin_all)
