import pytest

from open_model_monitor.cli import show
from open_model_monitor.errors import MonitorError, OutsideError, ScriptFailure, SettingsError


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Age", "Age"),
        ("00000000000000000012", "0…12"),
        ("00000000000000000000", "0…0"),
        ("0001", "0001"),
        (" ", "' '"),
    ],
)
def test_column_names(name, shown):
    assert show.column_name(name) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "100 %"), (0.999999, "99.9999 %"), (0.5, "50 %"), (0.0, "0 %"), (None, "")]
)
def test_a_share_just_below_one_is_not_all(value, shown):
    assert show.share(value) == shown


def test_numbers():
    assert [show.number(x) for x in (None, 1234.5, 2e9, 0.00012345)] == ["", "1,234", "2e+09", "0.0001234"]


def test_every_error_has_a_title(printed):
    def classes(kind):
        return [kind, *(below for direct in kind.__subclasses__() for below in classes(direct))]

    for kind in classes(MonitorError):
        if kind.__module__ == "open_model_monitor.errors" and kind.__name__ not in (
            "MonitorError",
            "ScriptError",
        ):
            text = printed(show.error_panel(kind("what, where, remedy")))
            assert "what, where, remedy" in text
            assert f"exit code {kind.exit_code}" in text
            assert kind.__name__ not in text


def test_markup_in_messages_is_text(printed):
    assert "[red]x[/red]" in printed(show.error_panel(SettingsError("[red]x[/red]")))
    assert "[/oops]" in printed(show.error_panel(OutsideError("[/oops]")))


@pytest.mark.parametrize("width", [100, 60])
def test_the_story_of_a_failure(printed, width):
    failure = ScriptFailure(
        role="preprocessor",
        phase="call",
        script="p.py",
        exception_type="ValueError",
        message="no [number]",
        line=3,
        function="f",
        traceback="\n".join(f"line {n}" for n in range(100)),
        remedy="mend it",
        source_object="s3://b/c.jsonl",
        line_number=7,
        event_id="e-1",
        payload_excerpt="x" * 1000,
        records_processed=6,
        log_tail=[f"INFO: {n}" for n in range(50)],
    )
    text = printed(show.failure_panel(failure), width)
    for part in (
        "no [number]",
        "… 76 lines …",
        "mend it",
        "line 7",
        "e-1",
        "6 records went well",
        "INFO: 49",
        "exit code 4",
    ):
        assert part in text
    assert "INFO: 40" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "INFO: 49" not in printed(show.failure_panel(failure, with_log=False))
