"""`finetrail reproduce`: a version trained again from a fresh clone is the same bits; one that was forged is not."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from finetrail.commands.reproduce import Reproduced, compare, open_version
from finetrail.errors import ReproductionError
from finetrail.locations import sha256_of
from finetrail.models.weights import load_tensors, save_tensors
from finetrail.proof.record import Lineage
from finetrail.proof.registered import Files
from finetrail.registry.versions import Known, find
from finetrail.runs.hashes import hash_folder
from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import Workspace, read_json
from tests.pipeline.workspaces import CSV, WEIGHTS, Outcome, Sandbox

STAGES = ["ingest", "validate", "split", "train@full"]


@dataclass(frozen=True)
class Again:
    """A version that was built again. Attributes: clone: kept; report: of --json; runs: in MLflow, before and after."""

    done: Outcome
    clone: Sandbox
    report: dict[str, Any]
    runs: tuple[int, int]


def runs_of(sandbox: Sandbox) -> int:
    """How many runs MLflow has."""
    path = tracking_uri(sandbox.paths).removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0])


@pytest.fixture(scope="module")
def again(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Again:
    folder = tmp_path_factory.mktemp("reproduce")
    clone, report = Sandbox(folder / "clone"), folder / "report.json"
    before = runs_of(finished)
    done = finished.finetrail("reproduce", "1", "--exact", "--keep", str(clone.root), "--json", str(report))
    assert done.code == 0, done
    return Again(done, clone, read_json(report), (before, runs_of(finished)))


def test_a_version_is_built_again_bit_for_bit(again: Again, finished: Sandbox) -> None:
    assert again.report["reproduced"]
    assert again.report["compared"] == "bits"
    assert again.done.out.splitlines()[-1] == "compared bit for bit: models:/toy/1 is reproduced exactly"
    assert hash_folder(again.clone.paths.model("full")) == hash_folder(finished.paths.model("full"))
    tensors, files = again.report["bits"]["tensors"], again.report["bits"]["files"]
    assert len(tensors) > 10
    assert "model.safetensors" in {file["name"] for file in files}
    assert all(one["registered"] == one["rebuilt"] for one in (*tensors, *files))
    assert again.report["metrics"] == []


def test_nothing_was_restored_that_should_be_computed(again: Again) -> None:
    assert again.clone.stages_of(again.done) == STAGES
    assert [path.name for path in again.clone.paths.models.iterdir()] == ["full"]
    assert not again.clone.paths.selection.exists()


def test_it_has_mlflow_to_itself(again: Again, finished: Sandbox) -> None:
    assert again.runs[0] == again.runs[1]
    assert runs_of(again.clone) == 1
    records = [read_json(one.paths.run("full").record)["run_id"] for one in (again.clone, finished)]
    assert records[0] != records[1]


def test_the_users_own_data_is_there_and_no_remote_is_left(again: Again, finished: Sandbox) -> None:
    for name in (CSV, f"{WEIGHTS}/model.safetensors"):
        assert sha256_of(again.clone.root / name) == sha256_of(finished.root / name)
    assert again.clone.must("dvc", "remote", "list").strip() == ""


def test_what_it_was_trained_on_is_recorded_and_told(again: Again) -> None:
    machine = again.report["trained_on"]
    assert machine == again.report["trained_again_on"]
    assert {"processor", "capabilities", "kernels", "threads", "torch", "precision", "processes"} <= set(machine)
    assert f"trained again on the same: {machine['processor']}, " in again.done.out


def test_no_folder_of_others_is_built_in(again: Again, finished: Sandbox) -> None:
    done = finished.finetrail("reproduce", "1", "--keep", str(again.clone.root))
    assert done.error.startswith("WorkspaceError: ")
    assert done.error.endswith("already exists; name a new folder with --keep")


@dataclass(frozen=True)
class Opened:
    """The registered version, for the comparison alone."""

    known: Known
    files: Files
    recorded: Lineage
    built: Workspace

    def against(self, change: Any, tmp_path: Path) -> Reproduced:
        """Compare as if other tensors were registered. Args: change: of the tensors, by name."""
        root = Path(shutil.copytree(self.files.root, tmp_path / "version"))
        assert self.files.model is not None
        model = root / self.files.model.relative_to(self.files.root)
        tensors = load_tensors(model / "model.safetensors")
        save_tensors({name: change(name, tensor) for name, tensor in tensors.items()}, model / "model.safetensors")
        return compare(self.known, replace(self.files, root=root, model=model), self.recorded, self.built, 0.02)


@pytest.fixture(scope="module")
def opened(again: Again, finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(finished.paths))
        tracker = connect(finished.paths, "toy")
        known = find(tracker, "toy", "1")
        files, recorded = open_version(finished.root, tracker, known, tmp_path_factory.mktemp("opened") / "version")
    return Opened(known, files, recorded, again.clone.paths)


def _a_little(name: str, tensor: Tensor) -> Tensor:
    return tensor + 1e-6 if "weight" in name else tensor


@pytest.fixture(scope="module")
def near(opened: Opened, tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    """Compared with weights that are a little apart."""
    return opened.against(_a_little, tmp_path_factory.mktemp("near"))


def test_on_the_same_machine_the_bits_decide(near: Reproduced) -> None:
    assert near.same_machine
    assert all(one.holds for one in near.scored)
    assert near.verdict.startswith("compared bit for bit: models:/toy/1 is not what its commit and data produce")
    with pytest.raises(
        ReproductionError, match=r"models:/toy/1 is not what its commit and data produce: weights: \d+ of"
    ):
        near.insist(exact=False)


@pytest.mark.parametrize("other", [{"threads": "64"}, {"gpu": "A100"}], ids=lambda other: str(*other))
def test_on_other_hardware_metrics_are_compared(opened: Opened, near: Reproduced, other: dict[str, str]) -> None:
    done = replace(near, machine={**near.machine, **other})
    assert done.holds
    assert 1e-7 < (done.bits.largest or 0) < 1e-5
    assert [one.metric for one in done.scored] == ["accuracy", "macro_precision", "macro_recall", "macro_f1"]
    told = read_json(opened.built.run("full").details)["val"]
    assert all(one.rebuilt == pytest.approx(told[one.metric]) == one.registered for one in done.scored)
    assert "tensors differ, by at most 1" in done.bits.line
    assert "compared by validation metrics, because the bits differ (on other hardware, threads" in done.verdict
    assert done.lines[0].startswith("trained on ")
    done.insist(exact=False)
    with pytest.raises(ReproductionError, match=r"/toy/1 is not reproduced bit for bit, which --exact asks for: weigh"):
        done.insist(exact=True)


def test_other_weights_are_not_reproduced(opened: Opened, tmp_path: Path) -> None:
    """Though every hash in the registry may fit them: nothing but building them again finds that out."""
    done = opened.against(lambda name, tensor: -tensor if name.startswith("head") else tensor, tmp_path)
    with pytest.raises(
        ReproductionError, match=r"models:/toy/1 is not what its commit and data produce: weights: \d+ of"
    ):
        done.insist(exact=False)
    assert not done.as_json()["reproduced"]
    elsewhere = replace(done, machine={**done.machine, "threads": "64"})
    assert not elsewhere.holds
    assert elsewhere.verdict.endswith("are further apart than allowed")
    assert any(abs(one.registered - one.rebuilt) > 0.2 for one in done.scored)
