"""`main`: words in, a command called, errors made readable, an exit code out."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from rich.text import Text

from open_model_monitor.cli import commands, moving, reporting, server_commands, show, sink
from open_model_monitor.cli.logs import log_to_stderr
from open_model_monitor.cli.parameters import Common
from open_model_monitor.errors import MonitorError, OutsideError, ScriptError
from open_model_monitor.version import __version__

USAGE, INTERRUPTED, BUG = 2, 130, 70
COMMANDS = ("inspect", "try", "suggest", "check", "report", "explain", "run")
SERVER_COMMANDS = (
    "serve", "work", "sink", "keys", "logs", "trigger", "backfill", "client_env", "settings", "backup", "restore",
    "migrate", "parity",
)  # fmt: skip

HELP = """
Runs Amazon SageMaker Model Monitor workloads anywhere.

For example:

    omm inspect captures/
    omm try preprocessor.py captures/
    omm suggest train.csv -o baseline/
    omm check captures/ --baseline baseline/
    omm report out/ --baseline baseline/
    omm explain out/constraint_violations.json
    omm serve --local

It exits with 0 when done, 1 on violations (with --strict),
2 on usage, 3 on data, 4 on script errors, 5 on anything outside.
"""


def build() -> App:
    """Return the command line."""
    app = App(
        name="omm",
        help=HELP,
        version=__version__,
        version_flags=["--version"],
        help_format="plaintext",
        result_action="return_value",
    )
    for place, name in enumerate(COMMANDS):
        module = reporting if name == "report" else commands
        app.command(getattr(module, "try_" if name == "try" else name), name=name, sort_key=place)
    for place, name in enumerate(SERVER_COMMANDS, len(COMMANDS)):
        module = {"sink": sink, "migrate": moving, "parity": moving}.get(name, server_commands)
        command = getattr(module, name)
        if isinstance(command, App):  # has commands of its own
            command.sort_key = place
            app.command(command)
        else:
            app.command(command, name=name.replace("_", "-"), sort_key=place)
    app.register_install_completion_command(help="Set up completion in your shell.")
    return app


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    # Known before the words are understood, since that may fail.
    common = Common(json="--json" in words, debug="--debug" in words)
    _clean_up_when_terminated()
    try:
        command, bound, _ = build().parse_args(words, print_error=False, exit_on_error=False)
        if common.debug:
            log_to_stderr()
        return int(command(*bound.args, **bound.kwargs) or 0)
    except CycloptsError as error:
        return _refused(error, words)
    except MonitorError as error:
        return _failed(error, common)
    except BrokenPipeError:  # whoever reads us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _failed(OutsideError(f"{type(error).__name__}: {error}"), common)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _bug(error, common)


def _clean_up_when_terminated() -> None:
    """Let SIGTERM unwind the run: its folder and its processes go. As process 1 it would do nothing at all."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def _refused(error: CycloptsError, words: Sequence[str]) -> int:
    command = next((word for word in words if not word.startswith("-")), "")
    known = command in COMMANDS or command.replace("-", "_") in SERVER_COMMANDS
    body = Text.assemble(
        str(error),
        ("\n" + f"omm {command + ' ' if known else ''}--help", "green"),
        (" shows what there is", ""),
    )
    show.console(errors=True).print(show.panel("That cannot be done", body, subtitle=f"exit code {USAGE}"))
    return USAGE


def _failed(error: MonitorError, common: Common) -> int:
    if common.debug:
        traceback.print_exception(error)
    show.console(errors=True).print(show.error_panel(error))
    if common.json:  # who reads JSON gets JSON
        failure = error.failure.to_dict() if isinstance(error, ScriptError) else None
        told = {"class": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
        sys.stdout.write(
            json.dumps({"error": told, "script_error": failure}, indent=2, ensure_ascii=False) + "\n"
        )
    return error.exit_code


def _bug(error: Exception, common: Common) -> int:
    if common.debug:
        traceback.print_exception(error)
    body = Text.assemble(
        f"{type(error).__name__}: {error}\n",
        ("This is a bug of ours. The same command with --debug shows where; please report it.", ""),
    )
    show.console(errors=True).print(show.panel("Unexpected", body, subtitle=f"exit code {BUG}"))
    return BUG
