"""The options that commands share, and what they become: arguments of `api` and `jobs`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from open_model_monitor.errors import UsageError

INPUT = Group.create_ordered("What is read")
BASELINE = Group.create_ordered("What it is compared with")
LABELS = Group.create_ordered("Model quality")
SCRIPTS = Group.create_ordered("Your scripts")
WORK = Group.create_ordered("How it runs")
OUTPUT = Group.create_ordered("What you get")


def option(group: Group, help: str, **more: Any) -> Parameter:
    """Return an option of a group; no `--no-…` of it, and no default where help tells it in words."""
    return Parameter(group=group, help=help, negative=(), show_default=False, **more)


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """Which data, and how their bytes are read."""

    format: Annotated[
        str | None, option(INPUT, "csv, json, jsonlines, parquet, capture, or the text of a dataset_format.")
    ] = None
    header: Annotated[
        bool | None,
        Parameter(
            group=INPUT,
            help="Whether the first line of a CSV file names its columns.",
            negative="--no-header",
            show_default=False,
        ),
    ] = None
    since: Annotated[str | None, option(INPUT, "Captures from this time on: 2026-01-31T10:00:00Z.")] = None
    until: Annotated[str | None, option(INPUT, "Captures before this time.")] = None
    variants: Annotated[list[str] | None, option(INPUT, "Only these production variants; repeatable.")] = None

    def as_format(self) -> Any:
        """Return the `format` that `api` takes, None to look at the data.

        Raises UsageError for a header that cannot be.
        """
        if self.header is None:
            return self.format
        if self.format not in (None, "csv"):
            raise UsageError(
                f"--header and --no-header are about CSV files, not about --format {self.format}"
            )
        return {"csv": {"header": self.header}}


@Parameter(name="*")
@dataclass(frozen=True)
class Cleaning:
    """What counts as missing or malformed, and what is left out."""

    missing: Annotated[
        list[str] | None,
        option(INPUT, "A text that means missing, in all columns or in one: NA, or age=-1; repeatable."),
    ] = None
    exclude: Annotated[list[str] | None, option(INPUT, "A column to leave out; repeatable.")] = None
    max_malformed: Annotated[
        float | None, option(INPUT, "The share of unreadable lines that may be; 0.1 unless told.")
    ] = None

    def options(self) -> dict[str, Any]:
        """Return the options of a run that are set."""
        missing: dict[str, list[str]] = {}
        for text in self.missing or ():
            column, separator, value = text.rpartition("=")
            missing.setdefault(column if separator else "", []).append(value)
        return _given(
            missing_values=missing or None,
            exclude_features_attribute=self.exclude,
            max_malformed_fraction=self.max_malformed,
        )


@Parameter(name="*")
@dataclass(frozen=True)
class ScriptSettings:
    """What scripts see and may use."""

    env: Annotated[
        list[str] | None, option(SCRIPTS, "KEY=VALUE in the environment of the scripts; repeatable.")
    ] = None
    requirements: Annotated[
        str | None, option(SCRIPTS, "A requirements.txt to install for the scripts, once.")
    ] = None
    script_memory: Annotated[int | None, option(SCRIPTS, "Megabytes a script may use; 4096 unless told.")] = (
        None
    )
    seed: Annotated[int | None, option(SCRIPTS, "Seed of the random numbers that scripts draw.")] = None
    time_limit: Annotated[float | None, option(WORK, "Seconds until the run is ended.")] = None

    def environment(self) -> dict[str, str]:
        """Return the entries for the scripts' environment."""
        return pairs("--env", self.env)

    def options(self) -> dict[str, Any]:
        """Return the options of a run that are set.

        Raises UsageError for a requirements file that is not there.
        """
        if self.requirements is not None and not os.path.isfile(self.requirements):
            raise UsageError(f"--requirements: there is no file {self.requirements}")
        return _given(
            script_requirements=self.requirements,
            script_memory_mb=self.script_memory,
            script_random_seed=self.seed,
            max_runtime_seconds=self.time_limit,
        )


