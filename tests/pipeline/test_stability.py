"""Units of work in a real workspace: each trained once, whatever kills it and whoever shares the work."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from finetrail.serving.predictions import read_predictions
from finetrail.workspace import read_json
from tests.pipeline import forks
from tests.pipeline.trainings import SETTINGS
from tests.pipeline.workspaces import Sandbox, contents

ASKED = {"seeds": 3, "resamples": 2, "fraction": 0.5, "candidates": "all"}
# Long enough to be killed twice in the midst.
TWIN = {"adaptation": {"method": "full"}, "train": SETTINGS | {"batch_size": 4, "learning_rate": 2e-3}}


@pytest.fixture(scope="module")
def chosen(trainable: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which a candidate and its twin were trained and one was chosen. Read only."""
    sandbox = trainable.twin(tmp_path_factory.mktemp("chosen") / "workspace")
    sandbox.edit("candidates", {"full": TWIN, "twin": TWIN})
    sandbox.edit("assess", {"stability": ASKED})
    for command in ("train full", "train twin", "select"):
        done = forks.run(sandbox, *command.split())
        assert done.code == 0, done
    return sandbox


@pytest.fixture(scope="module")
def whole(chosen: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The same after an assessment that nothing interrupted. Read only."""
    sandbox = _copy(chosen, tmp_path_factory.mktemp("whole"))
    done = forks.run(sandbox, "assess", "stability")
    assert done.code == 0, done
    # The twin has the same settings, so that its units are those of the other.
    assert "8 of 10 trainings to do: about " in done.out
    assert len(list(_units(sandbox).glob("*.parquet"))) == 4
    return sandbox


@pytest.fixture
def copy(chosen: Sandbox, tmp_path: Path) -> Sandbox:
    return _copy(chosen, tmp_path)


def _copy(sandbox: Sandbox, folder: Path) -> Sandbox:
    return sandbox.twin(folder / "workspace")


def _units(sandbox: Sandbox) -> Path:
    return sandbox.root / ".finetrail" / "checkpoints" / ".units"


def _report(sandbox: Sandbox) -> Path:
    return sandbox.paths.assessment("stability")


def _table(sandbox: Sandbox) -> pd.DataFrame:
    return read_predictions(_report(sandbox) / "predictions.parquet")


def _written(sandbox: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = read_json(_report(sandbox) / "stability.json")
    return found


def test_a_unit_is_bit_for_bit_the_training_with_its_seed(whole: Sandbox, copy: Sandbox) -> None:
    copy.edit("seed", 1)
    done = forks.run(copy, "train", "full")
    assert done.code == 0, done
    trained = read_predictions(copy.paths.run("full").predictions)
    table = _table(whole)
    own = table[(table["candidate"] == "full") & (table["seed"] == 1) & (table["fraction"] == 1)].reset_index(drop=True)
    assert own["id"].tolist() == trained["id"].tolist()
    assert np.stack(own["logits"].tolist()).tobytes() == np.stack(trained["logits"].tolist()).tobytes()
    (run,) = [
        one for one in _written(whole)["runs"] if (one["candidate"], one["seed"], one["fraction"]) == ("full", 1, 1)
    ]
    assert run["target"] == read_json(copy.paths.run("full").details)["target"]


def test_a_unit_whose_features_were_there_already_is_the_same_too(chosen: Sandbox, tmp_path: Path) -> None:
    """The units of a frozen backbone share its features; each seed has a new head."""
    probe = {"adaptation": {"method": "linear_probe"}, "train": {"epochs": 2, "learning_rate": 5e-2}}
    shared, own = (_copy(chosen, tmp_path / name) for name in ("shared", "own"))
    for sandbox in (shared, own):
        sandbox.edit("candidates", {"full": probe})
    shared.edit("assess.stability", {"seeds": 3, "resamples": 2})
    own.edit("seed", 2)
    for sandbox, command in (
        (shared, "train full"),
        (shared, "select"),
        (shared, "assess stability"),
        (own, "train full"),
    ):
        done = forks.run(sandbox, *command.split())
        assert done.code == 0, done
    table, trained = _table(shared), read_predictions(own.paths.run("full").predictions)
    last = table[(table["seed"] == 2) & (table["fraction"] == 1)]
    assert np.stack(last["logits"].tolist()).tobytes() == np.stack(trained["logits"].tolist()).tobytes()


def test_every_number_can_be_computed_again_from_the_answers(whole: Sandbox) -> None:
    written, table = _written(whole), _table(whole)
    assert written["rows"] * 10 == len(table)
    for name, one in written["candidates"].items():
        for what, seeds, fraction in (("seeds", [0, 1, 2], 1), ("resamples", [1, 2], 0.5)):
            scores, answers = [], []
            for seed in seeds:
                rows = table[(table["candidate"] == name) & (table["seed"] == seed) & (table["fraction"] == fraction)]
                labels = sorted(set(rows["label"]))
                best = np.array(labels)[np.stack(rows["logits"].tolist()).argmax(axis=1)]
                answers.append(best)
                scores.append(f1_score(rows["label"], best, average="macro"))
            assert one[what]["values"] == pytest.approx(scores)
            assert one[what]["mean"] == pytest.approx(np.mean(scores))
            assert one[what]["std"] == pytest.approx(np.std(scores, ddof=1))
            assert one[what]["worst"] == pytest.approx(min(scores))
            pairs = [(a, b) for n, a in enumerate(answers) for b in answers[n + 1 :]]
            assert one[what]["churn"] == pytest.approx(np.mean([(a != b).mean() for a, b in pairs]))


def test_twins_are_equally_steady_and_the_choice_never_flips(whole: Sandbox) -> None:
    written = _written(whole)
    assert written["candidates"]["full"] == written["candidates"]["twin"]
    assert written["candidates"]["full"]["seeds"]["std"] > 0
    assert [(one["sets"], one["share"]) for one in written["flips"]] == [(2, 0.0), (2, 0.0)]


def test_killed_within_a_unit_it_goes_on_to_the_same_bytes(whole: Sandbox, copy: Sandbox) -> None:
    forks.start(copy, "assess", "stability").kill(_in_unit(copy, finished=1, step=9))
    (first,) = _units(copy).glob("*.parquet")
    when = first.stat().st_mtime_ns
    saved = _step(copy)
    assert saved >= 9
    killed = forks.start(copy, "assess", "stability").kill(_in_unit(copy, finished=1, step=saved + 2))
    assert killed.err == f"warning: candidate 'full', seed 2: resumes after step {saved}\n"
    saved = _step(copy)
    done = forks.run(copy, "assess", "stability")
    assert done.code == 0, done
    assert done.err == f"warning: candidate 'full', seed 2: resumes after step {saved}\n"
    # Its twin counts as one to do until it is trained once for both.
    assert "6 of 10 trainings to do: about " in done.out
    assert first.stat().st_mtime_ns == when
    assert contents(_report(copy)) == contents(_report(whole))
    assert not list(_units(copy).glob("*/"))


def test_two_processes_share_the_units_and_each_is_trained_once(whole: Sandbox, copy: Sandbox) -> None:
    other = Sandbox(copy.root.with_name("other"))  # the same workspace under another name: each has its own stdout
    other.root.mkdir()
    for path in copy.root.iterdir():
        (other.root / path.name).symlink_to(path)
    working = [forks.start(one, "assess", "stability") for one in (copy, other)]
    seen: dict[str, int] = {}
    while any(one.process.is_alive() for one in working):
        for path in _units(copy).glob("*.parquet"):
            assert seen.setdefault(path.name, path.stat().st_ino) == path.stat().st_ino, "trained twice"
        time.sleep(0.01)
    for one in working:
        done = one.wait()
        assert done.code == 0, done
        assert "trainings to do" in done.out
    assert len(seen) == 4
    assert contents(_report(copy)) == contents(_report(whole))


def test_an_added_seed_trains_only_one(whole: Sandbox, tmp_path: Path) -> None:
    copy = _copy(whole, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in _units(copy).glob("*.parquet")}
    copy.edit("assess.stability", ASKED | {"seeds": 4, "candidates": ["full"]})
    done = forks.run(copy, "assess", "stability")
    assert done.code == 0, done
    assert "1 of 6 trainings to do: about " in done.out
    after = {path.name: path.stat().st_mtime_ns for path in _units(copy).glob("*.parquet")}
    assert len(after) == 5
    assert before.items() <= after.items()
    again = forks.run(copy, "assess", "stability")
    assert "6 trainings, all of them done already" in again.out


def test_seeds_to_choose_by_are_the_same_units(whole: Sandbox, tmp_path: Path) -> None:
    copy = _copy(whole, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in _units(copy).glob("*.parquet")}
    plain = contents(copy.paths.run("full").root, "run.json", "details.json", "seeds.parquet")
    copy.edit("candidates.full.train.seeds", 3)
    copy.edit("candidates.twin.train.seeds", 3)
    copy.edit("selection.by", "mean - 1*std")
    for command in ("train full", "train twin", "select"):
        done = forks.run(copy, *command.split())
        assert done.code == 0, done
    assert {path.name: path.stat().st_mtime_ns for path in _units(copy).glob("*.parquet")} == before
    assert contents(copy.paths.run("full").root, "run.json", "details.json", "seeds.parquet") == plain
    metrics, written = read_json(copy.paths.run("full").details), _written(copy)
    values = [metrics["val"]["macro_f1"], *(one["val"]["macro_f1"] for one in metrics["seeds"])]
    assert values == pytest.approx(written["candidates"]["full"]["seeds"]["values"])
    selection = read_json(copy.paths.selection_report)
    assert selection["by"] == "mean - 1*std"
    assert selection["ranking"][0]["mean"] == pytest.approx(np.mean(values))
    shutil.rmtree(_units(copy))  # as in a colleague's clone, where DVC has the results and nobody has the units
    copy.edit("assess.stability", {"seeds": 3, "resamples": 0, "candidates": "all"})
    done = forks.run(copy, "assess", "stability")
    assert done.code == 0, done
    assert "6 trainings, all of them done already" in done.out
    assert _written(copy)["candidates"]["full"]["seeds"] == written["candidates"]["full"]["seeds"]


def _step(sandbox: Sandbox) -> int:
    """The newest checkpoint of a unit in progress."""
    going = [path for path in _units(sandbox).glob("*/") if not path.with_suffix(".json").exists()]
    return max((int(file.name.split("-")[1]) for path in going for file in path.glob("step-*")), default=0)


def _in_unit(sandbox: Sandbox, *, finished: int, step: int) -> Callable[[], bool]:
    """Whether so many units are finished, and the next has come so far."""
    return lambda: len(list(_units(sandbox).glob("*.json"))) == finished and _step(sandbox) >= step
