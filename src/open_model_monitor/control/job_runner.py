"""One processing job from its row to its outcome: stage, launch, watch, collect, upload (`api.md` §6, §10, §11)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from open_model_monitor.capture.record import JSON
from open_model_monitor.control.job_logs import JobLog, stream_name
from open_model_monitor.control.job_process import MESSAGE, METRICS, SUMMARY
from open_model_monitor.control.launchers import LaunchedJob, is_built_in, launcher_for
from open_model_monitor.control.staging import explained, lay_out, stage_inputs, upload_outputs
from open_model_monitor.control.store import Row, Store
from open_model_monitor.errors import MonitorError
from open_model_monitor.results.folder import violations_in
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage

POLL = 0.2  # seconds
YOUNG = 60.0  # seconds within which a folder may still get its lock
SLACK = 5.0  # seconds over the limit in which a run of ours may end by itself, saying what it was at
DEFAULT_LIMIT = 86_400
MAX_TEXT = 1024  # characters of an exit message and of a failure's reason
MAX_METRIC_BYTES, MAX_METRICS = 16 << 20, 20_000
VIOLATED = "CompletedWithViolations"
VIOLATIONS = "constraint_violations.json"

_SECRET = re.compile("secret|token|password", re.IGNORECASE)
_ERROR = re.compile(r"error|exception|fatal|failed", re.IGNORECASE)
# A FailureReason with this word makes the SDK raise another exception.
_MISLEADING = re.compile("CapacityError")


class LeaseLost(Exception):
    """The job belongs to another worker by now: nothing of it was recorded or uploaded."""


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended. `failure` says why it did not complete; `metrics` are the lines that it left."""

    status: Literal["Completed", "Failed", "Stopped"]
    exit_message: str | None
    failure: str | None
    details: JSON
    metrics: list[JSON]


def run_job(
    job: Row,
    *,
    arn: str,
    settings: Settings,
    store: Store,
    storage: Storage,
    work: Path,
    clock: Callable[[], datetime],
    should_stop: Callable[[], bool],
    lost: Callable[[], bool],
) -> JobOutcome:
    """Run a job that this worker has claimed, in a folder of its own below `work`.

    `should_stop` and `lost` are asked often and by several threads, so they must be quick.

    Raises LeaseLost as soon as `lost` says so, and StoreError if there is no database to begin with.
    """
    with store.read() as transaction:
        stream = stream_name(transaction, job, clock())
    limits = _Limits(job["request"], settings, should_stop, lost)
    with (
        JobLog(store, job["id"], stream, max_lines=settings.max_log_lines, clock=clock) as log,
        _private_folder(work, job) as folder,
    ):
        log.add(first_line(job["request"], arn))
        return _JobRun(job, arn, settings, storage, folder, log, limits).outcome()


def first_line(request: JSON, arn: str) -> str:
    """Return the line that opens every log: the ARN and the configuration, secrets masked (§11.8)."""
    environment = request.get("Environment") or {}
    masked = {name: "***" if _SECRET.search(name) else value for name, value in environment.items()}
    return f"ProcessingJobArn: {arn} configuration: {json.dumps({**request, 'Environment': masked})}"


def remove_leftovers(work: Path) -> None:
    """Remove the folders of jobs whose worker died; those of living workers of this machine are locked."""
    for left in work.glob("*/lock"):
        with contextlib.suppress(OSError), left.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(left)
    for folder in work.iterdir():  # what a process wrote that ended a moment after its folder
        with contextlib.suppress(OSError):
            if not (folder / "lock").exists() and time.time() - folder.stat().st_mtime > YOUNG:
                shutil.rmtree(folder, ignore_errors=True)


def _remove(lock: Path) -> None:
    """Remove a folder, its lock last: where a dying process still writes, the next time finds what is left."""
    for path in lock.parent.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path != lock:
            path.unlink()
    if not [path for path in lock.parent.iterdir() if path != lock]:
        shutil.rmtree(lock.parent, ignore_errors=True)


@contextlib.contextmanager
def _private_folder(work: Path, job: Row) -> Iterator[Path]:
    """Make the folder of one attempt, removed afterwards; two accounts may have jobs of the same name."""
    with explained(work):
        work.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{job['name']}-{job['attempt']}-", dir=work)).resolve()
        lock = (folder / "new").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "new").rename(folder / "lock")  # no lock is ever seen that nobody holds
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class _Stop(Exception):
    """The job is to be stopped before its process was started, or by now."""


