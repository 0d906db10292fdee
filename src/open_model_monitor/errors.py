"""The error tree, ordered by who can put it right.

    MonitorError
    ├── UsageError          the caller              exit code 2
    │   ├── SettingsError   a setting or option
    │   ├── ContractError   the container environment
    │   └── ApiError        a request to the API; each class has the code that SageMaker's clients know
    ├── DataError           the owner of the data   exit code 3
    │   ├── NoData          nothing to read
    │   │   └── NoLabels    captures, but no label yet
    │   ├── Malformed       too much that cannot be read
    │   └── DocumentError   a baseline or report that is not what it should be
    ├── ScriptError         the author of the script   exit code 4
    └── OutsideError        the operator            exit code 5
        ├── StorageError    files and object stores
        ├── StoreError      the database of the control plane
        └── EngineError     a worker died

Violations are not errors: they are findings, and a run that found some succeeded.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


class MonitorError(Exception):
    """Whatever ends a run; the message names the thing, what was expected and the remedy."""

    exit_code: ClassVar[int] = 1


class UsageError(MonitorError):
    """The caller asked for something that cannot be."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting or option has a value that makes no sense; the message names it."""


class ContractError(UsageError):
    """The container environment is incomplete or contradicts itself."""


class ApiError(UsageError):
    """A request that is refused; `code` and `status` are what the API answers with (`api.md` §1.4)."""

    code: str = "ValidationException"
    status: int = 400

    @property
    def response(self) -> dict[str, dict[str, str]]:
        """What code that was written for boto3's errors reads."""
        return {"Error": {"Code": self.code, "Message": str(self)}}


class InvalidRequest(ApiError):
    """A member of the request, or the state of what it names, breaks a rule."""


class NotFound(ApiError):
    """What the request names does not exist."""

    code = "ResourceNotFound"


class AlreadyExists(ApiError):
    """The name is taken, or what it names is in use."""

    code = "ResourceInUse"


class LimitExceeded(ApiError):
    """A quota of this installation is reached; the message names it and its value."""

    code = "ResourceLimitExceeded"


class Denied(ApiError):
    """The caller is known and may not do this."""

    code = "AccessDeniedException"


class Misshapen(ApiError):
    """The body is not JSON, or a member has another JSON type than the operation's."""

    code = "SerializationException"


class UnknownOperation(ApiError):
    """There is no such operation here."""

    code = "UnknownOperationException"


class Refused(ApiError):
    """The request is not signed by a key of ours; the code depends on what is wrong and on the protocol."""

    def __init__(self, message: str, code: str = "InvalidSignatureException", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class DataError(MonitorError):
    """The data cannot be analysed."""

    exit_code = 3


class NoData(DataError):
    """No object, or no row, was found where the run had to look."""


class NoLabels(NoData):
    """There are captures, but no label has arrived for them yet."""


class Malformed(DataError):
    """Too large a share of the input cannot be read."""


class DocumentError(DataError):
    """A document is not what it should be; the message says what it looks like."""


class OutsideError(MonitorError):
    """Something outside this program failed."""

    exit_code = 5

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


class StorageError(OutsideError):
    """A file or an object store could not be read or written."""


class StoreError(OutsideError):
    """The database of the control plane could not be reached, or is of another version."""


class EngineError(OutsideError):
    """A worker of an engine died."""


@dataclass(frozen=True, slots=True)
class ScriptFailure:
    """Everything known about a failure of a user's script; the content of `script_error.json`."""

    role: str  # "preprocessor" or "postprocessor"
    phase: str  # "load", "call" or "return value"
    script: str
    exception_type: str
    message: str
    line: int | None = None
    function: str | None = None
    traceback: str = ""
    remedy: str | None = None
    script_sha256: str | None = None
    argument: str | None = None  # what kind of item the handler was called with
    source_object: str | None = None
    line_number: int | None = None
    event_id: str | None = None
    inference_id: str | None = None
    payload_excerpt: str | None = None
    records_processed: int | None = None
    log_tail: list[str] = field(default_factory=list)
    lines_from: int = 0  # the byte of the object at which the counting of lines began

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `script_error.json`; `lines_from` is in it only where lines were counted from."""
        values = asdict(self)
        if not self.lines_from:
            del values["lines_from"]
        return values

    def summary(self) -> str:
        """Return the short form: the familiar opening, the cause, the script's line, the record."""
        lines = [f"Exception while invoking {self.role} script: {self.exception_type}: {self.message}"]
        if self.line is not None:
            lines.append(f"  at {self.script}:{self.line} in {self.function or '<module>'}")
        if self.source_object is not None:
            place = f"{self.source_object} line {self.line_number}"
            place += f" after byte {self.lines_from:,}" if self.lines_from else ""
            event = f", eventId {self.event_id}" if self.event_id else ""
            excerpt = f", {self.payload_excerpt}" if self.payload_excerpt else ""
            lines.append(f"  record: {place}{event}{excerpt}"[:400])
        if self.records_processed is not None:
            lines.append(f"  {self.records_processed} records were processed before this one")
        if self.remedy:
            lines.append(f"  hint: {self.remedy}")
        return "\n".join(lines)


class ScriptError(MonitorError):
    """A user's script failed; `failure` tells the whole story."""

    exit_code = 4

    def __init__(self, failure: ScriptFailure) -> None:
        super().__init__(failure.summary())
        self.failure = failure
