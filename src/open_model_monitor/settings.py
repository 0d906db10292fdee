"""One frozen `Settings` of an installation; every value knows where it came from.

Argument, then environment variable `OMM_<NAME>`, then `omm.toml`, then default. Only what belongs to the installation
is a setting: what belongs to one run is in its `Job`, what belongs to one monitor in its constraints.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import msgspec

from open_model_monitor.errors import SettingsError

FILE = "omm.toml"
PREFIX = "OMM_"
SECRET = frozenset({"secret_key", "database", "alert_channels"})  # may hold passwords; never shown whole


@dataclass(frozen=True, slots=True)
class CaptureLocation:
    """Where endpoints whose name matches the pattern (`*` and `?`) leave their captures."""

    endpoint_pattern: str
    capture_s3_uri: str
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts go: a kind, an address, and from which severity on.

    `webhook` posts the event as JSON, `file` appends it as a line, `notify` tells people through Apprise, whose
    addresses name Slack, e-mail, Teams, PagerDuty and many more.
    """

    name: str
    kind: Literal["webhook", "notify", "file"]
    address: str
    severity: Literal["info", "warning", "critical"] = "warning"


def _of(default: Any, help: str) -> Any:
    make = {"default_factory": default} if callable(default) else {"default": default}
    return field(**make, metadata={"help": help})