@dataclass(slots=True)
class _Limits:
    """Why a job has to end before it is done."""

    request: JSON
    settings: Settings
    should_stop: Callable[[], bool]
    lost: Callable[[], bool]
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The time limit."""
        condition = self.request.get("StoppingCondition") or {}
        return float(condition.get("MaxRuntimeInSeconds") or DEFAULT_LIMIT)

    @property
    def elapsed(self) -> float:
        """Seconds since the job was begun."""
        return time.monotonic() - self.started

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.elapsed >= self.seconds

    def reason(self, slack: float = 0.0) -> str | None:
        """Return why the job is to be stopped, None if it is not.

        Raises LeaseLost.
        """
        self.check_lease()
        if self.should_stop():
            return "The job was stopped on request"
        if self.elapsed >= self.seconds + slack:
            return self.over_the_limit
        return None

    @property
    def over_the_limit(self) -> str:
        """The reason of a job that took too long."""
        return f"MaxRuntimeInSeconds of {self.seconds:.0f} was exceeded"

    def check(self) -> None:
        """Raise _Stop or LeaseLost if the job must not go on."""
        if (reason := self.reason()) is not None:
            raise _Stop(reason)

    def check_lease(self) -> None:
        """Raise LeaseLost if the job is another worker's."""
        if self.lost():
            raise LeaseLost


