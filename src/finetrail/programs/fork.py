"""Whether this process can be forked: of its threads, a fork has only the one that forks."""

import sys
from pathlib import Path


def can_fork() -> bool:
    """Whether a fork of this process can do all that a new process could: it has no threads and no GPU. Linux only."""
    if sys.platform != "linux":
        return False
    from threadpoolctl import threadpool_info  # sets a variable of the environment when it is imported

    # OpenBLAS ends its threads before a fork and starts them again after it; jemalloc does the same with its own.
    blas = sum(pool["num_threads"] - 1 for pool in threadpool_info() if pool["internal_api"] == "openblas")
    names = [task.joinpath("comm").read_text(encoding="utf-8") for task in Path("/proc/self/task").iterdir()]
    threads = len(names) - names.count("jemalloc_bg_thd\n")
    return threads <= 1 + blas and "libcuda.so" not in Path("/proc/self/maps").read_text(encoding="utf-8")
