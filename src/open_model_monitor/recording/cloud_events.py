"""CloudEvents of inference loggers: what they hold, and which request belongs to which answer.

Formats: CloudEvents 1.0 over HTTP, binary, structured and batched; types and extensions as KServe's logger sends them.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from open_model_monitor.errors import UsageError
from open_model_monitor.recording.capture_lines import JSON_TYPES, Prediction, RawPayload

REQUEST, RESPONSE = ".inference.request", ".inference.response"  # ends of types, whoever's they are
SERVICE = "inferenceservicename"


@dataclass(frozen=True, slots=True)
class LoggedHalf:
    """A request, or an answer, of an inference service."""

    service: str
    id: str
    is_request: bool
    payload: RawPayload
    time: float | None = None  # seconds since 1970

    @property
    def key(self) -> tuple[str, str]:
        """What both halves have in common."""
        return self.service, self.id


def halves_of(headers: Mapping[str, str], body: bytes) -> Iterator[LoggedHalf]:
    """Yield what a request of a logger holds; events of other types are passed over.

    Raises UsageError for what is no CloudEvent.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/cloudevents+json", "application/cloudevents-batch+json"):
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"The event is not JSON: {error}") from None
        listed = document if isinstance(document, list) else [document]
        events = [(one, _data(one)) for one in listed if isinstance(one, dict)]
    else:
        context = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
        events = [({**context, "datacontenttype": headers.get("content-type")}, body)]
    for event, data in events:
        half = _half(event, data)
        if half is not None:
            yield half


def _data(event: Mapping[str, Any]) -> bytes:
    try:
        if "data_base64" in event:
            return base64.b64decode(event["data_base64"], validate=True)
    except (ValueError, TypeError) as error:
        raise UsageError(f"data_base64 is no Base64: {error}") from None
    data = event.get("data", "")
    return data.encode() if isinstance(data, str) else msgspec.json.encode(data)


def _half(event: Mapping[str, Any], data: bytes) -> LoggedHalf | None:
    missing = [name for name in ("id", "type") if not isinstance(event.get(name), str) or not event[name]]
    if missing:
        raise UsageError(f"This is no CloudEvent: there is no {missing[0]}")
    kind = event["type"]
    if not kind.endswith((REQUEST, RESPONSE)):
        return None
    service = event.get(SERVICE)
    if not isinstance(service, str) or not service:
        raise UsageError(f"Event {event['id']} does not say which service it is of ({SERVICE})")
    content_type = event.get("datacontenttype")
    if (content_type or "").partition(";")[0].strip().lower() not in JSON_TYPES and data[:1] in (b"{", b"["):
        content_type = "application/json"  # clients that post JSON as a form, such as curl -d
    payload = RawPayload(data, content_type if isinstance(content_type, str) else None)
    return LoggedHalf(service, event["id"], kind.endswith(REQUEST), payload, _time(event.get("time")))


def _time(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


class Pairs:
    """Halves that wait for the other: at most `limit` bytes of them, and none longer than `seconds`."""

    def __init__(self, limit: int = 64 << 20, seconds: float = 300.0) -> None:
        self._limit, self._seconds = limit, seconds
        self._waiting: OrderedDict[tuple[str, str], tuple[float, LoggedHalf]] = OrderedDict()
        self._held = 0
        self.unmatched = 0  # halves that were given up

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, half: LoggedHalf, now: float) -> Prediction | None:
        """Return the prediction of which this is the second half, None if it is the first."""
        self._give_up(now)
        known = self._waiting.get(half.key)
        if known is None or known[1].is_request == half.is_request:  # the first, or sent again
            self._forget(half.key)
            self._waiting[half.key] = (now, half)
            self._held += _size(half)
            self._give_up(now)
            return None
        self._forget(half.key)
        request, answer = (half, known[1]) if half.is_request else (known[1], half)
        made = request.time or answer.time or now
        return Prediction(made, request.payload, answer.payload, event_id=half.id)

    def _forget(self, key: tuple[str, str]) -> None:
        known = self._waiting.pop(key, None)
        if known is not None:
            self._held -= _size(known[1])

    def _give_up(self, now: float) -> None:
        while self._waiting:
            key, (since, _) = next(iter(self._waiting.items()))
            if self._held <= self._limit and now - since <= self._seconds:
                return
            self._forget(key)
            self.unmatched += 1


def _size(half: LoggedHalf) -> int:
    return 1000 + len(half.payload.data)
