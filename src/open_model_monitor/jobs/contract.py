"""Job ⇄ container environment: everything one run needs, and how it travels (`api.md` §11.4, `scripts.md` §8.2)."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from open_model_monitor.capture.formats import format_to_dict, parse_format
from open_model_monitor.capture.record import Format, Window
from open_model_monitor.errors import ContractError, SettingsError
from open_model_monitor.monitors.behaviour import Behaviour

OUTPUT = "/opt/ml/processing/output"


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes about its work; each field can also be set by an environment variable of its name.

    `script_helpers` are addresses of modules, or folders of modules, that scripts import from beside them.

    `workers` processes read and profile (0: one per core; always one with a script unless `script_workers` says
    otherwise). `missing_values` are texts that mean "missing": under "" for all columns, else by column name.
    `run_engine` is named so because users' own variables may well be called `engine`.
    """

    workers: int = 0
    script_workers: int = 1
    script_log_level: str = "INFO"
    script_memory_mb: int = 4096
    script_random_seed: int | None = None
    script_requirements: str | None = None
    script_helpers: tuple[str, ...] = ()
    script_env_passthrough: tuple[str, ...] = ()
    script_isolation: Literal["auto", "namespace", "redirect"] = "auto"
    on_record_error: Literal["fail", "skip"] = "fail"
    max_record_error_fraction: float = 0.05
    postprocessor_failure: Literal["keep", "fail"] = "keep"
    postprocessor_timeout: float = 300.0
    redact_payloads: bool = False
    max_malformed_fraction: float = 0.10
    variants: tuple[str, ...] = ()
    missing_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude_features_attribute: tuple[str, ...] = ()
    max_runtime_seconds: float | None = None
    run_engine: Literal["local", "spark"] = "local"
    spark_master: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """The description of one run.

    `format` None means: look at the data. A run without `window` and without a baseline is a baseline run
    unless `is_baseline` says otherwise. `behaviour` are single keys of `data_quality.md` §8 that override the
    baseline's for this run; `like` is what a baseline run writes into its constraints.
    """

    source: str
    is_baseline: bool
    format: Format | None = None
    window: Window | None = None
    output: str | None = None
    baseline_statistics: str | None = None
    baseline_constraints: str | None = None
    preprocessor: str | None = None
    postprocessor: str | None = None
    like: Literal["recommended", "sagemaker"] = "recommended"
    behaviour: Mapping[str, str] = field(default_factory=dict)
    publish_metrics: bool = True
    endpoint: str | None = None
    schedule: str | None = None
    metric_time: datetime | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # the user's own entries
    options: Options = field(default_factory=Options)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], config: Mapping[str, Any] | None = None) -> Job:
        """Read the environment of a processing container, and its `processingjobconfig.json` where there is one.

        The config tells which entries are the user's own. Without it scripts see the contract's names and what
        `script_env_passthrough` lets through: what else is there may be anybody's secret.

        Raises ContractError for what is missing or contradicts itself, naming the variable.
        """
        for name in ("dataset_source", "dataset_format"):
            if not environment.get(name):
                raise ContractError(f"the environment variable {name} is not set; see `omm run --help`")
        if (analysis := environment.get("analysis_type")) not in (None, "", "DATA_QUALITY"):
            raise ContractError(f"analysis_type {analysis} is not supported by this version; data quality is")
        window = _window(environment)
        baseline = {
            name: environment.get(name) or None for name in ("baseline_statistics", "baseline_constraints")
        }
        return cls(
            source=environment["dataset_source"],
            is_baseline=window is None and not any(baseline.values()),
            format=parse_format(environment["dataset_format"]),
            window=window,
            output=environment.get("output_path") or OUTPUT,
            preprocessor=environment.get("record_preprocessor_script") or None,
            postprocessor=environment.get("post_analytics_processor_script") or None,
            like=_like(environment),
            behaviour={name: environment[name] for name in _behaviour_keys() if environment.get(name)},
            publish_metrics=environment.get("publish_cloudwatch_metrics", "Enabled").lower() == "enabled",
            endpoint=environment.get("sagemaker_endpoint_name") or None,
            schedule=environment.get("sagemaker_monitoring_schedule_name") or None,
            metric_time=_time("metric_time", environment.get("metric_time")),
            environment=_users_own(config or {}),
            options=_options(environment, config or {}),
            **baseline,
        )

    def to_environment(self) -> dict[str, str]:
        """Return what `from_environment` reads: the contract's names, the user's entries, changed options."""
        window = None if self.is_baseline else self.window  # scripts tell a baseline job by its absence
        text = {
            "dataset_source": self.source,
            "dataset_format": json.dumps(format_to_dict(self.format)) if self.format else None,
            "output_path": self.output or OUTPUT,
            "publish_cloudwatch_metrics": "Enabled" if self.publish_metrics else "Disabled",
            "start_time": _stamp(window.start) if window else None,
            "end_time": _stamp(window.end) if window else None,
            "baseline_statistics": self.baseline_statistics,
            "baseline_constraints": self.baseline_constraints,
            "record_preprocessor_script": self.preprocessor,
            "post_analytics_processor_script": self.postprocessor,
            "sagemaker_endpoint_name": self.endpoint,
            "sagemaker_monitoring_schedule_name": self.schedule,
            "metric_time": _stamp(self.metric_time) if self.metric_time else None,
            "compatibility": self.like if self.is_baseline else None,
        }
        contract = {name: value for name, value in text.items() if value is not None}
        return {**self.environment, **_changed(self.options), **self.behaviour, **contract}


