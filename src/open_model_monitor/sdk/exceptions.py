"""What the SDK raises besides the errors of `open_model_monitor.errors`."""

from __future__ import annotations

from open_model_monitor.errors import OutsideError


class UnexpectedStatusException(OutsideError, ValueError):
    """A job ended in another status than was waited for."""

    def __init__(self, message: str, allowed_statuses: tuple[str, ...], actual_status: str) -> None:
        super().__init__(message)
        self.allowed_statuses, self.actual_status = list(allowed_statuses), actual_status
