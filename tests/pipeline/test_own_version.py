"""The version that a workspace stands for: after an edit that was taken back, a commit, a repetition, an experiment."""

from pathlib import Path

import pytest

from finetrail.proof.growth import commit_of
from finetrail.proof.record import Lineage
from finetrail.registry.versions import Known, aliases, fetch, find, versions
from finetrail.runs.hashes import hash_folder
from finetrail.runs.tracking import Tracker, connect, tracking_uri
from finetrail.workspace import read_json
from tests.pipeline.workspaces import Outcome, Sandbox

RATE = "candidates.full.train.learning_rate"


def tracker_of(sandbox: Sandbox) -> Tracker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(sandbox.paths))
        return connect(sandbox.paths, "toy")


def lines_of(done: Outcome) -> list[str]:
    assert done.code == 0, done
    return done.out.splitlines()


def repro(sandbox: Sandbox, *options: str) -> list[str]:
    """Run `dvc repro`; returns the stages that ran."""
    done = sandbox.run("dvc", "repro", *options)
    assert done.code == 0, done
    return sandbox.stages_of(done)


def unproven(sandbox: Sandbox, version: str) -> list[str]:
    """The links of a version that do not hold."""
    return [line for line in sandbox.finetrail("verify", version).out.splitlines() if line.startswith(("BRO", "UNR"))]


def lineage_of(sandbox: Sandbox, known: Known, into: Path) -> Lineage:
    return Lineage.from_json(read_json(fetch(tracker_of(sandbox), known, into, "artifacts/lineage.json")))


