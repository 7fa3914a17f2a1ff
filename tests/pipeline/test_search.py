"""A search in a real workspace: trial by trial, and nothing of it is lost, whatever kills it and whoever edits it."""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from finetrail.config import load_params
from finetrail.runs.study import Study, Trial, read_study
from finetrail.runs.tracking import connect, tracking_uri
from finetrail.search.problem import Problem
from finetrail.search.study import LiveStudy
from finetrail.workspace import Workspace, read_json, write_json
from tests.pipeline import forks
from tests.pipeline.workspaces import Sandbox, contents

# A checkpoint after each step, so that a kill finds one.
TRAIN: dict[str, Any] = {"epochs": 2, "batch_size": 8, "log_every": 3, "checkpoint_seconds": 0}
RATE = {"log": [1e-4, 1e-1]}
ADAPTATION = {
    "choice": [{"method": "lora", "r": {"int": [2, 8, "log"]}, "target_modules": ["query"]}, {"method": "full"}]
}
SEARCH: dict[str, Any] = {"pruner": "median", "budget": {"trials": 8}, "confirm": {"top": 2, "seeds": 2}}
OPEN = {"adaptation": ADAPTATION, "train": TRAIN | {"learning_rate": RATE}, "search": SEARCH}
PLAIN = {"adaptation": {"method": "linear_probe"}, "train": TRAIN}


