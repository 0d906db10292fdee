"""The process of a job: start it, watch it, end it.

Images that name an analyzer of ours run as a process of this machine, in a session of its own and with an
environment that knows nothing of the server's. Any other image is left to the operator's command line.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from open_model_monitor.capture.record import JSON
from open_model_monitor.control.job_process import ANALYZERS, repository_of
from open_model_monitor.control.warm import Forked, Warm
from open_model_monitor.errors import ContractError, OutsideError, SettingsError
from open_model_monitor.settings import PREFIX, Settings

MAX_LINE = 256 << 10  # bytes
ENVIRONMENT = "environment"  # a file of the job's folder, as `docker run --env-file` reads it
LAST_WORDS = 5.0  # seconds for the last output of a process that has ended
PR_SET_DUMPABLE = 4

# What a process needs to start and to find its libraries; nothing in it is secret.
_BASE = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
_IMAGE = re.compile(r"[\w][\w./:@-]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")

Log = Callable[[str], None]  # takes a line


class LaunchedJob:
    """A process that runs; the lines that it and its children say go to `log`."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked, log: Log) -> None:
        self._process, self._log = process, log
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """Return the exit code (negative: the signal that ended it); None if it still runs after that time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask the process and its group to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and its group at once."""
        self._signal(signal.SIGKILL)

    def wait_output(self) -> None:
        """Clear up after the process has ended: what it left running ends, its last lines are read."""
        self.kill()
        self._process.wait()
        self._reader.join(LAST_WORDS)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        with cast(BinaryIO, self._process.stdout) as pipe:
            for line in iter(lambda: pipe.readline(MAX_LINE + 1), b""):
                self._log(line.decode("utf-8", "replace").rstrip("\r\n"))
                while line and not line.endswith(b"\n"):  # the rest of an overlong line
                    line = pipe.readline(MAX_LINE)


class Launcher(Protocol):
    """Whoever starts the process of a job."""

    def start(self, folder: Path, request: JSON, environment: Mapping[str, str], log: Log) -> LaunchedJob:
        """Start the job that is laid out in `folder`; `environment` is what its scripts are to see.

        Raises OutsideError if it cannot be started.
        """
        ...


@dataclass(frozen=True, slots=True)
class Subprocess:
    """Analyzers of ours, as a process of this machine."""

    def start(self, folder: Path, request: JSON, environment: Mapping[str, str], log: Log) -> LaunchedJob:
        """See `Launcher`; the process reads its environment from the request that lies in its folder."""
        region = {
            name: environment[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if name in environment
        }
        scratch = folder / "scratch"
        scratch.mkdir(exist_ok=True)
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # of scripts' requirements
        own = {"HOME": str(scratch), "TMPDIR": str(scratch), "XDG_CACHE_HOME": cache}
        whole = {**_base(), **region, **own}
        if os.uname().sysname == "Linux":
            return LaunchedJob(_warm().fork(folder, whole), log)
        module = "open_model_monitor.control.job_process"
        return _started([sys.executable, "-P", "-m", module, str(folder)], folder, whole, log)


@dataclass(frozen=True, slots=True)
class ContainerCommand:
    """Foreign images, by a command line of the operator's such as `docker run …`.

    The template is split into words first, then `{image}`, `{name}`, `{folder}`, `{environment_file}` and
    `{entrypoint}` are filled in; a word with `{entrypoint}` is left out where the request has none. What is left of
    the entrypoint, and the arguments, follow at the end.
    """

    template: str

    def start(self, folder: Path, request: JSON, environment: Mapping[str, str], log: Log) -> LaunchedJob:
        """See `Launcher`; the command gets the worker's environment without our settings: it may have to log in.

        Raises also ContractError for a request that cannot become a command line.
        """
        command = self.command(folder, request, environment)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        # The command may outlive its worker, so it is held by one of ours that does not.
        guard = [sys.executable, "-P", "-m", "open_model_monitor.control.lifeline"]
        return _started([*guard, *command], folder, ours, log)

    def command(self, folder: Path, request: JSON, environment: Mapping[str, str]) -> list[str]:
        """Return the command line, and write the file with the environment."""
        application = request["AppSpecification"]
        entrypoint = list(application.get("ContainerEntrypoint") or [])
        image, name = application["ImageUri"], request["ProcessingJobName"]
        if not _IMAGE.fullmatch(image) or not _NAME.fullmatch(name):
            raise ContractError(f"{image!r} for the job {name!r} is no name of an image")
        values = {
            "{image}": image,
            "{name}": name,
            "{folder}": str(folder),
            "{environment_file}": str(_environment_file(folder, environment)),
        }
        words = shlex.split(self.template)
        if any("{entrypoint}" in word for word in words):
            if entrypoint:
                values["{entrypoint}"] = entrypoint.pop(0)
            else:
                words = [word for word in words if "{entrypoint}" not in word]
        filled = [_filled(word, values) for word in words]
        return [*filled, *entrypoint, *(application.get("ContainerArguments") or [])]


@functools.cache
def _warm() -> Warm:
    """Return the warm process of this worker; forking one that has used Arrow's threads is only safe on Linux."""
    return Warm(_base())


def _base() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in _BASE}


def launcher_for(image: str, settings: Settings) -> Launcher:
    """Return who runs an image.

    Raises SettingsError if nobody does.
    """
    if is_built_in(image):
        return Subprocess()
    if settings.container_command:
        return ContainerCommand(settings.container_command)
    raise SettingsError(
        f"no runner is configured for the image {image}; images other than {', '.join(ANALYZERS)} need the setting "
        f"container_command ({PREFIX}CONTAINER_COMMAND)"
    )


def is_built_in(image: str) -> bool:
    """Whether an image is one of those whose work we do ourselves."""
    return repository_of(image) in ANALYZERS


def hide_from_jobs() -> None:
    """Keep this process's environment and memory from the jobs it starts, which run as the same user. Linux only.

    Without effect on jobs of root, who may read everything.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_DUMPABLE, 0)


def _filled(word: str, values: Mapping[str, str]) -> str:
    """Fill in a word, once: what a value holds is not looked at again."""
    return re.sub(r"\{\w+\}", lambda found: values.get(found[0], found[0]), word)


def _environment_file(folder: Path, environment: Mapping[str, str]) -> Path:
    broken = [name for name, value in environment.items() if "\n" in value or "\r" in value]
    if broken:
        raise ContractError(
            f"the environment entry {broken[0]} has several lines, which no container can be given"
        )
    path = folder / ENVIRONMENT
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in environment.items()), encoding="utf-8")
    return path


def _started(command: Sequence[str], cwd: Path, environment: Mapping[str, str], log: Log) -> LaunchedJob:
    try:
        process = subprocess.Popen(  # noqa: S603 — our own interpreter, or what the operator configured
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,  # its end tells the process that we are gone
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise OutsideError(f"cannot start {command[0]}: {error.strerror or error}", retry=True) from error
    return LaunchedJob(process, log)
