import pytest

from open_model_monitor import errors
from open_model_monitor.engines.failures import DONE, attempt, pack_error, result, unpack_error
from open_model_monitor.errors import DataError, MonitorError, OutsideError, ScriptError, ScriptFailure

FAILURE = ScriptFailure("preprocessor", "call", "p.py", "ValueError", "no", 3, log_tail=["a", "b"])


def kinds():
    """Return the errors of a run; those of other modules are answers of the API and never travel."""
    found = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MonitorError)
    ]
    return set(found) - {ScriptError}


@pytest.mark.parametrize("kind", sorted(kinds(), key=lambda kind: kind.__name__))
def test_every_error_comes_back(kind):
    error = kind("why", retry=True) if issubclass(kind, OutsideError) else kind("why")
    back = unpack_error(pack_error(error))
    assert (type(back), str(back), getattr(back, "retry", None)) == (
        kind,
        "why",
        getattr(error, "retry", None),
    )
    assert getattr(errors, kind.__name__) is kind


def test_a_script_failure_comes_back_whole():
    back = unpack_error(pack_error(ScriptError(FAILURE)))
    assert isinstance(back, ScriptError)
    assert back.failure == FAILURE


def test_an_answer_is_a_result_or_an_error():
    def fail():
        raise DataError("empty")

    assert attempt(lambda: b"x") == (DONE, b"x")
    assert result(attempt(lambda: b"x")) == b"x"
    with pytest.raises(DataError, match="empty"):
        result(attempt(fail))
    with pytest.raises(ZeroDivisionError):  # a fault of ours is no answer
        attempt(lambda: 1 // 0)
