"""The Python door: `suggest`, `check`, `profile`. Paths, addresses, pandas, Polars or Arrow in, a Report out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from open_model_monitor.capture.formats import parse_format
from open_model_monitor.capture.record import Format, Window
from open_model_monitor.errors import SettingsError, UsageError
from open_model_monitor.jobs.contract import Job, Labelling, options_from, problem_of
from open_model_monitor.jobs.profile_parts import Progress
from open_model_monitor.jobs.run import run
from open_model_monitor.jobs.script_log import Listener
from open_model_monitor.results.report import Report, to_json
from open_model_monitor.storage import Storage, normalise

Time = str | datetime | None


def suggest(
    data: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    format: str | Mapping[str, Any] | Format | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    postprocess: str | os.PathLike[str] | None = None,
    since: Time = None,
    until: Time = None,
    like: Literal["recommended", "sagemaker"] = "recommended",
    behaviour: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    labelling: Labelling | Mapping[str, Any] | None = None,
    engine: Any = None,
    progress: Progress | None = None,
    listener: Listener | None = None,
) -> Report:
    """Make a baseline: statistics and suggested constraints of a data set we trust.

    `data` is a path, an address, or a pandas, Polars or Arrow table; `format` as `dataset_format` spells it
    ("csv", {"csv": {"header": True}}, …), None to look at the data. `like="sagemaker"` suggests what SageMaker
    would. `options` are those of `jobs.contract.Options`. A `labelling` (its fields, or a mapping of them) makes it
    a run of model quality: `{"problem": "BinaryClassification", "inference_attribute": "prediction", …}`. `engine`
    is "local", "spark" (the session that is active, or one for this run), or a SparkSession.

    Raises the errors of `open_model_monitor.errors`.
    """
    with _addressed(data, format) as (source, read_as, notes):
        job = Job(
            source=source,
            is_baseline=True,
            format=read_as,
            window=window_of(since, until),
            output=_address(output),
            preprocessor=_address(preprocess),
            postprocessor=_address(postprocess),
            like=like,
            behaviour=_texts(behaviour),
            publish_metrics=False,
            environment=dict(environment or {}),
            options=options_from(_with_engine(options, engine), strict=True),
            labelling=labelling_of(labelling),
        )
        return _noting(notes, run(job, progress=progress, listener=listener, spark=_session(engine)))


def check(
    data: Any,
    baseline: str | os.PathLike[str] | Report | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    statistics: str | os.PathLike[str] | None = None,
    constraints: str | os.PathLike[str] | None = None,
    format: str | Mapping[str, Any] | Format | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    postprocess: str | os.PathLike[str] | None = None,
    since: Time = None,
    until: Time = None,
    behaviour: Mapping[str, Any] | None = None,
    endpoint: str | None = None,
    schedule: str | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    labelling: Labelling | Mapping[str, Any] | None = None,
    engine: Any = None,
    progress: Progress | None = None,
    listener: Listener | None = None,
) -> Report:
    """Compare data with a baseline: what `suggest` returned, or the folder it (or SageMaker) wrote.

    `statistics` and `constraints` name single files instead; with neither nothing is checked, only profiled.
    `since` and `until` are times ("2026-01-31T10:00:00Z") that select captures by their hour folders. `engine` as
    for `suggest`.

    Raises the errors of `open_model_monitor.errors`; violations are in the Report, not raised.
    """
    with _addressed(data, format) as (source, read_as, notes), _baseline(baseline) as found:
        job = Job(
            source=source,
            is_baseline=False,
            format=read_as,
            window=window_of(since, until),
            output=_address(output),
            baseline_statistics=_address(statistics) or found.get("statistics.json"),
            baseline_constraints=_address(constraints) or found.get("constraints.json"),
            preprocessor=_address(preprocess),
            postprocessor=_address(postprocess),
            behaviour=_texts(behaviour),
            endpoint=endpoint,
            schedule=schedule,
            publish_metrics=(environment or {}).get("publish_cloudwatch_metrics", "Enabled").lower()
            == "enabled",
            environment=dict(environment or {}),
            options=options_from(_with_engine(options, engine), strict=True),
            labelling=labelling_of(labelling),
        )
        return _noting(notes, run(job, progress=progress, listener=listener, spark=_session(engine)))


def profile(data: Any, **more: Any) -> Report:
    """Describe data: statistics, and the constraints one could suggest from them. Takes what `suggest` takes."""
    return suggest(data, **more)


def window_of(since: Time, until: Time) -> Window | None:
    """Return the window between two times; an open end reaches as far as there are captures.

    Raises UsageError for a text that is no time, and for an empty window.
    """
    if since is None and until is None:
        return None
    start = _moment("since", since) or datetime(1970, 1, 1, tzinfo=UTC)
    end = _moment("until", until) or datetime(9999, 1, 1, tzinfo=UTC)
    if start >= end:
        raise UsageError(
            f"The window is empty: since {start.isoformat()} is not before until {end.isoformat()}"
        )
    return Window(start, end)


def _moment(name: str, time: Time) -> datetime | None:
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            raise UsageError(f"{name} is {time!r}; expected a time like 2026-01-31T10:00:00Z") from None
    if time is None:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _address(value: str | os.PathLike[str] | None) -> str | None:
    return None if value is None else normalise(value)


def _with_engine(options: Mapping[str, Any] | None, engine: Any) -> dict[str, Any]:
    return {**(options or {}), **({"run_engine": engine} if isinstance(engine, str) else {})}


def _session(engine: Any) -> Any:
    if engine is None or isinstance(engine, str) or hasattr(engine, "createDataFrame"):
        return None if isinstance(engine, str) else engine
    raise SettingsError(f"engine is a {type(engine).__name__}; expected 'local', 'spark' or a SparkSession")


def labelling_of(values: Labelling | Mapping[str, Any] | None) -> Labelling | None:
    """Return what a model-quality run must know.

    Raises SettingsError listing the fields there are, ContractError for a problem type that does not exist.
    """
    if values is None or isinstance(values, Labelling):
        return values
    known = [field.name for field in fields(Labelling)]
    if unknown := [name for name in values if name not in known]:
        raise SettingsError(f"labelling has no field {unknown[0]!r}; there are {', '.join(known)}")
    addressed = {"ground_truth": _address(values.get("ground_truth"))}
    return Labelling(**{**values, **addressed, "problem": problem_of(str(values.get("problem") or ""))})


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    spelled = {key: str(value) for key, value in (values or {}).items()}
    return {key: text.lower() if text in ("True", "False") else text for key, text in spelled.items()}


_SHORT: dict[str, Mapping[str, Any]] = {
    "csv": {"csv": {"header": True}},
    "json": {"json": {"lines": False}},
    "jsonlines": {"json": {"lines": True}},
    "parquet": {"parquet": {}},
    "capture": {"sagemakerCaptureJson": {}},
}


def format_of(format: str | Mapping[str, Any] | Format | None) -> Format | None:
    """Return a format from a short name, a `dataset_format` document, or itself."""
    if format is None or isinstance(format, Format):
        return format
    if isinstance(format, str) and format in _SHORT:
        return parse_format(_SHORT[format])
    return parse_format(format)


@contextmanager
def _addressed(data: Any, format: Any) -> Iterator[tuple[str, Format | None, list[str]]]:
    """Give data an address: a table is laid into a Parquet file, which every step can read.

    Also yields what deserves a warning about that table.
    """
    if isinstance(data, (str, os.PathLike)):
        yield normalise(data), format_of(format), []
        return
    from open_model_monitor.rows.tables import write_table

    with tempfile.TemporaryDirectory(prefix="omm-table-") as folder:
        path = Path(folder) / "table.parquet"
        notes: dict[str, None] = {}  # once each, in order
        write_table(data, path, notes.setdefault)
        yield str(path), Format("parquet"), list(notes)


def _noting(notes: list[str], report: Report) -> Report:
    return replace(report, warnings=(*notes, *report.warnings)) if notes else report


@contextmanager
def _baseline(baseline: Any) -> Iterator[dict[str, str]]:
    """Yield the addresses of a baseline's two documents, of those that are there."""
    if baseline is None:
        yield {}
        return
    if isinstance(baseline, Report):
        with tempfile.TemporaryDirectory(prefix="omm-baseline-") as folder:
            for name, document in baseline.documents().items():
                (Path(folder) / name).write_bytes(to_json(document))
            yield {name: str(Path(folder) / name) for name in ("statistics.json", "constraints.json")}
        return
    if not isinstance(baseline, (str, os.PathLike)):
        raise SettingsError(
            f"baseline is a {type(baseline).__name__}; expected a folder or what suggest returned"
        )
    folder_address, storage = normalise(baseline).rstrip("/"), Storage()
    names = ("statistics.json", "constraints.json")
    found = {name: f"{folder_address}/{name}" for name in names if storage.exists(f"{folder_address}/{name}")}
    if not found:
        raise UsageError(
            f"There is neither statistics.json nor constraints.json in {folder_address}; make a baseline with "
            "`omm suggest DATA -o FOLDER`, or name the files with --statistics and --constraints"
        )
    yield found
