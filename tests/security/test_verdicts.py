"""Somebody may write to MLflow, or edit params.yaml, to have a worse model promoted: the gate believes what it saw."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetrail.gate.answers import open_test_split
from finetrail.registry import scorings
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import find
from finetrail.runs.tracking import connect, tracking_uri
from tests.pipeline.challengers import challenge, sharper, without_weather
from tests.pipeline.workspaces import Sandbox


@pytest.fixture
def rivals(gated: Sandbox) -> Sandbox:
    """Version 1 is champion; version 2 is wrong on a class."""
    assert gated.finetrail("promote").code == 0
    assert challenge(gated, without_weather) == 2
    return gated


def publish(sandbox: Sandbox, version: str, accuracy: float) -> None:
    """Enter perfect answers for a version, through finetrail's own ledger."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(sandbox.paths))  # `connect` would leave it set
        tracker = connect(sandbox.paths, "toy")
        known, split = find(tracker, "toy", version), open_test_split(sandbox.paths, "text")
        labels = sorted(set(split.rows["label"]))
        right = [labels.index(label) for label in split.rows["label"]]
        file = sandbox.root / scorings.FILE
        answers = {"id": split.rows["id"], "label": split.rows["label"], "logits": list(np.eye(len(labels))[right] * 9)}
        pd.DataFrame(answers).to_parquet(file, index=False)
        scorings.publish(
            Ledger(tracker, "toy", "Eve <eve@example.org>"),
            known.run_id,
            file,
            model=known.fingerprint,
            test_split=split.sha256,
            metrics={"accuracy": accuracy, "macro_f1": accuracy},
            version=int(version),
        )


def test_answers_that_somebody_published_are_not_believed(rivals: Sandbox) -> None:
    publish(rivals, "2", 1.0)
    done = rivals.finetrail("promote", "2")
    assert done.code == 10
    assert "the stored test answers of models:/toy/2 are not its own: it answers row " in done.err
    assert "restore MLflow's database from a backup, or start a new ledger as docs/gate.md says" in done.err
    # Its own answers beside them do not help: one of the two scorings is a lie, and stays in the ledger.
    assert rivals.finetrail("evaluate", "2").code == 0
    done = rivals.finetrail("promote", "2")
    assert (done.code, done.err.split(":")[0]) == (10, "LedgerError")
    assert "was scored twice on these test rows, with accuracy 1.000 in entry" in done.err


def test_a_gate_that_was_loosened_is_told_refused_and_accepted_only_by_name(rivals: Sandbox) -> None:
    rivals.edit("gate.margin", 0.99)
    rivals.edit("gate.class_margin", 1.0)
    rivals.edit("gate.confidence", 0.5)
    done = rivals.finetrail("promote", "2")
    assert done.code == 9
    assert "fails McNemar, calibration, gate; the table says why" in done.err
    said = "looser than when version 1 passed it: margin 0.99 (was 0.02), class_margin 1 (was 0.1), confidence 0.5 (was"
    assert said in done.out
    accepted = rivals.finetrail("promote", "2", "--accept-looser-gate")
    assert "accepted with --accept-looser-gate" in accepted.out
    assert "McNemar" in accepted.err, "the other rules still count"


def test_a_promotion_names_its_bounds_and_whether_they_were_committed(rivals: Sandbox) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(rivals.paths))  # `connect` would leave it set
        chain = Ledger(connect(rivals.paths, "toy"), "toy", "Ada").read()
    passed = chain.promotion(1)
    assert passed is not None
    assert passed.facts["params"] == "not committed"  # `gated` edits the gate
    assert passed.facts["commit"] == rivals.must("git", "rev-parse", "HEAD").strip()
    assert '"margin": 0.02' in passed.facts["gate"]


def test_verify_checks_the_answers_that_a_verdict_stood_on(rivals: Sandbox) -> None:
    done = rivals.finetrail("verify", "1")
    assert "OK           verdict: entry " in done.out
    assert "its params were not committed" in done.out
    (answers,) = (rivals.root / ".finetrail").rglob("answers/*/predictions.parquet")
    answers.write_bytes(answers.read_bytes() + b" ")
    done = rivals.finetrail("verify", "1")
    assert done.code == 11
    assert "BROKEN       verdict: " in done.out


def test_the_same_model_by_another_name_needs_no_acceptance(gated: Sandbox, tmp_path: Path) -> None:
    """A stricter gate, or the same one, says nothing."""
    assert gated.finetrail("promote").code == 0
    challenge(gated, sharper)
    gated.edit("gate.margin", 0.01)
    done = gated.finetrail("promote", "2")
    assert done.code == 0, done
    assert "looser" not in done.out
