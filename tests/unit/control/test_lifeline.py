import subprocess
import sys
import time

COMMAND = [sys.executable, "-P", "-m", "open_model_monitor.control.lifeline"]


def started(*words):
    return subprocess.Popen(
        [*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


def test_the_code_of_the_command_comes_back():
    with started("sh", "-c", "exit 3") as process:
        assert process.wait(20) == 3


def test_the_command_ends_with_its_starter():
    with started("sh", "-c", "echo begun; sleep 60") as process:
        assert process.stdout.readline() == b"begun\n"
        begun = time.monotonic()
        process.stdin.close()
        assert process.wait(20) == 128 + 15
        assert time.monotonic() - begun < 10


def test_a_command_that_is_not_there():
    with started("/no/such/command") as process:
        assert process.stdout.read() == b""
        assert process.wait(20) == 127
