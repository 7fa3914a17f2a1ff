"""The gate on real models: promoted, refused for a reason, rolled back, all of it in a ledger that shows tampering."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from finetrail.registry.versions import aliases
from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import read_json
from tests.conftest import ToyRow, toy_rows, write_csv
from tests.pipeline.challengers import FEW, challenge, client, sharper, without_weather
from tests.pipeline.workspaces import CSV, Outcome, Sandbox


def named(sandbox: Sandbox) -> dict[str, int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(sandbox.paths))  # `connect` would leave it set
        return aliases(connect(sandbox.paths, "toy"), "toy")


def history(sandbox: Sandbox) -> list[str]:
    """What happened, in order, but for registrations."""
    done = sandbox.finetrail("history")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[-2].endswith("the chain holds")
    kinds = ("scoring", "promotion", "refusal", "rollback", "external")
    return [next(kind for kind in kinds if f" {kind} " in line) for line in lines[1:-3] if " registration " not in line]


def promoted(sandbox: Sandbox, *arguments: str) -> Outcome:
    done = sandbox.finetrail("promote", *arguments)
    assert done.code == 0, done.out + done.err
    return done


def test_a_first_version_is_compared_with_the_best_constant_answer(gated: Sandbox) -> None:
    dry = promoted(gated, "--dry-run")
    assert "models:/toy/1 would become champion; nothing was changed" in dry.out
    assert named(gated) == {"challenger": 1}
    assert history(gated) == ["scoring"]
    done = promoted(gated)
    assert "version 1 against the best constant answer on 60 test rows: passes 2 of 2 rules" in done.out
    assert "models:/toy/1 is the champion now: models:/toy@champion" in done.out
    assert "different models scored on test split" in done.out
    assert named(gated) == {"challenger": 1, "champion": 1}
    assert history(gated) == ["scoring", "promotion"]
    again = promoted(gated)
    assert again.out.startswith("models:/toy/1 is already the champion; nothing was changed")
    assert history(gated) == ["scoring", "promotion"]


def test_a_challenger_that_loses_a_class_is_refused(gated: Sandbox) -> None:
    gated.edit("gate.margin", 1.0)
    gated.edit("gate.ece_margin", 1.0)
    promoted(gated)
    assert challenge(gated, without_weather) == 2
    done = gated.finetrail("promote", "challenger", "--json", "verdict.json")
    assert (done.code, done.error) == (
        9,
        "RefusedError: models:/toy/2 does not become champion: it fails McNemar, recall of weather; the table says why",
    )
    verdict = read_json(gated.root / "verdict.json")
    assert not verdict["promoted"]
    outcomes = {one["rule"]: one["outcome"] for one in verdict["verdict"]["rulings"]}
    expected = {"macro F1": "pass", "recall of cooking": "pass", "recall of weather": "fail"}
    assert {rule: outcomes[rule] for rule in expected} == expected
    assert named(gated) == {"challenger": 2, "champion": 1}
    # The challenger was never scored on these rows; the champion's answers are those of the stage.
    assert history(gated) == ["scoring", "promotion", "scoring", "refusal"]
    tags = client(gated).get_model_version("toy", "2").tags
    assert tags["finetrail.gate"].startswith("refused: version 2 against version 1 on 60 test rows: fails 2 of")
    assert ["recall of weather", "fail"] in [one[:2] for one in json.loads(tags["finetrail.gate_rules"])]
    assert any("refused" in line for line in gated.finetrail("models").out.splitlines() if line.startswith("2 "))


def test_a_good_challenger_is_promoted_and_can_be_rolled_back_and_forth(gated: Sandbox) -> None:
    promoted(gated)
    challenge(gated, sharper)
    done = promoted(gated, "challenger")
    assert "only the challenger is right on 0 rows, only the champion on 0" in done.out
    assert "ms against" in done.out
    assert named(gated) == {"challenger": 2, "champion": 2, "previous": 1}
    back = gated.finetrail("rollback")
    assert back.out.startswith("version 1 is champion again, in place of 2")
    assert named(gated) == {"challenger": 2, "champion": 1, "previous": 2}
    assert gated.finetrail("rollback").code == 0
    assert named(gated)["champion"] == 2
    assert gated.finetrail("rollback", "--to", "1").code == 0
    assert gated.finetrail("rollback", "--to", "7").error.startswith("RefusedError: version 7 of 'toy' was never")
    assert history(gated)[-4:] == ["promotion", "rollback", "rollback", "rollback"]
    shown = gated.finetrail("models").out.splitlines()
    assert shown[1].split()[:2] == ["2", "previous"]
    assert shown[2].split()[:3] == ["1", "champion,", "challenger"]
    assert shown[3] == "challenger follows this workspace: models:/toy/1 (before: 2)"


def test_a_model_with_other_labels_is_refused_with_the_reason(gated: Sandbox) -> None:
    promoted(gated)
    challenge(gated, sharper, {"weather": "climate"})
    done = gated.finetrail("promote", "challenger")
    assert done.code == 9
    assert "the test split has the label 'weather', which is none of the 3 that the model knows" in done.out
    gated.finetrail("rollback")
    assert named(gated)["champion"] == 1
    by_hand = client(gated)
    by_hand.set_registered_model_alias("toy", "champion", "2")
    done = gated.finetrail("promote", "1")
    both = "only the challenger knows 'weather'; only the champion knows 'climate'"
    assert f"their labels differ: {both}" in done.out
    assert history(gated) == ["scoring", "promotion", "refusal", "external", "refusal"]


def test_a_champion_of_another_data_version_is_scored_on_the_present_test_rows(gated: Sandbox) -> None:
    promoted(gated)
    challenge(gated, sharper)
    fresh = ToyRow(text="a gale and hail over the harbour in the thaw after snow", label="weather", split="test")
    write_csv(gated.root / CSV, [*toy_rows(), fresh])
    for stage in ("ingest", "validate", "split"):
        assert gated.finetrail(stage).code == 0
    promoted(gated, "challenger")
    lines = gated.finetrail("history").out.splitlines()
    split = read_json(gated.paths.split_report)["sha256"]["test"]
    scorings = [line for line in lines if " scoring " in line and split[:12] in line]
    assert len(scorings) == 2, "both were scored anew, on the same rows"
    assert "version 2 against version 1 on 61 test rows" in lines[-4]


def test_beyond_the_limit_the_gate_asks_for_a_fresh_test_set(gated: Sandbox) -> None:
    promoted(gated)
    challenge(gated, sharper)
    gated.edit("gate.models_per_test_split", 1)
    done = gated.finetrail("promote", "challenger")
    assert done.code == 9
    assert "2 different models were scored on this test split, more than 1: use a fresh test set" in done.out
    again = gated.finetrail("test")  # the same model on the same rows counts once
    assert again.out.splitlines()[-1].startswith("different models scored on this test split so far: 2")


def test_declared_slices_are_judged_apart(gated: Sandbox) -> None:
    promoted(gated)
    challenge(gated, without_weather)
    slices = {
        "storms": {"label": ["weather"], "min_characters": 20},
        "short": {"max_characters": 3},
    }
    gated.edit("selection.slices", {"kitchen": {"label": ["cooking"]}})  # for the report and the gate
    gated.edit("gate", FEW | {"slices": slices, "class_rows": 1000, "margin": 1.0, "latency_ratio": None})
    done = gated.finetrail("promote", "challenger", "--dry-run", "--json", "verdict.json")
    assert done.code == 9
    rules = {one["rule"]: one["outcome"] for one in read_json(gated.root / "verdict.json")["verdict"]["rulings"]}
    assert (rules["slice storms"], rules["slice kitchen"], rules["slice short"]) == ("fail", "pass", "not judged")
    assert "latency" not in rules
    assert "recall of ... (3)" in done.out
    assert history(gated) == ["scoring", "promotion", "scoring"], "a dry run enters no refusal"


def test_evaluate_scores_a_version_anew(gated: Sandbox) -> None:
    done = gated.finetrail("evaluate", "1", "--json", "scores.json")
    assert done.code == 0, done.err
    found: dict[str, Any] = read_json(gated.root / "scores.json")
    metrics = read_json(gated.paths.test_details)
    assert {name: one["value"] for name, one in found["metrics"].items()} == pytest.approx(
        {name: value for name, value in metrics["test"].items() if name != "loss"}
    )
    assert (found["rows"], found["models_scored"]) == (60, 1)
    assert "test macro_f1 of models:/toy/1: 0." in done.out
    assert history(gated) == ["scoring", "scoring"]


def test_without_a_test_split_it_says_where_to_get_it(gated: Sandbox) -> None:
    shutil.rmtree(gated.paths.split("test"))
    done = gated.finetrail("promote", "challenger")
    assert done.code == 7
    assert done.error.endswith(
        "data/splits/test does not exist, and models are compared on it; get it with `dvc pull`, or make it with "
        "`dvc repro split`"
    )


def test_what_is_no_version_is_refused(gated: Sandbox) -> None:
    done = gated.finetrail("promote", "7")
    assert (done.code, done.error) == (9, "RefusedError: 'toy' has no version '7'; it has 1, challenger")


def test_answers_that_were_tampered_with_are_not_believed(gated: Sandbox) -> None:
    """The ledger has the hash of each file of answers: another file is no evidence, and the model is asked again."""
    import pandas as pd

    found = client(gated)
    run_id = found.get_model_version("toy", "1").run_id
    (folder,) = (one.path for one in found.list_artifacts(run_id, "answers"))
    file = Path(found.download_artifacts(run_id, f"{folder}/predictions.parquet", str(gated.root)))
    frame = pd.read_parquet(file)
    frame["logits"] = [-logits for logits in frame["logits"]]
    frame.to_parquet(file)
    found.log_artifact(run_id, str(file), folder)
    assert "macro F1 0." in promoted(gated).out
    assert history(gated) == ["scoring", "scoring", "promotion"]


def test_a_broken_ledger_is_told_and_stops_the_gate(gated: Sandbox) -> None:
    promoted(gated)
    head = gated.finetrail("history").out.splitlines()[-1].removeprefix("head ")
    assert gated.finetrail("history", "--head", head).code == 0
    text = client(gated).get_model_version("toy.ledger", "2").tags["finetrail.entry"]
    other = text.replace('"accuracy":0.', '"accuracy":1.')
    assert other != text
    client(gated).set_model_version_tag("toy.ledger", "2", "finetrail.entry", other)
    for command in ("history", "promote", "rollback"):
        done = gated.finetrail(command)
        assert done.code == 10
        assert done.error.startswith("LedgerError: the ledger is BROKEN at entry 3: it does not carry the hash of")
    client(gated).set_model_version_tag("toy.ledger", "2", "finetrail.entry", text)
    assert gated.finetrail("history", "--head", f"4:{'0' * 64}").error.startswith(
        "LedgerError: the ledger is BROKEN at entry 4: it is missing"
    )
