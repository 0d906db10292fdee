"""The tables of the control plane, the same for SQLite and PostgreSQL.

Times are stored as whole milliseconds since 1970 and read as aware datetimes in UTC, so that both databases order
and compare them alike. Documents are JSON texts: they are echoed, never searched.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept to the millisecond."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return milliseconds since 1970."""
        return None if value is None else (value - EPOCH) // MILLISECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the datetime in UTC."""
        return None if value is None else EPOCH + value * MILLISECOND


class Document(TypeDecorator[Any]):
    """A JSON value, kept as text; datetimes in it come back as texts."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the JSON text."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the value."""
        return None if value is None else msgspec.json.decode(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _realm() -> list[Column[Any]]:
    """Every resource belongs to an account and a region."""
    return [Column("account", String(12), nullable=False), Column("region", String(64), nullable=False)]


def _times() -> list[Column[Any]]:
    return [Column("created", Moment, nullable=False), Column("modified", Moment, nullable=False)]


def _claim() -> list[Column[Any]]:
    """Who works on a row, and until when the others believe it."""
    return [Column("owner", String(64)), Column("lease", Moment, index=True)]


# Job definitions of the four kinds, endpoints, endpoint configurations, models, transform jobs.
resources = Table(
    "resources",
    metadata,
    *_realm(),
    Column("kind", String(40), nullable=False),
    Column("name", String(63), nullable=False),
    *_times(),
    Column("status", String(32)),
    Column("endpoint", String(63), index=True),
    Column("document", Document, nullable=False),
    UniqueConstraint("account", "region", "kind", "name"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", String(32), primary_key=True),
    *_realm(),
    Column("name", String(63), nullable=False),
    *_times(),
    Column("status", String(16), nullable=False),
    Column("kind", String(24), nullable=False),  # MonitoringType
    Column("endpoint", String(63)),
    Column("definition", String(63)),
    Column("config", Document, nullable=False),  # MonitoringScheduleConfig as it was sent
    Column("failure", Text),
    Column("last_tick", Moment, nullable=False),  # ticks up to here have their executions
    Column("due", Moment, index=True),  # the next tick; none for stopped and one-time schedules
    Column("running", String(32)),  # the execution that keeps the next ones waiting
    UniqueConstraint("account", "region", "name"),
)

executions = Table(
    "executions",
    metadata,
    Column("id", String(32), primary_key=True),
    *_realm(),
    Column("schedule", String(63), nullable=False),
    Column("schedule_id", String(32), nullable=False),  # a new schedule may take the name of a deleted one
    Column("kind", String(24), nullable=False),
    Column("endpoint", String(63)),
    Column("definition", String(63)),
    Column("scheduled", Moment, nullable=False),
    Column("revision", Integer, nullable=False),  # 0; runs of the same window again count up
    Column("trigger", String(16), nullable=False),  # tick, now, run, backfill, relabel
    *_times(),
    Column("status", String(32), nullable=False),
    Column("stage", String(16), nullable=False),  # queued, merging, merged, analysing
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("waits_until", Moment, nullable=False),  # not to be started before
    Column("snapshot", Document, nullable=False),  # the schedule's and the definition's documents at creation
    Column("job", String(63)),  # the analysis job's name
    Column("merge_job", String(63)),
    Column("failure", Text),
    Column("violations", Integer),
    *_claim(),
    UniqueConstraint("schedule_id", "scheduled", "revision"),
    Index(None, "account", "region", "schedule", "scheduled"),
    Index(None, "status", "waits_until"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    *_realm(),
    Column("name", String(63), nullable=False),
    *_times(),
    Column("started", Moment),
    Column("ended", Moment),
    Column("status", String(16), nullable=False),
    Column("request", Document, nullable=False),  # CreateProcessingJob without its tags
    Column("schedule_arn", String(256)),
    Column("execution", String(32), index=True),
    Column("role", String(16)),  # of an execution: analysis or merge
    Column("exit_message", Text),
    Column("failure", Text),
    Column("details", Document),  # what the run told about itself: scripts' hashes, rows, violations
    Column("stop_requested", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),  # how often it was started
    *_claim(),
    UniqueConstraint("account", "region", "name"),
    Index(None, "status", "owner"),
)

alerts = Table(
    "alerts",
    metadata,
    *_realm(),
    Column("schedule", String(63), nullable=False),
    Column("name", String(63), nullable=False),
    *_times(),
    Column("status", String(16), nullable=False),  # OK or InAlert
    Column("datapoints", Integer, nullable=False),
    Column("period", Integer, nullable=False),
    UniqueConstraint("account", "region", "schedule", "name"),
)

alert_history = Table(
    "alert_history",
    metadata,
    Column("id", String(32), primary_key=True),
    *_realm(),
    Column("schedule", String(63), nullable=False),
    Column("alert", String(63), nullable=False),
    Column("created", Moment, nullable=False),
    Column("status", String(16), nullable=False),
    Index(None, "account", "region", "schedule", "created"),
)

tags = Table(
    "tags",
    metadata,
    Column("arn", String(256), nullable=False),
    Column("key", String(128), nullable=False),
    Column("value", String(256), nullable=False),
    UniqueConstraint("arn", "key"),
)

keys = Table(
    "keys",
    metadata,
    Column("access_key", String(128), primary_key=True),
    Column("secret", LargeBinary, nullable=False),  # encrypted: the signature check needs it in clear
    Column("account", String(12), nullable=False),
    Column("label", String(128), nullable=False),
    Column("scopes", Document, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Moment),
)

log_events = Table(
    "log_events",
    metadata,
    Column("job", String(32), nullable=False),  # jobs.id
    Column("stream", String(128), nullable=False),
    Column("place", Integer, nullable=False),  # order within the stream, without gaps
    Column("time", Moment, nullable=False),
    Column("message", Text, nullable=False),
    UniqueConstraint("job", "stream", "place"),
)

metric_values = Table(
    "metric_values",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *_realm(),
    Column("namespace", String(128), nullable=False),
    Column("name", String(256), nullable=False),
    Column("dimensions", Text, nullable=False),  # canonical JSON: sorted names
    Column("time", Moment, nullable=False),
    Column("value", Float),
    Column("statistics", Document),  # SampleCount, Sum, Minimum, Maximum
    Column("unit", String(32)),
    Column("job", String(32), index=True),
    Index(None, "account", "region", "namespace", "name", "time"),
)

metric_alarms = Table(
    "metric_alarms",
    metadata,
    *_realm(),
    Column("name", String(255), nullable=False),
    Column("document", Document, nullable=False),
    *_times(),
    UniqueConstraint("account", "region", "name"),
)

# What has to be told to the outside: metrics for sinks, alerts for channels. Written with the change it tells of.
outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("topic", String(32), nullable=False),  # alert or metrics
    Column("subject", String(256), nullable=False, index=True),  # what it is about, for the cooldown
    Column("event", Document, nullable=False),
    Column("created", Moment, nullable=False),
    Column("next_try", Moment, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("delivered", Document, nullable=False),  # names of the channels that have it
    Column("failure", Text),
    *_claim(),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("time", Moment, nullable=False, index=True),
    Column("account", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("principal", String(128), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("resource", String(256)),
    Column("outcome", String(64), nullable=False),  # OK or the error's code
    Column("request_id", String(64), nullable=False),
    Column("peer", String(64)),
)

# A create that a client repeats after a lost answer gets the first answer (`api.md` §1.1).
invocations = Table(
    "invocations",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("response", Document, nullable=False),
    Column("created", Moment, nullable=False, index=True),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("started", Moment, nullable=False),
    Column("heartbeat", Moment, nullable=False),
)

# Small facts of the installation, such as the secret that signs page tokens.
facts = Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