@dataclass(slots=True)
class _JobRun:
    """The steps of one job, in the order in which they stand here."""

    job: Row
    arn: str
    settings: Settings
    storage: Storage
    folder: Path
    log: JobLog
    limits: _Limits
    stopped: str | None = None  # why it was
    last_words: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def outcome(self) -> JobOutcome:
        try:
            code = self._run()
        except _Stop as stop:
            self.stopped = str(stop)
            return self._ended("Stopped", f"Stopped: {stop}", self.stopped, [])
        except (MonitorError, OSError) as error:  # before there was a process
            return self._ended("Failed", f"{type(error).__name__}: {error}", str(error), [])
        return self._collect(code)

    def _run(self) -> int:
        """Lay the folder out and run the process to its end; returns the exit code."""
        request, local = self.request, self.settings.local_addresses
        image = request["AppSpecification"]["ImageUri"]
        launcher = launcher_for(image, self.settings)
        lay_out(request, self.arn, self.folder, local_addresses=local)
        staged = stage_inputs(
            request,
            self.folder,
            self.storage,
            local_addresses=local,
            is_ours=is_built_in(image),
            check=self.limits.check,
        )
        self.log.add(f"{staged.objects:,} objects, {staged.bytes / 1e6:,.1f} MB, were fetched")
        self.details |= {"objects": staged.objects, "bytes": staged.bytes}
        region = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), self.job["region"])
        running = launcher.start(
            self.folder, request, region | (request.get("Environment") or {}), self._heard
        )
        try:
            return self._watch(running)
        finally:
            running.wait_output()

    @property
    def request(self) -> JSON:
        return self.job["request"]

    def _heard(self, line: str) -> None:
        self.log.add(line)
        if line.strip() and (_ERROR.search(line) or not _ERROR.search(self.last_words)):
            self.last_words = line.strip()

    # ------------------------------------------------------------ watch

    def _watch(self, running: LaunchedJob) -> int:
        """Wait for the end; stop the process in time, and kill it if it does not stop."""
        kill_at: float | None = None
        while (code := running.wait(POLL)) is None:
            reason = self.limits.reason(SLACK)
            if kill_at is None and reason is not None:
                self.stopped = reason
                self.log.add(reason)
                running.stop()
                kill_at = time.monotonic() + self.settings.stop_grace_seconds
            elif kill_at is not None and time.monotonic() >= kill_at:
                running.kill()
        return code

    # ------------------------------------------------------------ collect

    def _collect(self, code: int) -> JobOutcome:
        message = _text(self.folder / MESSAGE)
        self.details |= {"exit_code": code, **_summary(self.folder)}
        if code and self.stopped is None and self.limits.is_over:  # a run of ours watches the time itself
            self.stopped = self.limits.over_the_limit
        metrics = self._metrics()
        failure = self._failure(code, message)
        try:
            self._upload()
        except MonitorError as error:
            self.log.add(f"ERROR {error}")
            if failure is None:
                return self._ended("Failed", message, str(error), metrics)
        self._count_violations(message)
        if self.stopped is not None:
            return self._ended("Stopped", message or f"Stopped: {self.stopped}", failure, metrics)
        return self._ended("Failed" if code else "Completed", message, failure, metrics)

    def _failure(self, code: int, message: str | None) -> str | None:
        """Return why the job did not complete, None if it did."""
        if self.stopped is not None:
            ended_itself = code > 0 and message and not message.startswith("Stopped")
            return f"{self.stopped}. {message}" if ended_itself else self.stopped
        if not code:
            return None
        if code > 0 and message:
            return message
        told = f" Its last words: {self.last_words}" if self.last_words else ""
        return f"{_how_it_ended(code)}.{told}"

    def _upload(self) -> None:
        """Write what there is, whatever became of the job; a lost lease ends it between two objects."""
        config = self.request.get("ProcessingOutputConfig") or {}
        addresses = upload_outputs(
            self.request,
            self.folder,
            self.storage,
            local_addresses=self.settings.local_addresses,
            check=self.limits.check_lease,
        )
        self.details["uploaded"] = len(addresses)
        if addresses:
            targets = ", ".join(one["S3Output"]["S3Uri"] for one in config["Outputs"])
            self.log.add(f"{len(addresses):,} files were written to {targets}")
        if key := config.get("KmsKeyId"):
            self.log.add(f"KmsKeyId {key} is recorded; the store's own encryption applies")

    def _count_violations(self, message: str | None) -> None:
        """Images of others tell of violations by their message; how many, their document may say."""
        outputs = (self.request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
        if "violations" in self.details or not outputs or not (message or "").startswith(VIOLATED):
            return
        path = Path(f"{self.folder}{outputs[0]['S3Output']['LocalPath']}") / VIOLATIONS
        found = violations_in(path.read_bytes()) if path.is_file() else None
        if found is not None:
            self.details["violations"] = len(found)

    def _metrics(self) -> list[JSON]:
        metrics, malformed = read_metrics(self.folder / METRICS)
        if malformed:
            self.details["malformed_metrics"] = malformed
            self.log.add(f"{malformed:,} metric lines could not be read")
        return metrics

    def _ended(
        self,
        status: Literal["Completed", "Failed", "Stopped"],
        message: str | None,
        failure: str | None,
        metrics: list[JSON],
    ) -> JobOutcome:
        self.limits.check_lease()
        self.details["seconds"] = round(self.limits.elapsed, 3)
        self.log.add(f"The job ended as {status}" + (f": {failure}" if failure else ""))
        return JobOutcome(status, _cut(message), _cut(failure), self.details, metrics)


def read_metrics(folder: Path) -> tuple[list[JSON], int]:
    """Return the metrics that a job left, and how many lines make no sense: JSON lines, or whole documents."""
    metrics: list[JSON] = []
    malformed = 0
    left = MAX_METRIC_BYTES
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        with path.open("rb") as file:
            text = file.read(left + 1)
        if len(text) > left:
            text, malformed = text[:left].rpartition(b"\n")[0], malformed + 1
        left -= len(text)
        for element in _documents(text):
            if isinstance(element, dict) and len(metrics) < MAX_METRICS:
                metrics.append(element)
            else:
                malformed += 1
    return metrics, malformed


def _documents(text: bytes) -> Iterator[Any]:
    """Yield the elements of a document that is one object or a list of them, else those of its lines."""
    try:
        whole = msgspec.json.decode(text)
    except msgspec.DecodeError:
        for line in filter(None, map(bytes.strip, text.splitlines())):
            try:
                yield msgspec.json.decode(line)
            except msgspec.DecodeError:
                yield None
        return
    yield from whole if isinstance(whole, list) else [whole]


def _summary(folder: Path) -> dict[str, Any]:
    try:
        return dict(msgspec.json.decode((folder / SUMMARY).read_bytes()))
    except (OSError, msgspec.DecodeError):  # it did not come that far, or is not ours
        return {}


def _text(path: Path) -> str | None:
    """Return the beginning of an exit message, None if there is none."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(4 * MAX_TEXT).decode("utf-8", "replace").strip()[:MAX_TEXT] or None


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"The job's process ended with exit code {code}"
    how = f"The job's process was ended by signal {-code}"
    return f"{how} (SIGKILL), which usually means that memory ran out" if code == -9 else how


def _cut(text: str | None) -> str | None:
    return None if text is None else _MISLEADING.sub("Capacity Error", text)[:MAX_TEXT]
