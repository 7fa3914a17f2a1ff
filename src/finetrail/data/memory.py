"""Memory that is no longer needed, given back to the system."""

import ctypes
import sys


def give_back() -> None:
    """Give back what Arrow and the C library keep for later, which can be more than what is in use."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
        if trim:
            trim(0)
