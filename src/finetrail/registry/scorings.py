"""Answers of models to a test split: files in their MLflow runs, and the ledger entries that vouch for them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from finetrail.locations import sha256_of
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.ledger import Ledger
from finetrail.runs.hashes import hash_code
from finetrail.serving.predictions import read_predictions

if TYPE_CHECKING:
    import pandas as pd

FILE = "predictions.parquet"


def publish(
    ledger: Ledger,
    run_id: str,
    answers: Path,
    *,
    model: str,
    test_split: str,
    metrics: Mapping[str, float],
    version: int | None = None,
) -> Entry:
    """Store the answers of a model with its run, and enter the scoring in the ledger.

    Args:
        answers: a predictions.parquet.
        model: the fingerprint of its files.
        test_split: the sha256 of the rows.
    """
    ledger.tracker.upload(run_id, answers, _place(test_split))
    return ledger.enter(
        "scoring",
        version=version,
        model=model,
        test_split=test_split,
        facts={"answers_sha256": sha256_of(answers), "code_sha256": hash_code(), "run_id": run_id},
        metrics={name: round(value, 6) for name, value in metrics.items()},
    )


def stored(ledger: Ledger, chain: Chain, *, model: str, test_split: str) -> "pd.DataFrame | None":
    """The answers of a model to a test split, if they are still, byte for byte, where its last scoring put them."""
    entries = chain.scorings(test_split, model)
    if not entries:
        return None
    entry = entries[-1]
    with TemporaryDirectory() as folder:
        file = ledger.tracker.download(entry.facts["run_id"], f"{_place(test_split)}/{FILE}", folder)
        # Otherwise the caller scores again: whatever is wrong shows there.
        if file is None or sha256_of(file) != entry.facts["answers_sha256"]:
            return None
        return read_predictions(file)


def by_this_code(chain: Chain, *, model: str, test_split: str) -> Entry | None:
    """The last scoring of a model on a test split, if this very code carried it out."""
    entries = chain.scorings(test_split, model)
    return entries[-1] if entries and entries[-1].facts.get("code_sha256") == hash_code() else None


def are_of(frame: "pd.DataFrame", rows: "pd.DataFrame") -> bool:
    """Whether stored answers belong to these very rows, in this order."""
    return all(frame[name].tolist() == rows[name].tolist() for name in ("id", "label"))


def _place(test_split: str) -> str:
    return f"answers/{test_split[:16]}"
