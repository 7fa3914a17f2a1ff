"""Measure once what is faster on this machine, and remember it in the user's cache folder."""

import hashlib
import json
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from finetrail.inference import processes
from finetrail.locations import cache_folder

_ROUNDS = 5
"""How often each way is tried after its first time, in which it sets itself up."""
_LONG = 20.0
"""Seconds after which two times have to do."""


def faster(what: Mapping[str, Any], ways: Mapping[str, Callable[[], object]], margin: float = 1.0) -> str:
    """The name of the fastest way, from the cache folder if it was measured before.

    The ways take turns, and the best processor time of each counts, so that other work on the machine does not
    decide.

    Args:
        what: names what is measured, besides the hardware, the threads and PyTorch's version.
        ways: by name. The first is the usual one.
        margin: another way must be more than this many times as fast as the usual one, so that chance decides no tie.
    """
    described = {"machine": machine(), "what": dict(what), "ways": list(ways)}
    known = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    path = cache_folder() / "measured" / f"{known}.json"
    try:
        chosen = str(json.loads(path.read_bytes())["chosen"])
    except (OSError, ValueError, KeyError, TypeError):
        chosen = ""
    if chosen not in ways:
        seconds = _best_times(ways)
        usual, best = next(iter(ways)), min(seconds, key=lambda name: seconds[name])
        chosen = best if seconds[best] * margin < seconds[usual] else usual
        _remember(path, described | {"seconds": seconds, "chosen": chosen})
    return chosen


@cache
def machine() -> dict[str, str]:
    """The facts that the speed of the kernels depends on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().split("\n\n")[0].splitlines() if info.exists() else []
    wanted = ("vendor_id", "cpu family", "model", "model name", "stepping")
    facts = dict([part.strip() for part in line.split(":", 1)] for line in lines if ":" in line)
    return {
        "processor": " ".join(facts.get(name, "") for name in wanted).strip() or platform.processor(),
        "capabilities": " ".join(sorted(name for name, has in torch.cpu.get_capabilities().items() if has is True)),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
    }


def trained_on(precision: str) -> dict[str, str]:
    """What the bits of a training may depend on besides its settings and data."""
    gpu = {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda or ""} if torch.cuda.is_available() else {}
    kernels = torch.backends.cpu.get_cpu_capability()  # the environment may set less than the processor has
    return machine() | gpu | {"kernels": kernels, "precision": precision, "processes": str(processes.world())}


def _best_times(ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    best: dict[str, float] = {}
    began = time.perf_counter()
    for turn in range(_ROUNDS + 1):
        if turn > 1 and time.perf_counter() - began > _LONG:
            break
        for name, way in ways.items():
            # A far slower choice needs no second run; its first one, set-up included, was a fair trial.
            if turn > 1 and best[name] > 4 * min(best.values()):
                continue
            started = time.process_time()
            way()
            taken = time.process_time() - started
            best[name] = taken if turn <= 1 else min(best[name], taken)
    return best


def _remember(path: Path, content: dict[str, Any]) -> None:
    """Write whole or not at all; if the folder is not writable, the next process measures again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".partial", delete=False) as file:
            json.dump(content, file, indent=1)
        Path(file.name).replace(path)
    except OSError:
        return
