"""The process of a user's script: isolate, load, answer. Started by `jobs.sandbox`, never imported by it.

Talks msgpack over one pipe pair: the first message says what to load, each further pair is a block and its bytes,
or the end of a part. The answer to a block is how far the part is (or its batches, for who wants to see them), that
to an end the same and the part's state; or the failure that ended the run. Log lines travel on a pipe of their own,
so that they survive a crash.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import logging
import mmap
import os
import resource
import signal
import struct
import sys
import warnings
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

GC_THRESHOLD = 50_000  # new containers; the default of 700 is some dozen records
MAX_LINE = 32 << 10  # characters of a log line
MARK = "\x1e"  # opens a tagged log line: MARK tag MARK text
PLACE = struct.Struct("QQ")  # sequence number of the block in hand, line of the item in hand
END = b"end"  # in place of a block's head: of a part, and what was read of it follows
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run one script for one run; arguments: four file descriptors."""
    receive, send, log, place = descriptors = tuple(map(int, sys.argv[1:5]))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # what the script starts must not hold our pipes open
    inbox, outbox = Connection(receive, writable=False), Connection(send, readable=False)
    import msgspec

    order = msgspec.msgpack.decode(inbox.recv_bytes())
    _die_with_parent()
    view = _isolate(order)
    _limit(order)
    logger = _set_up_log(log, order)
    if view is None:
        answer: dict[str, Any] = {
            "refused": "this system grants no mount namespace (script_isolation=namespace)"
        }
    else:
        try:
            answer = _serve(order, logger, inbox, outbox, place, view)
        except _ScriptFailed as failed:
            answer = {"failure": failed.failure}
    _flush()
    outbox.send_bytes(msgspec.msgpack.encode(answer))


class _ScriptFailed(Exception):
    def __init__(self, failure: dict[str, Any]) -> None:
        self.failure = failure


def _die_with_parent() -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _isolate(order: dict[str, Any]) -> str | None:
    """Give the script its view of /opt/ml; returns which kind it is, None if the one asked for is not to be had."""
    if order["tree"] is None:
        return "container"  # the paths are real
    tree = Path(order["tree"])
    from open_model_monitor.jobs.namespace import enter
    from open_model_monitor.jobs.redirect import redirect

    if order["isolation"] in ("auto", "namespace") and enter(tree):
        name, usual = "output_path", "/opt/ml/processing/output"
        os.environ[name] = os.environ.get(name, usual).removeprefix(str(tree))
        return "namespace"
    if order["isolation"] == "namespace":
        return None
    redirect(tree)
    return "redirected"


def _limit(order: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if order["memory_bytes"]:
        resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"],) * 2)


def _serve(
    order: dict[str, Any],
    logger: logging.Logger,
    inbox: Connection,
    outbox: Connection,
    place: int,
    view: str,
) -> dict[str, Any]:
    import msgspec

    from open_model_monitor.errors import DataError, ScriptError
    from open_model_monitor.rows.script_failures import failure_of
    from open_model_monitor.rows.scripts import load

    if order["seed"] is not None:
        _seed(order["seed"])
    try:
        handler = load(Path(order["script"]), order["role"])
        if order["role"] == "postprocessor":
            return _postprocess(handler)
        outbox.send_bytes(msgspec.msgpack.encode({"ready": view}))
        return _preprocess(order, handler, logger, inbox, outbox, _place(place))
    except ScriptError as error:
        raise _ScriptFailed(error.failure.to_dict()) from error
    except DataError as error:  # the input, not the script
        return {"data_error": str(error)}
    except Exception as error:  # what it returned cannot become columns
        failure = failure_of(error, role=order["role"], phase="return value", script=Path(order["script"]))
        raise _ScriptFailed(failure.to_dict()) from error


def _place(descriptor: int) -> memoryview:
    """Return the numbers that `jobs.sandbox` reads along: see PLACE."""
    return memoryview(mmap.mmap(descriptor, PLACE.size)).cast("Q")


def _seed(seed: int) -> None:
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)


def _postprocess(handler: Any) -> dict[str, Any]:
    from open_model_monitor.errors import ScriptError
    from open_model_monitor.rows.script_failures import failure_of

    try:
        handler.function()
    except (Exception, SystemExit) as error:
        failure = failure_of(error, role="postprocessor", phase="call", script=handler.script)
        raise ScriptError(failure) from error
    return {"done": True}


