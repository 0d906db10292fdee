"""Jobs as the SDK shows them: baselining jobs and executions of monitors, with their documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from open_model_monitor.errors import StorageError, UsageError
from open_model_monitor.sdk.files import Constraints, ConstraintViolations, Statistics
from open_model_monitor.sdk.inputs import MonitoringOutput, ProcessingInput, ProcessingOutput
from open_model_monitor.sdk.session import Session

JSON = dict[str, Any]
NOT_THERE = ("NoSuchKey", "404")
File = type[Statistics] | type[Constraints] | type[ConstraintViolations]


class ProcessingJob:
    """A job of the control plane: its description, its log, its end."""

    def __init__(
        self,
        sagemaker_session: Session,
        job_name: str,
        inputs: Sequence[ProcessingInput],
        outputs: Sequence[ProcessingOutput | MonitoringOutput],
        output_kms_key: str | None = None,
    ) -> None:
        self.sagemaker_session, self.job_name = sagemaker_session, job_name
        self.inputs, self.outputs, self.output_kms_key = list(inputs), list(outputs), output_kms_key

    def describe(self) -> JSON:
        """Return the description of the job."""
        return self.sagemaker_session.describe_processing_job(self.job_name)

    def wait(self, logs: bool = True) -> None:
        """Wait for the end, with its log printed meanwhile.

        Raises UnexpectedStatusException if it did not complete.
        """
        if logs:
            self.sagemaker_session.logs_for_processing_job(self.job_name, wait=True)
        else:
            self.sagemaker_session.wait_for_processing_job(self.job_name)

    def stop(self) -> None:
        """Ask the job to stop."""
        self.sagemaker_session.sagemaker_client.stop_processing_job(ProcessingJobName=self.job_name)

    def _file(self, kind: File, file_name: str, kms_key: str | None) -> Any:
        """Return a document of the job, None if a job that completed left none.

        Raises UsageError if the job has not completed.
        """
        address = f"{self.outputs[0].destination}/{file_name}"
        try:
            return kind.from_s3_uri(address, kms_key, self.sagemaker_session)
        except Exception as error:
            if not is_not_there(error):
                raise
        status = self.describe()["ProcessingJobStatus"]
        if status != "Completed":
            raise UsageError(
                f"The job {self.job_name} is {status}, so there is no {file_name} yet; describe() says more"
            )
        return None


def is_not_there(error: Exception) -> bool:
    """Whether a file was not there, as storage or boto3 says it."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code")
    return code in NOT_THERE or isinstance(error, StorageError)


class BaseliningJob(ProcessingJob):
    """A job that made a baseline."""

    def baseline_statistics(self, file_name: str = "statistics.json", kms_key: str | None = None) -> Any:
        """Return the statistics of the baseline."""
        return self._file(Statistics, file_name, kms_key)

    def suggested_constraints(self, file_name: str = "constraints.json", kms_key: str | None = None) -> Any:
        """Return the constraints it suggested."""
        return self._file(Constraints, file_name, kms_key)


class MonitoringExecution(ProcessingJob):
    """One run of a schedule."""

    def __init__(
        self,
        sagemaker_session: Session,
        job_name: str,
        inputs: Sequence[ProcessingInput],
        output: MonitoringOutput,
        output_kms_key: str | None = None,
    ) -> None:
        super().__init__(sagemaker_session, job_name, inputs, [output], output_kms_key)
        self.output = output

    @classmethod
    def from_processing_arn(cls, sagemaker_session: Session, processing_job_arn: str) -> Self:
        """Return the execution of a job."""
        name = processing_job_arn.rpartition("/")[2]
        described = sagemaker_session.describe_processing_job(name)
        inputs = [
            ProcessingInput(one["S3Input"]["S3Uri"], one["S3Input"]["LocalPath"], one["InputName"])
            for one in described["ProcessingInputs"]
        ]
        first = described["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
        output = MonitoringOutput(first["LocalPath"], first["S3Uri"], first["S3UploadMode"])
        return cls(
            sagemaker_session, name, inputs, output, described["ProcessingOutputConfig"].get("KmsKeyId")
        )

    def statistics(self, file_name: str = "statistics.json", kms_key: str | None = None) -> Any:
        """Return the statistics of the run."""
        return self._file(Statistics, file_name, kms_key)

    def constraint_violations(
        self, file_name: str = "constraint_violations.json", kms_key: str | None = None
    ) -> Any:
        """Return what the run found."""
        return self._file(ConstraintViolations, file_name, kms_key)

    def _repr_html_(self) -> str | None:
        found = self.constraint_violations()
        return None if found is None else str(found._repr_html_())
