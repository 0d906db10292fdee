"""Templates and the words of pages: times in the visitor's zone, numbers, durations, statuses."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, Environment, PackageLoader, Undefined
from markupsafe import Markup
from starlette.requests import Request

from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.server.pages import charts
from open_model_monitor.version import __version__

THEMES = ("auto", "light", "dark")
STATUSES = {
    "Completed": ("ok", "Completed"),
    "CompletedWithViolations": ("warn", "Violations"),
    "Failed": ("bad", "Failed"),
    "Stopped": ("off", "Stopped"),
    "Stopping": ("off", "Stopping"),
    "InProgress": ("run", "Running"),
    "Pending": ("run", "Pending"),
    "Scheduled": ("ok", "Scheduled"),
    "InAlert": ("bad", "In alert"),
    "OK": ("ok", "OK"),
}
DONE = {
    "triggered": "A run was queued; it appears below.",
    "created": "The monitor was created. Its baseline is made first, then its first run.",
    "version": "The new version of the constraints is in use from the next run on.",
    "saved": "Saved.",
    "revoked": "The key was revoked.",
    "started": "The schedule was started.",
    "stopped": "The schedule was stopped.",
}


@dataclass(slots=True)
class Look:
    """How a visitor wants pages: zone of times, theme; and what their forms must bring back."""

    zone: str
    theme: str
    csrf: str
    caller: Caller | None = None

    @classmethod
    def of(cls, cookies: Mapping[str, str], csrf: str) -> Look:
        """Read the choices from cookies; what makes no sense is as if it were not there."""
        zone = cookies.get("omm_zone", "UTC").replace("%2F", "/")
        theme = cookies.get("omm_theme", "auto")
        return cls(zone if _zone(zone) else "UTC", theme if theme in THEMES else "auto", csrf)


class Templates:
    """The templates of all pages; every value is escaped."""

    def __init__(self, root: str) -> None:
        loader = PackageLoader("open_model_monitor.server.pages")
        # Documents are anybody's, and members are missing in some: what is not there is shown as nothing.
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            undefined=ChainableUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "root": root,
            "asset": lambda path: f"{root}/static/{path}?v={_fingerprint(path)}",
            "version": __version__,
            "charts": charts,
            "status_of": status_of,
        }
        self._environment.filters |= {
            "number": number,
            "share": share,
            "span": span,
            "bytes": size,
            "query": lambda values: urlencode({k: v for k, v in values.items() if v not in ("", None)}),
        }

    def render(self, name: str, values: Mapping[str, Any], look: Look, nonce: str, request: Request) -> str:
        """Return the HTML of a page."""
        zone = _zone(look.zone) or UTC
        context = {
            "look": look,
            "nonce": nonce,
            "here": request.url.path,
            "query_now": dict(request.query_params),
            "done": DONE.get(request.query_params.get("done", "")),
            "when": lambda moment, seconds=False: when(moment, zone, seconds=seconds),
            "may": lambda scope: look.caller is not None and scope in look.caller.scopes,
        }
        return self._environment.get_template(name).render(**context, **values)


def when(moment: datetime | None, zone: tzinfo, *, seconds: bool = False) -> Markup:
    """Return a time as the visitor's clock shows it; hovering shows it in UTC."""
    if moment is None:
        return Markup("–")
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    utc, here = moment.astimezone(UTC), moment.astimezone(zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M:%S UTC"), here.strftime(form)
    )


def status_of(name: str) -> tuple[str, str]:
    """Return the tone and the word of a status."""
    return STATUSES.get(name, ("off", name))


def number(value: Any) -> str:
    """Return a number with about four digits that count, whole ones with all; a dash for none."""
    if value is None or isinstance(value, str | Undefined):
        return str(value or "–")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number"
    if not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"


def share(value: Any) -> str:
    """Return a share in percent; whole only if it is exactly."""
    if value is None or isinstance(value, str | Undefined):
        return str(value or "–")
    text = f"{100 * value:.2f}".rstrip("0").rstrip(".")
    if text in ("0", "100") and value not in (0, 1):
        text = "<0.01" if text == "0" else ">99.99"
    return f"{text} %"


def span(value: timedelta | float | None) -> str:
    """Return a duration in its two largest units."""
    if value is None:
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "min"))
    return " ".join([f"{amount} {unit}" for amount, unit in parts if amount][:2])


def size(value: float) -> str:
    """Return a size in bytes, thousands of them, and so on."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the last unit takes all")


def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # unknown, or no name of a zone
        return None


_FINGERPRINTS: dict[str, str] = {}


def _fingerprint(path: str) -> str:
    """Return what changes with a file's content, so that browsers may keep it for ever."""
    if path not in _FINGERPRINTS:
        content = (files(__package__) / "static" / path).read_bytes()
        _FINGERPRINTS[path] = hashlib.sha256(content).hexdigest()[:12]
    return _FINGERPRINTS[path]
