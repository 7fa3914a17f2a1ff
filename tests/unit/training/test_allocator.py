import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, sys, torch
from finetrail.training.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()

def faults(tensors):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(tensors):
        torch.ones(10**7)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(20)
print(faults(10))
"""


def page_faults(how: str) -> int:
    """Those of ten tensors of 40 MB, one after another, in a process of its own, whose malloc nobody else has set."""
    return int(subprocess.run([sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc of another C library")
def test_freed_memory_is_used_again() -> None:
    usual, kept = page_faults("usual"), page_faults("kept")
    # Ten tensors are 98,000 pages, or 200 where the system maps huge ones.
    assert kept < 20
    assert usual > 5 * max(kept, 1)
