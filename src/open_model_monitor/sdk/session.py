"""Session: where monitors live, in a folder of this machine or on a server, and where their files go."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from open_model_monitor.errors import UsageError
from open_model_monitor.sdk.exceptions import UnexpectedStatusException
from open_model_monitor.settings import load_settings
from open_model_monitor.storage import Storage, is_remote, normalise

ROLE = "arn:aws:iam::000000000000:role/omm"  # for requests, which must name one
FOLDER = "omm-data"
ENDED = ("Completed", "Failed", "Stopped")
POLL_SECONDS = 0.3
DEVELOPER = "omm"  # key of the developer mode, which checks no signatures


class Session:
    """Where monitors live.

    With `url` a server (through boto3, from the extra `[aws]`; `omm client-env` says what to export for keys); with
    `data` a folder that this process works in itself, schedules included as long as it lives. With neither: the
    server that AWS_ENDPOINT_URL names, else the folder `omm-data`. With `works=False` a folder is only read and
    written; others run what is due. `boto_session` and `sagemaker_client` are taken as given, `default_bucket` names
    the bucket for files that are given no address.
    """

    def __init__(
        self,
        boto_session: Any = None,
        sagemaker_client: Any = None,
        default_bucket: str | None = None,
        *,
        url: str | None = None,
        data: str | os.PathLike[str] | None = None,
        works: bool = True,
    ) -> None:
        """Raises UsageError if boto3 is needed and not there, StoreError if the folder cannot be used."""
        if url and data:
            raise UsageError("A session is either of a server (url) or of a folder (data), not of both")
        named = url or os.environ.get("AWS_ENDPOINT_URL_SAGEMAKER") or os.environ.get("AWS_ENDPOINT_URL")
        is_local = boto_session is None and sagemaker_client is None and (data is not None or not named)
        self._bucket, self._boto, self._url = default_bucket, boto_session, url
        self._storage = Storage()
        self._folder = Path(data or FOLDER).resolve() if is_local else None
        if self._folder is not None:
            self.sagemaker_client: Any = _local(self._folder, works=works)
        else:
            self.sagemaker_client = sagemaker_client or self.client("sagemaker")

    # ------------------------------------------------------------ clients

    @property
    def boto_session(self) -> Any:
        """The session of boto3 behind this one.

        Raises UsageError if boto3 is not installed.
        """
        if self._boto is None:
            try:
                import boto3
            except ImportError:
                raise UsageError(
                    "Sessions of a server speak through boto3: pip install 'open-model-monitor[aws]'"
                ) from None
            self._boto = boto3.Session()
        return self._boto

    def client(self, service: str) -> Any:
        """Return a client of boto3 that asks this session's server; S3 is asked where AWS_ENDPOINT_URL_S3 says."""
        is_elsewhere = service == "s3" and os.environ.get("AWS_ENDPOINT_URL_S3")
        address = {"endpoint_url": self._url} if self._url and not is_elsewhere else {}
        return self.boto_session.client(service, **address)

    @property
    def region(self) -> str:
        """The region of requests."""
        settings = getattr(self.sagemaker_client, "settings", None)
        return str(settings.region if settings is not None else self.sagemaker_client.meta.region_name)

    def close(self) -> None:
        """Let a session of a folder end its work; one of a server has nothing to end."""
        if self._folder is not None:
            self.sagemaker_client.close()

    # ------------------------------------------------------------ files

    def default_bucket(self) -> str:
        """Return the bucket for files that are given no address, made if it is not there; of a folder its address."""
        if self._folder is not None:
            return self.place
        if self._bucket is None:
            self._bucket = (
                os.environ.get("OMM_DEFAULT_BUCKET") or f"sagemaker-{self.region}-{self._account()}"
            )
            names = [one["Name"] for one in self.client("s3").list_buckets()["Buckets"]]
            if self._bucket not in names:
                self.client("s3").create_bucket(Bucket=self._bucket)
        return self._bucket

    def _account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def place(self) -> str:
        """The address below which files go that are given none."""
        if self._folder is not None:
            return (self._folder / "files").as_uri()
        return f"s3://{self.default_bucket()}"

    def read(self, address: str) -> bytes:
        """Return a file; raises StorageError, or what boto3 raises."""
        if address.startswith("s3://") and self._folder is None:
            bucket, _, key = address.removeprefix("s3://").partition("/")
            return bytes(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        return self._storage.read(address)

    def write(self, address: str, data: bytes) -> None:
        """Write a file; raises StorageError, or what boto3 raises."""
        if address.startswith("s3://") and self._folder is None:
            bucket, _, key = address.removeprefix("s3://").partition("/")
            self.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
        else:
            self._storage.write(address, data)

    def list_files(self, address: str) -> list[str]:
        """Return the addresses below one, or itself if it is a file."""
        if address.startswith("s3://") and self._folder is None:
            bucket, _, prefix = address.removeprefix("s3://").partition("/")
            pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [f"s3://{bucket}/{one['Key']}" for page in pages for one in page.get("Contents", ())]
        if self._storage.stat(address) is not None:
            return [address]
        return [one.address for one in self._storage.list(address)]

    def placed(self, source: str, folder: str) -> str:
        """Return where a file or folder lies for jobs: as it is, or uploaded into a folder if it is of this machine.

        Raises UsageError if it is not there.
        """
        local = source.removeprefix("file://") if source.startswith("file://") else source
        if is_remote(local):
            return source
        path = Path(normalise(local))
        if not path.exists():
            raise UsageError(f"There is no file {source}")
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if one.is_file():
                below = one.relative_to(path).as_posix() if path.is_dir() else path.name
                self.write(f"{folder}/{below}", one.read_bytes())
        return folder if path.is_dir() else f"{folder}/{path.name}"

    # ------------------------------------------------------------ jobs

    def describe_processing_job(self, job_name: str) -> dict[str, Any]:
        """Return the description of a job."""
        return self.sagemaker_client.describe_processing_job(ProcessingJobName=job_name)  # type: ignore[no-any-return]

    def wait_for_processing_job(self, job: str, poll: float = POLL_SECONDS) -> dict[str, Any]:
        """Wait until a job has ended; returns its description.

        Raises UnexpectedStatusException if it did not complete.
        """
        return self._judged(job, self._ended(job, poll))

    def logs_for_processing_job(self, job_name: str, wait: bool = False, poll: float = POLL_SECONDS) -> None:
        """Print the log of a job, with `wait` until it has ended.

        Raises UnexpectedStatusException if it was waited for and did not complete.
        """
        print(f"Log of {self.describe_processing_job(job_name)['ProcessingJobArn']}")  # noqa: T201 — asked for
        shown = 0
        while True:
            described = self.describe_processing_job(job_name)
            lines = list(self._log_lines(job_name, shown))
            for line in lines:
                print(line)  # noqa: T201
            shown += len(lines)
            if described["ProcessingJobStatus"] in ENDED or not wait:
                break
            time.sleep(poll)
        if wait:
            self._judged(job_name, described)

    def _log_lines(self, job: str, start: int) -> Iterator[str]:
        if self._folder is not None:
            yield from self.sagemaker_client.log_lines(job, start)
            return
        logs, group = self.client("logs"), "/aws/sagemaker/ProcessingJobs"
        found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
        lines = (
            event["message"]
            for stream in found
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        )
        yield from (line for place, line in enumerate(lines) if place >= start)

    def _ended(self, job: str, poll: float) -> dict[str, Any]:
        while True:
            described = self.describe_processing_job(job)
            if described["ProcessingJobStatus"] in ENDED:
                return described
            time.sleep(poll)

    def _judged(self, job: str, described: dict[str, Any]) -> dict[str, Any]:
        status = described["ProcessingJobStatus"]
        if status not in ("Completed", "Stopped"):
            reason = described.get("FailureReason", "(no reason was given)")
            text = f"Processing job {job} ended as {status}, expected Completed. Reason: {reason}"
            raise UnexpectedStatusException(text, ("Completed", "Stopped"), status)
        return described

    # ------------------------------------------------------------ endpoints

    def endpoint_from_production_variants(
        self,
        name: str,
        production_variants: list[dict[str, Any]],
        tags: list[dict[str, str]] | None = None,
        kms_key: str | None = None,
        wait: bool = True,
        data_capture_config_dict: dict[str, Any] | None = None,
    ) -> str:
        """Register an endpoint, so that monitors know where its captures lie; returns its name."""
        more = {"Tags": tags, "KmsKeyId": kms_key, "DataCaptureConfig": data_capture_config_dict}
        self.sagemaker_client.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=production_variants,
            **{member: value for member, value in more.items() if value},
        )
        self.sagemaker_client.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return name


