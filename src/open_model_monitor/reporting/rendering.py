"""Templates: everything that is not a template's own is escaped, what is not there is shown as nothing."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from urllib.parse import urlencode

from jinja2 import BaseLoader, ChainableUndefined, ChoiceLoader, Environment, PackageLoader

from open_model_monitor.reporting import charts
from open_model_monitor.reporting.violations import grouped
from open_model_monitor.reporting.words import number, share, size, span, status_of
from open_model_monitor.version import __version__


def environment(*more: BaseLoader) -> Environment:
    """Return the environment of templates: those of `more`, and the pieces that pages and reports share."""
    made = Environment(
        loader=ChoiceLoader([*more, PackageLoader("open_model_monitor.reporting")]),
        autoescape=True,
        undefined=ChainableUndefined,  # documents are anybody's, and members are missing in some
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "version": __version__,
        "charts": charts,
        "status_of": status_of,
        "grouped": grouped,
    }
    made.filters |= {
        "number": number,
        "share": share,
        "span": span,
        "bytes": size,
        "query": lambda values: urlencode({k: v for k, v in values.items() if v not in ("", None)}),
    }
    return made


@cache
def style() -> str:
    """Return the style that pages and reports share."""
    return (files(__package__) / "static" / "shared.css").read_text(encoding="utf-8")
