"""What the end of `dvc repro` means for a task: its state, its words, and whether another try may go better."""

from pathlib import Path

import pytest

from finetrail.programs.run import Ended
from flows.stages import assessments_of, candidates_of, describe
from flows.tasks import UNAVAILABLE

FAILED = "ERROR: failed to reproduce 'train@full': failed to run: finetrail train full, exited with {code}"
WORDS = "TrainingError: step 3 has a loss of nan; lower train.learning_rate"


def end(code: int, *lines: str) -> Ended:
    return Ended(255 if code else 0, (*lines, *([FAILED.format(code=code)] if code else [])))


def test_a_stage_that_ran_is_completed() -> None:
    state = describe("split", end(0, "Stage 'validate' didn't change, skipping", "Running stage 'split':"))
    assert (state.name, state.type.value) == ("Completed", "COMPLETED")


@pytest.mark.parametrize(
    "line", ["Stage 'split' didn't change, skipping", "Stage 'split' is cached - skipping run, checking out outputs"]
)
def test_a_stage_whose_result_dvc_has_is_cached_and_not_run(line: str) -> None:
    state = describe("split", end(0, "Running stage 'validate':", line))
    assert (state.name, state.type.value) == ("Cached", "COMPLETED")


@pytest.mark.parametrize("code", [2, 3, 4, 5, 7])
def test_what_will_fail_again_fails_at_once_with_the_stages_own_words(code: int) -> None:
    state = describe("train@full", end(code, "> finetrail train full", WORDS))
    assert (state.name, state.message) == ("Failed", WORDS)


@pytest.mark.parametrize("code", [6, 8])
def test_a_server_or_network_that_is_away_may_come_back(code: int) -> None:
    state = describe("train@full", end(code, "TrackingError: MLflow does not answer; start it"))
    assert (state.name, state.message) == (UNAVAILABLE, "TrackingError: MLflow does not answer; start it")


@pytest.mark.parametrize("code", [-9, 137])
def test_a_process_that_was_killed_is_tried_again(code: int) -> None:
    state = describe("train@full", end(code))
    assert (state.name, state.message) == (UNAVAILABLE, "train@full was killed by signal 9")


def test_dvc_itself_killed() -> None:
    assert describe("split", Ended(137, ())).message == "split was killed by signal 9"


def test_without_words_of_the_stage_dvcs_own_are_told() -> None:
    state = describe("split", Ended(255, ("ERROR: 'dvc.yaml' validation failed.",)))
    assert (state.name, state.message) == ("Failed", "ERROR: 'dvc.yaml' validation failed.")


@pytest.mark.parametrize(
    ("section", "names"), [("", []), ("assess:", []), ("assess: {}", []), ("assess: {robustness: {}}", ["robustness"])]
)
def test_the_assessments_that_a_run_makes_are_those_that_the_settings_ask_for(
    tmp_path: Path, section: str, names: list[str]
) -> None:
    (tmp_path / "params.yaml").write_text(f"candidates: {{full: {{}}}}\n{section}\n", encoding="utf-8")
    assert assessments_of(tmp_path) == names
    assert candidates_of(tmp_path) == ["full"]
