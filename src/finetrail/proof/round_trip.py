"""The round trip: what is about to be registered answers elsewhere as it did in the pipeline."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from finetrail.data.store.shards import pick
from finetrail.errors import RoundTripError
from finetrail.serving.answer import columns_of
from finetrail.targets.problem import ProblemType

SAMPLE = 256
"""Rows that are compared before a model is registered."""
TOLERANCE = 1e-3
"""Of the largest output: other batches and threads add up in another order, and differ by some 1e-6."""
# What a served model has no use for, and what would lead to the real server.
_WITHOUT = ("MLFLOW_", "AWS_", "PREFECT_")


@dataclass(frozen=True)
class Answers:
    """Of a packed model. Attributes: outputs: (n, K); said: what `predict` says to the first few."""

    outputs: np.ndarray
    said: pd.DataFrame


@dataclass(frozen=True)
class RoundTrip:
    """A split and what the pipeline said to it.

    Attributes:
        split: the folder of the split.
        column: what its rows hold, `text` or `image`.
        predictions: predictions.parquet of stage `test`, or of `train`.
        problem: the kind of problem.
        labels: the names of the outputs.
        sample: how many rows are asked for: those with the smallest ids, which are hashes, or all if there are fewer.
    """

    split: Path
    column: str
    predictions: Path
    problem: ProblemType
    labels: Sequence[str]
    sample: int = SAMPLE

    def prove(self, packed: Path) -> str:
        """Have a packed model answer in a clean, offline process; returns what was found, in a few words.

        Raises:
            RoundTripError: it does not load there, or answers otherwise than the pipeline did.
        """
        return self.compare(self.ask(packed))

    def ask(self, packed: Path) -> Answers:
        """What a packed model says to the sample in a clean, offline process. Raises: RoundTripError: nothing."""
        ids = self.known()["id"].tolist()
        contents = pick(self.split, self.column, ids)
        with TemporaryDirectory(prefix="finetrail-round-trip-") as temporary:
            rows, answers = Path(temporary) / "rows.parquet", Path(temporary) / "answers.parquet"
            pd.DataFrame({self.column: [contents[row] for row in ids]}).to_parquet(rows, index=False)
            _run(packed, rows, answers, Path(temporary))
            outputs = np.stack(pd.read_parquet(answers)["outputs"].tolist())
            return Answers(outputs, pd.read_json(answers.with_suffix(".json"), dtype=False))

    def compare(self, answers: Answers) -> str:
        """Hold answers against those of the pipeline. Raises: RoundTripError: they differ."""
        known = self.known()
        ids, outputs, said = known["id"].tolist(), answers.outputs, answers.said
        expected = outputs_in(known)
        if outputs.shape != expected.shape:
            raise RoundTripError(
                f"the packed model has {outputs.shape[1]} outputs, but the pipeline's answers have "
                f"{expected.shape[1]}; run `dvc repro`"
            )
        allowed = TOLERANCE * float(np.abs(expected).max(initial=0.0))
        differences = np.abs(outputs - expected).max(axis=1)
        worst = int(np.argmax(np.where(np.isfinite(differences), differences, np.inf)))
        if not differences[worst] <= allowed:  # NaN is no answer either
            raise RoundTripError(
                f"the packed model answers row {ids[worst]} with {_say(outputs[worst])}, but the pipeline with "
                f"{_say(expected[worst])}: {differences[worst]:.3g} apart, where {allowed:.3g} is allowed; nothing was "
                "registered: score it again with `dvc repro --force --single-item test`"
            )
        meant = pd.DataFrame(columns_of(self.problem, outputs[: len(said)], list(self.labels)))
        for name in meant:
            same = (
                np.allclose(said[name], meant[name], rtol=TOLERANCE, atol=allowed)
                if meant[name].dtype.kind == "f"
                else said[name].tolist() == meant[name].tolist()
            )
            if not same:
                raise RoundTripError(
                    f"the packed model's `predict` says {said[name].tolist()} in column {name!r}, but its outputs "
                    f"mean {meant[name].tolist()}; nothing was registered: check serving.py"
                )
        return f"{len(ids)} test rows in a clean process, largest difference {differences[worst]:.1e}"

    def known(self) -> pd.DataFrame:
        """The sample, with what the pipeline said."""
        return pd.read_parquet(self.predictions).sort_values("id", kind="stable").head(self.sample)


def outputs_in(predictions: pd.DataFrame) -> np.ndarray:
    """The outputs (n, K) that a predictions.parquet holds."""
    column = predictions["logits" if "logits" in predictions else "prediction"]
    return np.stack([np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in column])


def _run(packed: Path, rows: Path, answers: Path, folder: Path) -> None:
    script = Path(__file__).with_name("clean_process.py")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_WITHOUT)} | {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    # -P: the folder of the script is no place to import from.
    command = [sys.executable, "-P", str(script), str(packed), str(rows), str(answers)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it gave no reason"]
        raise RoundTripError(
            f"the packed model cannot be used in a clean, offline process ({lines[-1][:300]}); "
            "train and register it again with `dvc repro --force`"
        )


def _say(outputs: np.ndarray) -> str:
    shown = ", ".join(f"{value:.4g}" for value in outputs[:4])
    return f"({shown}{', ...' if len(outputs) > 4 else ''})"
