"""A monitor type at work on one job: what the steps of a run ask of it, and the two there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.record import JSON, Format
from open_model_monitor.errors import DocumentError, StorageError
from open_model_monitor.jobs.baseline import Baseline, read_baseline, read_document
from open_model_monitor.jobs.contract import Job, Labelling
from open_model_monitor.jobs.judging import judge_reading, judge_rows
from open_model_monitor.jobs.labelled_input import coverage_metrics, judge_coverage
from open_model_monitor.jobs.part_state import PartState, ProfileSettings
from open_model_monitor.monitors.base import Analysis, Metric
from open_model_monitor.monitors.constraints import Constraints
from open_model_monitor.monitors.data_quality import DataQuality
from open_model_monitor.monitors.model_quality import ModelQuality
from open_model_monitor.monitors.quality_behaviour import QualityBehaviour
from open_model_monitor.monitors.quality_documents import QualityConstraints
from open_model_monitor.monitors.statistics import Statistics
from open_model_monitor.profiling.problems import BINARY
from open_model_monitor.profiling.quality import QualityOptions
from open_model_monitor.results.report import SEGMENTS
from open_model_monitor.rows.labelled import Attributes
from open_model_monitor.storage import Storage

Documents = Mapping[str, JSON]  # "constraints" and "statistics", either of which may be absent


class MonitorRun(Protocol):
    """A monitor type with the baseline it compares with."""

    @property
    def checks(self) -> bool:
        """Whether there is anything to compare with."""
        ...

    @property
    def compared(self) -> tuple[Any, Any]:
        """The baseline's statistics and constraints, None for what there is not."""
        ...

    @property
    def behaviour(self) -> Mapping[str, JSON]:
        """How the run differs from the original, as the run summary says it."""
        ...

    def settled(self, format_: Format) -> Format:
        """Return the format with what the baseline knows about it."""
        ...

    def settings(self, format_: Format) -> ProfileSettings:
        """Return what gathering must know."""
        ...

    def judge(self, seen: PartState) -> None:
        """Refuse what cannot be analysed; raises the errors of `errors.py`."""
        ...

    def judge_labels(self, coverage: Coverage | None) -> None:
        """Refuse too few labels."""
        ...

    def label_metrics(self, coverage: Coverage | None) -> tuple[Metric, ...]:
        """Return what is published about labels."""
        ...

    def analyse(
        self, profile: Any, format_: Format, now: datetime, baseline: Documents | None = None
    ) -> Analysis[Any, Any]:
        """Say everything about a profile; `baseline` None: compared with that of the run."""
        ...


def open_run(job: Job, storage: Storage) -> MonitorRun:
    """Return the monitor of a job, its baseline read.

    Raises DocumentError if a document is not what it should be, UsageError if it is not there.
    """
    if job.labelling is None:
        return DataQualityRun(job, read_baseline(job, storage))
    default = "sagemaker" if job.like == "sagemaker" else "recommended"
    behaviour = QualityBehaviour.of(job.behaviour, default=default)
    constraints = None
    if job.baseline_constraints:
        constraints = read_document(job.baseline_constraints, storage, QualityConstraints.from_dict)
    return ModelQualityRun(job, job.labelling, behaviour, constraints)


@dataclass(slots=True)
class DataQualityRun:
    """Data quality."""

    job: Job
    baseline: Baseline

    @property
    def checks(self) -> bool:
        """See `MonitorRun`."""
        return self.baseline.exists

    @property
    def compared(self) -> tuple[Statistics | None, Constraints | None]:
        """See `MonitorRun`."""
        return self.baseline.statistics, self.baseline.constraints

    @property
    def behaviour(self) -> Mapping[str, JSON]:
        """See `MonitorRun`."""
        return self.baseline.behaviour.to_dict()

    def settled(self, format_: Format) -> Format:
        """See `MonitorRun`."""
        position = self.baseline.output_columns_position or format_.output_columns_position
        return replace(format_, output_columns_position=position)

    def settings(self, format_: Format) -> ProfileSettings:
        """See `MonitorRun`."""
        options, constraints = self.job.options, self.baseline.constraints
        return ProfileSettings(
            options=self._monitor.profile_options(constraints, options.missing_values),
            excluded=options.exclude_features_attribute,
            baseline_columns=self.baseline.columns,
            column_matching=self.baseline.behaviour.column_matching,
            output_columns_position=format_.output_columns_position,
            segment_by=options.segment_by,
            max_segments=options.max_segments,
        )

    def judge(self, seen: PartState) -> None:
        """See `MonitorRun`; features that were left out leave the baseline."""
        options = self.job.options
        judge_reading(seen, self.job)
        judge_rows(seen, self.job)
        seen.selected.check(
            options.exclude_features_attribute,
            options.missing_values,
            self.baseline.columns,
            segment_by=options.segment_by,
        )
        self.baseline = self.baseline.without(seen.selected.features)

    def judge_labels(self, coverage: Coverage | None) -> None:
        """See `MonitorRun`; there are none."""

    def label_metrics(self, coverage: Coverage | None) -> tuple[Metric, ...]:
        """See `MonitorRun`; there are none."""
        return ()

    def analyse(
        self, profile: Any, format_: Format, now: datetime, baseline: Documents | None = None
    ) -> Analysis[Statistics, Constraints]:
        """See `MonitorRun`."""
        known = self.baseline
        if baseline is not None:
            constraints, statistics = baseline.get("constraints"), baseline.get("statistics")
            known = replace(
                known,
                constraints=None if constraints is None else Constraints.from_dict(constraints),
                statistics=None if statistics is None else Statistics.from_dict(statistics),
            )
        return self._monitor.analyse(
            profile,
            constraints=known.constraints,
            baseline=known.statistics,
            output_columns_position=format_.output_columns_position,
            like_sagemaker=self.job.like == "sagemaker",
        )

    @property
    def _monitor(self) -> DataQuality:
        method = self.job.environment.get("categorical_drift_method")
        return DataQuality(self.baseline.behaviour, method)


