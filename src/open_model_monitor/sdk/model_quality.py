"""ModelQualityMonitor: how right a model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from open_model_monitor.errors import UsageError
from open_model_monitor.sdk.baselining import POSTPROCESSOR
from open_model_monitor.sdk.definitions import ANALYZER, ENDPOINT_INPUT, DefinedMonitor, published
from open_model_monitor.sdk.inputs import BatchTransformInput, EndpointInput, NetworkConfig, given
from open_model_monitor.sdk.jobs import BaseliningJob
from open_model_monitor.sdk.schedules import cadence, input_of

JSON = dict[str, Any]


class ModelQualityMonitor(DefinedMonitor):
    """Merges captures with labels and watches the metrics of the model."""

    JOB_DEFINITION_BASE_NAME = "model-quality-job-definition"
    _family = "ModelQuality"

    def suggest_baseline(
        self,
        baseline_dataset: str,
        dataset_format: Mapping[str, Any],
        problem_type: str,
        inference_attribute: str | None = None,
        probability_attribute: str | None = None,
        ground_truth_attribute: str | None = None,
        probability_threshold_attribute: float | str | None = None,
        post_analytics_processor_script: str | None = None,
        output_s3_uri: str | None = None,
        wait: bool = False,
        logs: bool = False,
        job_name: str | None = None,
    ) -> BaseliningJob:
        """Make a baseline of predictions with labels; `problem_type` is Regression, BinaryClassification, ….

        Raises UnexpectedStatusException if it was waited for and failed.
        """
        return self._suggest(
            ANALYZER,
            baseline_dataset,
            dataset_format,
            {POSTPROCESSOR: post_analytics_processor_script},
            {
                "analysis_type": "MODEL_QUALITY",
                "problem_type": problem_type,
                "inference_attribute": inference_attribute,
                "probability_attribute": probability_attribute,
                "ground_truth_attribute": ground_truth_attribute,
                "probability_threshold_attribute": probability_threshold_attribute,
            },
            output_s3_uri=output_s3_uri,
            job_name=job_name,
            wait=wait,
            logs=logs,
        )

    def run_baseline(
        self,
        baseline_inputs: Any = None,
        output: Any = None,
        arguments: Any = None,
        wait: bool = True,
        logs: bool = True,
        job_name: str | None = None,
    ) -> None:
        """Raise: baselines of model quality are made by `suggest_baseline`."""
        raise NotImplementedError("ModelQualityMonitor makes baselines by suggest_baseline()")

    def create_monitoring_schedule(
        self,
        endpoint_input: str | EndpointInput | None = None,
        ground_truth_input: str | None = None,
        problem_type: str | None = None,
        record_preprocessor_script: str | None = None,
        post_analytics_processor_script: str | None = None,
        output_s3_uri: str | None = None,
        constraints: Any = None,
        monitor_schedule_name: str | None = None,
        schedule_cron_expression: str | None = None,
        enable_cloudwatch_metrics: bool = True,
        batch_transform_input: BatchTransformInput | None = None,
        data_analysis_start_time: str | None = None,
        data_analysis_end_time: str | None = None,
    ) -> None:
        """Compare predictions with the labels below `ground_truth_input` on schedule.

        Raises UsageError for what does not go together, ApiError (or boto3's error) for what is refused.
        """
        data = input_of(endpoint_input, batch_transform_input, ENDPOINT_INPUT)
        if data is None:
            raise UsageError("There is nothing to look at: give endpoint_input or batch_transform_input")
        if ground_truth_input is None:
            raise UsageError(
                "A model is judged by labels: give ground_truth_input, the address of their folders"
            )
        scripts = {
            "RecordPreprocessorSourceUri": record_preprocessor_script,
            "PostAnalyticsProcessorSourceUri": post_analytics_processor_script,
        }
        environment = published(self.env, enable_cloudwatch_metrics)
        request = {
            "ModelQualityAppSpecification": self._application(scripts, environment, ProblemType=problem_type),
            "ModelQualityJobInput": {**data, "GroundTruthS3Input": {"S3Uri": ground_truth_input}},
            "ModelQualityJobOutputConfig": self._output(output_s3_uri),
        }
        self._create(
            monitor_schedule_name,
            request,
            cadence(schedule_cron_expression, data_analysis_start_time, data_analysis_end_time),
            self._baseline_config(None, constraints),
        )

    def update_monitoring_schedule(
        self,
        endpoint_input: str | EndpointInput | None = None,
        ground_truth_input: str | None = None,
        problem_type: str | None = None,
        record_preprocessor_script: str | None = None,
        post_analytics_processor_script: str | None = None,
        output_s3_uri: str | None = None,
        constraints: Any = None,
        schedule_cron_expression: str | None = None,
        enable_cloudwatch_metrics: bool | None = None,
        role: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        volume_size_in_gb: int | None = None,
        volume_kms_key: str | None = None,
        output_kms_key: str | None = None,
        max_runtime_in_seconds: int | None = None,
        env: dict[str, str] | None = None,
        network_config: NetworkConfig | None = None,
        batch_transform_input: BatchTransformInput | None = None,
        data_analysis_start_time: str | None = None,
        data_analysis_end_time: str | None = None,
    ) -> None:
        """Change what is given; the rest stays."""
        data = input_of(endpoint_input, batch_transform_input, ENDPOINT_INPUT) or {}
        if ground_truth_input is not None:
            data |= {"GroundTruthS3Input": {"S3Uri": ground_truth_input}}
        scripts = {
            "RecordPreprocessorSourceUri": record_preprocessor_script,
            "PostAnalyticsProcessorSourceUri": post_analytics_processor_script,
        }
        self._change(
            data=data,
            scripts=scripts,
            application=given(ProblemType=problem_type),
            output=output_s3_uri,
            documents={"ConstraintsResource": constraints},
            schedule=cadence(schedule_cron_expression, data_analysis_start_time, data_analysis_end_time),
            publish=enable_cloudwatch_metrics,
            members=given(
                instance_count=instance_count,
                instance_type=instance_type,
                volume_size_in_gb=volume_size_in_gb,
                volume_kms_key=volume_kms_key,
                output_kms_key=output_kms_key,
                max_runtime_in_seconds=max_runtime_in_seconds,
                env=env,
                network_config=network_config,
                role=role,
            ),
        )