@pytest.fixture(scope="module")
def open_one(trainable: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace with a candidate that searches. Read only."""
    sandbox = trainable.twin(tmp_path_factory.mktemp("open") / "workspace")
    sandbox.edit("candidates", {"full": OPEN, "plain": PLAIN})
    sandbox.edit("backbone.dropout", 0.0)
    return sandbox


@pytest.fixture(scope="module")
def searched(open_one: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The same after a search that nothing interrupted. Read only."""
    sandbox = _copy(open_one, tmp_path_factory.mktemp("searched"))
    done = forks.run(sandbox, "train", "full")
    assert done.code == 0, done
    said = r"searching full: 8 trials, 2 of them again with 2 further seeds; about \d+ seconds, less what the pruner "
    assert re.search(said, done.out)
    return sandbox


def _copy(sandbox: Sandbox, folder: Path) -> Sandbox:
    return sandbox.twin(folder / "workspace")


def _study(sandbox: Sandbox) -> Study:
    study = read_study(sandbox.paths.run("full").study_record)
    assert study is not None
    return study


def _facts(trials: tuple[Trial, ...]) -> list[dict[str, Any]]:
    """What depends on the seed alone."""
    return [
        {name: value for name, value in one.as_json().items() if name not in ("seconds", "peak_memory_mb")}
        for one in trials
    ]


def test_the_model_is_that_of_the_chosen_trial(searched: Sandbox) -> None:
    study = _study(searched)
    assert len(study.trials) == 8
    assert {one.state for one in study.trials} == {"complete", "pruned"}
    complete = study.of("complete")
    assert study.best == max(complete, key=lambda one: one.value or 0.0).number
    assert len(study.confirmed) == 2
    assert study.chosen == max(study.confirmed, key=lambda one: one.mean).number
    assert {one.seeds for one in study.confirmed} == {(1, 2)}
    assert read_json(searched.paths.run("full").study_record)["optimism"] == study.optimism


def test_mlflow_shows_each_trial_nested_in_its_study(searched: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(searched.paths))  # `connect` would leave it set
    tracker = connect(searched.paths, "toy")
    runs = tracker.client.search_runs([tracker.experiment_id])
    (study,) = [run for run in runs if run.info.run_name == "full: search"]
    trials = {run.data.tags["finetrail.trial"]: run for run in runs if "finetrail.trial" in run.data.tags}
    (candidate,) = [run for run in runs if str(run.info.run_name).startswith("full · lr ")]
    assert len(runs) == 1 + 8 + 1
    assert study.info.status == "FINISHED"
    assert candidate.data.tags["finetrail.search_run"] == study.info.run_id
    assert {run.data.tags["mlflow.parentRunId"] for run in trials.values()} == {study.info.run_id}
    for one in _study(searched).trials:
        run = trials[str(one.number)]
        assert run.info.status == "FINISHED"
        assert run.data.params == {name: str(value) for name, value in one.parameters.items()}
        assert run.data.metrics.get("val_macro_f1") == one.value


def test_it_is_the_model_of_the_same_settings_without_a_search(searched: Sandbox, tmp_path: Path) -> None:
    """Every file, but for what is measured: nothing of the search is left in it."""
    study, sandbox = _study(searched), _copy(searched, tmp_path)
    assert study.chosen is not None
    searching = load_params(sandbox.paths.params).candidates["full"]
    plain = searching.space.at(study.trial(study.chosen).parameters)
    sandbox.edit("candidates.full", {name: plain[name] for name in ("adaptation", "train")})
    shutil.rmtree(sandbox.root / ".finetrail" / "checkpoints")
    assert forks.run(sandbox, "train", "full").code == 0
    assert contents(sandbox.paths.model("full")) == contents(searched.paths.model("full"))
    before, after = (contents(one.paths.run("full").root, "run.json", "study") for one in (searched, sandbox))
    assert after == before


def test_a_probe_on_the_features_of_its_trials_is_that_of_the_same_settings(open_one: Sandbox, tmp_path: Path) -> None:
    """The final training takes rows, features and processor from the trials: the files are those without them."""
    probe, plain = (_copy(open_one, tmp_path / name) for name in ("probe", "plain"))
    grid = {"sampler": "grid", "pruner": "none", "confirm": None}
    probe.edit(
        "candidates.full", PLAIN | {"train": TRAIN | {"learning_rate": {"choice": [1e-3, 5e-2]}}, "search": grid}
    )
    assert forks.run(probe, "train", "full").code == 0
    study = _study(probe)
    assert study.chosen is not None
    plain.edit("candidates.full", PLAIN)
    plain.edit("candidates.full.train.learning_rate", study.trial(study.chosen).parameters["train.learning_rate"])
    assert forks.run(plain, "train", "full").code == 0
    assert contents(probe.paths.model("full")) == contents(plain.paths.model("full"))
    one, other = (contents(each.paths.run("full").root, "run.json", "study") for each in (probe, plain))
    assert one == other


def test_a_candidate_without_a_search_says_so_in_study_json(open_one: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(open_one, tmp_path)
    assert forks.run(sandbox, "train", "plain").code == 0
    assert read_json(sandbox.paths.run("plain").study_record) == {"trials": []}
    refused = forks.run(sandbox, "trials", "plain")
    assert refused.code == 2
    assert re.search(r"candidate 'plain' has no search; those with one: full$", refused.err.strip())


def _begun(sandbox: Sandbox, trials: int) -> Callable[[], bool]:
    """Whether so many trials have begun, and the last one has a checkpoint."""

    def there() -> bool:
        folder = sandbox.root / ".finetrail" / "checkpoints"
        claims = len(list((folder / ".studies" / "full").glob("*-*.lock")))
        return claims >= trials and any((folder / ".units").glob("*/step-*"))

    return there


def test_a_search_that_was_killed_goes_on_to_the_same_bits(
    open_one: Sandbox, searched: Sandbox, tmp_path: Path
) -> None:
    sandbox = _copy(open_one, tmp_path)
    for trials in (1, 3, 5):
        forks.start(sandbox, "train", "full").kill(_begun(sandbox, trials))
    journal = next((sandbox.root / ".finetrail").rglob("journal.log"))
    with journal.open("ab") as file:  # as if the last one had been killed while it wrote
        file.write(b'{"op_code": 4, "worker')
    done = forks.run(sandbox, "train", "full")
    assert done.code == 0, done
    assert re.search(r"candidate 'full', trial \d was cut off: it goes on", done.err)
    assert _facts(_study(sandbox).trials) == _facts(_study(searched).trials)
    assert _study(sandbox).confirmed == _study(searched).confirmed
    assert contents(sandbox.paths.model("full")) == contents(searched.paths.model("full"))


def test_a_larger_budget_goes_on_and_an_equal_one_does_nothing(searched: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(searched, tmp_path)
    units = sandbox.root / ".finetrail" / "checkpoints" / ".units"
    before = {file: file.stat().st_mtime_ns for file in units.glob("*.parquet")}
    done = forks.run(sandbox, "train", "full")
    assert "; 8 are there already; about " in done.out
    assert {file: file.stat().st_mtime_ns for file in units.glob("*.parquet")} == before
    sandbox.edit("candidates.full.search.budget", {"trials": 10})
    assert forks.run(sandbox, "train", "full").code == 0
    assert _facts(_study(sandbox).trials)[:8] == _facts(_study(searched).trials)
    assert len(_study(sandbox).trials) == 10


def _rate(trial: Trial) -> float:
    rate = trial.parameters["train.learning_rate"]
    assert isinstance(rate, float)
    return rate


def test_an_edited_space_keeps_every_trial_that_is_still_legal(searched: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(searched, tmp_path)
    known = _study(searched).trials
    rates = sorted(_rate(one) for one in known)
    middle = (rates[3] + rates[4]) / 2
    sandbox.edit("candidates.full.train.learning_rate", {"log": [1e-5, middle]})
    done = forks.run(sandbox, "train", "full")
    legal = [one for one in known if _rate(one) <= middle]
    assert f"; {len(legal)} are there already ({len(legal)} of 8 from before the space changed)" in done.out
    kept = [one for one in _study(sandbox).trials if one.kept]
    assert [(one.parameters, one.value, one.state) for one in kept] == [
        (one.parameters, one.value, one.state) for one in legal
    ]
    # And wider than ever: all that was tried counts.
    tried = {one.parameters["train.learning_rate"] for one in [*known, *_study(sandbox).trials]}
    sandbox.edit("candidates.full.train.learning_rate", {"log": [1e-5, 1]})
    done = forks.run(sandbox, "train", "full")
    assert f"; {len(tried)} are there already ({len(tried)} of {len(tried)} from before the space changed)" in done.out
    # Another number of epochs is another training.
    sandbox.edit("candidates.full.train.epochs", 1)
    assert "(0 of " in forks.run(sandbox, "train", "full").out


def _problem(root: Path) -> Problem:
    params = load_params(root / "params.yaml")
    one = params.candidates["full"]
    assert one.search is not None
    return Problem(Workspace(root), "toy", params.task.task, "full", one, one.search, params.seed)


def test_killed_at_any_moment_of_taking_over_a_study_loses_no_trial(searched: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(searched, tmp_path)
    sandbox.edit("candidates.full.train.learning_rate", {"log": [1e-5, 1]})
    journal = next((sandbox.root / ".finetrail").rglob("journal.log"))
    before = len(journal.read_bytes().splitlines())
    problem = _problem(sandbox.root)
    wanted = [one.params for one in LiveStudy(problem).trials]
    assert len(wanted) == 8
    lines = journal.read_bytes().splitlines(keepends=True)
    for cut in range(before, len(lines)):
        journal.write_bytes(b"".join(lines[:cut]))
        study = LiveStudy(replace(problem, known=problem.shared))
        assert (study.kept, study.earlier) == (8, 8)
        assert [one.params for one in study.trials] == wanted


@pytest.mark.parametrize("search", [{"seeds": 2}, {"cost": "parameters", "pruner": "none"}])
def test_trials_whose_values_are_something_else_are_not_taken_over(
    searched: Sandbox, tmp_path: Path, search: dict[str, Any]
) -> None:
    sandbox = _copy(searched, tmp_path)
    sandbox.edit("candidates.full.search", SEARCH | search)
    assert LiveStudy(_problem(sandbox.root)).trials == []
    sandbox.edit("candidates.full.search", SEARCH)
    assert len(LiveStudy(_problem(sandbox.root)).trials) == 8


def _claim_all(root: Path, taken: Path) -> None:
    """Take trials as a process does, but without a training: each gets a value at once."""
    study = LiveStudy(_problem(root))
    with taken.open("w", encoding="ascii") as file:
        while True:
            with study.next_trial() as trial:
                if trial is None:
                    return
                file.write(f"{trial.number}\n")
                trial.set_user_attr("unit", str(trial.number))
                study.optuna.tell(trial, 0.5)


def test_four_processes_share_two_hundred_trials_each_of_which_is_one_processs(
    open_one: Sandbox, tmp_path: Path
) -> None:
    sandbox = _copy(open_one, tmp_path)
    sandbox.edit("candidates.full.search", {"sampler": "random", "budget": {"trials": 200}})
    files = [tmp_path / str(number) for number in range(4)]
    running = [forks.begin(_claim_all, sandbox.root, file) for file in files]
    for process in running:
        process.join(120)
        assert process.exitcode == 0
    taken = [list(map(int, file.read_text(encoding="ascii").split())) for file in files]
    assert all(taken)
    assert sorted(number for of in taken for number in of) == list(range(200))


def _workers(sandbox: Sandbox, running: forks.Fork) -> list[int]:
    """The processes that carry out trials of this workspace, but for the one that started them."""
    known = psutil.process_iter(["cwd", "status"])
    own = [one for one in known if one.info["cwd"] == str(sandbox.root) and one.info["status"] != "zombie"]
    return [one.pid for one in own if one.pid != running.process.pid]


def _kill_one_at_a_trial(sandbox: Sandbox, running: forks.Fork) -> None:
    """Kill a process that holds a trial which has not ended: one between two trials would leave nothing behind."""
    study = LiveStudy(_problem(sandbox.root))
    while True:
        for worker in _workers(sandbox, running):
            os.kill(worker, signal.SIGSTOP)  # so that it holds as it is killed what it holds as it is looked at
            held = {Path(file.path).name for file in psutil.Process(worker).open_files()}
            begun = [str(one.number) for one in study.trials if not one.state.is_finished()]
            if any(name.endswith(f"-{number}.lock") for name in held for number in begun):
                os.kill(worker, signal.SIGKILL)
                return
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.01)


def test_a_worker_is_killed_and_its_trial_is_tried_once_more_and_counted_once(
    open_one: Sandbox, searched: Sandbox, tmp_path: Path
) -> None:
    sandbox = _copy(open_one, tmp_path)
    sandbox.edit("candidates.full.search", SEARCH | {"sampler": "random", "pruner": "none", "processes": 2})
    running = forks.start(sandbox, "train", "full")
    there = _begun(sandbox, 3)
    while not there():
        time.sleep(0.01)
    assert len(_workers(sandbox, running)) == 2
    _kill_one_at_a_trial(sandbox, running)
    done = running.wait()
    assert done.code == 0, done
    assert len(re.findall(r"candidate 'full', trial \d was cut off: it goes on", done.err)) == 1, done.err
    study = _study(sandbox)
    assert [one.number for one in study.trials] == list(range(8))
    assert {one.state for one in study.trials} == {"complete"}
    assert not _workers(sandbox, running)


def test_with_the_command_its_workers_end(open_one: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(open_one, tmp_path)
    sandbox.edit("candidates.full.search", SEARCH | {"processes": 2})
    running = forks.start(sandbox, "train", "full")
    there = _begun(sandbox, 2)
    running.kill(lambda: there() and len(_workers(sandbox, running)) == 2)
    until = time.monotonic() + 20
    while _workers(sandbox, running) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _workers(sandbox, running)


def test_a_grid_of_which_one_point_diverges_and_the_same_without_each_fold(open_one: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(open_one, tmp_path)
    train = TRAIN | {"learning_rate": {"choice": [1e-2, 1e-1, 1e38]}}
    search = {"sampler": "grid", "confirm": None, "nested": 2, "cost": "parameters", "tolerance": 1.0}
    sandbox.edit("candidates.full", PLAIN | {"train": train, "search": search})
    done = forks.run(sandbox, "train", "full")
    assert done.code == 0, done
    study = _study(sandbox)
    assert [one.parameters["train.learning_rate"] for one in study.trials] == [1e-2, 1e-1, 1e38]
    assert [one.state for one in study.trials] == ["complete", "complete", "failed"]
    assert re.search(r"is (nan|inf)", study.trials[2].reason or ""), study.trials[2].reason
    assert study.trials[0].cost == study.trials[0].total_parameters
    units = sandbox.root / ".finetrail" / "checkpoints" / ".units"
    described = [read_json(file) for file in units.glob("*.json")]
    rows = {one["unit"]: one["rows"] for one in described}
    whole = rows["full, seed 0"]
    assert rows["full, seed 0 without fold 1 of 2"] + rows["full, seed 0 without fold 2 of 2"] == whole
    outside = [one["held_out"]["macro_f1"] for one in described if one["held_out"]]
    assert [one.fold for one in study.nested] == [1, 2]
    assert {one.held_out for one in study.nested} <= set(outside)
    assert "searches without a fold of the training rows reached " in study.said


def test_a_search_ends_early_where_more_trials_would_gain_little(open_one: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(open_one, tmp_path)
    # All of these rates are as good: there is nothing to gain.
    train = TRAIN | {"epochs": 1, "checkpoint_seconds": 60, "learning_rate": {"log": [1e-2, 1.01e-2]}}
    search = {"sampler": "random", "stop_early": True, "confirm": None, "budget": {"trials": 60}}
    sandbox.edit("candidates.full", PLAIN | {"train": train, "search": search})
    done = forks.run(sandbox, "train", "full")
    assert done.code == 0, done
    assert 20 <= len(_study(sandbox).trials) < 60


def test_a_training_with_other_settings_than_its_trial_does_not_count(searched: Sandbox, tmp_path: Path) -> None:
    sandbox = _copy(searched, tmp_path)
    checkpoints = sandbox.root / ".finetrail" / "checkpoints"
    shutil.rmtree(checkpoints / ".studies")  # the same trials again, whose trainings are there
    units = {file: read_json(file) for file in sorted((checkpoints / ".units").glob("*.json"))}
    file, described = next((file, one) for file, one in units.items() if one["settings"]["seed"] == "0")
    write_json(file, described | {"settings": described["settings"] | {"train.learning_rate": "0.5"}})
    assert forks.run(sandbox, "train", "full").code == 0
    failed = [one for one in _study(sandbox).trials if one.state == "failed"]
    assert len(failed) == 1
    said = r"^train\.learning_rate is \S+ in the trial, but the training took 0\.5; remove (\S+) and train again$"
    found = re.search(said, failed[0].reason or "")
    assert found
    shutil.rmtree(sandbox.root / found[1])
    shutil.rmtree(checkpoints / ".studies")
    assert forks.run(sandbox, "train", "full").code == 0
    assert {one.state for one in _study(sandbox).trials} == {"complete", "pruned"}
