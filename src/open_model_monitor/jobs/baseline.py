"""Read the baseline of a run: its documents, and the behaviour that travels with them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.errors import DocumentError, StorageError, UsageError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.constraints import Constraints
from open_model_monitor.monitors.statistics import Statistics
from open_model_monitor.storage import Storage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a run is compared with; either document, both or neither may be there."""

    behaviour: Behaviour
    constraints: Constraints | None = None
    statistics: Statistics | None = None
    output_columns_position: str | None = None

    @property
    def exists(self) -> bool:
        """Whether anything is checked."""
        return self.constraints is not None or self.statistics is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the baseline's features, in order."""
        known = self.constraints or self.statistics
        return tuple(feature.name for feature in known.features) if known else ()

    def without(self, features: Collection[str]) -> Baseline:
        """Return this without some features, as if it had been made without them."""
        if not features:
            return self
        return replace(
            self,
            constraints=self.constraints.without(features) if self.constraints else None,
            statistics=self.statistics.without(features) if self.statistics else None,
        )


def read_baseline(job: Job, storage: Storage) -> Baseline:
    """Read the documents a job names.

    Raises DocumentError if one is not what it should be, UsageError if it is not there.
    """
    if job.is_baseline:
        start = Behaviour.sagemaker() if job.like == "sagemaker" else Behaviour.recommended()
        return Baseline(start.overridden(job.behaviour))
    constraints = statistics = None
    behaviour = Behaviour.recommended()
    position = None
    if job.baseline_constraints:
        constraints = read_document(job.baseline_constraints, storage, Constraints.from_dict)
        document = constraints.document
        behaviour = Behaviour.from_constraints(document)
        block = (document.get("monitoring_config") or {}).get("open_model_monitor") or {}
        position = block.get("output_columns_position")
    if job.baseline_statistics:
        statistics = read_document(job.baseline_statistics, storage, Statistics.from_dict)
        if constraints is None:
            behaviour = Behaviour.sagemaker()
    return Baseline(behaviour.overridden(job.behaviour), constraints, statistics, position)


def read_document(address: str, storage: Storage, read: Callable[[dict[str, Any]], T]) -> T:
    """Read one document of a baseline.

    Raises UsageError if it is not there, DocumentError naming its address if it is not what it should be.
    """
    try:
        text = storage.read(address)
    except StorageError as error:
        raise UsageError(f"Cannot read the baseline {address}: {error}") from error
    try:
        document = parse_json(text)
    except ValueError as error:
        raise DocumentError(f"{address} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DocumentError(f"{address} holds a {type(document).__name__}, not a document")
    try:
        return read(document)
    except DocumentError as error:
        raise DocumentError(f"{address}: {error}") from error
