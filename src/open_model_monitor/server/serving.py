"""A server and a worker come up, serve, and go down in order."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import uvicorn

from open_model_monitor.control.keys import Keyring
from open_model_monitor.control.launchers import hide_from_jobs
from open_model_monitor.control.migrating import open_store
from open_model_monitor.control.operating import LOCAL_KEY, LOOPBACK, SERVER_FILE, default_bucket
from open_model_monitor.control.service import Service, utc_now
from open_model_monitor.control.store import Store
from open_model_monitor.control.worker import Worker
from open_model_monitor.errors import OutsideError, UsageError
from open_model_monitor.server.app import App, Standins
from open_model_monitor.server.exposition import Exposition
from open_model_monitor.server.identify import Identify, auth_mode
from open_model_monitor.server.pages.addresses import ADDRESSES
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.site import Site
from open_model_monitor.server.standins.local import local_standins
from open_model_monitor.server.standins.logs import Logs
from open_model_monitor.server.standins.metrics import Metrics
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage

log = logging.getLogger(__name__)

DRAIN_SECONDS = 30
MAX_CONCURRENT = 1000  # requests at a time; further ones are answered 503


def serve(settings: Settings, *, local: bool = False, work: bool = True) -> int:
    """Serve until told to stop (SIGTERM or SIGINT); returns the exit code.

    `local` answers S3, STS, IAM and SNS too; `work` runs what is due in this process as well.

    Raises SettingsError where a server would be open to others, OutsideError if it cannot listen.
    """
    if local and settings.host not in LOOPBACK:
        raise UsageError(
            f"--local is for one machine, and host is {settings.host}; leave out --local and use an S3 of your own"
        )
    hide_from_jobs()
    with contextlib.closing(open_store(settings)) as store, _listening(settings) as listener:
        keyring = Keyring(store, settings)
        url = _url(settings, listener)
        identify = Identify(settings, keyring, auth_mode(settings, keyring), utc_now)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        with contextlib.ExitStack() as stack:
            beside, objects = stack.enter_context(_beside(settings)) if local else ({}, None)
            app = _app(settings, store, keyring, identify, Standins(beside, objects))
            if local:
                stack.enter_context(_own_objects(url, settings, keyring, identify.mode))
            stack.enter_context(_announced(settings, url))
            if work:
                stack.enter_context(_working(settings, store))
            _run(app, listener)
    return 0


def _app(settings: Settings, store: Store, keyring: Keyring, identify: Identify, beside: Standins) -> App:
    ours = {"logs": Logs(store).answer, "monitoring": Metrics(store, utc_now).answer}
    standins = Standins({**beside.operations, **ours}, beside.objects)
    service = Service(store, settings)
    site = Site(Desk(service, keyring), identify, ADDRESSES)
    return App(
        service,
        identify,
        standins,
        Exposition(store, utc_now),
        pages=site.routes,
        home=f"{site.root}/",
    )


def _beside(settings: Settings) -> AbstractContextManager[tuple[dict[str, Any], Any]]:
    return local_standins(
        Path(settings.data),
        account=settings.account,
        bucket=default_bucket(settings),
        region=settings.region,
        clock=utc_now,
    )


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise OutsideError(
            f"cannot listen on {settings.host}:{settings.port}: {error}; choose another --port, or stop what listens"
        ) from error
    with listener:
        yield listener


def _url(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return (
        settings.public_url.rstrip("/") or f"http://{host}:{listener.getsockname()[1]}{settings.path_prefix}"
    )


@contextlib.contextmanager
def _own_objects(url: str, settings: Settings, keyring: Keyring, mode: str) -> Iterator[None]:
    """Point this process's storage at our own S3; jobs see nothing of it. Where keys are asked for, it has one."""
    access_key = secret = LOCAL_KEY
    if mode == "keys":
        key, secret = keyring.create("omm serve --local", account=settings.account, now=utc_now())
        access_key = key.access_key
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
    }
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        if mode == "keys":
            keyring.revoke(access_key, utc_now())


@contextlib.contextmanager
def _announced(settings: Settings, url: str) -> Iterator[None]:
    """Leave a file in the data folder that tells `omm client-env` where the server is."""
    path = Path(settings.data) / SERVER_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _working(settings: Settings, store: Store) -> Iterator[None]:
    stop = threading.Event()
    worker = _worker(settings, store)
    thread = threading.Thread(target=worker.run, args=(stop,), name="worker")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _worker(settings: Settings, store: Store) -> Worker:
    return Worker(store, Storage(), settings, Path(settings.data).resolve() / "work")


class _Server(uvicorn.Server):
    """Tells the address once it is reached, and readiness that it drains."""

    def __init__(self, config: uvicorn.Config, app: App, url: str) -> None:
        super().__init__(config)
        self._app, self._address = app, url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        log.info('listening url=%s; point clients there: eval "$(omm client-env)"', self._address)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._app.draining = True
        super().handle_exit(sig, frame)


def _run(app: App, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app.asgi,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONCURRENT,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=20,
        lifespan="off",
    )
    host, port = listener.getsockname()[:2]
    # Uvicorn raises the signal that stopped it once more at its end; what is left to do comes after it.
    with contextlib.suppress(SystemExit, KeyboardInterrupt):
        _Server(config, app, f"http://{host}:{port}").run(sockets=[listener])


def work(settings: Settings, *, once: bool = False) -> int:
    """Run what is due until told to stop; with `once` what is due now. Returns the exit code."""
    hide_from_jobs()
    with contextlib.closing(open_store(settings)) as store:
        worker = _worker(settings, store)
        if once:
            worker.work.mkdir(parents=True, exist_ok=True)
            while worker.plan() or worker.run_next():
                pass
            return 0
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        worker.run(stop)
    return 0
