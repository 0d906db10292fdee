from dataclasses import replace

import pytest

from open_model_monitor import errors
from open_model_monitor.errors import ScriptError, ScriptFailure


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.SettingsError, 2),
        (errors.ContractError, 2),
        (errors.NoData, 3),
        (errors.Malformed, 3),
        (errors.DocumentError, 3),
        (errors.StorageError, 5),
        (errors.EngineError, 5),
    ],
)
def test_exit_codes_say_who_can_put_it_right(kind, code):
    assert kind("what").exit_code == code


def test_the_short_form_of_a_script_failure():
    failure = ScriptFailure(
        "preprocessor",
        "call",
        "p.py",
        "ValueError",
        "could not convert string to float: 'red'",
        line=14,
        function="preprocess_handler",
        source_object="a.jsonl",
        line_number=3,
        event_id="0c1e",
        payload_excerpt='endpointInput CSV "5,0.25,red"',
        records_processed=2,
    )
    assert str(ScriptError(failure)).split("\n") == [
        "Exception while invoking preprocessor script: ValueError: could not convert string to float: 'red'",
        "  at p.py:14 in preprocess_handler",
        '  record: a.jsonl line 3, eventId 0c1e, endpointInput CSV "5,0.25,red"',
        "  2 records were processed before this one",
    ]
    assert ScriptError(failure).exit_code == 4


def test_a_line_that_is_counted_from_the_middle_says_so():
    whole = ScriptFailure("preprocessor", "call", "p.py", "E", "m", source_object="a.jsonl", line_number=3)
    cut = replace(whole, lines_from=1_000_000)
    assert "record: a.jsonl line 3 after byte 1,000,000" in cut.summary()
    assert cut.to_dict()["lines_from"] == 1_000_000
    assert ScriptFailure(**cut.to_dict()) == cut
    assert "lines_from" not in whole.to_dict()
    assert ScriptFailure(**whole.to_dict()) == whole
