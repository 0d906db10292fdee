"""`main`: words in, a command called, errors made readable, an exit code out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError
from rich.console import Console
from rich.panel import Panel

from open_model_monitor.cli import commands
from open_model_monitor.cli.parameters import Common
from open_model_monitor.errors import MonitorError, OutsideError, ScriptError
from open_model_monitor.version import __version__

USAGE, OUTSIDE, INTERRUPTED, BUG = 2, 5, 130, 70

HELP = """
Runs Amazon SageMaker Model Monitor workloads anywhere: captures in, statistics, constraints and violations out.

Where to begin:

    omm inspect captures/                        what is in there
    omm try preprocessor.py captures/            what your script makes of it
    omm suggest train.csv -o baseline/           a baseline of data you trust
    omm check captures/ --baseline baseline/     what has changed since
    omm explain out/constraint_violations.json   what it means

Exit codes: 0 done, 1 violations (with --strict), 2 usage, 3 data, 4 script, 5 outside.
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
    for command in (commands.inspect, commands.try_, commands.suggest, commands.check, commands.explain, commands.run):
        app.command(command, name=command.__name__.rstrip("_"))
    app.register_install_completion_command(help="Install completion for your shell.")
    return app


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    common = Common()
    try:
        command, bound, _ = build().parse_args(words, print_error=False, exit_on_error=False)
        common = bound.arguments.get("common") or common
        _set_up_log(common)
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