@dataclass(slots=True)
class ModelQualityRun:
    """Model quality."""

    job: Job
    labelling: Labelling
    settings_of_run: QualityBehaviour
    constraints: QualityConstraints | None

    @property
    def checks(self) -> bool:
        """See `MonitorRun`."""
        return self.constraints is not None

    @property
    def compared(self) -> tuple[None, QualityConstraints | None]:
        """See `MonitorRun`; a baseline's metrics are in its constraints."""
        return None, self.constraints

    @property
    def behaviour(self) -> Mapping[str, JSON]:
        """See `MonitorRun`."""
        return self.settings_of_run.to_dict()

    def settled(self, format_: Format) -> Format:
        """See `MonitorRun`."""
        return format_

    def settings(self, format_: Format) -> ProfileSettings:
        """See `MonitorRun`."""
        told, behaviour, options = self.labelling, self.settings_of_run, self.job.options
        named = told.inference_attribute is not None, told.probability_attribute is not None
        predicted = {
            (True, True): "both",
            (True, False): "label",
            (False, True): "probability",
            (False, False): "either" if told.problem == BINARY else "label",
        }[named]
        return ProfileSettings(
            quality=QualityOptions(
                problem=told.problem,
                predicted=predicted if told.problem == BINARY or named[0] else "label",
                threshold=told.probability_threshold,
                subsample_seed=behaviour.subsample_seed,
                max_exact_scores=behaviour.max_exact_scores,
            ),
            attributes=Attributes(
                told.inference_attribute,
                told.probability_attribute if told.problem == BINARY else None,
                told.ground_truth_attribute,
                options.segment_by,
                options.missing_values,
            ),
            segment_by=options.segment_by,
            max_segments=options.max_segments,
        )

    def judge(self, seen: PartState) -> None:
        """See `MonitorRun`."""
        judge_reading(seen, self.job)

    def judge_labels(self, coverage: Coverage | None) -> None:
        """See `MonitorRun`."""
        judge_coverage(coverage, self.settings_of_run.min_ground_truth_coverage)

    def label_metrics(self, coverage: Coverage | None) -> tuple[Metric, ...]:
        """See `MonitorRun`."""
        return coverage_metrics(coverage) if self.settings_of_run.coverage_metrics else ()

    def analyse(
        self, profile: Any, format_: Format, now: datetime, baseline: Documents | None = None
    ) -> Analysis[Any, QualityConstraints]:
        """See `MonitorRun`."""
        constraints = self.constraints
        if baseline is not None:
            constraints = QualityConstraints.from_dict(baseline.get("constraints"))
        monitor = ModelQuality(self.settings_of_run, self.labelling.positive_label)
        return monitor.analyse(profile, constraints=constraints, now=now)


def segment_baselines(job: Job, storage: Storage) -> Mapping[str, Documents]:
    """Return the baseline of each segment, from the `segments.json` beside the baseline; empty if there is none.

    Raises DocumentError if it is not what a baseline run by the same column wrote.
    """
    beside = job.baseline_constraints or job.baseline_statistics
    if job.options.segment_by is None or not beside:
        return {}
    address = f"{beside.rpartition('/')[0]}/{SEGMENTS}"
    try:
        if not storage.exists(address):
            return {}
    except StorageError:
        return {}
    document = read_document(address, storage, dict)
    if document.get("column") != job.options.segment_by or not isinstance(document.get("segments"), dict):
        raise DocumentError(
            f"{address} holds the segments of the column {document.get('column')!r}, this run is by "
            f"{job.options.segment_by!r}; make the baseline anew with the same --segment-by, or remove that file"
        )
    found: Mapping[str, Documents] = document["segments"]
    return found
