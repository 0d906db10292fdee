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
        np.ones(1 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")
def test_large_arrays_take_the_memory_of_those_before():
    program = PROGRAM.format(tuned="keep_freed_memory()")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50  # a fresh 8 MB array each would be thousands
