"""One prediction as one line of a capture file, as an endpoint of SageMaker writes it (`datasets.md` §2, §3)."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

CSV_TYPES = ("text/csv",)
JSON_TYPES = ("application/json", "application/jsonlines", "application/x-ndjson", "application/json-lines")
INPUT, OUTPUT = "endpointInput", "endpointOutput"


@dataclass(frozen=True, slots=True)
class RawPayload:
    """The bytes of a request or an answer, and the content type it came with."""

    data: bytes
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One request with its answer; `time` in seconds since 1970."""

    time: float
    input: RawPayload | None = None
    output: RawPayload | None = None
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    inference_id: str | None = None
    custom_attributes: str | None = None

    @property
    def size(self) -> int:
        """About how many bytes it holds in memory."""
        return 1000 + sum(len(one.data) for one in (self.input, self.output) if one is not None)


@dataclass(frozen=True, slots=True)
class LineFormat:
    """Content types that are written as they are read: the rest becomes Base64."""

    csv: Sequence[str] = CSV_TYPES
    json: Sequence[str] = JSON_TYPES

    def line(self, prediction: Prediction) -> bytes:
        """Return a prediction as a line of a capture file, its end included."""
        sections = {INPUT: ("INPUT", prediction.input), OUTPUT: ("OUTPUT", prediction.output)}
        metadata: dict[str, Any] = {"eventId": prediction.event_id}
        if prediction.inference_id:
            metadata["inferenceId"] = prediction.inference_id
        if prediction.custom_attributes:
            metadata["customAttributes"] = [prediction.custom_attributes]
        metadata["inferenceTime"] = f"{moment_of(prediction):%Y-%m-%dT%H:%M:%SZ}"
        captured = {
            name: self._section(mode, payload)
            for name, (mode, payload) in sections.items()
            if payload is not None
        }
        whole = {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}
        return msgspec.json.encode(whole) + b"\n"

    def _section(self, mode: str, payload: RawPayload) -> dict[str, str | None]:
        encoding = self._encoding(payload.content_type)
        try:
            text = payload.data.decode() if encoding != "BASE64" else ""
        except UnicodeDecodeError:
            encoding = "BASE64"
        if encoding == "BASE64":
            text = base64.b64encode(payload.data).decode()
        return {"observedContentType": payload.content_type, "mode": mode, "data": text, "encoding": encoding}

    def _encoding(self, content_type: str | None) -> str:
        kind = (content_type or "").partition(";")[0].strip().lower()
        if kind in self.csv:
            return "CSV"
        return "JSON" if kind in self.json else "BASE64"


def moment_of(prediction: Prediction) -> datetime:
    """Return when a prediction was made, in UTC."""
    return datetime.fromtimestamp(prediction.time, UTC)
