"""The run's private folder: the /opt/ml tree that scripts know, a scratch folder, a clean environment."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from open_model_monitor.errors import OutsideError, ScriptError, ScriptFailure, StorageError
from open_model_monitor.jobs.contract import OUTPUT
from open_model_monitor.storage import Storage, normalise

CONFIG = "/opt/ml/config/processingjobconfig.json"
CONFIG_COPY = "/opt/ml/processing/processingjobconfig.json"
RESOURCES = "/opt/ml/config/resourceconfig.json"
MESSAGE = "/opt/ml/output/message"
METRICS = "/opt/ml/output/metrics/cloudwatch"
CODE = {
    "preprocessor": "/opt/ml/processing/code/preprocessing",
    "postprocessor": "/opt/ml/processing/code/postprocessing",
}
_STAGING = ".omm-run-"
YOUNG = 60.0  # seconds

# What a process needs to start at all; nothing in it tells a secret.
_BASE = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("AWS_REGION", "AWS_DEFAULT_REGION"),
)
_BASE_PREFIXES = ("OPENBLAS_", "OMP_", "MKL_")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A run's folders. `tree` holds the private opt/ml; None in a container, where /opt/ml is real.

    `log` is what scripts say; it lies outside the output until the end, for scripts may empty that. `given` is the
    contract of a job whose inputs somebody else laid out in `tree`: what its scripts see, word for word.
    """

    tree: Path | None
    scratch: Path
    output: Path
    log: Path
    given: Mapping[str, str] | None = None

    @property
    def is_laid_out(self) -> bool:
        """Whether inputs and config are there already, and the output is collected by whoever put them there."""
        return self.tree is None or self.given is not None

    def path(self, shown: str) -> Path:
        """Return where the path `shown` below /opt/ml really is."""
        return Path(shown) if self.tree is None else Path(f"{self.tree}{shown}")

    def write(self, shown: str, text: str) -> None:
        """Write a small file below /opt/ml, atomically."""
        path = self.path(shown)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)

    def fetch_script(self, address: str, role: str, storage: Storage) -> Path:
        """Return the local path of a script: itself if it is local, else its copy in the run's folder.

        Raises ScriptError (phase "load") if it cannot be had.
        """
        address = normalise(address)
        local = Path(address)
        if (
            "://" not in address
            and local.is_file()
            and (self.tree is None or not address.startswith("/opt/ml/"))
        ):
            return local
        copy = self.path(CODE[role]) / local.name
        if copy.is_file():  # once per run, so that all of it is one version
            return copy
        try:
            text = storage.read(address)
        except StorageError as error:
            message = f"Cannot fetch {role} script {address}: {error}"
            failure = ScriptFailure(role, "load", local.name, "ScriptNotFound", message)
            raise ScriptError(failure) from error
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(text)
        return copy

    def fetch_helpers(self, addresses: tuple[str, ...], storage: Storage) -> str | None:
        """Copy modules, or folders of modules, that scripts import; returns the folder, None without any.

        Raises StorageError if one cannot be had.
        """
        if not addresses:
            return None
        folder = self.scratch / "helpers"
        for address in map(normalise, addresses):
            for found in storage.list(address):
                name = found.address.removeprefix(f"{address.rstrip('/')}/") or found.address
                name = name if name != found.address else found.address.rpartition("/")[2]
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(storage.read(found.address))
        return str(folder)

    def environment(
        self,
        contract: Mapping[str, str],
        *,
        passthrough: tuple[str, ...] = (),
        python_path: str | None = None,
    ) -> dict[str, str]:
        """Return a script's environment: what starts a process, what the operator lets through, the contract."""
        base = {
            name: value
            for name, value in os.environ.items()
            if name in _BASE or name in passthrough or name.startswith(_BASE_PREFIXES)
        }
        if python_path:
            base["PYTHONPATH"] = os.pathsep.join(filter(None, (python_path, base.get("PYTHONPATH"))))
        temporary = self.scratch / "tmp"
        temporary.mkdir(exist_ok=True)
        private = {"HOME": str(self.scratch), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
        # Sets iterate in one order, so that the same input gives the same bytes.
        private["PYTHONHASHSEED"] = "0"
        # One thread per library: scripts work record by record, and each thread costs address space.
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        return {**threads, **base, **contract, **private, "output_path": str(self.output)}


@contextlib.contextmanager
def private_workspace(beside: Path | None) -> Iterator[Workspace]:
    """Make a workspace, removed afterwards; next to the folder `beside`, so that its output can be swapped in.

    What a killed run left behind next to `beside` is removed first.
    """
    root = _staging(beside)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield _laid_out(root)
        finally:
            shutil.rmtree(root, ignore_errors=True)


def _staging(beside: Path | None) -> Path:
    """Make the folder of a run: beside its output, or in the temporary folder if nothing can be made there."""
    if beside is not None:
        with contextlib.suppress(OSError):
            beside.parent.mkdir(parents=True, exist_ok=True)
            _remove_stale(beside.parent)
            return Path(tempfile.mkdtemp(prefix=_STAGING, dir=beside.parent))
    _remove_stale(Path(tempfile.gettempdir()))
    return Path(tempfile.mkdtemp(prefix=_STAGING))


def _laid_out(root: Path) -> Workspace:
    output = Path(f"{root}{OUTPUT}")
    for folder in (output, Path(f"{root}{METRICS}"), Path(f"{root}{CONFIG}").parent, root / "scratch"):
        folder.mkdir(parents=True)
    return Workspace(root, root / "scratch", output, root / "script.log")


def _remove_stale(parent: Path) -> None:
    for left in parent.glob(f"{_STAGING}*"):
        with contextlib.suppress(OSError):
            if not (left / "lock").exists() and time.time() - left.stat().st_mtime < YOUNG:
                continue  # about to be locked
            with (left / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while the run that owns it lives
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def container_workspace(output: Path) -> Iterator[Workspace]:
    """Return the workspace of a container, whose /opt/ml is real."""
    for folder in (output, Path(METRICS)):
        folder.mkdir(parents=True, exist_ok=True)
    usual = Path(OUTPUT)
    if not usual.exists():  # scripts write there whatever output_path says
        with contextlib.suppress(OSError):
            usual.parent.mkdir(parents=True, exist_ok=True)
            usual.symlink_to(output)
    with tempfile.TemporaryDirectory(prefix="omm-scratch-") as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        yield Workspace(None, home, output, Path(scratch) / "script.log")


def staged_workspace(folder: Path, output: str, given: Mapping[str, str]) -> Workspace:
    """Return the workspace of a job whose `opt/ml` is laid out in `folder`; whoever did so removes it.

    `output` is the output folder as scripts know it, `given` the environment that was asked for.
    """
    real, usual = Path(f"{folder}{output}"), Path(f"{folder}{OUTPUT}")
    for made in (real, Path(f"{folder}{METRICS}"), folder / "scratch"):
        made.mkdir(parents=True, exist_ok=True)
    if real != usual:  # scripts write there whatever output_path says
        with contextlib.suppress(OSError):
            if usual.is_dir():
                usual.rmdir()
            usual.symlink_to(os.path.relpath(real, usual.parent))  # true in every view of the tree
    return Workspace(folder, folder / "scratch", real, folder / "script.log", given)


def write_config(workspace: Workspace, name: str, environment: Mapping[str, str]) -> None:
    """Write the `processingjobconfig.json` that scripts read, unless it is there already."""
    if workspace.is_laid_out:
        return
    config: dict[str, Any] = {"ProcessingJobName": name, "Environment": dict(environment)}
    for shown in (CONFIG, CONFIG_COPY):
        workspace.write(shown, json.dumps(config, indent=2))
    workspace.write(RESOURCES, json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))


def installed_requirements(requirements: Path) -> str:
    """Install a script's requirements into a cache folder of their own; returns the folder.

    Raises OutsideError with pip's last lines if they cannot be installed.
    """
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:20]
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "open-model-monitor"
        / "requirements"
    )
    folder = cache / digest
    if folder.is_dir():
        return str(folder)
    cache.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{digest}-", dir=cache))
    command = [*_installer(), "--quiet", "--target", str(partial), "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 — our own interpreter
    if done.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        raise OutsideError(f"pip could not install {requirements}:\n{done.stderr.strip()[-1000:]}")
    with contextlib.suppress(OSError):  # somebody else was faster
        partial.rename(folder)
    return str(folder)


def _installer() -> list[str]:
    """Return the beginning of an install command: pip, or uv where an environment has no pip."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install"]
    if (uv := shutil.which("uv")) is not None:
        return [uv, "pip", "install", "--python", sys.executable]
    raise OutsideError("A script's requirements need pip or uv to be installed; neither is there")
