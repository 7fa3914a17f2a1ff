"""A study in MLflow, on a real database: what is there, once, whatever was cut off before."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from finetrail.errors import TrackingError
from finetrail.runs.dimension import Dimension
from finetrail.runs.study import Confirmed, Study, Trial, write_study
from finetrail.runs.tracking import Tracker
from finetrail.runs.trials import StudyRuns
from tests.unit.recorded import files_of, history, start

CURVE = tuple({"epoch": epoch, "step": 60 * epoch, "loss": 1 / epoch, "macro_f1": 0.4 * epoch} for epoch in (1.0, 2.0))
STUDY = Study(
    key="abc",
    sampler="tpe",
    pruner="median",
    seed=0,
    metric="macro_f1",
    higher_is_better=True,
    space=(
        Dimension("train.learning_rate", "log", low=1e-5, high=1e-2),
        Dimension("adaptation.r", "int", low=4, high=64, step=4, log=False),
    ),
    trials=(
        Trial(
            0,
            "complete",
            {"train.learning_rate": 0.00123456, "adaptation.r": 8},
            value=0.8,
            cost=3.5,
            curve=CURVE,
            seconds=12.3,
        ),
        Trial(1, "pruned", {"train.learning_rate": 1e-5, "adaptation.r": 64}, curve=CURVE[:1], seconds=4.5),
        Trial(2, "failed", {"train.learning_rate": 0.01, "adaptation.r": 4}, reason="out of memory"),
        Trial(3, "complete", {"train.learning_rate": 0.001, "adaptation.r": 8}, value=0.79, curve=CURVE),
    ),
    best=0,
    chosen=3,
    cost="latency",
    tolerance=0.01,
    confirmed=(Confirmed(3, (1, 2), (0.7, 0.8)),),
    said="trial 3 is the fastest",
)


def shown(tracker: Tracker) -> dict[str, Run]:
    """All runs by name; none is there twice."""
    runs = tracker.client.search_runs([tracker.experiment_id])
    found = {str(run.info.run_name): run for run in runs}
    assert len(found) == len(runs)
    return found


def test_trials_are_runs_nested_in_one_of_the_study(tracker: Tracker) -> None:
    candidate = start(tracker)
    StudyRuns(tracker, "lora", STUDY).finish(STUDY, candidate)
    runs = shown(tracker)
    study = runs.pop("lora: search")
    assert runs.pop("full · abc").data.tags["finetrail.search_run"] == study.info.run_id
    assert {name: run.info.status for name, run in runs.items()} == {
        "trial 0 · learning_rate 1.23e-3 · r 8": "FINISHED",
        "trial 1 · pruned · learning_rate 1e-5 · r 64": "FINISHED",
        "trial 2 · failed · learning_rate 0.01 · r 4": "FAILED",
        "trial 3 · learning_rate 1e-3 · r 8": "FINISHED",
    }
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {study.info.run_id}
    first, pruned, failed, chosen = (runs[name] for name in sorted(runs))
    assert first.data.params == {"train.learning_rate": "0.00123456", "adaptation.r": "8"}
    assert first.data.metrics == {
        "val/loss": 0.5,
        "val/macro_f1": 0.8,
        "val_macro_f1": 0.8,
        "cost_latency": 3.5,
        "seconds": 12.3,
    }
    assert history(tracker, first.info.run_id, "val/macro_f1") == [(60, 0.4), (120, 0.8)]
    assert first.info.end_time - first.info.start_time == 12_300
    assert "val_macro_f1" not in pruned.data.metrics
    assert [run.data.tags["finetrail.state"] for run in (first, pruned, failed)] == ["complete", "pruned", "failed"]
    assert failed.data.tags["mlflow.note.content"] == "out of memory"
    assert [one.data.tags.get("finetrail.chosen_trial") for one in (first, pruned, failed, chosen)] == [None] * 3 + [
        "yes"
    ]


def test_the_run_of_the_study_says_what_was_searched_and_what_it_came_to(tracker: Tracker) -> None:
    candidate = start(tracker)
    StudyRuns(tracker, "lora", STUDY).finish(STUDY, candidate)
    study = shown(tracker)["lora: search"]
    assert study.info.status == "FINISHED"
    assert study.data.params == {
        "sampler": "tpe",
        "pruner": "median",
        "space.train.learning_rate": "1e-5 to 0.01, log",
        "space.adaptation.r": "4 to 64, step 4",
    }
    assert study.data.metrics["val_macro_f1"] == 0.8
    assert study.data.metrics["confirmed_val_macro_f1"] == pytest.approx(0.75)
    assert study.data.metrics["optimism"] == pytest.approx(0.05)
    assert study.data.tags["mlflow.note.content"] == "trial 3 is the fastest"
    assert study.data.tags["finetrail.candidate_run"] == candidate


def test_one_that_was_cut_off_is_completed_and_none_is_doubled(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may be killed after each of its calls."""
    begun = replace(STUDY, trials=())
    runs = StudyRuns(tracker, "lora", begun)
    runs.add(STUDY.trials[1])

    def killed(*args: Any, **kwargs: Any) -> None:
        raise MlflowException("Connection aborted")

    for call in ("log_batch", "set_terminated"):
        with monkeypatch.context() as patch:
            patch.setattr(tracker.client, call, killed)
            with pytest.raises(TrackingError, match="Connection aborted"):
                runs.add(STUDY.trials[0])
        runs = StudyRuns(tracker, "lora", begun)
    for trial in STUDY.trials:
        runs.add(trial)
        runs.add(trial)
    found = shown(tracker)
    assert len(found) == 1 + len(STUDY.trials)
    first = found["trial 0 · learning_rate 1.23e-3 · r 8"]
    assert first.info.status == "FINISHED"
    assert history(tracker, first.info.run_id, "val/macro_f1") == [(60, 0.4), (120, 0.8)]
    assert found["lora: search"].info.status == "RUNNING"


