"""study.json: what was written comes back, and what follows from it is computed once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from finetrail.runs.dimension import Dimension
from finetrail.runs.study import Confirmed, Study, Trial, read_study, write_study
from finetrail.workspace import write_json

LORA = {"adaptation": "lora"}
CURVE = ({"epoch": 1.0, "macro_f1": 0.8},)
STUDY = Study(
    key="k",
    sampler="tpe",
    pruner="median",
    seed=0,
    metric="macro_f1",
    higher_is_better=True,
    space=(
        Dimension("train.learning_rate", "log", low=1e-5, high=1e-2),
        Dimension("adaptation", "choice", choices=("lora", "full")),
        Dimension("adaptation.lora.r", "int", low=4, high=64, step=4, log=False, when=LORA),
    ),
    trials=(
        Trial(1, "failed", {"train.learning_rate": 0.01, "adaptation": "full"}, reason="out of memory"),
        Trial(0, "complete", {"train.learning_rate": 1e-3, **LORA, "adaptation.lora.r": 8}, 0.8, curve=CURVE),
        Trial(2, "complete", {"train.learning_rate": 1e-4, "adaptation": "full"}, 0.83),
        Trial(3, "pruned", {"train.learning_rate": 1e-5, "adaptation": "full"}),
    ),
    best=2,
    chosen=0,
    confirmed=(Confirmed(0, (0, 1, 2), (0.79, 0.8, 0.81)), Confirmed(2, (0,), (0.7,))),
    pareto=(0, 2),
    said="trial 0 has the highest mean",
)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    write_study(STUDY, tmp_path / "study.json")
    assert read_study(tmp_path / "study.json") == STUDY


def test_the_file_says_what_follows_from_it(tmp_path: Path) -> None:
    write_study(STUDY, tmp_path / "study.json")
    written = json.loads((tmp_path / "study.json").read_text())
    assert written["optimism"] == pytest.approx(0.03)
    assert written["confirmed"][0] | {"mean": pytest.approx(0.8), "std": pytest.approx(0.01)} == written["confirmed"][0]
    assert (written["confirmed"][1]["mean"], written["confirmed"][1]["std"]) == (0.7, None)
    assert written["space"] == [
        {"name": "train.learning_rate", "kind": "log", "low": 1e-5, "high": 1e-2},
        {"name": "adaptation", "kind": "choice", "choices": ["lora", "full"]},
        {"name": "adaptation.lora.r", "kind": "int", "low": 4, "high": 64, "step": 4, "log": False, "when": LORA},
    ]


@pytest.mark.parametrize("written", [True, False])
def test_no_search_reads_as_none(tmp_path: Path, written: bool) -> None:
    """With the file of a candidate that was not searched, and without any, as earlier versions of finetrail left it."""
    if written:
        write_study(None, tmp_path / "study.json")
        assert json.loads((tmp_path / "study.json").read_text()) == {"trials": []}
    assert read_study(tmp_path / "study.json") is None


def test_optimism_is_above_zero_where_the_best_value_was_too_good_in_either_direction() -> None:
    assert STUDY.optimism == pytest.approx(0.03)
    lower = replace(STUDY, higher_is_better=False)
    assert lower.optimism == pytest.approx(-0.03)
    assert replace(STUDY, confirmed=()).optimism is None
    assert replace(STUDY, best=None).optimism is None


def test_trials_are_found_by_number_and_state() -> None:
    assert STUDY.trial(3).state == "pruned"
    assert [one.number for one in STUDY.of("complete")] == [0, 2]


def test_an_unknown_key_is_no_study(tmp_path: Path) -> None:
    write_json(tmp_path / "study.json", STUDY.as_json() | {"trials": [{"curve": [], "colour": "red"}]})
    with pytest.raises(TypeError, match="colour"):
        read_study(tmp_path / "study.json")