def session_at(
    where: str | os.PathLike[str] | None = None,
    *,
    key: tuple[str, str] | None = None,
    region: str | None = None,
    works: bool = True,
) -> Session:
    """Return a session of a server (`http://…`) or of a folder; without `where` the usual one.

    `key` is an access key of the server and its secret, else what the environment says, else that of the developer
    mode. Raises UsageError if boto3 is needed and not there.
    """
    address = None if where is None else os.fspath(where)
    if address is None or not address.startswith(("http://", "https://")):
        return Session(data=address, works=works)
    try:
        import boto3
    except ImportError:
        raise UsageError(
            "Servers are spoken to through boto3: pip install 'open-model-monitor[aws]'"
        ) from None
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    access, secret = key or (os.environ.get(names[0], DEVELOPER), os.environ.get(names[1], DEVELOPER))
    made = boto3.Session(
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        region_name=region or os.environ.get("AWS_REGION") or "us-east-1",
    )
    return Session(made, url=address)


_LOCAL: dict[tuple[Path, bool], Any] = {}


def _local(folder: Path, *, works: bool) -> Any:
    """Return the client of a folder; all sessions of a process share it."""
    try:
        from open_model_monitor.sdk.local_client import LocalClient
    except ImportError as error:
        raise UsageError(
            f"Monitors in a folder need the server's extra: pip install 'open-model-monitor[server]' ({error})"
        ) from error

    known = _LOCAL.get((folder, works))
    if known is None or known.is_closed:
        _LOCAL[folder, works] = known = LocalClient(str(folder), load_settings(os.environ), works=works)
    return known


def session_of(given: Session | None) -> Session:
    """Return a session that was given, or the usual one."""
    return given or Session()


def named(base: str) -> str:
    """Return a name that nothing else has: a base, cut if need be, and the time."""
    now = datetime.now(UTC)
    ending = f"{now:%Y-%m-%d-%H-%M-%S}-{now.microsecond // 1000:03d}"
    return f"{base[: 62 - len(ending)]}-{ending}"


def unique_folder(session: Session, *parts: str) -> str:
    """Return an address that nothing else has."""
    return "/".join([session.place, "model-monitor", *parts, str(uuid.uuid4())])
