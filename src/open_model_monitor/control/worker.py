"""The worker: due → claim → launch → record. Any number of them share a store; each may die at any moment."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import and_

from open_model_monitor.control.advance import advance_next
from open_model_monitor.control.arns import arn
from open_model_monitor.control.job_runner import JobOutcome, LeaseLost, remove_leftovers, run_job
from open_model_monitor.control.notifications import deliver_next
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.outcome import claim_job, finish_job, take_up_again
from open_model_monitor.control.retention import forget_old
from open_model_monitor.control.service import utc_now
from open_model_monitor.control.store import Row, Store, Transaction, new_id
from open_model_monitor.control.tables import jobs, workers
from open_model_monitor.control.ticks import create_due
from open_model_monitor.errors import StoreError
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage

log = logging.getLogger(__name__)

TIDY_EVERY = 3600.0  # seconds
BEAT_SECONDS = 2.0  # how soon a job learns that it shall stop

T = TypeVar("T")


@dataclass(slots=True)
class _Held:
    """A job that this worker runs: until when the others believe so, and what it was told meanwhile."""

    job: Row
    lease: float  # of time.monotonic
    stop: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)


class Worker:
    """Does what is due, until told to stop.

    `work` is a folder for the private folders of jobs.
    """

    def __init__(
        self,
        store: Store,
        storage: Storage,
        settings: Settings,
        work: Path,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.store, self.storage, self.settings, self.work, self.clock = store, storage, settings, work, clock
        self.id = f"{socket.gethostname()}-{os.getpid()}-{new_id()[:6]}"
        self.slots = settings.worker_slots or os.cpu_count() or 1
        self._held: dict[str, _Held] = {}
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._news = threading.Event()  # there may be a job to claim

    # ------------------------------------------------------------ the loop

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then wait for the jobs that run, which are stopped after a grace."""
        self.work.mkdir(parents=True, exist_ok=True)
        beside = [
            threading.Thread(target=self._beat, daemon=True, name="heartbeat"),
            threading.Thread(target=self._tell, daemon=True, name="notifications"),
        ]
        slots = [
            threading.Thread(target=self._work, args=(stop,), name=f"job-{number}")
            for number in range(self.slots)
        ]
        for thread in (*beside, *slots):
            thread.start()
        tidy_at = 0.0
        try:
            while not stop.is_set():
                if self._safely(self.plan):
                    self._news.set()
                else:
                    stop.wait(self.settings.poll_seconds)
                if time.monotonic() > tidy_at:
                    self._safely(self._tidy)
                    tidy_at = time.monotonic() + TIDY_EVERY
            self._drain(slots)
            remove_leftovers(self.work)
        finally:
            self._ended.set()
            for thread in beside:
                thread.join()

    def _work(self, stop: threading.Event) -> None:
        """Run one job after the other."""
        while not stop.is_set():
            self._news.clear()
            job = self._safely(lambda: claim_job(self.store, self.settings, self.clock()))
            if job is not None:
                self._run(job)
            elif not stop.is_set():
                self._news.wait(self.settings.poll_seconds)

    def _tidy(self) -> None:
        remove_leftovers(self.work)
        forget_old(self.store, self.settings, self.clock())

    def plan(self) -> int:
        """Create what is due, take up what dead workers left, start what waits; returns how much there was."""
        now = self.clock()
        done = create_due(self.store, self.settings, now) + take_up_again(self.store, self.settings, now)
        # As many as may run soon; a long queue must not keep jobs waiting.
        while done < 4 * self.slots and advance_next(self.store, self.storage, self.settings, self.clock()):
            done += 1
        return done

    def _safely(self, step: Callable[[], T]) -> T | None:
        """Nothing that goes wrong in one round ends the worker: it waits, and tries again."""
        try:
            return step()
        except StoreError as error:
            log.error("%s; trying again", error)
        except Exception:
            log.exception("a round of the worker failed; trying again")
        time.sleep(min(self.settings.poll_seconds, 1.0))
        return None

    def _drain(self, slots: Sequence[threading.Thread]) -> None:
        """Let jobs end by themselves for a while; what is left after that is given back."""
        log.info("worker %s stops; %d jobs are still running", self.id, len(self._held))
        end = time.monotonic() + self.settings.stop_grace_seconds
        for thread in slots:
            thread.join(max(0.0, end - time.monotonic()))
        with self._guard:
            for held in self._held.values():
                held.lost.set()
        for thread in slots:
            thread.join()

    # ------------------------------------------------------------ one job

    def run_next(self) -> bool:
        """Claim and run one job in this thread; False if none waits. For tests and `omm work --once`."""
        job = claim_job(self.store, self.settings, self.clock())
        return job is not None and self._run(job)

    def _run(self, job: Row) -> bool:
        held = _Held(job, time.monotonic() + self.settings.lease_seconds)
        if job["stop_requested"]:
            held.stop.set()
        with self._guard:
            self._held[job["id"]] = held
        try:
            outcome = run_job(
                job,
                arn=arn("processing-job", job["name"], Caller(job["account"], job["region"])),
                settings=self.settings,
                store=self.store,
                storage=self.storage,
                work=self.work,
                clock=self.clock,
                should_stop=held.stop.is_set,
                lost=held.lost.is_set,
            )
            self._finish(held, outcome)
        except LeaseLost:
            self._give_back(held)
        except Exception:
            log.exception("job %s failed here; it will be taken up again when its lease ends", job["name"])
        finally:
            with self._guard:
                del self._held[job["id"]]
        return True

    def _finish(self, held: _Held, outcome: JobOutcome) -> None:
        """Record the end; while the database is away, as long as the lease lasts."""
        while True:
            try:
                with self.store.begin() as transaction:
                    if not finish_job(transaction, held.job, outcome, self.settings, self.clock()):
                        log.warning("job %s is another worker's by now", held.job["name"])
                return
            except StoreError as error:
                if held.lost.is_set() or not error.retry:
                    raise
                log.error("%s; trying again", error)
                time.sleep(0.5)

    def _give_back(self, held: _Held) -> None:
        """Release a job that was cut short, so that nobody has to wait for the end of its lease."""
        mine = and_(jobs.c.id == held.job["id"], jobs.c.owner == held.job["owner"])
        with self.store.begin() as transaction:
            transaction.update(jobs, mine, owner=None, lease=None, attempt=jobs.c.attempt - 1)

    # ------------------------------------------------------------ beside the loop

    def _tell(self) -> None:
        """Send alerts and metrics out; a slow receiver keeps no execution waiting."""
        while not self._ended.is_set():
            if not self._safely(lambda: deliver_next(self.store, self.settings, self.clock())):
                self._ended.wait(self.settings.poll_seconds)

    def _beat(self) -> None:
        while not self._ended.wait(min(BEAT_SECONDS, self.settings.lease_seconds / 4)):
            self._renew()

    def _renew(self) -> None:
        """Renew leases; learn what is to be stopped, and what is another's."""
        with self._guard:
            all_held = list(self._held.values())
        now, until = self.clock(), time.monotonic() + self.settings.lease_seconds
        lease = now + timedelta(seconds=self.settings.lease_seconds)
        try:
            with self.store.begin() as transaction:
                self._sign_in(transaction, now)
                for held in all_held:
                    mine = and_(jobs.c.id == held.job["id"], jobs.c.owner == held.job["owner"])
                    if not transaction.update(jobs, mine, lease=lease):
                        held.lost.set()
                        continue
                    held.lease = until
                    row = transaction.get(jobs, id=held.job["id"])
                    if row is not None and row["stop_requested"]:
                        held.stop.set()
        except StoreError as error:
            log.error("heartbeat: %s", error)
        for held in all_held:
            if time.monotonic() > held.lease:
                held.lost.set()

    def _sign_in(self, transaction: Transaction, now: datetime) -> None:
        if not transaction.update(workers, {"id": self.id}, heartbeat=now):
            transaction.insert(workers, id=self.id, host=socket.gethostname(), started=now, heartbeat=now)
