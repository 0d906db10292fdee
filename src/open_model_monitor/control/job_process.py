"""The process of one job of ours: `python -m open_model_monitor.control.job_process FOLDER`.

FOLDER holds `opt/ml/...` as a processing container would see it. Which analyzer runs is told by the image that the
request names. Scripts see the request's environment word for word, and FOLDER/opt/ml as /opt/ml; we see where
things really are. What we say names the paths that users know.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from open_model_monitor.control import lifeline
from open_model_monitor.errors import ContractError, MonitorError, ScriptError

CONFIG = "opt/ml/config/processingjobconfig.json"
MESSAGE = "opt/ml/output/message"
METRICS = "opt/ml/output/metrics/cloudwatch"
REMOTE = "remote"  # copies of what manifests list: remote/s3/bucket/key
SUMMARY = "summary.json"
SHOWN = "/opt/ml/"

MAX_NOTES = 50  # notices, and warnings, that the summary keeps
MAX_TEXT = 8_000
FIRST_WORD, RARELY = 5.0, 30.0  # seconds between two words on how far a long run is


def main() -> int:
    """Run the job of the folder in the arguments; returns the exit code."""
    folder = Path(sys.argv[1]).resolve()
    signal.signal(signal.SIGTERM, _stop)
    if os.getpgrp() == os.getpid():  # as a worker starts us; by hand we may share our group with a shell
        lifeline.hold()
    _log_to_stdout(folder)
    try:
        return run_job_in(folder)
    except _Stopped:
        _message(folder).write_text("Stopped: the job was asked to stop.", encoding="utf-8")
        return 128 + signal.SIGTERM


def run_job_in(folder: Path) -> int:
    """Run the job that is laid out in a folder; returns the exit code. The exit message says the rest."""
    _message(folder).parent.mkdir(parents=True, exist_ok=True)
    try:
        request = msgspec.json.decode((folder / CONFIG).read_bytes())
        image = request["AppSpecification"]["ImageUri"]
        code = ANALYZERS[repository_of(image)](folder, request)
    finally:
        _as_users_know_it(_message(folder), folder)
    return code


class _Stopped(BaseException):
    """We were asked to stop; nothing on the way up takes it for a failure."""


def _stop(number: int, _: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise _Stopped


def _message(folder: Path) -> Path:
    return folder / MESSAGE


# ---------------------------------------------------------------- which analyzer


def repository_of(image: str) -> str:
    """Return the last part of an image's name, without registry, tag and digest: that tells who is to run it."""
    return re.split("[@:]", image.rpartition("/")[2], maxsplit=1)[0]


def _analyse(folder: Path, request: Mapping[str, Any]) -> int:
    from open_model_monitor.jobs.container import run_container

    run = _StagedRun(folder, {name: str(value) for name, value in (request.get("Environment") or {}).items()})
    try:
        return run_container(run.environment, root=folder, run=run)
    finally:
        run.tell()


def _merge(folder: Path, request: Mapping[str, Any]) -> int:
    from open_model_monitor.control.merge_process import run_merge
    from open_model_monitor.jobs.container import fail

    environment = {name: str(value) for name, value in (request.get("Environment") or {}).items()}
    names = ("dataset_source", "ground_truth_source", "output_path")
    try:
        real = {name: f"{folder}{_shown(name, environment.get(name, ''))}" for name in names}
    except ContractError as error:
        return fail(error, folder)
    code, summary, message = run_merge(folder, environment, real)
    (folder / SUMMARY).write_bytes(msgspec.json.encode(summary))
    _as_users_know_it(folder / SUMMARY, folder)
    if message:
        _message(folder).write_text(message, encoding="utf-8")
    return code


def _not_yet(what: str) -> Callable[[Path, Mapping[str, Any]], int]:
    def refuse(folder: Path, request: Mapping[str, Any]) -> int:
        from open_model_monitor.jobs.container import fail

        return fail(
            ContractError(f"{what} is not supported by this version; data and model quality are"), folder
        )

    return refuse


# By repository name (`api.md` §2.3). An image that is not here belongs to somebody else.
ANALYZERS: Mapping[str, Callable[[Path, Mapping[str, Any]], int]] = {
    "sagemaker-model-monitor-analyzer": _analyse,
    "sagemaker-clarify-processing": _not_yet("monitoring of bias and of feature attribution"),
    "sagemaker-model-monitor-groundtruth-merger": _merge,
}


# ---------------------------------------------------------------- the run of a staged job


