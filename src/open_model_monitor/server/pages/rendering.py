"""Templates of pages, and what a visitor chose: the zone of times, the theme."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import PackageLoader
from markupsafe import Markup
from starlette.requests import Request

from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.reporting.rendering import environment

THEMES = ("auto", "light", "dark")
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
        self._environment = environment(PackageLoader("open_model_monitor.server.pages"))
        self._environment.globals |= {
            "root": root,
            "asset": lambda path: f"{root}/static/{path}?v={_fingerprint(path)}",
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


def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # unknown, or no name of a zone
        return None


_FINGERPRINTS: dict[str, str] = {}


def asset(path: str) -> Traversable | None:
    """Return a file that pages load: one of theirs, or one that reports show too; None if there is none."""
    parts = path.split("/")
    if any(not part or part.startswith(".") for part in parts):
        return None
    for package in (__package__, "open_model_monitor.reporting"):
        file = files(package).joinpath("static", *parts)
        if file.is_file():
            return file
    return None


def _fingerprint(path: str) -> str:
    """Return what changes with a file's content, so that browsers may keep it for ever."""
    if path not in _FINGERPRINTS:
        file = asset(path)
        _FINGERPRINTS[path] = hashlib.sha256(file.read_bytes() if file else b"").hexdigest()[:12]
    return _FINGERPRINTS[path]
