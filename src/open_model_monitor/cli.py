"""The command line: `omm`."""

from open_model_monitor.version import __version__


def main() -> None:
    """Run the command line."""
    raise SystemExit(f"omm {__version__}: no commands yet")