@dataclass(slots=True)
class _StagedRun:
    """What `run_container` calls: the run of a job whose paths below /opt/ml are really in a folder."""

    folder: Path
    environment: Mapping[str, str]
    summary: dict[str, Any] | None = None

    def __call__(self, job: Any, *, in_container: bool, listener: Any) -> Any:
        from open_model_monitor.jobs.run import run
        from open_model_monitor.jobs.workspace import staged_workspace

        workspace = staged_workspace(self.folder, _shown("output_path", job.output), self.environment)
        try:
            with _Progress() as progress:
                report = run(
                    self._located(job), workspace=workspace, listener=listener, progress=progress.told
                )
        except MonitorError as error:
            self.summary = _failure(error)
            raise
        finally:
            for name in ("run_summary.json", "script_error.json"):
                _as_users_know_it(workspace.output / name, self.folder)
        self.summary = _summary(report)
        return report

    def _located(self, job: Any) -> Any:
        """Return the job with the places where things really are."""
        options = replace(
            job.options,
            script_requirements=self._real("script_requirements", job.options.script_requirements),
            script_helpers=tuple(self._real("script_helpers", one) for one in job.options.script_helpers),
        )
        return replace(
            job,
            source=self._real("dataset_source", job.source),
            output=self._real("output_path", job.output),
            baseline_statistics=self._real("baseline_statistics", job.baseline_statistics),
            baseline_constraints=self._real("baseline_constraints", job.baseline_constraints),
            preprocessor=self._real("record_preprocessor_script", job.preprocessor),
            postprocessor=self._real("post_analytics_processor_script", job.postprocessor),
            options=options,
            labelling=self._labelling(job.labelling),
        )

    def _labelling(self, labelling: Any) -> Any:
        if labelling is None or labelling.ground_truth is None:
            return labelling
        return replace(labelling, ground_truth=self._real("ground_truth_source", labelling.ground_truth))

    def _real(self, name: str, shown: str | None) -> Any:
        return None if shown is None else f"{self.folder}{_shown(name, shown)}"

    def tell(self) -> None:
        """Leave the summary for whoever started us, if the run came that far."""
        if self.summary is not None:
            path = self.folder / SUMMARY
            path.write_bytes(msgspec.json.encode(self.summary))
            _as_users_know_it(path, self.folder)


def _shown(name: str, path: str) -> str:
    """Return a path that the environment names; a job reads nothing but what was laid out for it.

    Raises ContractError for one that leads elsewhere.
    """
    clean = os.path.normpath(path)
    if not clean.startswith(SHOWN):
        raise ContractError(
            f"{name} is {path}; a processing job finds its files below {SHOWN}processing, where its "
            "ProcessingInputs put them"
        )
    return clean


def _as_users_know_it(path: Path, folder: Path) -> None:
    """Let a document of the run name paths as users know them."""
    if path.is_file() and not path.is_symlink():
        text = path.read_text(encoding="utf-8")
        if str(folder) in text:
            path.write_text(_known(text, folder), encoding="utf-8")


def _known(text: str, folder: Path) -> str:
    """Take out the folder that only we know: what it holds is /opt/ml to users, or an object they know."""
    if str(folder) not in text:
        return text
    remote = re.sub(rf"{re.escape(str(folder))}/{REMOTE}/([a-z0-9]+)/", r"\1://", text)
    return remote.replace(str(folder), "")


def _summary(report: Any) -> dict[str, Any]:
    document = report.to_dict()
    kept = ("kind", "outcome", "violations", "counts", "scripts", "window", "PostprocessingStatus")
    failure = report.script_failure
    return {
        **{name: document[name] for name in (*kept, "labels") if name in document},
        "rows": report.rows,
        "notices": document["notices"][:MAX_NOTES],
        "warnings": [text[:MAX_TEXT] for text in report.warnings[:MAX_NOTES]],
        "script_error": _script_error(failure) if failure is not None else None,
    }


def _failure(error: MonitorError) -> dict[str, Any]:
    failure = _script_error(error.failure) if isinstance(error, ScriptError) else None
    return {"error": type(error).__name__, "script_error": failure}


def _script_error(failure: Any) -> dict[str, Any]:
    """What is known of a script's failure, without the log's last lines: the log is beside it."""
    document = {name: value for name, value in failure.to_dict().items() if name != "log_tail"}
    return {name: value[:MAX_TEXT] if isinstance(value, str) else value for name, value in document.items()}


# ---------------------------------------------------------------- what it says meanwhile


class _Lines(logging.Formatter):
    """One line per record, without the time: the log's events have one; paths as users know them."""

    def __init__(self, folder: Path) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._folder = folder

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what a script said is shown with the tag it was said with."""
        tag = getattr(record, "tag", None)
        text = f"{tag}: {record.getMessage()}" if tag else super().format(record)
        return _known(text, self._folder)


def _log_to_stdout(folder: Path) -> None:
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines(folder))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _Progress:
    """Says every few seconds how far the run is, or at least that it is still at it."""

    def __init__(self) -> None:
        self._log = logging.getLogger("progress")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._started = time.monotonic()
        self._before = self._last = (0, 0)

    def __enter__(self) -> _Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def told(self, read: int, rows: int) -> None:
        """Take the numbers of the part at hand; smaller ones than before mean that the next part has begun."""
        if read < self._last[0] or rows < self._last[1]:
            self._before = (self._before[0] + self._last[0], self._before[1] + self._last[1])
        self._last = (read, rows)

    def _speak(self) -> None:
        pause = FIRST_WORD
        while not self._over.wait(pause):
            seconds = time.monotonic() - self._started
            read, rows = (before + last for before, last in zip(self._before, self._last, strict=True))
            known = f", {rows:,} rows, {read / 1e6:,.1f} MB read" if rows or read else ""
            self._log.info("%.0f s%s", seconds, known)
            pause = min(RARELY, max(FIRST_WORD, seconds / 10))


if __name__ == "__main__":
    sys.exit(main())
