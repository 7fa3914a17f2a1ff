import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

HELD = """
import sys, torch
from finetrail.inference.allocator import keep_freed_memory, return_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()

def held():
    return 4 * int(open("/proc/self/statm").read().split()[1]) // 1024

before = held()
tensors = [torch.ones(30 * 2**18) for _ in range(10)]
del tensors
freed = held()
return_freed_memory()
print(freed - before, held() - before)
"""


def held(how: str) -> tuple[int, int]:
    """The MiB that a process still holds of 300 MiB of tensors that are freed, before and after it gives them back.

    In a process of its own, whose malloc nobody else has set.
    """
    done = subprocess.run([sys.executable, "-c", HELD, how], capture_output=True, text=True, check=True)
    freed, left = map(int, done.stdout.split())
    return freed, left


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc of another C library")
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    usual, _ = held("usual")
    kept, left = held("kept")
    assert usual < 100
    assert kept > 280
    assert left < 100
