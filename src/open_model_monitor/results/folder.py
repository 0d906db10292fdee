"""The run's own output folder, which scripts may have used as they pleased."""

from __future__ import annotations

import shutil
from pathlib import Path

from open_model_monitor.capture.jsontext import parse_json


def put(path: Path, data: bytes) -> None:
    """Write a file into the output, whatever a script left in its place."""
    folder = path.parent
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or (path.exists() and not path.is_file()):
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def remove_strange_files(output: Path) -> list[str]:
    """Remove links, pipes and the like, which a report folder must not carry; returns warnings."""
    strange = [
        path
        for path in sorted(output.rglob("*"))
        if path.is_symlink() or not (path.is_file() or path.is_dir())
    ]
    for path in strange:
        path.unlink()
    return [f"{path.relative_to(output)} was no regular file and was left out" for path in strange]


def is_json(text: bytes) -> bool:
    """Whether a document is JSON."""
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def violations_in(text: bytes) -> list[dict[str, str]] | None:
    """Return the entries of a violations document, None if it is none."""
    try:
        entries = parse_json(text)["violations"]
        kept = [
            {
                "feature_name": entry["feature_name"],
                "constraint_check_type": entry["constraint_check_type"],
                "description": str(entry.get("description", "")),
            }
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    texts = [text for entry in kept for text in entry.values()]
    return kept if isinstance(entries, list) and all(isinstance(text, str) for text in texts) else None
