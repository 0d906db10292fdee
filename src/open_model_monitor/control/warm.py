"""Jobs forked from a warm process, which has imported what they need: a small one takes a twentieth of a second.

Two sides. `Warm` is the worker's: it starts `python -m open_model_monitor.control.warm`, asks it for jobs, and hears of
their ends. The other process knows nothing of the worker: a clean environment, a socket, and per job two pipes.
Users' scripts never run in it; each job still starts them as processes of their own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NoReturn

from open_model_monitor.errors import OutsideError

MAX_MESSAGE = 1 << 20
# What a run imports; nothing of it starts a thread before it is used, so forking afterwards is safe.
PRELOADED = (
    *("numpy", "pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.json", "obstore.store"),
    *("open_model_monitor.jobs.container", "open_model_monitor.control.job_process"),
)


# ------------------------------------------------------------ the worker's side


class Forked:
    """A job's process, as `subprocess.Popen` would show it."""

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.stdin, self.stdout, self.pid = stdin, stdout, 0
        self._code: int | None = None
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._code if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code.

        Raises subprocess.TimeoutExpired.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("job", timeout or 0)
        return self._code or 0

    def end(self, code: int) -> None:
        """Be told how it ended."""
        self._code = code
        self._ended.set()


class Warm:
    """The warm process and the jobs that it forked; started again if it should die. Safe to share between threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._guard = threading.Lock()
        self._channel: socket.socket | None = None
        self._started: dict[str, Forked] = {}

    def fork(self, folder: Path, environment: Mapping[str, str]) -> Forked:
        """Start the job that is laid out in a folder.

        Raises OutsideError if it cannot be started.
        """
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        forked = Forked(os.fdopen(ours_in, "wb", buffering=0), os.fdopen(ours_out, "rb"))
        asked = json.dumps({"folder": str(folder), "environment": dict(environment)}).encode()
        try:
            with self._guard:
                channel = self._channel or self._start()
                self._started[str(folder)] = forked
                socket.send_fds(channel, [asked], [theirs_in, theirs_out])
        except OSError as error:
            self._started.pop(str(folder), None)
            forked.stdin.close()
            forked.stdout.close()
            raise OutsideError(f"cannot start the job's process: {error}", retry=True) from error
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        while not forked.pid and forked.poll() is None:
            time.sleep(0.001)
        return forked

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 — our own interpreter
                [sys.executable, "-P", "-m", "open_model_monitor.control.warm", str(theirs.fileno())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel = ours
        threading.Thread(target=self._listen, args=(ours, process), daemon=True).start()
        return ours

    def _listen(self, channel: socket.socket, process: subprocess.Popen[bytes]) -> None:
        """Hear what becomes of jobs; if the warm process died, its jobs did too, by their lifelines' end or now."""
        with contextlib.suppress(OSError):
            while told := channel.recv(MAX_MESSAGE):
                message = json.loads(told)
                forked = self._started.get(message["folder"])
                if forked is None:
                    continue
                if "pid" in message:
                    forked.pid = message["pid"]
                else:
                    self._started.pop(message["folder"], None)
                    forked.end(message["code"])
        with self._guard:
            self._channel = None
            orphans, self._started = self._started, {}
        channel.close()
        process.wait()
        for forked in orphans.values():
            if forked.pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(forked.pid, signal.SIGKILL)
            forked.end(-signal.SIGKILL)


# ------------------------------------------------------------ the warm process


def main() -> int:
    """Fork jobs as they are asked for, until whoever asks is gone."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    for module in PRELOADED:
        importlib.import_module(module)
    folders: dict[int, str] = {}
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    while True:
        ready, _, _ = select.select([channel.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
        _tell_ends(channel, folders)
        if channel.fileno() in ready and not _fork_next(channel, folders):
            return 0


def _fork_next(channel: socket.socket, folders: dict[int, str]) -> bool:
    """Fork the next job; False if there will be none."""
    asked, descriptors, _, _ = socket.recv_fds(channel, MAX_MESSAGE, 2)
    if not asked:
        return False
    request = json.loads(asked)
    pid = os.fork()
    if not pid:
        _become(request, channel, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    folders[pid] = request["folder"]
    _tell(channel, {"folder": request["folder"], "pid": pid})
    return True


def _tell_ends(channel: socket.socket, folders: dict[int, str]) -> None:
    while folders:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        _tell(channel, {"folder": folders.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def _tell(channel: socket.socket, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # whoever asked is gone; the next read says so
        channel.send(json.dumps(message).encode())


def _become(request: dict[str, object], channel: socket.socket, descriptors: list[int]) -> NoReturn:
    """Turn this fork into the job's process: a session, pipes, a folder and an environment of its own."""
    code = 70
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        channel.close()
        for place, descriptor in enumerate([*descriptors, descriptors[-1]]):
            os.dup2(descriptor, place)
        os.closerange(3, 256)
        # Python's own files were made for the warm process's, which could seek.
        sys.stdin, sys.stdout, sys.stderr = (open(n, mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: SIM115
        folder = str(request["folder"])
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        sys.argv = ["job", folder]
        code = importlib.import_module("open_model_monitor.control.job_process").main()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
