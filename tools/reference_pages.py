"""Make docs/cli.md and docs/python-api.md from what the code says of itself.

.venv/bin/python tools/reference_pages.py
"""

import inspect
import io
import sys
from pathlib import Path

from cyclopts import App
from rich.console import Console

import open_model_monitor as omm
from open_model_monitor.cli.app import COMMANDS, SERVER_COMMANDS, build

DOCS = Path(__file__).parents[1] / "docs"
CLI, API = DOCS / "cli.md", DOCS / "python-api.md"
WIDTH = 88
CLI_HEAD = """# The command line

Made from the commands' own help by `tools/reference_pages.py`. Exit codes: 0 done, 1 violations (with `--strict`),
differences or decisions, 2 usage, 3 data, 4 scripts, 5 anything outside.
"""
API_HEAD = """# The Python API

Made from docstrings by `tools/reference_pages.py`. All names are those of `open_model_monitor` (`import
open_model_monitor as omm`) and are imported when they are first used. Errors are in `open_model_monitor.errors`,
ordered by who can put them right.
"""
GROUPS = {
    "Runs": ["suggest", "check", "profile", "Report"],
    "Recording": ["Recorder", "CaptureMiddleware", "WsgiCaptureMiddleware", "CaptureSink"],
    "A client": ["connect", "Client"],
    "With SageMaker's names": [],  # all the others
}


def cli_page() -> str:
    """Return the page of commands."""
    app, parts = build(), [CLI_HEAD]
    for name in (*COMMANDS, *SERVER_COMMANDS):
        word = name.replace("_", "-")
        for words in ([word], *([word, below] for below in _below(app[word]))):
            parts.append(f"## omm {' '.join(words)}\n\n```text\n{_help(app, words)}\n```\n")
    return "\n".join(parts)


def _below(app: App) -> list[str]:
    """Return the names of the commands of a command."""
    return [name for name in app if not name.startswith("-")]


def _help(app: App, tokens: list[str]) -> str:
    text = io.StringIO()
    console = Console(file=text, width=WIDTH, color_system=None, force_terminal=False)
    app.help_print(tokens, console=console)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join(lines).strip()


def api_page() -> str:
    """Return the page of public names."""
    named = {name for names in GROUPS.values() for name in names} | {"__version__"}
    parts = [API_HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        for name in names or [one for one in omm.__all__ if one not in named]:
            parts.append(_entry(name, getattr(omm, name), level=3))
    return "\n".join(parts)


def _entry(name: str, thing: object, level: int) -> str:
    title = name.rpartition(".")[2] if level > 3 else name
    text = inspect.cleandoc(thing.__doc__ or "")
    made = f"{'#' * level} {title}\n\n```text\n{_signature(name, thing)}\n```\n\n{text}\n"
    if not inspect.isclass(thing):
        return made
    methods = [
        method
        for method, found in vars(thing).items()
        if not method.startswith("_") and (callable(found) or isinstance(found, classmethod | staticmethod))
    ]
    return "\n".join([made, *(_entry(f"{name}.{one}", getattr(thing, one), level + 1) for one in methods)])


def _signature(name: str, thing: object) -> str:
    """Return a call with its parameters, one per line if they do not fit on one; types as they are written."""
    signature = inspect.signature(thing)  # type: ignore[arg-type]
    parameters = [one for one in signature.parameters.values() if one.name != "self"]
    shown = [_parameter(one) for one in parameters]
    by_name = [n for n, one in enumerate(parameters) if one.kind is inspect.Parameter.KEYWORD_ONLY]
    if by_name and not any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
        shown.insert(by_name[0], "*")
    returned = signature.return_annotation
    ending = f" -> {returned}" if isinstance(returned, str) and not inspect.isclass(thing) else ""
    line = f"{name}({', '.join(shown)}){ending}"
    return line if len(line) <= WIDTH else f"{name}(\n    " + ",\n    ".join(shown) + f",\n){ending}"


def _parameter(one: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(one.kind, "")
    kind = f": {one.annotation}" if isinstance(one.annotation, str) else ""
    if one.default is inspect.Parameter.empty:
        return f"{stars}{one.name}{kind}"
    default = one.default.__name__ if callable(one.default) else repr(one.default)
    return f"{one.name}{kind} = {default}"


def main() -> None:
    """Write both."""
    for path, text in ((CLI, cli_page()), (API, api_page())):
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path} written\n")


if __name__ == "__main__":
    main()
