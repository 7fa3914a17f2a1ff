"""What one of several processes may do."""

import os
import sys
import time

THERE = "torch" in sys.modules


def tell() -> None:
    import torch

    number, count = os.environ["RANK"], os.environ["WORLD_SIZE"]
    was = "there" if THERE else "not there"
    print(f"{number} of {count}, {torch.get_num_threads()} threads, torch was {was}")  # noqa: T201


def fail() -> None:
    sys.stderr.write("ConfigError: it is wrong; correct it\n")
    sys.exit(2)


def fail_0() -> None:
    _fail("0")


def fail_1() -> None:
    _fail("1")


def _fail(number: str) -> None:
    if os.environ["RANK"] == number:
        fail()
    time.sleep(3600)
