"""`omm migrate sagemaker` and `omm parity`: moving in, and the proof that both say the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group as Screen
from rich.text import Text

from open_model_monitor.cli import show
from open_model_monitor.cli.parameters import (
    BASELINE,
    INPUT,
    OUTPUT,
    SCRIPTS,
    Common,
    Monitoring,
    Reading,
    option,
)
from open_model_monitor.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from open_model_monitor.moving.agreement import Agreement, Compared
    from open_model_monitor.moving.plan import Step
    from open_model_monitor.sdk.session import Session

TO_DECIDE = 1
DEFAULT_TARGET = "omm-data"
ATTEMPTS = 10  # accounts throttle whoever describes hundreds of monitors
_COMMON, _READING, _MONITORING = Common(), Reading(), Monitoring()
MOST, WIDE = 40, 60  # comparisons, characters of a value
_VERDICTS = {"differs": "red", "cannot be compared": "yellow", "agrees": "green"}
_STYLES = {"created": "green", "create": "green", "unchanged": "dim", "decide": "yellow", "failed": "red"}

migrate = App(name="migrate", help="Move monitors here from elsewhere.", help_format="plaintext")


@migrate.command
def sagemaker(
    *,
    url: Annotated[str | None, option(INPUT, "Another server that speaks the API, instead of AWS.")] = None,
    region: Annotated[str | None, option(INPUT, "Region of the account.")] = None,
    from_: Annotated[
        str | None, option(INPUT, "A saved export to read, instead of an account.", name="--from")
    ] = None,
    only: Annotated[list[str] | None, option(INPUT, "Only this schedule; repeatable.")] = None,
    save: Annotated[str | None, option(OUTPUT, "Folder to save an export to.")] = None,
    to: Annotated[
        str, option(OUTPUT, "Where monitors go: a folder, or a server's address; omm-data unless told.")
    ] = DEFAULT_TARGET,
    copy_to: Annotated[
        str | None, option(OUTPUT, "Copy scripts and baselines below this address, and name them there.")
    ] = None,
    one_time: Annotated[bool, option(OUTPUT, "Create schedules that run once, too: they run again.")] = False,
    dry_run: Annotated[bool, option(OUTPUT, "Say what would be done, and do nothing.")] = False,
    common: Common = _COMMON,
) -> int:
    """Create here the monitors of a SageMaker account.

    Schedules, definitions, endpoints, tags and alerts are read through
    boto3 with your usual credentials, and created under the same names.
    What is here already stays as it is; what differs, or needs a word of
    yours, is listed, and the exit code is 1.

    For example:

        omm migrate sagemaker --region eu-west-1 --dry-run
        omm migrate sagemaker --save export/
        omm migrate sagemaker --from export/ --to http://monitors.example:8765
        omm migrate sagemaker --only churn --copy-to s3://own-bucket/monitoring
    """
    from open_model_monitor.moving.create import migrate as create
    from open_model_monitor.moving.create import outcome
    from open_model_monitor.moving.export import Export, read_account

    if from_ is not None and (url or region):
        raise UsageError("--from reads a saved export; --url and --region are about an account")
    with _understood(), show.console(errors=True).status("Reading") as status:
        if from_ is not None:
            export = Export.load(Path(from_))
        else:
            export = read_account(
                _source(url, region), only or (), lambda text: status.update(f"Reading {text}")
            )
        if save is not None:
            export.save(Path(save))
        with _target(to, is_dry=dry_run) as target:
            steps = create(
                export,
                target,
                copy_to=copy_to,
                one_time=one_time,
                is_dry=dry_run,
                tell=lambda text: status.update(f"Creating {text}"),
            )
    counted = outcome(steps)
    told = {
        "outcome": counted,
        "steps": [step.to_dict() for step in steps],
        "files": {"number": len(export.files), "copied_to": copy_to},
        "saved": save,
        "to": to,
    }
    files = _files(len(export.files), copy_to, is_dry=dry_run)
    show.answer(told, _steps(steps, counted, to, files, is_dry=dry_run), common)
    return TO_DECIDE if counted.keys() & {"decide", "failed"} else 0


@contextmanager
def _target(to: str, *, is_dry: bool) -> Iterator[Session]:
    """Yield a session of a server or a folder; a dry run leaves no folder behind that was not there."""
    from open_model_monitor.sdk.session import session_at

    is_new = not to.startswith(("http://", "https://")) and not Path(to).exists()
    with tempfile.TemporaryDirectory(prefix="omm-dry-") as nowhere:
        # A server, or whoever opens the folder, runs what is due.
        target = session_at(nowhere if is_dry and is_new else to, works=False)
        try:
            yield target
        finally:
            target.close()


@contextmanager
def _understood() -> Iterator[None]:
    """Say of errors of boto3's that they are the account's, the network's or the credentials', not ours."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("botocore."):
            raise
        raise OutsideError(
            f"{str(error).rstrip('.')} ({type(error).__name__}); look at credentials, --region, permissions and "
            "the address"
        ) from error


def _source(url: str | None, region: str | None) -> Any:
    """Return a session of another server, or of an AWS account with the usual credentials."""
    from open_model_monitor.sdk.session import Session, session_at

    if url is not None:
        return session_at(url, region=region)
    try:
        import boto3
        from botocore.config import Config
        from botocore.session import get_session
    except ImportError:
        raise UsageError("An account is read through boto3: pip install 'open-model-monitor[aws]'") from None
    core = get_session()
    core.set_default_client_config(Config(retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS}))
    return Session(boto3.Session(botocore_session=core, region_name=region))


