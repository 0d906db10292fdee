"""What a script printed and logged: one file per run, capped, the last lines at hand."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from open_model_monitor.jobs.sandbox_child import MARK, MAX_LINE

MAX_LINES = 100_000
MAX_BYTES = 50 << 20
RESERVED_LINES = 10_000  # for ERROR and above, when the rest is used up
TAIL = 50
_SEVERE = ("ERROR", "CRITICAL")

Listener = Callable[[str, str], None]  # tag, text


class ScriptLog:
    """Appends lines to a file, `time tag: text`; thread-safe. Close it to learn what was suppressed."""

    def __init__(self, path: Path, listener: Listener | None = None) -> None:
        self._file = path.open("a", encoding="utf-8", errors="replace")
        self._listener = listener
        self._lock = threading.Lock()
        self._came = threading.Condition()
        self._tagged = 0
        self._lines = self._bytes = self._severe = 0
        self.suppressed = 0
        self.tail: deque[str] = deque(maxlen=TAIL)

    def add(self, tag: str, text: str) -> None:
        """Write one line, or count it once the caps are reached."""
        if len(text) > MAX_LINE:
            text = text[:MAX_LINE] + "… (line cut)"
        with self._lock:
            shown = f"{tag}: {text}"
            self.tail.append(shown)
            if not self._fits(tag, len(shown)):
                self.suppressed += 1
                return
            moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
            self._file.write(f"{moment}Z {shown}\n")
        if self._listener is not None:
            self._listener(tag, text)

    def _fits(self, tag: str, size: int) -> bool:
        if self._lines < MAX_LINES and self._bytes < MAX_BYTES:
            self._lines += 1
            self._bytes += size
            return True
        if tag.startswith(_SEVERE) and self._severe < RESERVED_LINES:
            self._severe += 1
            return True
        return False

    def drain(self, pipe: BinaryIO, untagged: str) -> None:
        """Read a pipe to its end, line by line; lines without a tag of their own get `untagged`."""
        with pipe:
            for raw in iter(lambda: pipe.readline(MAX_LINE * 4), b""):
                text = raw.decode("utf-8", "replace").rstrip("\n")
                if text.startswith(MARK) and text.count(MARK) > 1:
                    _, tag, text = text.split(MARK, 2)
                    self.add(tag, text)
                    with self._came:
                        self._tagged += 1
                        self._came.notify_all()
                else:
                    self.add(untagged, text)

    def wait_for(self, lines: int, seconds: float = 2.0) -> None:
        """Wait until so many tagged lines have come from the script; they travel on a pipe of their own."""
        with self._came:
            self._came.wait_for(lambda: self._tagged >= lines, seconds)

    def close(self) -> None:
        """Finish the file; says in it how many lines were suppressed."""
        with self._lock:
            if self.suppressed:
                self._file.write(f"… {self.suppressed} more lines were suppressed\n")
            self._file.close()
