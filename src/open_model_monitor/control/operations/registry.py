"""The board of operations, and the context in which each is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from open_model_monitor.control.arns import ResourceKind, arn
from open_model_monitor.control.store import Transaction
from open_model_monitor.settings import Settings

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and where resources of that call live."""

    account: str
    region: str
    principal: str = "anonymous"
    scopes: frozenset[str] = frozenset({"read", "write", "run"})
    partition: str = "aws"
    request_id: str = ""
    invocation_id: str | None = None
    peer: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """One call: everything an operation may know besides its request."""

    transaction: Transaction
    caller: Caller
    settings: Settings
    now: datetime
    secret: bytes  # signs page tokens

    @property
    def realm(self) -> dict[str, str]:
        """Account and region, as columns of every table."""
        return {"account": self.caller.account, "region": self.caller.region}

    def arn(self, kind: ResourceKind, name: str) -> str:
        """Return the ARN of a resource of this realm."""
        return arn(kind, name, self.caller)


Handler = Callable[[Context, JSON], JSON | None]
HANDLERS: dict[str, Handler] = {}


def operation(name: str) -> Callable[[Handler], Handler]:
    """Register a function as the operation of that name."""

    def register(handler: Handler) -> Handler:
        HANDLERS[name] = handler
        return handler

    return register