def test_a_study_that_goes_on_keeps_its_run_and_what_was_chosen_before_is_not_any_more(tracker: Tracker) -> None:
    candidate = start(tracker)
    short = replace(STUDY, trials=STUDY.trials[:2], chosen=0, confirmed=())
    StudyRuns(tracker, "lora", short).finish(short, candidate)
    StudyRuns(tracker, "lora", STUDY).finish(STUDY, candidate)
    found = shown(tracker)
    assert len(found) == 2 + len(STUDY.trials)
    tags = {
        run.data.tags["finetrail.trial"]: run.data.tags.get("finetrail.chosen_trial")
        for run in found.values()
        if "finetrail.trial" in run.data.tags
    }
    assert tags == {"0": "no", "1": None, "2": None, "3": "yes"}
    assert found["lora: search"].data.tags["finetrail.trials"] == "4"


def test_studies_of_two_candidates_are_apart_even_of_one_key(tracker: Tracker) -> None:
    one, two = StudyRuns(tracker, "lora", STUDY), StudyRuns(tracker, "full", STUDY)
    assert one.run_id != two.run_id
    assert StudyRuns(tracker, "lora", STUDY).run_id == one.run_id
    assert StudyRuns(tracker, "lora", replace(STUDY, key="other")).run_id not in (one.run_id, two.run_id)


@pytest.mark.parametrize("known", [True, False], ids=["the run is there", "the run is lost"])
def test_a_candidate_gets_its_study_back_with_its_run(tracker: Tracker, tmp_path: Path, known: bool) -> None:
    run_id = start(tracker) if known else "0" * 32
    if known:
        tracker.end(run_id)
    paths = files_of(tmp_path, run_id)
    write_study(STUDY, paths.study_record)
    resumed = tracker.resume(paths)
    assert (resumed == run_id) == known
    before = shown(tracker)
    assert len(before) == 2 + len(STUDY.trials)
    assert before["full · abc"].data.tags["finetrail.search_run"] == before["full: search"].info.run_id
    assert tracker.resume(paths) == resumed
    after = shown(tracker)
    assert [run.to_dictionary() for run in after.values()] == [run.to_dictionary() for run in before.values()]
