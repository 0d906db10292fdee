"""Processing jobs that make baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from open_model_monitor.sdk.inputs import ProcessingInput, ProcessingOutput, given
from open_model_monitor.sdk.jobs import BaseliningJob
from open_model_monitor.sdk.schedules import ScheduledMonitor
from open_model_monitor.sdk.session import named

JSON = dict[str, Any]
INPUTS, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
DATASET = "baseline_dataset_input"
PREPROCESSOR, POSTPROCESSOR = "record_preprocessor_script", "post_analytics_processor_script"


class BaseliningMonitor(ScheduledMonitor):
    """A monitor that starts processing jobs."""

    def _baseline_job(
        self,
        image: str,
        inputs: Sequence[ProcessingInput],
        output: ProcessingOutput,
        environment: Mapping[str, str] | None,
        *,
        name: str,
        entrypoint: Sequence[str] | None = None,
        arguments: Sequence[str] | None = None,
        wait: bool,
        logs: bool,
    ) -> BaseliningJob:
        """Start a job over inputs, uploaded where they lie on this machine."""
        session = self.sagemaker_session
        placed = [
            ProcessingInput(
                session.placed(one.source, f"{session.place}/{name}/input/{key}"), one.destination, key
            )
            for place, one in enumerate(inputs, 1)
            for key in [one.input_name or f"input-{place}"]
        ]
        application = given(
            ImageUri=image,
            ContainerEntrypoint=entrypoint and list(entrypoint),
            ContainerArguments=arguments and list(arguments),
        )
        self._client.create_processing_job(
            ProcessingJobName=name,
            ProcessingInputs=[_input(one) for one in placed],
            ProcessingOutputConfig={"Outputs": [_output(output)], **given(KmsKeyId=self.output_kms_key)},
            ProcessingResources=self._cluster(),
            AppSpecification=application,
            RoleArn=self.role,
            **({"Environment": dict(environment)} if environment else {}),
            **self._limits(),
            **({"Tags": list(self.tags)} if self.tags else {}),
        )
        job = BaseliningJob(session, name, placed, [output], self.output_kms_key)
        self.baselining_jobs.append(job)
        self.latest_baselining_job, self.latest_baselining_job_name = job, name
        if wait:
            job.wait(logs=logs)
        return job

    def _suggest(
        self,
        image: str,
        dataset: str,
        dataset_format: Mapping[str, Any],
        scripts: Mapping[str, str | None],
        settings: Mapping[str, Any],
        *,
        output_s3_uri: str | None,
        job_name: str | None,
        wait: bool,
        logs: bool,
    ) -> BaseliningJob:
        """Start the job of a suggest_baseline."""
        name = job_name or named(self.base_job_name or "baseline-suggestion-job")
        inputs = [ProcessingInput(dataset, f"{INPUTS}/{DATASET}", DATASET)]
        environment = {
            **(self.env or {}),
            "output_path": OUTPUT,
            "publish_cloudwatch_metrics": "Disabled",
            "dataset_format": json.dumps(dataset_format),
            "dataset_source": f"{INPUTS}/{DATASET}",
            **{key: str(value) for key, value in settings.items() if value is not None},
        }
        for role, script in scripts.items():
            if script is not None:
                inputs.append(ProcessingInput(script, f"{INPUTS}/{role}_input", f"{role}_input"))
                environment[role] = f"{INPUTS}/{role}_input/{PurePosixPath(script).name}"
        results = output_s3_uri or f"{self.sagemaker_session.place}/model-monitor/baselining/{name}/results"
        output = ProcessingOutput(OUTPUT, results, "monitoring_output", "EndOfJob")
        return self._baseline_job(image, inputs, output, environment, name=name, wait=wait, logs=logs)


def _input(one: ProcessingInput) -> JSON:
    place = {
        "S3Uri": one.source,
        "LocalPath": one.destination,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    return {"InputName": one.input_name, "AppManaged": False, "S3Input": place}


def _output(one: ProcessingOutput) -> JSON:
    place = {"S3Uri": one.destination, "LocalPath": one.source, "S3UploadMode": one.s3_upload_mode}
    return {"OutputName": one.output_name, "AppManaged": False, "S3Output": place}
