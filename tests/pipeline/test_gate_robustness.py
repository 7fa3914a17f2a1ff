"""The gate on perturbed rows of real models: what it stands on is in the ledger, and shows when it is altered."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from finetrail.locations import sha256_of
from finetrail.registry.chain import Entry
from finetrail.registry.ledger import chain_of
from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import read_json
from tests.pipeline.challengers import FEW, alter, challenge, client, sharper, without_weather
from tests.pipeline.workspaces import Sandbox

if TYPE_CHECKING:
    from torch import Tensor

ASSESS = {"robustness": {"perturbations": ["typos", "case"], "severities": [2, 5], "max_rows": 40}}

REMEDY = "asks for one; set assess.robustness there, and run `dvc repro`"
RESTORE = "restore MLflow's artifacts from a backup, or assess the model again"


def entries(sandbox: Sandbox) -> list[Entry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(sandbox.paths))  # `connect` would leave it set
        return list(chain_of(connect(sandbox.paths, "toy"), "toy").entries)


def assess(sandbox: Sandbox) -> None:
    sandbox.edit("assess", ASSESS)
    done = sandbox.finetrail("assess", "robustness")
    assert done.code == 0, done.err


def assessed_challenger(sandbox: Sandbox, change: "Callable[[dict[str, Tensor]], None]") -> None:
    """Version 2: assessed while it stands in the place of the workspace's model, then registered."""
    model = sandbox.paths.model("full")
    kept = Path(shutil.copytree(model, sandbox.root / "kept"))
    alter(model, change)
    assess(sandbox)
    shutil.rmtree(model)
    kept.rename(model)
    assert challenge(sandbox, change) == 2


def test_a_version_that_was_not_assessed_is_refused_in_a_line_and_the_remedy_works(gated: Sandbox) -> None:
    gated.edit("gate.max_drop", 0.9)
    before = entries(gated)
    done = gated.finetrail("promote")
    assert (done.code, done.error) == (
        9,
        f"RefusedError: models:/toy/1 has no assessment of robustness, but section gate of params.yaml {REMEDY}",
    )
    assert entries(gated) == before, "no verdict, no entry"
    assess(gated)
    done = gated.finetrail("promote", "--json", "verdict.json")
    assert done.code == 0, done.err
    rules = {one["rule"]: one for one in read_json(gated.root / "verdict.json")["verdict"]["rulings"]}
    found = read_json(gated.paths.assessment("robustness") / "robustness.json")
    assert rules["robustness"]["outcome"] == "pass"
    assert "on 40 validation rows under typos, case at severity 2, 5, where 0.900 is" in rules["robustness"]["sentence"]
    assert rules["robustness"]["numbers"]["value"] == pytest.approx(found["mean_drop"])
    promoted = entries(gated)[-1]
    answers = gated.paths.assessment("robustness") / "predictions.parquet"
    assert promoted.facts["perturbed_sha256"] == sha256_of(answers)
    assert "finetrail.assess.robustness" in client(gated).get_model_version("toy", "1").tags
    verified = gated.finetrail("verify", "1")
    assert "OK           verdict: entry" in verified.out


def test_more_than_the_drop_that_is_allowed_fails(gated: Sandbox) -> None:
    assess(gated)
    drop = read_json(gated.paths.assessment("robustness") / "robustness.json")["mean_drop"]
    assert drop > 0.02, "the toy reads words, and typos break them"
    gated.edit("gate.max_drop", round(drop - 0.01, 3))
    done = gated.finetrail("promote")
    assert done.code == 9
    assert "it fails robustness; the table says why" in done.err
    gated.edit("gate.max_drop", round(drop + 0.01, 3))
    assert gated.finetrail("promote").code == 0


def test_the_champion_is_asked_about_the_rows_of_the_challenger(gated: Sandbox) -> None:
    """A champion that was never assessed, and a challenger that loses a class on perturbed rows too."""
    assert gated.finetrail("promote").code == 0
    assessed_challenger(gated, without_weather)
    gated.edit("gate", FEW | {"margin": 1.0, "class_margin": 1.0, "ece_margin": 1.0, "perturbed_margin": 0.05})
    done = gated.finetrail("promote", "2", "--json", "verdict.json")
    assert done.code == 9, done.out
    rules = {one["rule"]: one for one in read_json(gated.root / "verdict.json")["verdict"]["rulings"]}
    assert rules["perturbed rows"]["outcome"] == "fail"
    assert rules["perturbed rows"]["numbers"]["value"] < -0.05
    kinds = [(one.kind, one.verdict) for one in entries(gated)]
    assert kinds[-2][0] == "assessment"
    assert kinds[-2][1] == "robustness: asked by the gate about 200 rows"
    refusal = entries(gated)[-1]
    assert refusal.kind == "refusal"
    assert {"perturbed_sha256", "champion_perturbed_sha256"} <= set(refusal.facts)
    again = gated.finetrail("promote", "2")
    assert again.code == 9
    assert [one.kind for one in entries(gated)][-2:] == ["refusal", "refusal"], "its answers are known now"


def test_a_challenger_that_is_as_good_passes_and_answers_that_were_altered_are_not_believed(gated: Sandbox) -> None:
    assess(gated)
    gated.edit("gate", FEW | {"perturbed_margin": 0.02, "max_drop": 0.9})
    assert gated.finetrail("promote").code == 0
    assessed_challenger(gated, sharper)
    dry = gated.finetrail("promote", "2", "--dry-run", "--json", "verdict.json")
    assert dry.code == 0, dry.out
    rules = {one["rule"]: one for one in read_json(gated.root / "verdict.json")["verdict"]["rulings"]}
    assert rules["perturbed rows"]["outcome"] == "pass"
    assert rules["perturbed rows"]["numbers"]["value"] == 0
    assert entries(gated)[-1].kind == "scoring", "both were assessed on the same rows: nobody is asked again"
    entry = [one for one in entries(gated) if one.kind == "assessment"][-1]
    digest = entry.facts["answers_sha256"]
    run_id, place = entry.facts["run_id"], f"assess/robustness/{digest[:16]}"
    file = Path(client(gated).download_artifacts(run_id, f"{place}/predictions.parquet", str(gated.root)))
    frame = pd.read_parquet(file)
    frame["logits"] = [-logits for logits in frame["logits"]]
    frame.to_parquet(file)
    client(gated).log_artifact(run_id, str(file), place)
    done = gated.finetrail("promote", "2")
    assert (done.code, done.error) == (
        10,
        f"LedgerError: the answers to perturbed rows of models:/toy/2 are gone or altered; {RESTORE}",
    )


def test_validation_rows_that_are_not_here_are_told_and_the_remedy_works(gated: Sandbox) -> None:
    assess(gated)
    gated.edit("gate.max_drop", 0.9)
    split = gated.paths.split("val")
    split.rename(gated.root / "aside")
    shutil.copytree(gated.paths.split("train"), split)
    done = gated.finetrail("promote")
    assert done.code == 7
    assert done.error.startswith(
        "WorkspaceError: models:/toy/1 was assessed on validation rows that are not those of this workspace; "
    )
    shutil.rmtree(split)
    assert gated.run("dvc", "checkout", "data/splits/val").code == 0
    assert gated.finetrail("promote").code == 0
