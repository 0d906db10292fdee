"""Settings and keys: what this installation was told, and who may call it."""

from __future__ import annotations

from datetime import timedelta

from open_model_monitor.control.by_hand import record
from open_model_monitor.control.keys import SCOPES, Key
from open_model_monitor.errors import InvalidRequest
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.visits import Page, Redirect, Visit, found

MAX_LABEL, MAX_DAYS = 128, 3650


def settings(desk: Desk, visit: Visit) -> Page:
    """Show every setting with its origin; secrets are not shown."""
    rows = list(desk.settings.rows())
    twin = [dict(zip(("setting", "value", "from", "meaning"), row, strict=True)) for row in rows]
    return Page("settings.html", {"rows": rows}, twin)


def keys(desk: Desk, visit: Visit) -> Page:
    """Show the keys of this account."""
    return Page("keys.html", {"keys": _keys(desk, visit), "now": visit.now, "scopes": SCOPES, "made": None})


def create(desk: Desk, visit: Visit) -> Page:
    """Make a key; its secret is shown on the answer, and never again.

    Nobody makes a key that may do more than the own one.
    """
    label = visit.form.get("label", "").strip()
    if not label or len(label) > MAX_LABEL:
        raise InvalidRequest(f"A key needs a label of up to {MAX_LABEL} characters")
    scopes = [scope for scope in SCOPES if visit.form.get(f"scope-{scope}")]
    visit.need(*scopes)
    if not scopes:
        raise InvalidRequest("A key without a scope can do nothing; choose at least one")
    days = visit.form.get("days", "").strip()
    if days and not (days.isascii() and days.isdigit() and 0 < int(days) <= MAX_DAYS):
        raise InvalidRequest(f"Days until it ends: a whole number up to {MAX_DAYS}, or nothing")
    ends = visit.now + timedelta(days=int(days)) if days else None
    made = desk.keyring.create(
        label, account=visit.caller.account, scopes=scopes, now=visit.now, expires=ends
    )
    _record(desk, visit, "CreateAccessKey", made[0].access_key)
    return Page("keys.html", {"keys": _keys(desk, visit), "now": visit.now, "scopes": SCOPES, "made": made})


def revoke(desk: Desk, visit: Visit) -> Redirect:
    """End a key."""
    name = visit.form.get("access_key", "")
    found(next((key for key in _keys(desk, visit) if key.access_key == name), None), "such key")
    desk.keyring.revoke(name, visit.now)
    _record(desk, visit, "RevokeAccessKey", name)
    return Redirect("/keys", "revoked")


def _record(desk: Desk, visit: Visit, what: str, access_key: str) -> None:
    with desk.store.begin() as transaction:
        record(transaction, desk.service, visit.caller, what, access_key)


def _keys(desk: Desk, visit: Visit) -> list[Key]:
    return [key for key in desk.keyring.list() if key.account == visit.caller.account]
