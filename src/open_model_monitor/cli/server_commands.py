"""The commands around the server: serve, work, keys, logs, backfill, trigger, client-env, settings, backup, restore.

Whatever is heavy is imported inside, as in `commands`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Group, Parameter

from open_model_monitor.cli import show
from open_model_monitor.cli.parameters import Common, option
from open_model_monitor.errors import UsageError
from open_model_monitor.settings import Settings, load_settings

if TYPE_CHECKING:
    from open_model_monitor.control.store import Store

WHERE = Group.create_ordered("Which installation")
WHAT = Group.create_ordered("What it does")


@Parameter(name="*")
@dataclass(frozen=True)
class Installation:
    """Which installation a command is about; what is not given comes from OMM_… and omm.toml."""

    data: Annotated[str | None, option(WHERE, "Folder of the embedded database and files; omm-data.")] = None
    database: Annotated[str | None, option(WHERE, "SQLAlchemy URL of another database.")] = None
    config: Annotated[str | None, option(WHERE, "A settings file instead of ./omm.toml.")] = None

    def settings(self, **more: Any) -> Settings:
        """Return the settings, with `more` given as arguments."""
        given = {"data": self.data, "database": self.database, **more}
        return load_settings(os.environ, self.config, given)


_INSTALLATION, _COMMON = Installation(), Common()


def serve(
    *,
    host: Annotated[str | None, option(WHERE, "Address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, option(WHERE, "Port to listen on; 8765, 0 for any free one.")] = None,
    local: Annotated[
        bool, option(WHAT, "Developer mode: S3, STS, IAM and SNS are answered too; no AWS account needed.")
    ] = False,
    work: Annotated[
        bool,
        Parameter(
            group=WHAT, help="Run jobs in this process as well.", negative="--no-work", show_default=False
        ),
    ] = True,
    installation: Installation = _INSTALLATION,
) -> int:
    """Serve the API that SageMaker's clients speak, and run what is due.

    For example:

        omm serve --local
        eval "$(omm client-env)"          # then any SDK, boto3, AWS CLI
        omm serve --host 0.0.0.0 --no-work --database postgresql://omm@db/omm
    """
    from open_model_monitor.cli.logs import log_to_stdout
    from open_model_monitor.server.serving import serve as run

    log_to_stdout()
    return run(installation.settings(host=host, port=port), local=local, work=work)


def work(
    *,
    once: Annotated[bool, option(WHAT, "Do what is due now, then exit.")] = False,
    slots: Annotated[int | None, option(WHAT, "Jobs at a time; one per core unless told.")] = None,
    installation: Installation = _INSTALLATION,
) -> int:
    """Run what is due, beside a server or without one; any number of workers share a database.

    For example:

        omm work --database postgresql://omm@db/omm
        omm work --once
    """
    from open_model_monitor.cli.logs import log_to_stdout
    from open_model_monitor.server.serving import work as run

    log_to_stdout()
    return run(installation.settings(worker_slots=slots), once=once)


keys = App(name="keys", help="Access keys: make, list, revoke.", help_format="plaintext")


@keys.command(name="create")
def create_key(
    label: Annotated[str, Parameter(help="Whose key it is, or what for.")],
    /,
    *,
    scopes: Annotated[str, option(WHAT, "read, write, run; separated by commas.")] = "read,write,run",
    account: Annotated[str | None, option(WHAT, "The account (12 digits) it works in.")] = None,
    days: Annotated[float | None, option(WHAT, "Days until it expires; never unless told.")] = None,
    installation: Installation = _INSTALLATION,
    common: Common = _COMMON,
) -> int:
    """Make a key; its secret is shown this once.

    For example:

        omm keys create "training pipeline" --scopes read,write
        omm keys create dashboard --scopes read --days 90
    """
    from datetime import timedelta

    from rich.text import Text

    from open_model_monitor.control.service import utc_now

    settings, now = installation.settings(), _now()
    with _store(settings) as store:
        key, secret = _keyring(store, settings).create(
            label,
            account=account or settings.account,
            scopes=[scope.strip() for scope in scopes.split(",")],
            now=utc_now(),
            expires=now + timedelta(days=days) if days else None,
        )
    told = {"AWS_ACCESS_KEY_ID": key.access_key, "AWS_SECRET_ACCESS_KEY": secret}
    text = "\n".join(f"export {name}={value}" for name, value in told.items())
    show.answer(told | {"scopes": list(key.scopes)}, Text(text), common)
    return 0


@keys.command(name="list")
def list_keys(*, installation: Installation = _INSTALLATION, common: Common = _COMMON) -> int:
    """List keys, also revoked ones."""
    settings, now = installation.settings(), _now()
    with _store(settings) as store:
        found = _keyring(store, settings).list()
    table = show.table("key", "label", "account", "scopes", "made", "state")
    for key in found:
        state = "revoked" if key.revoked else "valid" if key.valid(now) else "expired"
        made = key.created.strftime("%Y-%m-%d")
        table.add_row(key.access_key, key.label, key.account, ", ".join(key.scopes), made, state)
    told = [
        {"access_key": key.access_key, "label": key.label, "account": key.account, "valid": key.valid(now)}
        for key in found
    ]
    show.answer(told, table if found else "There are no keys yet; omm keys create LABEL makes one", common)
    return 0


@keys.command(name="revoke")
def revoke_key(access_key: str, /, *, installation: Installation = _INSTALLATION) -> int:
    """Refuse requests signed with a key from now on."""
    settings = installation.settings()
    with _store(settings) as store:
        _keyring(store, settings).revoke(access_key, _now())
    return 0


def logs(
    job: Annotated[str, Parameter(help="A processing job, or a schedule: then of its last execution.")],
    /,
    *,
    follow: Annotated[bool, option(WHAT, "Go on until the job ends.", name=["--follow", "-f"])] = False,
    installation: Installation = _INSTALLATION,
) -> int:
    """Show the log of a job.

    For example:

        omm logs my-schedule
        omm logs baseline-suggestion-job-2026-01-31-10-00-00-000 --follow
    """
    from open_model_monitor.control.operating import log_lines

    settings = installation.settings()
    with _store(settings) as store:
        for line in log_lines(store, settings, job, follow=follow):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return 0


def backfill(
    schedule: Annotated[str, Parameter(help="The schedule whose past windows are run.")],
    /,
    *,
    since: Annotated[str, option(WHAT, "From this time on: 2026-01-31T10:00:00Z.")],
    until: Annotated[str | None, option(WHAT, "Up to this time; now unless told.")] = None,
    again: Annotated[bool, option(WHAT, "Run windows again that have an execution already.")] = False,
    relabel: Annotated[
        bool, option(WHAT, "Run windows again whose captures lacked labels, with all that have come since.")
    ] = False,
    installation: Installation = _INSTALLATION,
    common: Common = _COMMON,
) -> int:
    """Run the windows of a schedule in the past, oldest first; a worker must be running.

    For example:

        omm backfill my-schedule --since 2026-01-01T00:00:00Z
        omm backfill my-schedule --since 2026-01-31T10:00:00Z --until 2026-01-31T12:00:00Z --again
        omm backfill my-quality-schedule --since 2026-01-01T00:00:00Z --relabel
    """
    from open_model_monitor.api import window_of
    from open_model_monitor.control.operating import backfill as run

    settings, now = installation.settings(), _now()
    window = window_of(since, until or now)
    if window is None:
        raise UsageError("--since is needed")
    with _store(settings) as store:
        done = run(store, settings, schedule, window, now=now, again=again, relabel=relabel)
    why = "need no other" if relabel else "had one already"
    show.answer(done, f"{done['created']} executions queued, {done['present']} windows {why}", common)
    return 0


def trigger(
    schedule: Annotated[str, Parameter(help="The schedule to run.")],
    /,
    *,
    installation: Installation = _INSTALLATION,
    common: Common = _COMMON,
) -> int:
    """Run a schedule now, for the time since its last tick; a worker must be running.

    For example:

        omm trigger my-schedule && omm logs my-schedule --follow
    """
    from open_model_monitor.control.operating import trigger as run

    settings = installation.settings()
    with _store(settings) as store:
        done = run(store, settings, schedule, _now())
    window = [done["window_start"].isoformat(), done["window_end"].isoformat()]
    show.answer({"schedule": schedule, "window": window}, f"Queued: {window[0]} to {window[1]}", common)
    return 0


def client_env(
    *,
    url: Annotated[str | None, option(WHAT, "Where clients reach the server.")] = None,
    write: Annotated[
        bool, option(WHAT, "Write the files that the SDK reads, and say so; else only print.")
    ] = False,
    folder: Annotated[str | None, option(WHAT, "Where to write them; the data folder unless told.")] = None,
    installation: Installation = _INSTALLATION,
) -> int:
    """Print what SageMaker's clients must be told to find this server, as shell exports.

    For example:

        eval "$(omm client-env)"
        omm client-env --url https://monitor.example --write
    """
    from open_model_monitor.control.operating import client_environment

    exports = client_environment(
        installation.settings(), url=url, folder=Path(folder) if folder else None, write=write
    )
    for name, value in exports.items():
        quoted = value.replace("'", "'\\''")
        sys.stdout.write(f"export {name}='{quoted}'\n")
    return 0


def settings(*, installation: Installation = _INSTALLATION, common: Common = _COMMON) -> int:
    """Show every setting of this installation, and where it comes from."""
    table = show.table("setting", "value", "from", "meaning", shrink=("meaning",))
    rows = list(installation.settings().rows())
    for row in rows:
        table.add_row(*row)
    told = [dict(zip(("setting", "value", "from", "meaning"), row, strict=True)) for row in rows]
    show.answer(told, table, common)
    return 0


def backup(
    file: Annotated[str, Parameter(help="A new file to write the backup to.")],
    /,
    *,
    installation: Installation = _INSTALLATION,
    common: Common = _COMMON,
) -> int:
    """Write everything in the database to one file, while the server runs.

    For example:

        omm backup omm-2026-01-31.jsonl.zst
    """
    from open_model_monitor.control.backup import write_backup

    with _store(installation.settings()) as store:
        rows = write_backup(store, Path(file), _now())
    show.answer({"file": file, "rows": rows}, f"{sum(rows.values())} rows written to {file}", common)
    return 0


def restore(
    file: Annotated[str, Parameter(help="A backup.")],
    /,
    *,
    installation: Installation = _INSTALLATION,
    common: Common = _COMMON,
) -> int:
    """Read a backup into an empty database, of either kind; keys need the secret_key they were made under.

    For example:

        omm restore omm-2026-01-31.jsonl.zst --database postgresql://omm@db/omm
    """
    from open_model_monitor.control.backup import read_backup

    with _store(installation.settings()) as store:
        rows = read_backup(store, Path(file))
    show.answer({"file": file, "rows": rows}, f"{sum(rows.values())} rows restored from {file}", common)
    return 0


def _store(settings: Settings) -> Any:
    from contextlib import closing

    from open_model_monitor.control.migrating import open_store

    return closing(open_store(settings))


def _keyring(store: Store, settings: Settings) -> Any:
    from open_model_monitor.control.keys import Keyring

    return Keyring(store, settings)


def _now() -> Any:
    from open_model_monitor.control.service import utc_now

    return utc_now()
