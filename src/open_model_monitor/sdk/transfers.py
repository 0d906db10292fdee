"""Files up and down, wherever a session keeps them."""

from __future__ import annotations

from pathlib import Path

from open_model_monitor.sdk.session import Session, session_of


class S3Uploader:
    """Writes files to addresses."""

    @staticmethod
    def upload(
        local_path: str,
        desired_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> str:
        """Upload a file, or a folder, below an address; returns where it is."""
        return session_of(sagemaker_session).placed(
            str(Path(local_path).resolve()), desired_s3_uri.rstrip("/")
        )

    @staticmethod
    def upload_string_as_file_body(
        body: str,
        desired_s3_uri: str | None = None,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> str:
        """Write a text to an address; returns that."""
        return S3Uploader.upload_bytes(body.encode(), desired_s3_uri or "", kms_key, sagemaker_session)

    @staticmethod
    def upload_bytes(
        b: bytes, s3_uri: str, kms_key: str | None = None, sagemaker_session: Session | None = None
    ) -> str:
        """Write bytes to an address; returns that."""
        session_of(sagemaker_session).write(s3_uri, b)
        return s3_uri


class S3Downloader:
    """Reads files from addresses."""

    @staticmethod
    def read_file(s3_uri: str, sagemaker_session: Session | None = None) -> str:
        """Return the text of a file."""
        return session_of(sagemaker_session).read(s3_uri).decode()

    @staticmethod
    def read_bytes(s3_uri: str, sagemaker_session: Session | None = None) -> bytes:
        """Return the bytes of a file."""
        return session_of(sagemaker_session).read(s3_uri)

    @staticmethod
    def list(s3_uri: str, sagemaker_session: Session | None = None) -> list[str]:
        """Return the addresses below one."""
        return session_of(sagemaker_session).list_files(s3_uri)

    @staticmethod
    def download(
        s3_uri: str, local_path: str, kms_key: str | None = None, sagemaker_session: Session | None = None
    ) -> None:
        """Write what lies at an address, or below it, into a folder."""
        session = session_of(sagemaker_session)
        below = s3_uri.rstrip("/")
        for address in session.list_files(below):
            name = address.removeprefix(below).lstrip("/") or address.rpartition("/")[2]
            target = Path(local_path) / name
            if not target.resolve().is_relative_to(Path(local_path).resolve()):
                continue  # a key with .. in it
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(session.read(address))