@pytest.fixture(scope="module")
def edited(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Version 1 at a commit; then edit, `dvc repro`, commit, as the README says: version 2 is older than its commit."""
    sandbox = finished.copy(tmp_path_factory.mktemp("own") / "workspace")
    assert sandbox.finetrail("register").code == 0
    sandbox.edit("candidates", {"full": {"adaptation": {"method": "full"}, "train": {"epochs": 1}}})
    sandbox.edit(RATE, 2e-3)
    repro(sandbox)
    assert [one.version for one in versions(tracker_of(sandbox), "toy")] == [2, 1]
    (line,) = unproven(sandbox, "2")
    assert line.startswith("UNREACHABLE  commit: ")
    assert line.endswith(
        "; commit params.yaml, dvc.yaml, data/corrections.csv and the code as they ran, then `finetrail register`"
    )
    sandbox.must("git", "commit", "--quiet", "--all", "--message", "a lower rate")
    return sandbox


def test_what_was_committed_later_is_proven_and_can_be_built_again(edited: Sandbox, tmp_path: Path) -> None:
    head = edited.must("git", "rev-parse", "HEAD").strip()
    shown = lines_of(edited.finetrail("verify", "2", "--strict"))
    assert f"OK           commit: {head}, made after the model was registered" in shown
    recorded = lineage_of(edited, find(tracker_of(edited), "toy", "2"), tmp_path / "version")
    assert recorded.dirty
    assert commit_of(edited.root, recorded) == head


def test_then_register_enters_the_commit_in_the_ledger_once(edited: Sandbox) -> None:
    head = edited.must("git", "rev-parse", "HEAD").strip()
    (said,) = lines_of(edited.finetrail("register"))
    assert said == (
        "found again: models:/toy/2, also models:/toy@challenger; its lineage leads to commit " + head[:12] + " now"
    )
    entry = next(line for line in lines_of(edited.finetrail("history")) if " lineage " in line)
    assert entry.endswith(f"the same weights, from commit {head[:12]}")
    assert f"OK           added lineage: the same weights from commit {head[:12]}, in the ledger" in lines_of(
        edited.finetrail("verify", "2", "--strict")
    )
    assert lines_of(edited.finetrail("register")) == ["found again: models:/toy/2, also models:/toy@challenger"]


def test_an_added_lineage_that_was_altered_is_no_proof(edited: Sandbox) -> None:
    (added,) = (edited.paths.mlflow / "artifacts").rglob("lineage/*.json")
    text = added.read_text(encoding="utf-8")
    added.write_text(text + " ", encoding="utf-8")
    done = edited.finetrail("verify", "2")
    added.write_text(text, encoding="utf-8")
    assert done.code == 11
    assert "BROKEN       added lineage: the lineage that ledger entry" in done.out


def test_a_repetition_is_no_edit(edited: Sandbox) -> None:
    """The record of a repeated run has other seconds."""
    before = edited.paths.run("full").record.read_bytes()
    repro(edited, "--force", "--single-item", "train@full")
    assert edited.paths.run("full").record.read_bytes() != before
    assert [line for line in unproven(edited, "2") if line.startswith("BROKEN")] == []
    assert "register" in repro(edited)
    assert unproven(edited, "2") == []


def test_a_record_that_was_edited_is_found(edited: Sandbox) -> None:
    record = edited.paths.run("full").record
    text = record.read_text(encoding="utf-8")
    record.unlink()
    record.write_text(text.replace('"full"', '"lora"'), encoding="utf-8")
    (line,) = unproven(edited, "2")
    record.write_text(text, encoding="utf-8")
    assert line.startswith("BROKEN       run record: ")


def test_an_experiment_in_a_copy_is_registered_where_it_can_be_found(edited: Sandbox) -> None:
    done = edited.run("dvc", "exp", "run", "--temp", "--name", "two", "--set-param", f"{RATE}=1e-3")
    assert done.code == 0, done
    assert "registered: models:/toy/3, an experiment's, so without an alias" in done.out
    listed = lines_of(edited.finetrail("models"))
    assert [line.split()[:2] for line in listed[1:3]] == [["3", "full"], ["2", "challenger"]]
    edited.must("dvc", "exp", "apply", "two")
    shown = lines_of(edited.finetrail("show"))
    assert (
        "registered: models:/toy/3, alias challenger; challenger follows this workspace: models:/toy/3 (before: "
        "2)" in shown
    )
    edited.must("git", "checkout", "--quiet", "params.yaml", "dvc.lock")
    edited.must("dvc", "checkout", "--quiet")


@pytest.fixture(scope="module")
def taken_back(edited: Sandbox) -> Sandbox:
    """The first settings again: DVC has all results in its cache, and runs nothing."""
    edited.must("git", "checkout", "--quiet", "HEAD~1", "--", "params.yaml", "dvc.lock")
    assert repro(edited) == []
    return edited


def test_promote_predict_and_show_mean_the_model_in_the_workspace(taken_back: Sandbox) -> None:
    shown = lines_of(taken_back.finetrail("show"))
    assert any(line.startswith("registered: models:/toy/1, alias challenger; challenger follows") for line in shown)
    assert aliases(tracker_of(taken_back), "toy")["challenger"] == 1
    verdict = taken_back.root / "verdict.json"
    taken_back.finetrail("promote", "--dry-run", "--json", str(verdict))
    assert read_json(verdict)["model"] == "models:/toy/1"
    (taken_back.root / "in.csv").write_text("text\nbake the bread\nsnow and storm\n", encoding="utf-8")
    said = [
        lines_of(taken_back.finetrail("predict", "in.csv", f"{name}.csv", *options))
        for name, options in {"own": (), "named": ("--model", "data/models/full")}.items()
    ]
    assert said[0] == ["scored 2 rows with models:/toy/1, the version of this workspace: own.csv"]
    assert (taken_back.root / "own.csv").read_bytes() == (taken_back.root / "named.csv").read_bytes()


@pytest.mark.parametrize("wanted", ["1", "challenger", "models:/toy/1", "models:/toy@challenger", "full"])
def test_a_model_has_one_name_in_every_command(taken_back: Sandbox, wanted: str) -> None:
    assert lines_of(taken_back.finetrail("verify", wanted))[0].startswith("models:/toy/1")
    verdict = taken_back.root / "verdict.json"
    taken_back.finetrail("promote", wanted, "--dry-run", "--json", str(verdict))
    assert read_json(verdict)["model"] == "models:/toy/1"
    lines_of(taken_back.finetrail("predict", "in.csv", "out.csv", "--model", wanted))


def test_once_there_is_a_champion_those_that_read_mean_it(taken_back: Sandbox) -> None:
    tracker = tracker_of(taken_back)
    tracker.client.set_registered_model_alias("toy", "champion", "2")
    (said,) = lines_of(taken_back.finetrail("predict", "in.csv", "out.csv"))
    assert said == "scored 2 rows with models:/toy/2, the champion: out.csv"
    assert lines_of(taken_back.finetrail("verify"))[0].startswith("models:/toy/2, the champion")
    verdict = taken_back.root / "verdict.json"
    taken_back.finetrail("promote", "--dry-run", "--json", str(verdict))
    assert read_json(verdict)["model"] == "models:/toy/1"
    tracker.client.delete_registered_model_alias("toy", "champion")


def test_a_version_that_was_deleted_is_registered_again(taken_back: Sandbox) -> None:
    tracker = tracker_of(taken_back)
    tracker.client.delete_model_version("toy", "1")
    error = taken_back.finetrail("promote").error
    fingerprint = hash_folder(taken_back.paths.model("full"))[:12]
    assert error == (
        f"RefusedError: the model of this workspace (fingerprint {fingerprint}) is not in this registry: it was "
        "registered in another one, or deleted; run `finetrail register`"
    )
    assert "run `finetrail register`" in "".join(lines_of(taken_back.finetrail("show")))
    assert lines_of(taken_back.finetrail("register"))[0].startswith("registered: models:/toy/4")
    assert any(line.startswith("registered: models:/toy/4") for line in lines_of(taken_back.finetrail("show")))
    assert taken_back.must("dvc", "status", "--quiet") == ""
