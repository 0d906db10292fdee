import io

import pytest
from rich.console import Console

from open_model_monitor.cli import progress


@pytest.mark.parametrize("terminal", [True, False])
def test_shown_to_whoever_watches(monkeypatch, terminal):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    with progress.Watched(console, "Reading x") as watched:
        if terminal:
            watched._timer.join(5)
        for read, rows in ((1_000_000, 10), (2_000_000, 20), (500_000, 5)):
            watched.told(read, rows)
    shown = console.file.getvalue()
    assert ("25 rows, 2.5 MB" in shown) == terminal
    assert bool(shown) == terminal


def test_what_is_quick_shows_nothing():
    console = Console(file=io.StringIO(), force_terminal=True)
    with progress.Watched(console, "Reading x") as watched:
        watched.told(1, 1)
    assert "Reading" not in console.file.getvalue()
