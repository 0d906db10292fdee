"""What the middlewares share: which requests are predictions, and bodies collected up to a size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from open_model_monitor.recording.capture_lines import Prediction, RawPayload
from open_model_monitor.recording.recorder import Recorder

INFERENCE_ID = "x-amzn-sagemaker-inference-id"
CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"

Paths = Collection[str] | Callable[[str], bool] | None


def selector(paths: Paths) -> Callable[[str], bool]:
    """Return whether the predictions of a path are recorded: of all paths, of those named, or as a function says."""
    if paths is None:
        return lambda path: True
    if callable(paths):
        return paths
    return frozenset([paths] if isinstance(paths, str) else paths).__contains__


@dataclass(slots=True)
class Exchange:
    """One request and its answer as they pass by; whatever is too large is let go at once."""

    recorder: Recorder
    started: float
    headers: dict[str, str] = field(default_factory=dict)  # of the request, in lower case
    status: int = 0
    content_type: str | None = None  # of the answer
    sent: list[bytes] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    left: int = 0  # bytes that may still come
    is_too_large: bool = False

    @classmethod
    def begin(cls, recorder: Recorder, started: float, headers: Iterable[tuple[str, str]]) -> Exchange:
        """Start one; both bodies together may be twice the size of a payload."""
        return cls(recorder, started, dict(headers), left=2 * recorder.max_payload_bytes)

    def pass_by(self, body: list[bytes], piece: bytes) -> None:
        """Keep a piece of a body."""
        if not piece or self.is_too_large:
            return
        self.left -= len(piece)
        if self.left < 0:
            self.is_too_large = True
            self.sent.clear()
            self.received.clear()
        else:
            body.append(piece)

    def end(self) -> None:
        """Record it, if it was a prediction: answers with another status than 2xx are none."""
        if not 200 <= self.status < 300:
            return
        if self.is_too_large:
            self.recorder.refuse("request and answer are larger than what is recorded")
            return
        sent, received = b"".join(self.sent), b"".join(self.received)
        self.recorder.take(
            Prediction(
                self.started,
                RawPayload(sent, self.headers.get("content-type")),
                RawPayload(received, self.content_type),
                inference_id=self.headers.get(INFERENCE_ID),
                custom_attributes=self.headers.get(CUSTOM_ATTRIBUTES),
            )
        )
