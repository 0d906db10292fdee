"""What monitors are told: where data are, how they are written, when to look. Each knows its part of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


class DatasetFormat:
    """How a baseline's data set is written."""

    @staticmethod
    def csv(header: bool = True, output_columns_position: str = "START") -> JSON:
        """CSV; `output_columns_position` says whether the label stands first (START) or last (END)."""
        return {"csv": {"header": header, "output_columns_position": output_columns_position}}

    @staticmethod
    def json(lines: bool = True) -> JSON:
        """JSON, one object per line unless `lines` is false."""
        return {"json": {"lines": lines}}

    @staticmethod
    def sagemaker_capture_json() -> JSON:
        """Captures of an endpoint."""
        return {"sagemakerCaptureJson": {}}


class MonitoringDatasetFormat:
    """How the files of a batch transform are written."""

    @staticmethod
    def csv(header: bool = True) -> JSON:
        """CSV."""
        return {"csv": {"header": header}}

    @staticmethod
    def json(lines: bool = True) -> JSON:
        """JSON, one object per line unless `lines` is false."""
        return {"json": {"lines": lines}}

    @staticmethod
    def parquet() -> JSON:
        """Parquet."""
        return {"parquet": {}}


class CronExpressionGenerator:
    """The schedules that SageMaker knows; all times are UTC."""

    @staticmethod
    def hourly() -> str:
        """Every hour, at its start."""
        return "cron(0 * ? * * *)"

    @staticmethod
    def daily(hour: int = 0) -> str:
        """Every day at an hour."""
        return f"cron(0 {hour} ? * * *)"

    @staticmethod
    def daily_every_x_hours(hour_interval: int, starting_hour: int = 0) -> str:
        """Every so many hours from an hour on."""
        return f"cron(0 {starting_hour}/{hour_interval} ? * * *)"

    @staticmethod
    def now() -> str:
        """Once, now; needs `data_analysis_start_time` and `data_analysis_end_time`."""
        return "NOW"


class _MonitoringInput:
    """What both kinds of input say about windows and attributes."""

    def __init__(
        self,
        start_time_offset: str | None,
        end_time_offset: str | None,
        features_attribute: str | None,
        inference_attribute: str | None,
        probability_attribute: str | int | None,
        probability_threshold_attribute: float | None,
        exclude_features_attribute: str | None,
    ) -> None:
        self.start_time_offset = start_time_offset
        self.end_time_offset = end_time_offset
        self.features_attribute = features_attribute
        self.inference_attribute = inference_attribute
        self.probability_attribute = probability_attribute
        self.probability_threshold_attribute = probability_threshold_attribute
        self.exclude_features_attribute = exclude_features_attribute

    def _common(self) -> JSON:
        def text(value: Any) -> str | None:
            return None if value is None else str(value)

        return given(
            StartTimeOffset=self.start_time_offset,
            EndTimeOffset=self.end_time_offset,
            FeaturesAttribute=text(self.features_attribute),
            InferenceAttribute=text(self.inference_attribute),
            ProbabilityAttribute=text(self.probability_attribute),
            ProbabilityThresholdAttribute=self.probability_threshold_attribute,
            ExcludeFeaturesAttribute=self.exclude_features_attribute,
        )


class EndpointInput(_MonitoringInput):
    """An endpoint whose captures are analysed; `destination` is where a job sees them."""

    def __init__(
        self,
        endpoint_name: str,
        destination: str,
        s3_input_mode: str = "File",
        s3_data_distribution_type: str = "FullyReplicated",
        start_time_offset: str | None = None,
        end_time_offset: str | None = None,
        features_attribute: str | None = None,
        inference_attribute: str | None = None,
        probability_attribute: str | int | None = None,
        probability_threshold_attribute: float | None = None,
        exclude_features_attribute: str | None = None,
    ) -> None:
        super().__init__(
            start_time_offset,
            end_time_offset,
            features_attribute,
            inference_attribute,
            probability_attribute,
            probability_threshold_attribute,
            exclude_features_attribute,
        )
        self.endpoint_name = endpoint_name
        self.destination = destination
        self.s3_input_mode = s3_input_mode
        self.s3_data_distribution_type = s3_data_distribution_type

    def _to_request_dict(self) -> JSON:
        return {
            "EndpointInput": {
                "EndpointName": self.endpoint_name,
                "LocalPath": self.destination,
                "S3InputMode": self.s3_input_mode,
                "S3DataDistributionType": self.s3_data_distribution_type,
                **self._common(),
            }
        }


