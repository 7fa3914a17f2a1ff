"""What one of several processes may do."""

import os
import sys
import time

from finetrail.cli.app import app

THERE = "torch" in sys.modules


def tell() -> None:
    import torch

    number, count = os.environ["RANK"], os.environ["WORLD_SIZE"]
    was = "there" if THERE else "not there"
    print(f"{number} of {count}, {torch.get_num_threads()} threads, torch was {was}")  # noqa: T201


def check() -> None:
    """A command of finetrail, which fails in a folder without params.yaml."""
    app(["check"])


def check_in_0() -> None:
    _check_in("0")


def check_in_1() -> None:
    _check_in("1")


def _check_in(number: str) -> None:
    """The other one would wait for an hour."""
    if os.environ["RANK"] != number:
        time.sleep(3600)
    check()
