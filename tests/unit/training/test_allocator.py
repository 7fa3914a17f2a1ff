import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, sys, torch
from finetrail.training.allocator import keep_freed_memory, return_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        several = [torch.ones(31 * 2**18) for _ in range(20)]
        del several
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(2)
print(faults(5))
held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
return_freed_memory()
left = 4 * int(open("/proc/self/statm").read().split()[1])
print(held - left)
"""


def page_faults(how: str) -> tuple[int, int]:
    """Those of tensors of 31 MiB, twenty at a time, five times, and the KiB that are given back in the end.

    In a process of its own, whose malloc nobody else has set.
    """
    done = subprocess.run([sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=True)
    faults, returned = map(int, done.stdout.split())
    return faults, returned


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc of another C library")
def test_freed_memory_is_used_again_and_given_back_in_the_end() -> None:
    (usual, _), (kept, returned) = page_faults("usual"), page_faults("kept")
    assert usual > 5 * max(kept, 1)
    assert returned > 100_000
