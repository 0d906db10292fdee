"""The one door to the control plane: `call(operation, request, caller) -> response`."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

# Importing the nouns registers their operations.
from open_model_monitor.control.operations import (  # noqa: F401
    alerts,
    definitions,
    endpoints,
    processing,
    schedules,
    tags,
)
from open_model_monitor.control.operations.registry import HANDLERS, JSON, Caller, Context
from open_model_monitor.control.shapes import is_mutation, render, validate
from open_model_monitor.control.store import Store, Transaction, new_id
from open_model_monitor.control.tables import audit, facts, invocations
from open_model_monitor.errors import ApiError, Denied, UnknownOperation
from open_model_monitor.settings import Settings

log = logging.getLogger(__name__)

# What makes jobs run, or stop, without changing what is monitored: a scope of its own, for pipelines and on-call.
RUNNING = frozenset(
    ("CreateProcessingJob", "StopProcessingJob", "StartMonitoringSchedule", "StopMonitoringSchedule")
)
REPEATABLE = timedelta(seconds=60)  # a create repeated within it, by the same call, gets the first answer


def utc_now() -> datetime:
    """The clock of everything that is not told another."""
    return datetime.now(UTC)


class Service:
    """Answers operations of the API, whoever asks and however; safe to share between threads."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self._secret = _token_secret(store)

    def call(self, operation: str, request: Any, caller: Caller) -> JSON:
        """Return the response to a request of the published form.

        Raises ApiError for what is refused, StoreError if the database cannot be reached.
        """
        changes = is_mutation(operation) if operation in HANDLERS else False
        try:
            return self._answer(operation, request, caller, changes=changes)
        except ApiError as error:
            if changes:
                with self.store.begin() as transaction:
                    self._audit(transaction, operation, request, caller, error.code)
            raise

    def _answer(self, operation: str, request: Any, caller: Caller, *, changes: bool) -> JSON:
        handler = HANDLERS.get(operation)
        if handler is None:
            raise UnknownOperation(f"Open Model Monitor does not implement the operation {operation}")
        needed = "run" if operation in RUNNING else "write" if changes else "read"
        if needed not in caller.scopes:
            raise Denied(f"The key {caller.principal} lacks the scope {needed!r}, which {operation} needs")
        clean = validate(operation, request, local_addresses=self.settings.local_addresses)
        with self.store.begin() if changes else self.store.read() as transaction:
            context = Context(transaction, caller, self.settings, self.clock(), self._secret)
            if not changes:
                return render(operation, handler(context, clean) or {})
            digest = _digest(operation, request, caller)
            if (former := self._repeated(context, digest)) is not None:
                return former
            response = render(operation, handler(context, clean) or {})
            self._remember(context, digest, response)
            self._audit(transaction, operation, request, caller, "OK")
            return response

    def _repeated(self, context: Context, digest: str) -> JSON | None:
        """Return the answer that the same call got before; a client repeats one whose answer it did not see."""
        if not context.caller.invocation_id:
            return None
        row = context.transaction.get(invocations, id=context.caller.invocation_id, digest=digest)
        if row is None or row["created"] < context.now - REPEATABLE:
            return None
        return dict(row["response"])

    def _remember(self, context: Context, digest: str, response: JSON) -> None:
        if context.caller.invocation_id:
            values = {"id": context.caller.invocation_id, "digest": digest, "response": response}
            context.transaction.delete(invocations, {"id": context.caller.invocation_id})
            context.transaction.insert(invocations, **values, created=context.now)

    def _audit(
        self, transaction: Transaction, operation: str, request: Any, caller: Caller, outcome: str
    ) -> None:
        transaction.insert(
            audit,
            id=new_id(),
            time=self.clock(),
            account=caller.account,
            region=caller.region,
            principal=caller.principal,
            operation=operation,
            resource=_resource(request),
            outcome=outcome,
            request_id=caller.request_id,
            peer=caller.peer,
        )


def _digest(operation: str, request: Any, caller: Caller) -> str:
    """Return what tells calls apart that bear the same id."""
    whole = [operation, request, caller.account, caller.region, caller.principal]
    return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()


def _resource(request: Any) -> str | None:
    """Return what a request names: its first member that ends in Name or Arn."""
    if not isinstance(request, dict):
        return None
    for member, value in request.items():
        if member.endswith(("Name", "Arn")) and isinstance(value, str):
            return value[:256]
    return None


def _token_secret(store: Store) -> bytes:
    """Return the secret that signs page tokens; the same for all servers of this store, and after a restart."""
    with store.begin() as transaction:
        transaction.insert(facts, name="token_secret", value=secrets.token_hex(32))
        row = transaction.get(facts, name="token_secret")
    assert row is not None, "inserted just now"  # noqa: S101 — a reader's hint
    return bytes.fromhex(row["value"])
