"""DefaultModelMonitor: data quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from open_model_monitor.errors import UsageError
from open_model_monitor.sdk.baselining import POSTPROCESSOR, PREPROCESSOR
from open_model_monitor.sdk.definitions import ANALYZER, ENDPOINT_INPUT, DefinedMonitor, published
from open_model_monitor.sdk.inputs import (
    BatchTransformInput,
    DataQualityMonitoringConfig,
    EndpointInput,
    NetworkConfig,
    given,
)
from open_model_monitor.sdk.jobs import BaseliningJob
from open_model_monitor.sdk.schedules import cadence, input_of

JSON = dict[str, Any]


class DefaultModelMonitor(DefinedMonitor):
    """Watches whether data are as they were: types, gaps, unknown values, drift."""

    JOB_DEFINITION_BASE_NAME = "data-quality-job-definition"
    _family = "DataQuality"

    def suggest_baseline(
        self,
        baseline_dataset: str,
        dataset_format: Mapping[str, Any],
        record_preprocessor_script: str | None = None,
        post_analytics_processor_script: str | None = None,
        output_s3_uri: str | None = None,
        wait: bool = True,
        logs: bool = True,
        job_name: str | None = None,
        monitoring_config_override: DataQualityMonitoringConfig | None = None,
    ) -> BaseliningJob:
        """Make a baseline of a data set we trust.

        Raises UnexpectedStatusException if it was waited for and failed.
        """
        config = monitoring_config_override and monitoring_config_override.distribution_constraints
        return self._suggest(
            ANALYZER,
            baseline_dataset,
            dataset_format,
            {PREPROCESSOR: record_preprocessor_script, POSTPROCESSOR: post_analytics_processor_script},
            {"categorical_drift_method": config.categorical_drift_method if config else None},
            output_s3_uri=output_s3_uri,
            job_name=job_name,
            wait=wait,
            logs=logs,
        )

    def run_baseline(self) -> None:
        """Raise: baselines of data quality are made by `suggest_baseline`."""
        raise NotImplementedError("DefaultModelMonitor makes baselines by suggest_baseline()")

    def create_monitoring_schedule(
        self,
        endpoint_input: str | EndpointInput | None = None,
        record_preprocessor_script: str | None = None,
        post_analytics_processor_script: str | None = None,
        output_s3_uri: str | None = None,
        constraints: Any = None,
        statistics: Any = None,
        monitor_schedule_name: str | None = None,
        schedule_cron_expression: str | None = None,
        enable_cloudwatch_metrics: bool = True,
        batch_transform_input: BatchTransformInput | None = None,
        data_analysis_start_time: str | None = None,
        data_analysis_end_time: str | None = None,
    ) -> None:
        """Look at an endpoint, or at batch transforms, on schedule.

        Raises UsageError for what does not go together, ApiError (or boto3's error) for what is refused.
        """
        data = input_of(endpoint_input, batch_transform_input, ENDPOINT_INPUT)
        if data is None:
            raise UsageError("There is nothing to look at: give endpoint_input or batch_transform_input")
        scripts = {
            "RecordPreprocessorSourceUri": record_preprocessor_script,
            "PostAnalyticsProcessorSourceUri": post_analytics_processor_script,
        }
        environment = published(self.env, enable_cloudwatch_metrics)
        request = {
            "DataQualityAppSpecification": self._application(scripts, environment),
            "DataQualityJobInput": data,
            "DataQualityJobOutputConfig": self._output(output_s3_uri),
        }
        self._create(
            monitor_schedule_name,
            request,
            cadence(schedule_cron_expression, data_analysis_start_time, data_analysis_end_time),
            self._baseline_config(statistics, constraints),
        )

    def update_monitoring_schedule(
        self,
        endpoint_input: str | EndpointInput | None = None,
        record_preprocessor_script: str | None = None,
        post_analytics_processor_script: str | None = None,
        output_s3_uri: str | None = None,
        statistics: Any = None,
        constraints: Any = None,
        schedule_cron_expression: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        volume_size_in_gb: int | None = None,
        volume_kms_key: str | None = None,
        output_kms_key: str | None = None,
        max_runtime_in_seconds: int | None = None,
        env: dict[str, str] | None = None,
        network_config: NetworkConfig | None = None,
        enable_cloudwatch_metrics: bool | None = None,
        role: str | None = None,
        batch_transform_input: BatchTransformInput | None = None,
        data_analysis_start_time: str | None = None,
        data_analysis_end_time: str | None = None,
    ) -> None:
        """Change what is given; the rest stays."""
        scripts = {
            "RecordPreprocessorSourceUri": record_preprocessor_script,
            "PostAnalyticsProcessorSourceUri": post_analytics_processor_script,
        }
        self._change(
            data=input_of(endpoint_input, batch_transform_input, ENDPOINT_INPUT),
            scripts=scripts,
            output=output_s3_uri,
            documents={"StatisticsResource": statistics, "ConstraintsResource": constraints},
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
