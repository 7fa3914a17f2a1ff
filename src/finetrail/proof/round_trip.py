"""The round trip: a model that is about to be registered answers elsewhere as it did in the pipeline."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from finetrail.data.store.shards import pick
from finetrail.errors import RoundTripError
from finetrail.programs.clean import run_clean
from finetrail.proof.clean_process import FEW
from finetrail.serving.agreement import TOLERANCE, farthest
from finetrail.serving.predictions import read_predictions
from finetrail.targets.codec import Codec
from finetrail.workspace import read_json

SAMPLE = 256
"""Rows that are compared before a model is registered."""


@dataclass(frozen=True)
class Said:
    """What a packed model said. Attributes: answers: as the codec reads them; served: `predict` on the first few."""

    answers: Any
    served: dict[str, list[Any]]


@dataclass(frozen=True)
class RoundTrip:
    """A split and the pipeline's answers to it.

    Attributes:
        split: the folder of the split.
        content: the name of what its rows hold.
        predictions: predictions.parquet of stage `test`, or of `train`.
        codec: reads them.
        sample: how many rows to ask: those with the smallest ids, which are hashes, or all if there are fewer.
        faults: why a served model refuses a content, by its place; `validation` can let blank texts through.
    """

    split: Path
    content: str
    predictions: Path
    codec: Codec
    sample: int = SAMPLE
    faults: Callable[[Sequence[Any]], Mapping[int, str]] = lambda contents: {}

    def prove(self, folder: Path) -> str:
        """Have a packed model answer in a clean, offline process; returns what was found, in a few words.

        Raises:
            RoundTripError: it does not load there, or its answers differ from the pipeline's.
        """
        return self.compare(self.ask(folder))

    def ask(self, folder: Path) -> Said:
        """A packed model's answers to the sample in a clean, offline process. Raises: RoundTripError: it gives none."""
        ids = self.known()["id"].tolist()
        contents = pick(self.split, self.content, ids)
        rows = [one if isinstance(one, dict) else {self.content: one} for one in (contents[row] for row in ids)]
        with TemporaryDirectory(prefix="finetrail-round-trip-") as temporary:
            asked, answers = Path(temporary) / "rows.parquet", Path(temporary) / "answers.parquet"
            pd.DataFrame(rows).to_parquet(asked, index=False)
            _run(folder, asked, answers, Path(temporary))
            served = {name: list(column.values()) for name, column in read_json(answers.with_suffix(".json")).items()}
            return Said(self.read(read_predictions(answers)), served)

    def compare(self, said: Said) -> str:
        """Compare answers with those of the pipeline. Raises: RoundTripError: they differ."""
        codec, ids = self.codec, self.known()["id"].tolist()
        worst = farthest(codec, said.answers, self.read(self.known()))
        if not worst.agree:
            raise RoundTripError(
                f"the packed model answers row {ids[worst.row]} with {worst.said}, but the pipeline with "
                f"{worst.expected}: {worst.apart:.3g} apart, where {worst.allowed:.3g} is allowed; nothing was "
                "registered: score it again with `dvc repro --force --single-item test`"
            )
        for name, meant in codec.say(said.answers).items():
            served, few = said.served.get(name), list(meant)[:FEW]
            if not _alike(served, few, worst.allowed):
                raise RoundTripError(
                    f"the packed model's `predict` says {served} in column {name!r}, but its outputs mean {few}; "
                    "nothing was registered: check serving/served.py"
                )
        return f"{len(ids)} test rows in a clean process, largest difference {worst.apart:.1e}"

    def known(self) -> pd.DataFrame:
        """The sample, with what the pipeline said. Leaves out contents that a served model refuses, such as no text."""
        rows = read_predictions(self.predictions).sort_values("id", kind="stable").head(self.sample)
        contents = pick(self.split, self.content, rows["id"].tolist())
        refused = self.faults([contents[row] for row in rows["id"]])
        return rows[[place not in refused for place in range(len(rows))]]

    def read(self, frame: pd.DataFrame) -> Any:
        """Answers out of a frame. Raises: RoundTripError: they are not this model's."""
        try:
            return self.codec.read(frame)
        except ValueError as error:
            raise RoundTripError(f"the answers come from another model ({error}); run `dvc repro`") from error


def _alike(served: Any, meant: Any, allowed: float) -> bool:
    """Whether two answers are the same, fractions nearly. Args: served: out of JSON; meant: as the codec has it."""
    if isinstance(served, dict) and isinstance(meant, dict):
        return served.keys() == meant.keys() and all(_alike(served[name], meant[name], allowed) for name in served)
    if isinstance(served, list) and isinstance(meant, list | tuple | np.ndarray):
        return len(served) == len(meant) and all(map(_alike, served, meant, repeat(allowed)))
    if isinstance(served, float) and isinstance(meant, float | np.floating):
        return math.isclose(served, meant, rel_tol=TOLERANCE, abs_tol=allowed)
    return bool(served == meant)


def _run(model: Path, rows: Path, answers: Path, folder: Path) -> None:
    script = Path(__file__).with_name("clean_process.py")
    done = run_clean(script, [str(model.resolve()), str(rows), str(answers)], folder)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it gave no reason"]
        raise RoundTripError(
            f"the packed model cannot be used in a clean, offline process ({lines[-1][:300]}); "
            "train and register it again with `dvc repro --force`"
        )
