"""Every operation of the model is implemented, and nothing else."""

from open_model_monitor.control import service  # noqa: F401 — registers them
from open_model_monitor.control.operations.registry import HANDLERS
from open_model_monitor.control.shapes import operations


def test_all_operations_are_there():
    assert set(HANDLERS) == set(operations())
