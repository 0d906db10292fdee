import contextlib
import pickle

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.failures import DONE, FAILED, unpack_error
from open_model_monitor.engines.spark_task import answers, pack_parts
from open_model_monitor.errors import StorageError

PARTS = [Part((f"object {n}",), (True,), (False,)) for n in range(4)]


@contextlib.contextmanager
def working():
    def work(part):
        if part == PARTS[2]:
            raise StorageError("gone")
        return part.objects[0].encode()

    yield work


@contextlib.contextmanager
def closed():
    raise StorageError("no bucket")
    yield


def test_parts_are_done_until_one_fails():
    first, second, failed = answers([0, 1, 2, 3], pack_parts(PARTS), pickle.dumps(working))
    assert (first, second) == ((DONE, b"object 0"), (DONE, b"object 1"))
    assert failed[0] == FAILED
    assert str(unpack_error(failed[1])) == "gone"


def test_a_worker_that_cannot_be_opened_is_an_answer_too():
    ((kind, error),) = answers([0], pack_parts(PARTS), pickle.dumps(closed))
    assert kind == FAILED
    assert str(unpack_error(error)) == "no bucket"
