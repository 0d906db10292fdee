"""The environments of the peers: made once below the cache, each for itself, because their demands conflict."""

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# What pip is asked for; Evidently imports what pandas 3 no longer has.
PACKAGES = {
    "pandas": ("pandas",),
    "whylogs": ("whylogs", "pandas"),
    "evidently": ("evidently", "pandas<3"),
    "pyspark": ("pyspark",),
}
# Peers that report their use to their makers are told not to.
QUIET = {"WHYLOGS_NO_ANALYTICS": "True", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Peer:
    """The Python that has a peer installed, with the versions; or why there is none."""

    python: str
    versions: str = ""
    missing: str = ""


def prepare(name: str, cache: Path) -> Peer:
    """Return the environment of a peer, made if it is not there yet."""
    if name == "pyspark" and not shutil.which("java"):
        return Peer("", missing="there is no Java")
    folder = cache / "peers" / f"{name}-{platform.python_version()}"
    python = str(folder / "bin" / "python")
    ready = folder / ".ready"
    if not ready.exists() or ready.read_text() != str(PACKAGES[name]):
        shutil.rmtree(folder, ignore_errors=True)
        why = _run(sys.executable, "-m", "venv", str(folder)) or _run(
            python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES[name]
        )
        why = why or _run(python, "-W", "ignore", "-c", f"import {name}")
        if why:
            return Peer("", missing=why)
        ready.write_text(str(PACKAGES[name]))
    asked = [package.partition("<")[0] for package in PACKAGES[name]]
    program = (
        "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    )
    found = subprocess.run([python, "-c", program, *asked], capture_output=True, text=True, check=True)
    return Peer(python, found.stdout.strip())


def _run(*command: str) -> str:
    """Run a step; returns why it failed, in a line, or nothing."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
    return (next((line for line in lines if line.startswith("ERROR:")), lines[-1]) if lines else "it failed")[
        :160
    ]
