"""A process that ends with another one."""

import ctypes
import os
import signal
import sys


def end_with(parent: int, number: signal.Signals) -> None:
    """Have the system send this process a signal when its parent ends, even by SIGKILL. Linux only.

    Args:
        parent: the process that should be the parent. If it has ended already, this process ends at once.
        number: what to send.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(number))
    if os.getppid() != parent:
        os._exit(1)
