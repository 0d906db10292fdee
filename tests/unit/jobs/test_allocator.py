import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from open_model_monitor.jobs.allocator import keep_freed_memory
import numpy as np
{tuned}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.ones(1 << 18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")
def test_large_arrays_take_the_memory_of_those_before():
    program = PROGRAM.format(tuned="keep_freed_memory()")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50  # a fresh 2 MB array each would be thousands


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_handed_back_when_asked():
    program = """
from open_model_monitor.jobs.allocator import give_back_freed_memory
def used():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
before = used()
many, guard = [bytes(2000) for _ in range(20_000)], object()
held = [bytes(2000) for _ in range(10)]
del many
give_back_freed_memory()
print(used() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000  # of 40,000 kB
