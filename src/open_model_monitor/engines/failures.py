"""What a worker in another process answers: a result, or the error of ours that it ended with, as plain bytes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from open_model_monitor import errors
from open_model_monitor.errors import MonitorError, OutsideError, ScriptError, ScriptFailure

Answer = tuple[str, bytes]  # DONE and the result, or FAILED and the error
DONE, FAILED = "done", "failed"


class _Failure(msgspec.Struct):
    kind: str  # the name of the error's class
    message: str
    retry: bool = False
    script: ScriptFailure | None = None


def pack_error(error: MonitorError) -> bytes:
    """Return an error as bytes, with all its fields."""
    retry = error.retry if isinstance(error, OutsideError) else False
    script = error.failure if isinstance(error, ScriptError) else None
    return msgspec.json.encode(_Failure(type(error).__name__, str(error), retry, script))


def unpack_error(packed: bytes) -> MonitorError:
    """Rebuild what `pack_error` was given."""
    failure = msgspec.json.decode(packed, type=_Failure)
    if failure.script is not None:
        return ScriptError(failure.script)
    kind: type[MonitorError] = getattr(errors, failure.kind)
    if issubclass(kind, OutsideError):
        return kind(failure.message, retry=failure.retry)
    return kind(failure.message)


def attempt(work: Callable[[], bytes]) -> Answer:
    """Return what `work` returns, or the error of ours that it raises."""
    try:
        return DONE, work()
    except MonitorError as error:
        return FAILED, pack_error(error)


def result(answer: Answer) -> bytes:
    """Return the result in an answer, or raise the error."""
    kind, payload = answer
    if kind == FAILED:
        raise unpack_error(payload)
    return payload
