"""What a view is given and what it gives back, without a web framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.overview import Territory
from open_model_monitor.errors import Denied, NotFound

if TYPE_CHECKING:
    from open_model_monitor.server.pages.desk import Desk

JSON = Any


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at a page, or one form sent from it."""

    caller: Caller
    now: datetime
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> Territory:
        """The account and region that are looked at."""
        return Territory(self.caller.account, self.caller.region)

    @property
    def start(self) -> int:
        """Where a page of a list begins; the first unless the address says otherwise."""
        text = self.query.get("start", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def need(self, *scopes: str) -> None:
        """Refuse who lacks a scope.

        Raises Denied.
        """
        for scope in scopes:
            if scope not in self.caller.scopes:
                raise Denied(f"The key {self.caller.principal} lacks the scope {scope!r}, which this needs")


@dataclass(frozen=True, slots=True)
class Page:
    """A template and its values; `twin` is what the same address with `.json` answers, None if there is none."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    twin: JSON = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirect:
    """Look there instead, below the pages' own root; `done` names a sentence that tells what was done."""

    to: str
    done: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes to keep as a file; never shown as a page."""

    content: bytes
    name: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Data:
    """A JSON value."""

    value: JSON
    status: int = 200


Result = Page | Redirect | Download | Data
View = Callable[["Desk", Visit], Result]


@dataclass(frozen=True, slots=True)
class Address:
    """A path below the pages' root and what answers there; scopes are checked before."""

    path: str
    view: View
    method: str = "GET"
    scopes: tuple[str, ...] = ("read",)
    max_body: int = 256 << 10


def found(row: Any, what: str) -> Any:
    """Return a row that must be there.

    Raises NotFound.
    """
    if row is None:
        raise NotFound(f"There is no {what} here; it may have been deleted")
    return row
