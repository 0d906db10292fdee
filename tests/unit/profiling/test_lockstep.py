from types import SimpleNamespace

import numpy as np

from open_model_monitor.profiling.lockstep import Lockstep
from open_model_monitor.profiling.numbers import Numbers


def test_columns_leave_when_they_have_gaps_and_are_what_they_are_alone():
    random = np.random.default_rng(5)
    columns = {name: SimpleNamespace(numbers=Numbers()) for name in "abcd"}
    alone = {name: Numbers() for name in "abcd"}
    lockstep = Lockstep()
    for turn in range(30):
        lengths = {"a": 500, "b": 500, "c": 500 - (turn == 7), "d": 0 if turn % 3 else 200}
        numbers = {name: random.normal(size=length) for name, length in lengths.items()}
        if turn == 20:
            del numbers["b"]
        lockstep.insert(numbers, 500, columns)
        for name, values in numbers.items():
            alone[name].insert(values)
        if turn == 11:
            lockstep.leave(columns)
    lockstep.leave(columns)
    for name in "abcd":
        assert columns[name].numbers.to_dict() == alone[name].to_dict(), name


def test_nothing_is_kept_as_one_without_columns():
    lockstep = Lockstep()
    lockstep.insert({}, 5, {})
    lockstep.leave({})
