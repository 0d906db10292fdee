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
from open_model_monitor.monitors.quality_behaviour import QualityBehaviour
from open_model_monitor.profiling.problems import PROBLEMS

OUTPUT = "/opt/ml/processing/output"
DATA_QUALITY, MODEL_QUALITY = "DataQuality", "ModelQuality"
_ANALYSES = {"": DATA_QUALITY, "DATA_QUALITY": DATA_QUALITY, "MODEL_QUALITY": MODEL_QUALITY}


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes about its work; each field can also be set by an environment variable of its name.

    `script_helpers` are addresses of modules, or folders of modules, that scripts import from beside them.

    `workers` processes read and profile (0: one per core; always one with a script unless `script_workers` says
    otherwise). `missing_values` are texts that mean "missing": under "" for all columns, else by column name.
    `segment_by` names a column whose values are checked each by themselves as well, at most `max_segments` of them.
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
    segment_by: str | None = None
    max_segments: int = 50
    max_runtime_seconds: float | None = None
    run_engine: Literal["local", "spark"] = "local"
    spark_master: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Labelling:
    """What a model-quality run must know: the problem, and where predictions and labels are.

    An attribute is a column, an index, or a JMESPath into a JSON output (`datasets.md` §12). `ground_truth` is where
    labels are that are still to be merged with the captures; those of `ground_truth_lookback` hours before the window
    are read as well.
    """

    problem: str
    inference_attribute: str | None = None
    probability_attribute: str | None = None
    probability_threshold: float = 0.5
    ground_truth_attribute: str | None = None
    positive_label: str | None = None
    ground_truth: str | None = None
    ground_truth_lookback: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """The description of one run; of model quality if there is a `labelling`, else of data quality.

    `format` None means: look at the data. A run without `window` and without a baseline is a baseline run
    unless `is_baseline` says otherwise. `behaviour` are single keys of `data_quality.md` §8 that override the
    baseline's for this run, or of `model_quality.md` §12; `like` is what a baseline run writes into its constraints,
    and how a model-quality run goes about its work.
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
    labelling: Labelling | None = None

    @property
    def monitor(self) -> str:
        """The monitor type, as SageMaker spells it."""
        return DATA_QUALITY if self.labelling is None else MODEL_QUALITY

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
        analysis = environment.get("analysis_type") or ""
        if analysis not in _ANALYSES:
            raise ContractError(
                f"analysis_type {analysis} is not supported by this version; DATA_QUALITY and MODEL_QUALITY are"
            )
        labelling = _labelling(environment) if _ANALYSES[analysis] == MODEL_QUALITY else None
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
            like=_like(environment, "recommended" if labelling is None else "sagemaker"),
            behaviour={
                name: environment[name] for name in behaviour_keys(labelling) if environment.get(name)
            },
            publish_metrics=environment.get("publish_cloudwatch_metrics", "Enabled").lower() == "enabled",
            endpoint=environment.get("sagemaker_endpoint_name") or None,
            schedule=environment.get("sagemaker_monitoring_schedule_name") or None,
            metric_time=_time("metric_time", environment.get("metric_time")),
            environment=_users_own(config or {}),
            options=_options(environment, config or {}),
            labelling=labelling,
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
            "compatibility": self.like if self.is_baseline or self.labelling else None,
            **(_labelling_texts(self.labelling) if self.labelling else {}),
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
    *["problem_type", "inference_attribute", "probability_attribute", "probability_threshold_attribute"],
    *["ground_truth_attribute", "positive_label", "ground_truth_source", "ground_truth_lookback"],
    *(f.name for f in fields(Options)),
    *(f.name for f in fields(Behaviour)),
    *(f.name for f in fields(QualityBehaviour)),
}


def _labelling(environment: Mapping[str, str]) -> Labelling:
    problem = environment.get("problem_type") or ""
    threshold = environment.get("probability_threshold_attribute") or "0.5"
    lookback = environment.get("ground_truth_lookback") or "0"
    if not lookback.isdecimal():
        raise ContractError(f"ground_truth_lookback is {lookback!r}; expected a number of hours")
    return Labelling(
        problem_of(problem),
        environment.get("inference_attribute") or None,
        environment.get("probability_attribute") or None,
        threshold_of(threshold),
        environment.get("ground_truth_attribute") or None,
        environment.get("positive_label") or None,
        environment.get("ground_truth_source") or None,
        int(lookback),
    )


def problem_of(text: str) -> str:
    """Return a problem type by its name, in any case.

    Raises ContractError listing those that exist.
    """
    found = {problem.lower(): problem for problem in PROBLEMS}.get(text.lower())
    if found is None:
        raise ContractError(f"problem_type is {text!r}; expected {', '.join(PROBLEMS)}")
    return found


def threshold_of(text: str) -> float:
    """Return the probability above which a row is positive.

    Raises ContractError if the text is no number.
    """
    try:
        return float(text)
    except ValueError:
        raise ContractError(
            f"probability_threshold_attribute is {text!r}; expected a number like 0.5"
        ) from None


def _labelling_texts(labelling: Labelling) -> dict[str, str | None]:
    default = labelling.probability_threshold == Labelling(labelling.problem).probability_threshold
    return {
        "analysis_type": "MODEL_QUALITY",
        "problem_type": labelling.problem,
        "inference_attribute": labelling.inference_attribute,
        "probability_attribute": labelling.probability_attribute,
        "probability_threshold_attribute": None if default else repr(labelling.probability_threshold),
        "ground_truth_attribute": labelling.ground_truth_attribute,
        "positive_label": labelling.positive_label,
        "ground_truth_source": labelling.ground_truth,
        "ground_truth_lookback": str(labelling.ground_truth_lookback)
        if labelling.ground_truth_lookback
        else None,
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


def behaviour_keys(labelling: Labelling | None) -> list[str]:
    """Return the names of the settings by which a run may differ from its baseline, or from the original."""
    of: type[Behaviour | QualityBehaviour] = Behaviour if labelling is None else QualityBehaviour
    return [f.name for f in fields(of) if f.name != "compatibility"]


def _like(environment: Mapping[str, str], default: str) -> Literal["recommended", "sagemaker"]:
    text = environment.get("compatibility", default).lower()
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
