"""What Prometheus sees: requests, queues, executions, and the last value of every metric that monitors published."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import executions, jobs, metric_values, outbox, schedules, workers

MAX_SERIES = 20_000  # of monitors' metrics; the newest
RECENT = timedelta(days=2)  # older values are no news
ALIVE = timedelta(minutes=2)


class Exposition:
    """The metrics of a server; safe to share between threads."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._registry = CollectorRegistry()
        labels = ("service", "operation")
        self._requests = Counter(
            "omm_requests", "Requests answered", (*labels, "status"), registry=self._registry
        )
        self._seconds = Histogram("omm_request_seconds", "Time to answer", labels, registry=self._registry)
        self._registry.register(_Stored(store, clock))

    def answered(self, service: str, operation: str, status: int, seconds: float) -> None:
        """Count an answer; what clients made up is no label of ours."""
        known = operation if re.fullmatch(r"[A-Za-z]{1,64}", operation) and status != 400 else "other"
        self._requests.labels(service, known, str(status)).inc()
        self._seconds.labels(service, known).observe(seconds)

    def text(self) -> tuple[str, str]:
        """Return the exposition and its content type."""
        return generate_latest(self._registry).decode(), CONTENT_TYPE_LATEST


class _Stored(Collector):
    """Counts what is in the store at each scrape."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing is asked of the store before the first scrape."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._clock()
        with self._store.read() as transaction:
            for name, table, help in (
                ("omm_schedules", schedules, "Monitoring schedules"),
                ("omm_executions", executions, "Monitoring executions that are kept"),
                ("omm_jobs", jobs, "Processing jobs that are kept"),
            ):
                family = GaugeMetricFamily(name, help, labels=["status"])
                counted = select(table.c.status, func.count().label("rows")).group_by(table.c.status)
                for row in transaction.all(counted):
                    family.add_metric([row["status"]], row["rows"])
                yield family
            alive = select(func.count()).select_from(workers).where(workers.c.heartbeat > now - ALIVE)
            yield GaugeMetricFamily("omm_workers", "Workers that live", value=transaction.scalar(alive))
            waiting = select(func.count()).select_from(outbox).where(outbox.c.next_try <= now)
            yield GaugeMetricFamily("omm_outbox", "Events to deliver", value=transaction.scalar(waiting))
            overdue = select(func.min(schedules.c.due)).where(schedules.c.status == "Scheduled")
            first = transaction.scalar(overdue)
            late = max((now - first).total_seconds(), 0.0) if first else 0.0
            yield GaugeMetricFamily("omm_tick_delay_seconds", "How late the earliest tick is", value=late)
            latest = (
                select(func.max(metric_values.c.id))
                .where(metric_values.c.time > now - RECENT)
                .group_by(metric_values.c.namespace, metric_values.c.name, metric_values.c.dimensions)
            )
            rows = transaction.all(
                select(metric_values)
                .where(metric_values.c.id.in_(latest))
                .order_by(metric_values.c.id.desc())
                .limit(MAX_SERIES)
            )
        labels = ["namespace", "metric", "endpoint", "monitoring_schedule", "feature"]
        family = GaugeMetricFamily(
            "omm_monitor_metric",
            "Last value that a monitor published (mean of statistic sets)",
            labels=labels,
        )
        for row in rows:
            named = json.loads(row["dimensions"])
            given = [named.get(name, "") for name in ("Endpoint", "MonitoringSchedule", "Feature")]
            statistics = row["statistics"]
            mean = (
                row["value"] if statistics is None else statistics["Sum"] / max(statistics["SampleCount"], 1)
            )
            family.add_metric([row["namespace"], row["name"], *given], mean)
        yield family
