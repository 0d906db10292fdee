"""A private view of /opt/ml where the system grants no namespace: Python's own file functions are redirected.

Covers `open`, `os`, and with them `pathlib`, `shutil` and whatever opens files through Python; a native library
that opens a path by itself is not covered, which is why `output_path` always names the real folder.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHOWN = "/opt/ml"

_ONE_PATH = [
    "access",
    "chmod",
    "chdir",
    "chown",
    "listdir",
    "lstat",
    "mkdir",
    "open",
    "readlink",
    "remove",
    "rmdir",
    "scandir",
    "stat",
    "statvfs",
    "truncate",
    "unlink",
    "utime",
]
_TWO_PATHS = ("link", "rename", "replace", "symlink")
_KEYWORDS = {"file", "path", "src", "dst"}  # what those functions, and `open`, call their paths


def redirect(tree: Path) -> None:
    """Send paths below /opt/ml to `tree`/opt/ml, in this process from now on."""
    real = f"{tree}{SHOWN}"

    def moved(path: Any) -> Any:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return path
        text = os.fspath(path)
        as_text = os.fsdecode(text)
        if as_text.startswith("/"):
            # Doubled slashes and dots name the same place; a slash at the end asks for a folder, so it stays.
            as_text = os.path.normpath("/" + as_text.lstrip("/")) + "/" * as_text.endswith("/")
        if as_text != SHOWN and not as_text.startswith(SHOWN + "/"):
            return path
        new = real + as_text[len(SHOWN) :]
        return os.fsencode(new) if isinstance(text, bytes) else new

    for name in _ONE_PATH:
        setattr(os, name, _wrapped(getattr(os, name), moved, 1))
    for name in _TWO_PATHS:
        setattr(os, name, _wrapped(getattr(os, name), moved, 2))
    builtins.open = io.open = _wrapped(io.open, moved, 1)


def _wrapped(function: Callable[..., Any], moved: Callable[[Any], Any], paths: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        for name in _KEYWORDS & named.keys():
            named[name] = moved(named[name])
        return function(*map(moved, arguments[:paths]), *arguments[paths:], **named)

    return call