@Parameter(name="*")
@dataclass(frozen=True)
class Running:
    """Scripts of a run, and how it goes about its work."""

    preprocess: Annotated[str | None, option(SCRIPTS, "Script with preprocess_handler: record to rows.")] = (
        None
    )
    postprocess: Annotated[
        str | None, option(SCRIPTS, "Script with postprocess_handler: called when all is written.")
    ] = None
    skip_failing_records: Annotated[
        bool, option(SCRIPTS, "Leave out records on which the preprocessor fails, up to 5 %.")
    ] = False
    script_workers: Annotated[
        int | None,
        option(SCRIPTS, "Processes of the preprocessor; 1 unless told, so that it may keep state."),
    ] = None
    workers: Annotated[int | None, option(WORK, "Processes that read; one per core unless told.")] = None
    engine: Annotated[
        Literal["local", "spark"] | None,
        option(WORK, "spark: on a cluster, a task per part; needs [spark] and Java (docs/spark.md)."),
    ] = None
    spark_master: Annotated[
        str | None,
        option(WORK, "local[2], spark://host:7077, yarn, sc://host; Spark's own default unless told."),
    ] = None
    spark_conf: Annotated[
        list[str] | None, option(WORK, "KEY=VALUE of the Spark session that is started; repeatable.")
    ] = None
    behaviour: Annotated[
        list[str] | None,
        option(BASELINE, "KEY=VALUE that changes how is judged, such as minimum_rows=100; repeatable."),
    ] = None

    def options(self) -> dict[str, Any]:
        """Return the options of a run that are set.

        Raises UsageError for settings of Spark without it.
        """
        if self.engine != "spark" and (self.spark_master or self.spark_conf):
            raise UsageError("--spark-master and --spark-conf go with --engine spark")
        return _given(
            workers=self.workers,
            script_workers=self.script_workers,
            on_record_error="skip" if self.skip_failing_records else None,
            run_engine=self.engine,
            spark_master=self.spark_master,
            spark_conf=pairs("--spark-conf", self.spark_conf) or None,
        )


@Parameter(name="*")
@dataclass(frozen=True)
class Monitoring:
    """Which monitor, where it finds predictions and labels, and which segments it looks at."""

    monitor: Annotated[
        Literal["data-quality", "model-quality"],
        option(LABELS, "What is monitored: the data, or how right the model is."),
    ] = "data-quality"
    problem: Annotated[
        Literal["regression", "binary", "multiclass"] | None, option(LABELS, "The kind of prediction.")
    ] = None
    inference: Annotated[
        str | None,
        option(LABELS, "The predicted label or value: a column, an index, or a JMESPath into a JSON output."),
    ] = None
    probability: Annotated[
        str | None, option(LABELS, "The probability of the positive class, named likewise.")
    ] = None
    threshold: Annotated[
        float | None, option(LABELS, "The probability above which a row is positive; 0.5 unless told.")
    ] = None
    label: Annotated[
        str | None, option(LABELS, "What was right: a column of a scored data set, or a key of JSON labels.")
    ] = None
    positive_label: Annotated[
        str | None, option(LABELS, "Which of two labels that are words is the positive one.")
    ] = None
    ground_truth: Annotated[
        str | None, option(LABELS, "Folder of labels (yyyy/mm/dd/hh below it) to merge with the captures.")
    ] = None
    lookback: Annotated[
        int | None, option(LABELS, "Hours of labels before --since that are read as well.")
    ] = None
    segment_by: Annotated[
        str | None, option(BASELINE, "A column: check the rows of each of its values by themselves as well.")
    ] = None
    max_segments: Annotated[int | None, option(BASELINE, "Segments that may be; 50 unless told.")] = None

    def labelling(self) -> dict[str, Any] | None:
        """Return the `labelling` that `api` takes, None for data quality.

        Raises UsageError for what does not go together.
        """
        given = _given(
            problem=_PROBLEMS.get(self.problem or ""),
            inference_attribute=self.inference,
            probability_attribute=self.probability,
            probability_threshold=self.threshold,
            ground_truth_attribute=self.label,
            positive_label=self.positive_label,
            ground_truth=self.ground_truth,
            ground_truth_lookback=self.lookback,
        )
        if self.monitor == "data-quality":
            if given:
                raise UsageError(
                    "--problem, --inference, --label and the like go with --monitor model-quality"
                )
            return None
        if "problem" not in given:
            raise UsageError("--monitor model-quality needs --problem regression, binary or multiclass")
        return given

    def options(self) -> dict[str, Any]:
        """Return the options of a run that are set."""
        return _given(segment_by=self.segment_by, max_segments=self.max_segments)


_PROBLEMS = {
    "regression": "Regression",
    "binary": "BinaryClassification",
    "multiclass": "MulticlassClassification",
}


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every command."""

    json: Annotated[bool, option(OUTPUT, "One JSON document on stdout and nothing else.")] = False
    debug: Annotated[bool, option(OUTPUT, "Show our traceback when something fails, and our log.")] = False


Like = Annotated[
    Literal["recommended", "sagemaker"],
    option(BASELINE, "What the constraints ask for: what we recommend, or exactly what SageMaker would."),
]


def pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """Return the `KEY=VALUE` texts of an option as a mapping.

    Raises UsageError for a text without an equals sign.
    """
    found = {}
    for text in texts or ():
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"{option} {text!r}: expected KEY=VALUE")
        found[key.strip()] = value
    return found


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