@dataclass(frozen=True, slots=True)
class Settings:
    """What belongs to an installation; `origins` says of each name where its value came from."""

    data: str = _of(
        "omm-data", "folder for the embedded database, logs of jobs, and the developer mode's objects"
    )
    database: str = _of("", "SQLAlchemy URL; empty: SQLite in the data folder")
    host: str = _of("127.0.0.1", "address to listen on")
    port: int = _of(8765, "port to listen on; 0: any free one")
    public_url: str = _of("", "address under which people and clients reach the server; empty: as it listens")
    path_prefix: str = _of("", "path below which a reverse proxy serves us")
    region: str = _of("us-east-1", "region of requests that name none")
    account: str = _of("000000000000", "account (12 digits) of callers without a key")

    auth: Literal["auto", "none", "keys", "proxy"] = _of(
        "auto",
        "who may call: `none` only on loopback, `keys` verifies signatures, `proxy` trusts one in front",
    )
    auth_max_skew_seconds: int = _of(900, "how far a client's clock may be off")
    auth_public_hosts: tuple[str, ...] = _of((), "names under which signed requests may have reached a proxy")
    auth_proxy_header: str = _of("x-forwarded-user", "header in which a trusted proxy names the principal")
    auth_proxy_peers: tuple[str, ...] = _of((), "addresses of trusted proxies")
    secret_key: str = _of(
        "", "encrypts stored access keys; empty: a file in the data folder, made at first start"
    )

    endpoint_validation: Literal["strict", "lenient", "off"] = _of(
        "lenient", "whether a schedule's endpoint must be registered with capture (strict) or have a location"
    )
    capture_locations: tuple[CaptureLocation, ...] = _of(
        (), "where endpoints that are not registered capture to"
    )
    local_addresses: bool = _of(False, "whether requests may name file:// addresses of the workers' machines")
    max_schedules: int = _of(10_000, "schedules per account and region")

    schedule_extended: bool = _of(False, "accept rate(…), any cron and TZ=… as schedule expressions")
    schedule_min_period_seconds: int = _of(60, "shortest distance of two ticks of an extended schedule")
    default_daily_hour: int = _of(0, "hour (UTC) of schedules without an expression")
    capture_grace_seconds: int = _of(0, "how long executions wait after their tick for late captures")
    now_window_alignment: Literal["hour", "none"] = _of(
        "hour", "whether windows of NOW are widened to whole hours"
    )
    catchup: Literal["all", "last", "none"] = _of(
        "all", "which ticks missed while the server was down are run"
    )
    catchup_limit: int = _of(24, "how many missed ticks of one schedule are run at most")
    overlap_policy: Literal["queue", "skip", "parallel"] = _of(
        "queue", "what happens to a tick while the schedule's former execution runs"
    )
    queue_depth: int = _of(24, "executions of one schedule that may wait")
    strict_delete: bool = _of(False, "refuse to delete a schedule whose execution runs, as AWS does")
    strict_runtime: bool = _of(
        False, "refuse a time limit longer than the schedule's period instead of clamping it"
    )

    worker_slots: int = _of(0, "jobs that one worker runs at a time; 0: one per core")
    poll_seconds: float = _of(1.0, "how often workers look for what is due")
    lease_seconds: float = _of(60.0, "after which silence a worker is believed dead")
    resume_policy: Literal["rerun", "fail"] = _of("rerun", "what becomes of a dead worker's job")
    max_attempts: int = _of(3, "how often a job is started at most when its workers die")
    stop_grace_seconds: float = _of(120.0, "between SIGTERM and SIGKILL of a job")
    container_command: str = _of(
        "", "command line that runs a foreign image, with {image}, {name}, {folder}, {environment_file}"
    )

    retention_days: int = _of(90, "how long executions and their jobs are kept; 0: for ever")
    log_retention_days: int = _of(30, "how long the logs of jobs are kept; 0: for ever")
    metric_retention_days: int = _of(90, "how long metrics are kept; 0: for ever")
    audit_retention_days: int = _of(365, "how long the audit log is kept; 0: for ever")
    max_log_lines: int = _of(100_000, "lines of one job that are kept; the rest is counted")

    alert_channels: tuple[Channel, ...] = _of((), "where alerts go")
    alert_cooldown_seconds: int = _of(0, "how long after an alert the same one is not told again")
    metric_sinks: tuple[str, ...] = _of((), "where metrics go besides the store: cloudwatch, otel, file:PATH")

    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def database_url(self) -> str:
        """The database: as set, or SQLite in the data folder."""
        return self.database or f"sqlite:///{Path(self.data).resolve() / 'omm.db'}"

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield name, value (secrets masked), origin and help of every setting."""
        for one in setting_fields():
            value = getattr(self, one.name)
            shown = "(set)" if one.name in SECRET and value else _shown(value)
            yield one.name, shown, self.origins.get(one.name, "default"), one.metadata["help"]


def setting_fields() -> list[dataclasses.Field[Any]]:
    """Return the fields of Settings that are settings."""
    return [one for one in fields(Settings) if "help" in one.metadata]


def load_settings(
    environment: Mapping[str, str], file: str | None = None, arguments: Mapping[str, Any] | None = None
) -> Settings:
    """Return the settings of this installation; `arguments` that are None count as not given.

    Without `file` the one that OMM_CONFIG names is read, or `omm.toml` of the working folder if there is one.

    Raises SettingsError naming the setting, where it was set, and what is expected.
    """
    path = file or environment.get(f"{PREFIX}CONFIG")
    found: dict[str, tuple[Any, str]] = {}
    for name, value in _in_file(Path(path or FILE), required=path is not None):
        found[name] = (value, str(path or FILE))
    for name in (one.name for one in setting_fields()):
        variable = f"{PREFIX}{name.upper()}"
        if environment.get(variable):
            found[name] = (_structured(environment[variable]), variable)
    for name, value in (arguments or {}).items():
        if value is not None:
            found[name] = (value, "argument")
    return _built(found)


def _in_file(path: Path, *, required: bool) -> Iterator[tuple[str, Any]]:
    """Yield what a file sets; a table `[schedule]` with `extended` sets `schedule_extended`."""
    if not required and not path.exists():
        return
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read the settings in {path}: {error}") from error
    for name, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{name}_{below}", inner) for below, inner in value.items())
        else:
            yield name, value


def _structured(text: str) -> Any:
    """Lists in environment variables are JSON, or names separated by commas."""
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _built(found: Mapping[str, tuple[Any, str]]) -> Settings:
    types = typing.get_type_hints(Settings)
    known = [one.name for one in setting_fields()]
    values: dict[str, Any] = {}
    for name, (value, origin) in found.items():
        if name not in known:
            raise SettingsError(f"{origin} sets {name!r}, which is no setting; `omm settings` lists them")
        if isinstance(value, str) and typing.get_origin(types[name]) is tuple:
            value = [part.strip() for part in value.split(",") if part.strip()]
        try:
            values[name] = msgspec.convert(value, types[name], strict=False)
        except msgspec.ValidationError as error:
            shown = "(secret)" if name in SECRET else repr(value)
            raise SettingsError(f"the setting {name} is {shown} in {origin}: {error}") from None
    return Settings(**values, origins={name: origin for name, (_, origin) in found.items()})


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
