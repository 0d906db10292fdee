"""What went wrong in a user's script: its own line, the traceback without ours, the record, the remedy."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import replace
from pathlib import Path

from open_model_monitor.capture.record import CapturedData, Item
from open_model_monitor.errors import ScriptFailure

EXCERPT = 2000  # characters of a payload in an error report
PACKAGES = 40  # shown when an import fails
_QUOTES = "“”‘’„‟«»"


def failure_of(error: BaseException, *, role: str, phase: str, script: Path) -> ScriptFailure:
    """Describe an exception of the script at `script`: its own innermost line and the traceback without ours."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=False)
    _fold(frames, script)
    own = [frame for frame in frames.stack if _is_users(frame.filename, script)]
    line: int | None = own[-1].lineno if own else None
    function = own[-1].name if own else None
    if isinstance(error, SyntaxError) and error.filename == str(script):
        line, function = error.lineno, None
    return ScriptFailure(
        role=role,
        phase=phase,
        script=script.name,
        exception_type=type(error).__name__,
        message=_message(error),
        line=line,
        function=function,
        traceback="".join(frames.format()),
        remedy=_remedy(error, line_text=_line(script, line)),
        script_sha256=sha256_of(script),
    )


def _message(error: BaseException) -> str:
    try:
        return str(error) or repr(error)
    except Exception:  # its own __str__ fails
        return f"(a {type(error).__name__} that cannot say what it is)"


def sha256_of(script: Path) -> str | None:
    """Return the hash of a script's bytes, None if it cannot be read."""
    try:
        return hashlib.sha256(script.read_bytes()).hexdigest()
    except OSError:
        return None


def _is_users(filename: str, script: Path) -> bool:
    return filename == str(script)


_OURS = str(Path(__file__).parents[1])


def _fold(frames: traceback.TracebackException, script: Path) -> None:
    """Drop what stands above the script's first frame, and our own frames anywhere, in chained causes too."""
    seen: set[int] = set()
    while frames is not None and id(frames) not in seen:
        seen.add(id(frames))
        first = next(
            (i for i, f in enumerate(frames.stack) if _is_users(f.filename, script)), len(frames.stack)
        )
        frames.stack[:] = [frame for frame in frames.stack[first:] if not frame.filename.startswith(_OURS)]
        frames = frames.__cause__ or frames.__context__  # type: ignore[assignment]


def _line(script: Path, line: int | None) -> str:
    try:
        return script.read_text(errors="replace").splitlines()[(line or 0) - 1] if line else ""
    except (OSError, IndexError):
        return ""


def _remedy(error: BaseException, *, line_text: str) -> str | None:
    if isinstance(error, SyntaxError) and any(quote in line_text for quote in _QUOTES):
        return "the line holds typographic quotes, as code copied from a web page does; type plain ' or \""
    if isinstance(error, ModuleNotFoundError):
        return (
            f"the module '{error.name}' is not installed where the script runs; name its package in a requirements "
            f"file (--requirements), or lay the module beside the script; installed are {_installed()}"
        )
    if isinstance(error, MemoryError):
        return "the script reached its memory limit; raise it (--script-memory) or work on less at once"
    if isinstance(error, SystemExit):
        return "a handler must return, not exit; to drop a record return []"
    if isinstance(error, AttributeError) and "'NoneType'" in str(error):
        return "that section was not captured for this record; test it for None first"
    return None


def _installed() -> str:
    import importlib.metadata  # which takes longer to load than most runs want it

    names = sorted({distribution.name for distribution in importlib.metadata.distributions()}, key=str.lower)
    more = f" and {len(names) - PACKAGES} more" if len(names) > PACKAGES else ""
    return ", ".join(names[:PACKAGES]) + more


def with_record(failure: ScriptFailure, item: Item, *, redact: bool) -> ScriptFailure:
    """Return the failure with the record that was in hand; `redact` leaves its payload out."""
    return replace(
        failure,
        argument=argument_kind(item),
        source_object=item.origin.source,
        line_number=item.origin.line,
        lines_from=item.origin.lines_from,
        event_id=item.origin.event_id,
        inference_id=item.origin.inference_id,
        payload_excerpt=None if redact else excerpt(item),
    )


def argument_kind(item: Item) -> str:
    """Return what the handler was called with, in a few words."""
    return {"capture": "CapturedData", "csv": "CSV line (str)", "parquet": "Parquet row (dict)"}.get(
        item.kind, f"JSON value ({type(item.value).__name__})"
    )


def excerpt(item: Item) -> str:
    """Return the item's payload, shortened."""
    if isinstance(item.value, CapturedData):
        parts = [f"{name} {s.encoding or ''} {s.data!r}" for name, s in item.value.sections().items()]
        return "; ".join(parts)[:EXCERPT]
    return (item.value if isinstance(item.value, str) else repr(item.value))[:EXCERPT]