class BatchTransformInput(_MonitoringInput):
    """Captures of batch transforms below an address, in `dataset_format`."""

    def __init__(
        self,
        data_captured_destination_s3_uri: str,
        destination: str,
        dataset_format: Mapping[str, Any],
        s3_input_mode: str = "File",
        s3_data_distribution_type: str = "FullyReplicated",
        start_time_offset: str | None = None,
        end_time_offset: str | None = None,
        features_attribute: str | None = None,
        inference_attribute: str | None = None,
        probability_attribute: str | int | None = None,
        probability_threshold_attribute: float | None = None,
        exclude_features_attribute: str | None = None,
    ) -> None:
        super().__init__(
            start_time_offset,
            end_time_offset,
            features_attribute,
            inference_attribute,
            probability_attribute,
            probability_threshold_attribute,
            exclude_features_attribute,
        )
        self.data_captured_destination_s3_uri = data_captured_destination_s3_uri
        self.destination = destination
        self.dataset_format = dataset_format
        self.s3_input_mode = s3_input_mode
        self.s3_data_distribution_type = s3_data_distribution_type

    def _to_request_dict(self) -> JSON:
        return {
            "BatchTransformInput": {
                "DataCapturedDestinationS3Uri": self.data_captured_destination_s3_uri,
                "DatasetFormat": _of_transforms(self.dataset_format),
                "LocalPath": self.destination,
                "S3InputMode": self.s3_input_mode,
                "S3DataDistributionType": self.s3_data_distribution_type,
                **self._common(),
            }
        }


def _of_transforms(spelled: Mapping[str, Any]) -> JSON:
    """Return a format as a request spells it, which differs from how jobs do."""
    ((name, members),) = spelled.items()
    known = {"csv": ("Csv", {"header": "Header"}), "json": ("Json", {"lines": "Line", "line": "Line"})}
    api, names = known.get(name.lower(), ("Parquet", {}))
    return {api: {names[key]: value for key, value in members.items() if key in names}}


@dataclass
class MonitoringOutput:
    """Where a job's results go."""

    source: str
    destination: str | None = None
    s3_upload_mode: str = "Continuous"

    def _to_request_dict(self) -> JSON:
        output = {"S3Uri": self.destination, "LocalPath": self.source, "S3UploadMode": self.s3_upload_mode}
        return {"S3Output": output}


@dataclass
class NetworkConfig:
    """The network of jobs; kept in requests, without effect here."""

    enable_network_isolation: bool | None = None
    security_group_ids: Sequence[str] | None = None
    subnets: Sequence[str] | None = None
    encrypt_inter_container_traffic: bool | None = None

    def _to_request_dict(self) -> JSON:
        network = given(SecurityGroupIds=self.security_group_ids, Subnets=self.subnets)
        switches = given(
            EnableNetworkIsolation=self.enable_network_isolation,
            EnableInterContainerTrafficEncryption=self.encrypt_inter_container_traffic,
        )
        return switches | ({"VpcConfig": network} if network else {})


@dataclass
class ProcessingInput:
    """A file or folder that a job reads."""

    source: str
    destination: str
    input_name: str | None = None


@dataclass
class ProcessingOutput:
    """A folder of a job that is uploaded."""

    source: str
    destination: str
    output_name: str = "output-1"
    s3_upload_mode: str = "EndOfJob"


class DataCaptureConfig:
    """What an endpoint captures, of how many requests, and where to."""

    def __init__(
        self,
        enable_capture: bool,
        sampling_percentage: int = 20,
        destination_s3_uri: str | None = None,
        kms_key_id: str | None = None,
        capture_options: Sequence[str] | None = None,
        csv_content_types: Sequence[str] | None = None,
        json_content_types: Sequence[str] | None = None,
        sagemaker_session: Any = None,
    ) -> None:
        self.enable_capture = enable_capture
        self.sampling_percentage = sampling_percentage
        self.destination_s3_uri = (
            destination_s3_uri or f"{_place(sagemaker_session)}/model-monitor/data-capture"
        )
        self.kms_key_id = kms_key_id
        self.capture_options = capture_options or ["REQUEST", "RESPONSE"]
        self.csv_content_types = csv_content_types or ["text/csv"]
        self.json_content_types = json_content_types or ["application/json"]

    def _to_request_dict(self) -> JSON:
        modes = {"REQUEST": "Input", "RESPONSE": "Output"}
        return {
            "EnableCapture": self.enable_capture,
            "InitialSamplingPercentage": self.sampling_percentage,
            "DestinationS3Uri": self.destination_s3_uri,
            "CaptureOptions": [{"CaptureMode": modes.get(one.upper(), one)} for one in self.capture_options],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": list(self.csv_content_types),
                "JsonContentTypes": list(self.json_content_types),
            },
            **given(KmsKeyId=self.kms_key_id),
        }


def _place(session: Any) -> str:
    from open_model_monitor.sdk.session import Session

    place: str = (session or Session()).place
    return place


@dataclass
class DataQualityDistributionConstraints:
    """How drift is measured; `categorical_drift_method` is LInfinity or ChiSquared."""

    categorical_drift_method: str | None = None


@dataclass
class DataQualityMonitoringConfig:
    """What a baseline shall say about how it is checked."""

    distribution_constraints: DataQualityDistributionConstraints | None = None


def given(**members: Any) -> JSON:
    """Return the members that are not None."""
    return {name: value for name, value in members.items() if value is not None}
