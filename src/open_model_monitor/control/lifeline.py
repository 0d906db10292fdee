"""A process that ends when the one that started it ends, however that happens.

The starter keeps the writing end of our standard input and never writes. When it dies, even by SIGKILL, the system
closes that end, and the process group goes.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading

NOT_FOUND = 127  # as shells say it


def hold(number: signal.Signals = signal.SIGKILL) -> None:
    """Send this signal to our process group once standard input ends. Call it in the leader of a group only.

    If it has ended already, nothing more is done: the folder that we were to work in may be somebody else's by now.
    """
    if (
        number == signal.SIGKILL and select.select([0], [], [], 0)[0]
    ):  # nobody ever writes, so this is the end
        os.killpg(os.getpid(), signal.SIGKILL)
    threading.Thread(target=_wait_for_the_end, args=(number,), daemon=True).start()


def _wait_for_the_end(number: signal.Signals) -> None:
    while os.read(0, 1):
        pass
    os.killpg(os.getpid(), number)


def main() -> int:
    """Run the command in the arguments, and stop it when our starter is gone; returns its exit code."""
    try:
        command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 — the operator's command
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[1]}: {error.strerror}\n")
        return NOT_FOUND
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # meant for the command, which gets it as well
    hold(signal.SIGTERM)
    code = command.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