def _files(number: int, copy_to: str | None, *, is_dry: bool) -> str:
    """Return where scripts, baselines and captures are from now on."""
    if copy_to is None:
        return f"{number} scripts and documents of baselines stay where they are, as do captures and labels."
    verb = "would be copied" if is_dry else "are copied"
    return (
        f"{number} scripts and documents of baselines {verb} below {copy_to}; captures and labels stay "
        "where they are."
    )


def _steps(steps: list[Step], counted: dict[str, int], to: str, files: str, *, is_dry: bool) -> Screen:
    lines: list[Any] = []
    for step in steps:
        action = (f"{step.action:<10}", _STYLES[step.action])
        lines.append(Text.assemble(action, (f"{step.kind:<12}", "dim"), (step.name, "bold")))
        lines += [show.indented(show.indented(line)) for line in show.bullets(step.notes, "yellow")]
    parts = ", ".join(f"{number} {action}" for action, number in counted.items()) or "nothing to do"
    where = "nothing was created (--dry-run)" if is_dry else f"in {show.near(to)}"
    kept = "Instance types, instance counts and roles are kept in definitions and have no effect here."
    more = [Text(files, style="dim"), Text(kept, style="dim")] if steps else []
    return Screen(*lines, Text(), *more, Text(f"{parts}; {where}", style="bold"))


def parity(
    report: Annotated[str | None, Parameter(help="Folder of a report that SageMaker wrote.")] = None,
    data: Annotated[str | None, Parameter(help="What the run read: captures, or a data set.")] = None,
    /,
    *,
    job: Annotated[
        str | None, option(INPUT, "A processing job to do again, by name or ARN, instead of a folder.")
    ] = None,
    url: Annotated[str | None, option(INPUT, "Server of that job, instead of AWS.")] = None,
    region: Annotated[str | None, option(INPUT, "Region of that job.")] = None,
    baseline: Annotated[str | None, option(BASELINE, "Folder of the baseline it was compared with.")] = None,
    suggest: Annotated[bool, option(BASELINE, "The report is that of a baseline.")] = False,
    reading: Reading = _READING,
    monitoring: Monitoring = _MONITORING,
    preprocess: Annotated[str | None, option(SCRIPTS, "The preprocessor of the run.")] = None,
    postprocess: Annotated[str | None, option(SCRIPTS, "The postprocessor of the run.")] = None,
    everything: Annotated[bool, option(OUTPUT, "Show what agrees as well.", name="--all")] = False,
    common: Common = _COMMON,
) -> int:
    """Do a run of SageMaker's again and compare what both wrote.

    Feature by feature and check by check: counts, types, extremes,
    histograms, sketches and violations must be equal, sums agree to nine
    digits, estimates are not compared. It exits with 1 if anything differs.

    For example:

        omm parity reports/2026/01/31/10/ captures/ --baseline baseline/
        omm parity baseline/ train.csv --suggest
        omm parity baseline/ scored.csv --suggest --monitor model-quality \\
            --problem binary --inference prediction --label label
        omm parity --job model-monitoring-202601311000-0123 --region eu-west-1
    """
    from open_model_monitor.moving.replay import parity as again
    from open_model_monitor.moving.replay import parity_of_execution

    if (job is None) == (report is None or data is None):
        raise UsageError("Name the folder of a report and what the run read, or a --job")
    with _understood(), show.console(errors=True).status("Running it again") as status:
        if job is not None:
            session = _source(url, region)
            found = parity_of_execution(session, job.rpartition("/")[2], lambda text: status.update(text))
        else:
            if monitoring.options():
                raise UsageError("Segments are ours: no report of SageMaker's has any to compare")
            variants = {"options": {"variants": reading.variants}} if reading.variants else {}
            compared = variants if suggest else {"baseline": baseline, **variants}
            found = again(
                report or "",
                data or "",
                is_baseline=suggest,
                format=reading.as_format(),
                since=reading.since,
                until=reading.until,
                preprocess=preprocess,
                postprocess=postprocess,
                labelling=monitoring.labelling(),
                **compared,
            )
    show.answer(found.to_dict(), _agreement(found, everything=everything), common)
    return 0 if found.share == 1 else 1


def _agreement(found: Agreement, *, everything: bool) -> Screen:
    listed = sorted(found.compared, key=lambda one: tuple(_VERDICTS).index(one.verdict))  # what differs first
    shown = [one for one in listed if everything or one.verdict != "agrees"]
    lines = [line for one in shown[: None if everything else MOST] for line in _comparison(one)]
    left = len(shown) - MOST if not everything and len(shown) > MOST else 0
    share = "nothing could be compared" if found.share is None else f"{_percent(found.share)} agreement"
    counted = (
        f"{found.count('agrees'):,} agree, {found.count('differs'):,} differ, "
        f"{found.count('cannot be compared'):,} cannot be compared"
    )
    style = "bold green" if found.share == 1 else "bold red"
    parts: list[Any] = [*lines, Text()] if lines else []
    return Screen(*parts, *show.more(left, "line"), Text.assemble((share, style), (f": {counted}", "dim")))


def _comparison(one: Compared) -> Iterator[Any]:
    document = one.document.removesuffix(".json")
    yield Text.assemble(
        (f"{one.verdict:<20}", _VERDICTS[one.verdict]),
        (f"{document}  ", "dim"),
        (f"{one.subject}  " if one.subject else "", "bold"),
        one.what,
    )
    if one.verdict != "agrees":
        yield show.indented(
            Text(f"{_short(one.theirs)} there, {_short(one.ours)} here: {one.rule}", style="dim")
        )


def _short(value: Any) -> str:
    text = f"{value:.12g}" if isinstance(value, float) else str(value)
    return text if len(text) <= WIDE else f"{text[: WIDE - 1]}…"


def _percent(share: float) -> str:
    """Return a share in percent; whole only if all agree."""
    return "100 %" if share == 1 else f"{min(share * 100, 99.99):.2f} %"
