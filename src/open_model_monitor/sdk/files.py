"""The documents of monitoring, read and written where they lie, and shown by notebooks."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, Self

from open_model_monitor.reporting.notebook import constraints_table, statistics_table, violations_table
from open_model_monitor.sdk.session import Session, session_of

JSON = dict[str, Any]


class _MonitoringFile:
    """A JSON document and its address."""

    def __init__(self, body_dict: JSON, file_s3_uri: str, kms_key: str | None, session: Session) -> None:
        self.body_dict = body_dict
        self.file_s3_uri = file_s3_uri
        self.kms_key = kms_key
        self.session = session

    def save(self, new_save_location_s3_uri: str | None = None) -> str:
        """Write the document back, or to another address; returns that."""
        if new_save_location_s3_uri is not None:
            self.file_s3_uri = new_save_location_s3_uri
        self.session.write(self.file_s3_uri, json.dumps(self.body_dict).encode())
        return self.file_s3_uri


def _read(address: str, session: Session) -> JSON:
    return json.loads(session.read(address))  # type: ignore[no-any-return]


def _uploaded(text: str, name: str, session: Session) -> str:
    """Write a document to an address of its own; returns that."""
    address = f"{session.place}/monitoring/{uuid.uuid4()}/{name}"
    session.write(address, text.encode())
    return address


class Statistics(_MonitoringFile):
    """`statistics.json`: the features of a data set."""

    def _repr_html_(self) -> str:
        return statistics_table(self.body_dict)

    def __init__(
        self,
        body_dict: JSON,
        statistics_file_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> None:
        super().__init__(body_dict, statistics_file_s3_uri, kms_key, session_of(sagemaker_session))

    @classmethod
    def from_s3_uri(
        cls,
        statistics_file_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Read it from an address."""
        session = session_of(sagemaker_session)
        return cls(_read(statistics_file_s3_uri, session), statistics_file_s3_uri, kms_key, session)

    @classmethod
    def from_string(
        cls,
        statistics_file_string: str,
        kms_key: str | None = None,
        file_name: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Upload a text."""
        session = session_of(sagemaker_session)
        address = _uploaded(statistics_file_string, file_name or "statistics.json", session)
        return cls(json.loads(statistics_file_string), address, kms_key, session)

    @classmethod
    def from_file_path(
        cls,
        statistics_file_path: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Upload a file."""
        path = Path(statistics_file_path)
        return cls.from_string(path.read_text(encoding="utf-8"), kms_key, path.name, sagemaker_session)


class Constraints(_MonitoringFile):
    """`constraints.json`: what must hold."""

    def _repr_html_(self) -> str:
        return constraints_table(self.body_dict)

    def __init__(
        self,
        body_dict: JSON,
        constraints_file_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> None:
        super().__init__(body_dict, constraints_file_s3_uri, kms_key, session_of(sagemaker_session))

    @classmethod
    def from_s3_uri(
        cls,
        constraints_file_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Read it from an address."""
        session = session_of(sagemaker_session)
        return cls(_read(constraints_file_s3_uri, session), constraints_file_s3_uri, kms_key, session)

    @classmethod
    def from_string(
        cls,
        constraints_file_string: str,
        kms_key: str | None = None,
        file_name: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Upload a text."""
        session = session_of(sagemaker_session)
        address = _uploaded(constraints_file_string, file_name or "constraints.json", session)
        return cls(json.loads(constraints_file_string), address, kms_key, session)

    @classmethod
    def from_file_path(
        cls,
        constraints_file_path: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Upload a file."""
        path = Path(constraints_file_path)
        return cls.from_string(path.read_text(encoding="utf-8"), kms_key, path.name, sagemaker_session)

    def set_monitoring(self, enable_monitoring: bool, feature_name: str | None = None) -> None:
        """Switch checking on or off, of one feature or of all; `save` writes it."""
        switch = {"evaluate_constraints": "Enabled" if enable_monitoring else "Disabled"}
        if feature_name is None:
            self.body_dict.setdefault("monitoring_config", {}).update(switch)
            return
        for feature in self.body_dict.get("features", []):
            if feature["name"] == feature_name:
                feature.setdefault("monitoring_config_overrides", {}).update(switch)


class ConstraintViolations(_MonitoringFile):
    """`constraint_violations.json`: what did not hold."""

    def _repr_html_(self) -> str:
        return violations_table(self.body_dict)

    def __init__(
        self,
        body_dict: JSON,
        constraint_violations_file_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> None:
        super().__init__(body_dict, constraint_violations_file_s3_uri, kms_key, session_of(sagemaker_session))

    @classmethod
    def from_s3_uri(
        cls,
        constraint_violations_file_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Read it from an address."""
        session, address = session_of(sagemaker_session), constraint_violations_file_s3_uri
        return cls(_read(address, session), address, kms_key, session)

    @classmethod
    def from_string(
        cls,
        constraint_violations_file_string: str,
        kms_key: str | None = None,
        file_name: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Upload a text."""
        session, text = session_of(sagemaker_session), constraint_violations_file_string
        address = _uploaded(text, file_name or "constraint_violations.json", session)
        return cls(json.loads(text), address, kms_key, session)

    @classmethod
    def from_file_path(
        cls,
        constraint_violations_file_path: str,
        kms_key: str | None = None,
        sagemaker_session: Session | None = None,
    ) -> Self:
        """Upload a file."""
        path = Path(constraint_violations_file_path)
        return cls.from_string(path.read_text(encoding="utf-8"), kms_key, path.name, sagemaker_session)
