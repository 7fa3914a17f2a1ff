"""Which training goes on after a crash, and which starts afresh."""

from pathlib import Path

import pytest
import torch

from finetrail.runs.attempt import Attempt, open_attempt, write_attempt
from finetrail.training.checkpoints import Checkpoints

FREE = {"train.workers": "0", "train.processes": "1", "train.checkpoint_seconds": "60.0"}
IDENTITY = {"train.epochs": "3", "train.max_steps": "None", "train.learning_rate": "0.1", **FREE}
IDENTITY |= {"data.train": "abc", "weights": "def"}
STEPS = 30


def cut_off(folder: Path, *, finished: bool = False) -> Attempt:
    """What an attempt leaves that was cut off after step 12."""
    attempt = Attempt(IDENTITY, key="old", finished=finished)
    write_attempt(folder, attempt)
    for step in (11, 12):
        Checkpoints(folder).save(step, {"w": torch.zeros(1)}, {"fitted": {"step": step}})
    return attempt


def test_the_first_one_has_a_key_before_it_has_anything_else(tmp_path: Path) -> None:
    opened = open_attempt(tmp_path / "full", IDENTITY, steps=STEPS, length_matters=True)
    assert (opened.resume, opened.attempt.superseded, opened.attempt.finished) == (None, [], False)
    again = open_attempt(tmp_path / "full", IDENTITY, steps=STEPS, length_matters=True)
    assert again.attempt == opened.attempt
    other = open_attempt(tmp_path / "lora", IDENTITY, steps=STEPS, length_matters=True)
    assert other.attempt.key != opened.attempt.key


def test_one_that_was_cut_off_goes_on_under_its_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    attempt = cut_off(tmp_path)
    opened = open_attempt(tmp_path, IDENTITY, steps=STEPS, length_matters=True)
    assert opened.attempt == attempt
    assert opened.resume is not None
    assert opened.resume.state["fitted"]["step"] == 12
    assert caplog.messages == ["training resumes after step 12 of 30"]


@pytest.mark.parametrize("name", FREE)
def test_what_changes_no_result_goes_on_as_a_run_with_the_settings_of_now(tmp_path: Path, name: str) -> None:
    cut_off(tmp_path)
    opened = open_attempt(tmp_path, IDENTITY | {name: "2"}, steps=STEPS, length_matters=True)
    assert opened.resume is not None
    assert opened.attempt.key != "old"
    assert opened.attempt.superseded == ["old"]
    assert opened.attempt.identity[name] == "2"
    assert open_attempt(tmp_path, opened.attempt.identity, steps=STEPS, length_matters=True).attempt == opened.attempt


@pytest.mark.parametrize("name", ["train.learning_rate", "data.train", "weights", "train.new"])
def test_what_would_be_another_training_starts_afresh(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    cut_off(tmp_path)
    opened = open_attempt(tmp_path, IDENTITY | {name: "2"}, steps=STEPS, length_matters=False)
    assert opened.resume is None
    assert opened.attempt.superseded == ["old"]
    assert not list(tmp_path.glob("*.safetensors"))
    change = f"{name} was {IDENTITY.get(name)!r}, is '2'"
    assert caplog.messages == [f"an earlier training of this candidate was interrupted, but {change}: it starts over"]


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("length_matters", [False, True])
@pytest.mark.parametrize("length", [("train.epochs", 40), ("train.max_steps", 12), ("train.epochs", 11)])
def test_another_length_goes_on_if_the_steps_so_far_have_not_known_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, finished: bool, length_matters: bool, length: tuple[str, int]
) -> None:
    name, steps = length
    cut_off(tmp_path, finished=finished)
    opened = open_attempt(tmp_path, IDENTITY | {name: "9"}, steps=steps, length_matters=length_matters)
    assert (opened.resume is not None) == (steps >= 12 and not length_matters)
    assert opened.attempt.key != "old"
    assert opened.attempt.superseded == ["old"]
    assert not opened.attempt.finished
    if length_matters:
        assert f"{name} was {IDENTITY[name]!r}, is '9', and the steps so far depend on it" in caplog.text
    elif steps < 12:
        assert "12 steps were done, but only 11 are wanted: training starts over" in caplog.text


def test_one_that_was_finished_is_done_again_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for identity in (IDENTITY, IDENTITY | {"train.learning_rate": "2"}):
        cut_off(tmp_path, finished=True)
        opened = open_attempt(tmp_path, identity, steps=STEPS, length_matters=False)
        assert opened.resume is None
        assert opened.attempt.superseded == ["old"]
    assert caplog.messages == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"identity": {}, "other": 1}'])
def test_a_damaged_file_is_no_attempt(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    cut_off(tmp_path)
    (tmp_path / "attempt.json").write_bytes(content)
    assert open_attempt(tmp_path, IDENTITY, steps=STEPS, length_matters=True).resume is None
    assert "attempt.json is damaged: training starts over" in caplog.text