_KNOWN = {
    *[
        "dataset_source",
        "dataset_format",
        "output_path",
        "start_time",
        "end_time",
        "baseline_statistics",
        "metric_time",
    ],
    *["baseline_constraints", "record_preprocessor_script", "post_analytics_processor_script"],
    *["publish_cloudwatch_metrics", "sagemaker_endpoint_name", "sagemaker_monitoring_schedule_name"],
    *["compatibility", "analysis_type"],
    *(f.name for f in fields(Options)),
    *(f.name for f in fields(Behaviour)),
}


def _users_own(config: Mapping[str, Any]) -> dict[str, str]:
    entries = config.get("Environment")
    return {name: str(value) for name, value in (entries or {}).items() if name not in _KNOWN}


def _options(environment: Mapping[str, str], config: Mapping[str, Any]) -> Options:
    options = options_from(environment)
    try:
        limit = (config.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds")
        if limit and options.max_runtime_seconds is None:
            options = dataclasses.replace(options, max_runtime_seconds=float(limit))
    except (AttributeError, TypeError, ValueError):
        raise ContractError("StoppingCondition.MaxRuntimeInSeconds in the config is no number") from None
    return options


def _behaviour_keys() -> list[str]:
    return [f.name for f in fields(Behaviour) if f.name != "compatibility"]


def _like(environment: Mapping[str, str]) -> Literal["recommended", "sagemaker"]:
    text = environment.get("compatibility", "recommended").lower()
    if text not in ("recommended", "sagemaker"):
        raise ContractError(f"compatibility is {text!r}; expected recommended or sagemaker")
    return "sagemaker" if text == "sagemaker" else "recommended"


def _window(environment: Mapping[str, str]) -> Window | None:
    start, end = (_time(name, environment.get(name)) for name in ("start_time", "end_time"))
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise ContractError("start_time and end_time must both be set, or neither (a baseline job)")
    if start >= end:
        raise ContractError(f"start_time {_stamp(start)} is not before end_time {_stamp(end)}")
    return Window(start, end)


def _time(name: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ContractError(f"{name} is {text!r}; expected a time like 2026-01-31T23:00:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def options_from(values: Mapping[str, Any], *, strict: bool = False) -> Options:
    """Return options with `values` (texts as in an environment) set; `strict` refuses names that are no option.

    Raises SettingsError naming the option whose value makes no sense.
    """
    changes: dict[str, Any] = {}
    names = [f.name for f in fields(Options)]
    if strict and (unknown := [name for name in values if name not in names]):
        raise SettingsError(f"there is no option {unknown[0]!r}; known are {', '.join(names)}")
    for name in names:
        if (value := values.get(name)) in (None, ""):
            continue
        try:
            changes[name] = msgspec.convert(_structured(name, value), _types()[name], strict=False)
        except (msgspec.ValidationError, ValueError) as error:
            raise SettingsError(f"option {name} is {value!r}: {error}") from None
    return Options(**changes)


def _structured(name: str, value: Any) -> Any:
    """Lists and mappings come as JSON or, lists of names, separated by commas."""
    if not isinstance(value, str):
        return value
    if name == "missing_values":
        return json.loads(value) if value.lstrip().startswith("{") else {"": value.split(",")}
    if name == "spark_conf":
        return json.loads(value)
    if name in ("variants", "script_env_passthrough", "script_helpers", "exclude_features_attribute"):
        return json.loads(value) if value.startswith("[") else [part.strip() for part in value.split(",")]
    return value


def _types() -> dict[str, Any]:
    return typing.get_type_hints(Options)


def _changed(options: Options) -> dict[str, str]:
    default = Options()
    changed = {f.name: getattr(options, f.name) for f in fields(Options)}
    return {name: _spelled(value) for name, value in changed.items() if value != getattr(default, name)}


def _spelled(value: Any) -> str:
    if isinstance(value, tuple) and not any("," in part for part in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)
