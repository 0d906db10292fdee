"""Python values as payloads, the way a client of an endpoint would have sent them."""

from __future__ import annotations

from typing import Any

import msgspec

from open_model_monitor.recording.capture_lines import RawPayload


def payload_of(value: Any, content_type: str | None = None) -> RawPayload:
    """Return a value as the payload of a request or an answer.

    Bytes and texts are taken as they are (CSV unless `content_type` says otherwise), data frames become CSV without
    a header, arrays and everything else JSON. Raises TypeError for what has no JSON.
    """
    if isinstance(value, RawPayload):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return RawPayload(bytes(value), content_type or "text/csv")
    if isinstance(value, str):
        return RawPayload(value.encode("utf-8", "surrogatepass"), content_type or "text/csv")
    if hasattr(value, "columns") and hasattr(value, "to_csv"):
        return RawPayload(value.to_csv(header=False, index=False).encode(), content_type or "text/csv")
    if hasattr(value, "columns") and hasattr(value, "write_csv"):  # of Polars
        return RawPayload(value.write_csv(include_header=False).encode(), content_type or "text/csv")
    return RawPayload(msgspec.json.encode(value, enc_hook=_plain), content_type or "application/json")


def _plain(value: Any) -> Any:
    """Return what an array, or a number of one, is in plain Python."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON; give bytes, a text or plain values")
