"""How long the saved models take to answer a row, one row at a time."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.errors import WorkspaceError
from finetrail.progress import Track
from finetrail.serving.latency import WARM_UP, row_times_ms
from finetrail.tasks.registry import load_model

if TYPE_CHECKING:
    from finetrail.models.inputs import Values

QUANTILES = (0.5, 0.95)
Tell = Callable[[str], None]


def latencies(models: dict[str, Path], contents: list[Any], tell: Tell, track: Track) -> dict[str, tuple[float, float]]:
    """The median and the 95th percentile, in milliseconds, from a raw value to an answer, by candidate.

    All models are in memory at once and take turns row by row, so other load on this machine slows all of them alike.

    Args:
        models: the folder of each candidate's model.
        contents: of the rows.
        tell: hears how long it will take, as soon as the models are loaded and the first one is warm.
    """
    built = [load_model(models[name]) for name in track(list(models), total=len(models), what="loading models")]
    row = max(row_times_ms(built[:1], contents[:WARM_UP])[0]) / 1000
    tell(_announced(len(models), len(contents), row))
    found = np.quantile(row_times_ms(built, contents), QUANTILES, axis=1).T
    return {name: (float(median), float(high)) for name, (median, high) in zip(models, found, strict=True)}


def spread(rows: "Values", wanted: int) -> list[Any]:
    """So many rows, evenly spread over all of them. Raises: WorkspaceError: there are none."""
    if not len(rows):
        raise WorkspaceError("data/splits/val has no rows, but the time per row is measured on them: run `dvc repro`")
    return list(islice(rows, 0, None, max(1, len(rows) // wanted)))[:wanted]


def _announced(models: int, rows: int, row: float) -> str:
    seconds = models * (rows + WARM_UP) * row
    about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return (
        f"measuring the time per row: {models} models, {rows} rows each, about {about} (the first model takes "
        f"{1000 * row:.0f} ms a row)"
    )
