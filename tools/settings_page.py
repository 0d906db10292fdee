"""Make docs/server-settings.md from `settings.py`."""

import sys
from pathlib import Path

import msgspec

from open_model_monitor.settings import Settings, setting_fields

PAGE = Path(__file__).parents[1] / "docs" / "server-settings.md"
HEAD = """# Settings of the server

Made from `settings.py` by `tools/settings_page.py`. Each is an argument where a command has one, a variable
`OMM_` and its name in capitals, or a line of `omm.toml` (`schedule_extended = true`, or `extended = true` below
`[schedule]`); in this order. `omm settings` shows what is in force, and why. Lists in variables are JSON, or names
separated by commas.

| Setting | Default | Meaning |
|---|---|---|
"""


def page() -> str:
    """Return the text of the page."""
    defaults = Settings()
    rows = []
    for one in setting_fields():
        value = getattr(defaults, one.name)
        shown = (
            "none"
            if value in ("", ())
            else value
            if isinstance(value, str)
            else msgspec.json.encode(value).decode()
        )
        rows.append(f"| `{one.name}` | `{shown}` | {one.metadata['help']} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE} written\n")
