"""A params.yaml that says something wrong: the key, the value and what is allowed, in one line, before any work."""

from typing import Any

import pytest

from tests.pipeline.workspaces import Sandbox, contents


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"backbon": 1}, "unknown key 'backbon'; did you mean 'backbone'? allowed keys: project, task, seed, source, "),
        (
            {"candidates.full.train.learning_rte": 0.1},
            "candidates.full.train: unknown key 'learning_rte'; did you mean 'learning_rate'? allowed keys: epochs, ",
        ),
        ({"train.epochs": "three"}, "train.epochs is 'three': must be a valid integer"),
        ({"train.batch_size": 0}, "train.batch_size is 0: must be greater than or equal to 1"),
        ({"candidates.full.train.learning_rate": -1.0}, "learning_rate is -1.0: must be greater than 0"),
        ({"train.precision": "fp64"}, "train.precision is 'fp64': must be 'auto', 'fp32', 'tf32', 'bf16' or 'fp16'"),
        ({"candidates.full.adaptation.method": "ful"}, "'ful': must be one of 'linear_probe', 'last_layers', "),
        ({"task": "text-clasification"}, "task is 'text-clasification': unknown task; use one of text-classification"),
        ({"split.val": 0.6, "split.test": 0.4, "split.method": "stratified"}, "val + test = 1 leaves nothing"),
        ({"source": None}, "source is missing; it has no default"),
        ({"project": "news groups"}, "project is 'news groups': String should match pattern"),
        ({"source.path": "toy.csv"}, "source 'toy.csv' is not in data/input/, where DVC would notice a change; move"),
        ({"backbone.weights": "../bert"}, "backbone.weights '../bert' is not in data/weights/"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(plain: Sandbox, edits: dict[str, Any], message: str) -> None:
    for section, value in edits.items():
        plain.edit(section, value)
    done = plain.finetrail("check")
    assert done.code == 2
    assert done.error.startswith("ConfigError: params.yaml: ")
    assert message in done.error


@pytest.mark.parametrize("section", ["seed", "source", "validation", "split", "backbone", "train", "selection"])
def test_a_section_that_dvc_reads_is_asked_for(plain: Sandbox, section: str) -> None:
    """`dvc repro` stops where a section that dvc.yaml lists is missing, whatever the default; `check` must say so."""
    plain.edit(section, None)
    assert f"{section} is missing" in plain.finetrail("check").error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"project: toy\n  task: x\n", "params.yaml, line 2: "),
        (b"project: \xff\n", "params.yaml: byte 9 is not UTF-8"),
        (b"- a\n- b\n", "params.yaml holds list, not sections"),
        (b"", "params.yaml holds NoneType, not sections"),
    ],
)
def test_what_is_no_params_yaml(plain: Sandbox, text: bytes, message: str) -> None:
    plain.paths.params.write_bytes(text)
    assert message in plain.finetrail("check").error


def test_no_params_yaml(plain: Sandbox) -> None:
    plain.paths.params.unlink()
    assert f"{plain.paths.params} does not exist; copy a recipe" in plain.finetrail("check").error


def test_in_its_own_process_it_is_one_line_and_with_debug_a_traceback(plain: Sandbox) -> None:
    before = contents(plain.root / "data")
    plain.edit("train.epochs", "three")
    done = plain.run("finetrail", "train", "full")
    assert (done.code, done.out) == (2, "")
    assert done.error == "ConfigError: params.yaml: train.epochs is 'three': must be a valid integer"
    debug = plain.run("finetrail", "--debug", "train", "full")
    assert debug.code != 0
    assert "Traceback (most recent call last)" in debug.err
    assert debug.err.splitlines()[-1].startswith("finetrail.errors.ConfigError: params.yaml: train.epochs")
    assert contents(plain.root / "data") == before


def test_an_unknown_candidate_names_the_known(plain: Sandbox) -> None:
    done = plain.finetrail("train", "fulll")
    assert done.error == "ConfigError: candidate 'fulll' is not in params.yaml; it has linear_probe, lora, full"
