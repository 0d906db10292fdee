"""What a schedule's jobs look like: embedded and named definitions of all four kinds, read into one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]

KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
NEEDS_LABELS = ("ModelQuality", "ModelBias")


@dataclass(frozen=True, slots=True)
class Template:
    """A job definition, its documents in the published form.

    `input` is an EndpointInput or a BatchTransformInput; empty unless there is exactly one of them.
    """

    kind: str
    input: JSON
    output: JSON  # MonitoringOutputConfig
    resources: JSON  # ClusterConfig
    role: str
    image: str
    entrypoint: list[str] | None = None
    arguments: list[str] | None = None
    preprocessor: str | None = None
    postprocessor: str | None = None
    config: str | None = None  # ConfigUri of bias and explainability
    problem_type: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    ground_truth: str | None = None
    constraints: str | None = None
    statistics: str | None = None
    baselining_job: str | None = None
    network: JSON | None = None
    max_runtime: int | None = None

    @property
    def endpoint(self) -> str | None:
        """The endpoint whose captures are read; None for batch transform."""
        return self.input.get("EndpointName")

    @property
    def is_batch(self) -> bool:
        """Whether the input is what a batch transform job captured."""
        return "DataCapturedDestinationS3Uri" in self.input

    @property
    def offsets(self) -> tuple[str | None, str | None]:
        """StartTimeOffset and EndTimeOffset of the input."""
        return self.input.get("StartTimeOffset"), self.input.get("EndTimeOffset")


def template_of(config: JSON, definition: JSON | None, kind: str) -> Template:
    """Return the template of a schedule: `config` is its MonitoringScheduleConfig, `definition` the named one."""
    if definition is not None:
        return of_definition(definition, kind)
    embedded: JSON = config["MonitoringJobDefinition"]
    return _template(
        kind,
        application=embedded["MonitoringAppSpecification"],
        inputs=embedded["MonitoringInputs"][0],
        output=embedded["MonitoringOutputConfig"],
        resources=embedded["MonitoringResources"],
        baseline=embedded.get("BaselineConfig") or {},
        document=embedded,
        environment=embedded.get("Environment") or {},
    )


def of_definition(document: JSON, kind: str) -> Template:
    """Return the template of a job definition of one of the four kinds."""
    application = document[f"{kind}AppSpecification"]
    return _template(
        kind,
        application=application,
        inputs=document[f"{kind}JobInput"],
        output=document[f"{kind}JobOutputConfig"],
        resources=document["JobResources"],
        baseline=document.get(f"{kind}BaselineConfig") or {},
        document=document,
        environment=application.get("Environment") or {},
    )


def _template(
    kind: str,
    *,
    application: JSON,
    inputs: JSON,
    output: JSON,
    resources: JSON,
    baseline: JSON,
    document: JSON,
    environment: Mapping[str, str],
) -> Template:
    given = [inputs[name] for name in ("EndpointInput", "BatchTransformInput") if name in inputs]
    return Template(
        kind=kind,
        input=given[0] if len(given) == 1 else {},
        output=output,
        resources=resources["ClusterConfig"],
        role=document["RoleArn"],
        image=application["ImageUri"],
        entrypoint=application.get("ContainerEntrypoint"),
        arguments=application.get("ContainerArguments"),
        preprocessor=application.get("RecordPreprocessorSourceUri"),
        postprocessor=application.get("PostAnalyticsProcessorSourceUri"),
        config=application.get("ConfigUri"),
        problem_type=application.get("ProblemType") or environment.get("problem_type"),
        environment=environment,
        ground_truth=(inputs.get("GroundTruthS3Input") or {}).get("S3Uri"),
        constraints=(baseline.get("ConstraintsResource") or {}).get("S3Uri"),
        statistics=(baseline.get("StatisticsResource") or {}).get("S3Uri"),
        baselining_job=baseline.get("BaseliningJobName"),
        network=document.get("NetworkConfig"),
        max_runtime=(document.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds"),
    )