def _preprocess(
    order: dict[str, Any],
    handler: Any,
    logger: logging.Logger,
    inbox: Connection,
    outbox: Connection,
    place: memoryview,
) -> dict[str, Any]:
    import msgspec

    from open_model_monitor.capture.record import Block, Counts

    work = _work(order, handler, logger, place[1:])
    read_block = msgspec.msgpack.Decoder(Block).decode
    # What was imported stays, and a record makes many objects but hardly ever a cycle: look for them less often.
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    while True:
        try:
            kind, message = inbox.recv_bytes(), inbox.recv_bytes()
        except EOFError:
            return {"done": True}
        if kind == END:
            answer = work.finish(Counts.from_dict(msgspec.msgpack.decode(message)))
        else:
            place[0] += 1
            answer = work.take(replace(read_block(kind), data=message))
            place[1] = 0
        part = answer.pop("part", None)
        outbox.send_bytes(msgspec.msgpack.encode({**answer, "log_lines": _written}))
        if part is not None:
            outbox.send_bytes(part)


def _work(order: dict[str, Any], handler: Any, logger: logging.Logger, in_hand: memoryview) -> Any:
    import msgspec

    from open_model_monitor.capture.record import Format, Window
    from open_model_monitor.jobs.allocator import keep_freed_memory
    from open_model_monitor.jobs.part_state import ProfileSettings
    from open_model_monitor.jobs.script_work import InspectWork, PartWork
    from open_model_monitor.rows.convert import Converter
    from open_model_monitor.rows.labelled import Labeller
    from open_model_monitor.rows.lane import Lane
    from open_model_monitor.rows.scripts import Preprocessor

    keep_freed_memory()
    settings = msgspec.convert(order["settings"], ProfileSettings | None)
    format_ = msgspec.convert(order["format"], Format)
    window = msgspec.convert(order["window"], Window | None)
    converter = Converter(format_, tuple(order["baseline_columns"]))
    preprocessor = Preprocessor(
        handler,
        converter,
        logger,
        skip_failing=order["skip_failing"],
        redact=order["redact"],
        lines=settings is not None,
    )
    rows: Any = preprocessor.rows
    if settings is not None and settings.attributes is not None:
        rows = Labeller(settings.attributes, converter, preprocessor.rows).rows
    lane = Lane(format_, converter, rows, window, tuple(order["variants"]))
    if settings is None:
        return InspectWork(lane, preprocessor, in_hand)
    return PartWork(lane, preprocessor, settings, in_hand)


# ---------------------------------------------------------------- output of the script


_written = 0  # tagged lines so far; each answer says how many, so that the reader knows when it has them all


def _write(stream: TextIO, tag: str, lines: list[str]) -> None:
    global _written
    stream.write("".join(f"{MARK}{tag}{MARK}{line}\n" for line in lines))
    _written += len(lines)


class _TaggedLines(logging.Handler):
    """Writes log records as tagged lines."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        _write(self._stream, f"{record.levelname} {record.name}", text.split("\n"))


class _TaggedStream:
    """Stands for sys.stdout or sys.stderr: whole lines go to the log under its name."""

    def __init__(self, stream: TextIO, tag: str, original: TextIO) -> None:
        self._stream = stream
        self._tag = tag
        self._pieces: list[str] = []  # of a line that has not ended yet
        self._held = 0
        self._original = original

    def write(self, text: str) -> int:
        text = str(text)
        for start in range(0, len(text), MAX_LINE):  # a huge text must not be copied whole
            self._take(text[start : start + MAX_LINE])
        return len(text)

    def _take(self, text: str) -> None:
        if "\n" not in text and self._held < MAX_LINE:
            self._pieces.append(text)
            self._held += len(text)
            return
        *lines, rest = "".join((*self._pieces, text)).split("\n")
        if not lines:  # a line without end leaves in pieces
            lines, rest = [rest], ""
        _write(self._stream, self._tag, lines)
        self._pieces, self._held = [rest] if rest else [], len(rest)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing: a line leaves when it is whole."""

    def finish(self) -> None:
        if self._pieces:
            self._take("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


def _set_up_log(descriptor: int, order: dict[str, Any]) -> logging.Logger:
    stream = os.fdopen(descriptor, "w", buffering=1, encoding="utf-8", errors="replace")
    faulthandler.enable(file=sys.__stderr__ or 2)
    sys.stdout = _TaggedStream(stream, "stdout", sys.stdout)
    sys.stderr = _TaggedStream(stream, "stderr", sys.stderr)
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    root = logging.getLogger()
    root.addHandler(_TaggedLines(stream))
    root.setLevel(order["log_level"])
    logger = logging.getLogger(order["role"])
    logger.setLevel(order["log_level"])
    return logger


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _TaggedStream):
            stream.finish()


if __name__ == "__main__":
    main()
