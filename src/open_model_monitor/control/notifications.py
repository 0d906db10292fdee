"""The outbox is emptied: alerts to channels, metrics to sinks, each until it has it or has failed too often.

Delivery is at least once: a worker that dies between sending and recording sends again. Events carry an `id`, so that
receivers can tell.
"""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select

from open_model_monitor.control.metric_sinks import send_metrics
from open_model_monitor.control.store import Row, Store, Transaction, held, new_id
from open_model_monitor.control.tables import outbox
from open_model_monitor.errors import MonitorError, OutsideError, SettingsError
from open_model_monitor.settings import Channel, Settings
from open_model_monitor.version import __version__

log = logging.getLogger(__name__)

JSON = dict[str, Any]
LEASE = timedelta(seconds=120)
TIMEOUT = 10.0  # seconds for one channel
BACKOFF = (5, 30, 120, 600, 1800, 3600, 7200)  # seconds; then it is given up
SEVERITIES = ("info", "warning", "critical")


def deliver_next(store: Store, settings: Settings, now: datetime) -> bool:
    """Deliver one event of the outbox; False if none is due."""
    due = (
        select(outbox.c.id)
        .where(outbox.c.next_try <= now, or_(outbox.c.owner.is_(None), outbox.c.lease < now))
        .order_by(outbox.c.next_try)
    )
    with store.begin() as transaction:
        row = transaction.claim(outbox, due, owner=new_id(), lease=now + LEASE)
        if row is None:
            return False
        quiet = row["topic"] == "alert" and _told_lately(transaction, row, settings, now)
    targets = {} if quiet else _targets(row, settings)
    delivered, failures = list(row["delivered"]), []
    for name, send in targets.items():
        if name in delivered:
            continue
        try:
            send()
            delivered.append(name)
        except Exception as error:
            failures.append(f"{name}: {error}" if isinstance(error, MonitorError) else f"{name}: {error!r}")
    with store.begin() as transaction:
        _record(transaction, row, delivered, failures, now)
    return True


def _record(
    transaction: Transaction, row: Row, delivered: list[str], failures: list[str], now: datetime
) -> None:
    """Keep what was delivered; what failed is tried again later, and given up after a while."""
    tries = row["tries"] + 1
    again = failures and tries <= len(BACKOFF)
    for failure in failures:
        log.error("%s could not be delivered (try %d): %s", row["topic"], tries, failure)
    if failures and not again:
        log.error("%s %s is given up after %d tries", row["topic"], row["id"], tries)
    transaction.update(
        outbox,
        held(outbox, row),
        owner=None,
        lease=None,
        tries=tries,
        delivered=delivered,
        failure="; ".join(failures) or None,
        next_try=now + timedelta(seconds=BACKOFF[tries - 1]) if again else NEVER,
    )


NEVER = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


def _told_lately(transaction: Transaction, row: Row, settings: Settings, now: datetime) -> bool:
    """Whether the same alert went on a short while ago; that it ended is always told."""
    if not settings.alert_cooldown_seconds or row["event"]["status"] == "OK":
        return False
    since = row["created"] - timedelta(seconds=settings.alert_cooldown_seconds)
    former = transaction.all(
        select(outbox).where(
            outbox.c.topic == "alert",
            outbox.c.subject == row["subject"],
            outbox.c.created >= since,
            outbox.c.created < row["created"],
        )
    )
    return any(one["event"]["status"] != "OK" and one["delivered"] for one in former)


def _targets(row: Row, settings: Settings) -> dict[str, Callable[[], None]]:
    event = {"id": row["id"], **row["event"]}
    if row["topic"] == "metrics":
        return {sink: partial(send_metrics, sink, event) for sink in settings.metric_sinks}
    severity = SEVERITIES.index(event["severity"])
    return {
        channel.name: partial(tell, channel, event)
        for channel in settings.alert_channels
        if severity >= SEVERITIES.index(channel.severity) or event["status"] == "OK"
    }


def tell(channel: Channel, event: JSON) -> None:
    """Send an event to a channel.

    Raises OutsideError if it could not be delivered, SettingsError if the channel cannot work.
    """
    if channel.kind == "webhook":
        _post(channel.address, event)
    elif channel.kind == "file":
        with Path(channel.address).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
    else:
        _notify(channel, event)


def _post(address: str, event: JSON) -> None:
    if not address.lower().startswith(("http://", "https://")):
        raise SettingsError(f"a webhook's address starts with http:// or https://, not {address!r}")
    request = urllib.request.Request(  # noqa: S310 — checked above
        address,
        data=json.dumps(event).encode(),
        headers={"Content-Type": "application/json", "User-Agent": f"open-model-monitor/{__version__}"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            answer.read(1024)
    except urllib.error.HTTPError as error:
        raise OutsideError(f"the webhook answered {error.code} {error.reason}") from error
    except OSError as error:
        raise OutsideError(f"the webhook could not be reached: {error}") from error


def _notify(channel: Channel, event: JSON) -> None:
    try:
        from apprise import Apprise, NotifyType
    except ImportError as error:
        raise SettingsError(
            f"the channel {channel.name} needs apprise; pip install 'open-model-monitor[alerts]'"
        ) from error
    kinds = {"critical": NotifyType.FAILURE, "warning": NotifyType.WARNING, "info": NotifyType.SUCCESS}
    apprise = Apprise()
    if not apprise.add(channel.address):
        raise SettingsError(f"Apprise does not know the kind of address of the channel {channel.name}")
    title, body = in_words(event)
    if not apprise.notify(body=body, title=title, notify_type=kinds[event["severity"]]):
        raise OutsideError("Apprise could not deliver; its own log says why")


def in_words(event: JSON) -> tuple[str, str]:
    """Return a title and a text for people."""
    name, execution = event["schedule"], event["execution"]
    if event["status"] == "OK":
        return f"{name} is OK again", f"The alert {event['alert']} of the monitoring schedule {name} ended."
    title = f"{name}: alert"
    if execution is None:
        return title, f"The alert {event['alert']} went on, because its thresholds were changed."
    window = f"{execution['window_start']} to {execution['window_end']}"
    if execution["status"] == "Failed":
        return f"{name} failed", f"The execution of {window} failed: {execution['failure_reason']}"
    count = execution["violations"]
    found = "violations" if count is None else f"{count} violation{'' if count == 1 else 's'}"
    where = f" on endpoint {execution['endpoint']}" if execution["endpoint"] else ""
    return (
        f"{name}: {found}",
        f"The execution of {window}{where} found {found}. Job: {execution['processing_job']}",
    )
