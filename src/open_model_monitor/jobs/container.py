"""The container contract: an environment in, documents and an exit message out, and an exit code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.errors import ContractError, EngineError, MonitorError, OutsideError, ScriptError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.run import run
from open_model_monitor.jobs.workspace import CONFIG, MESSAGE
from open_model_monitor.results.report import Report

MAX_MESSAGE = 1024

log = logging.getLogger(__name__)
script_output = logging.getLogger("script")


def run_container(
    environment: Mapping[str, str], *, root: Path = Path("/"), run: Callable[..., Report] = run
) -> int:
    """Do the run that a processing container's environment describes; returns the exit code.

    `root` is where the contract's own files are looked for and written: the config, and the exit message of a
    failure. The run itself takes its paths from the environment, where they are real.
    """
    try:
        job = Job.from_environment(environment, _config(root))
        report = run(job, in_container=True, listener=_listen)
    except MonitorError as error:
        return fail(error, root)
    except OSError as error:
        return fail(OutsideError(f"{type(error).__name__}: {error}"), root)
    except Exception as error:
        log.exception("This is a bug of ours; please report it")
        return fail(EngineError(f"{type(error).__name__}: {error}"), root)
    for warning in report.warnings:
        log.warning(warning)
    log.info(report.exit_message)
    return 0


def _config(root: Path) -> Mapping[str, Any]:
    """Return the container's `processingjobconfig.json`; empty where there is none.

    Raises ContractError if it is not what it should be.
    """
    path = root / CONFIG.lstrip("/")
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        config = parse_json(text)
    except ValueError as error:
        raise ContractError(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise ContractError(f"{path} holds a {type(config).__name__}; expected an object")
    return config


def _listen(tag: str, text: str) -> None:
    level = logging.getLevelName(tag.split(" ", 1)[0])
    script_output.log(level if isinstance(level, int) else logging.INFO, text, extra={"tag": tag})


def fail(error: MonitorError, root: Path = Path("/")) -> int:
    """Say in the log and in the exit message why the run failed; returns the exit code."""
    message = exit_message(error)
    if isinstance(error, ScriptError) and error.failure.traceback:
        log.error("%s\n%s", message, error.failure.traceback.rstrip())
    else:
        log.error(message)
    path = root / MESSAGE.lstrip("/")
    with suppress(OSError):  # the log and the exit code still say it
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(message, encoding="utf-8")
    return error.exit_code


def exit_message(error: MonitorError) -> str:
    """Return the exit message of a failed run; that of a script opens with the familiar phrase."""
    text = error.failure.summary() if isinstance(error, ScriptError) else f"{type(error).__name__}: {error}"
    return text[:MAX_MESSAGE]
