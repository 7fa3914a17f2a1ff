"""What is open in a candidate: read, checked at its ends, filled, and found again in what a training recorded."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.runs.record import settings_of
from finetrail.search.space import Space
from finetrail.sections import Params
from tests.unit.params_file import load, refusal

LORA = {"method": "lora", "r": {"int": [4, 64, "step 4"]}, "target_modules": ["query"]}
BRANCHES = {"choice": [LORA, {"method": "full"}]}
RATE = {"log": [1e-5, 1e-2]}
OPEN = {
    "candidates.probe.adaptation": BRANCHES,
    "candidates.probe.train": {
        "learning_rate": RATE,
        "batch_size": {"choice": [16, 32]},
        "patience": {"choice": [None, 2]},
    },
    "candidates.probe.backbone": {"max_tokens": {"int": [16, 64, "log"]}},
    "candidates.probe.search": {},
}
MANY = {"float": [0, 1], "points": 101}


def opened(tmp_path: Path, edits: dict[str, Any] = OPEN) -> Params:
    return load(tmp_path, edits)


def test_open_settings_are_read_with_what_they_depend_on(tmp_path: Path) -> None:
    probe = opened(tmp_path).candidates["probe"]
    found = {one.name: one.as_json() for one in probe.space.recorded}
    assert found == {
        "backbone.max_tokens": {
            "name": "backbone.max_tokens",
            "kind": "int",
            "low": 16,
            "high": 64,
            "step": 1,
            "log": True,
        },
        "adaptation": {"name": "adaptation", "kind": "choice", "choices": ["lora", "full"]},
        "adaptation.lora.r": {"name": "adaptation.lora.r", "kind": "int", "low": 4, "high": 64, "step": 4, "log": False}
        | {"when": {"adaptation": "lora"}},
        "train.learning_rate": {"name": "train.learning_rate", "kind": "log", "low": 1e-5, "high": 1e-2},
        "train.batch_size": {"name": "train.batch_size", "kind": "choice", "choices": [16, 32]},
        "train.patience": {"name": "train.patience", "kind": "choice", "choices": [None, 2]},
    }


def test_a_point_is_a_candidate_with_nothing_open(tmp_path: Path) -> None:
    probe = opened(tmp_path).candidates["probe"]
    point = probe.space.first | {"adaptation.lora.r": 12, "train.learning_rate": 0.0025, "train.batch_size": 32}
    one = probe.at(point)
    assert (one.search, one.space.dimensions) == (None, [])
    assert (one.adaptation.model_dump()["r"], one.train.learning_rate, one.train.batch_size) == (12, 0.0025, 32)
    assert one.points == [one]
    other = probe.at({name: value for name, value in point.items() if "lora" not in name} | {"adaptation": "full"})
    assert other.adaptation.model_dump() == {"method": "full"}
    with pytest.raises(KeyError, match=r"train\.batch_size"):
        probe.at({name: value for name, value in point.items() if name != "train.batch_size"})


def test_a_choice_of_backbones_lies_over_the_common_one(tmp_path: Path) -> None:
    choice = {"choice": [{"weights": "hf://owner/small"}, {"weights": "hf://owner/large", "max_tokens": 32}]}
    probe = opened(tmp_path, {"candidates.probe.backbone": choice, "candidates.probe.search": {}}).candidates["probe"]
    backbones: list[Any] = [point.backbone for point in probe.points]
    assert [(one.weights, one.max_tokens) for one in backbones] == [("hf://owner/small", 64), ("hf://owner/large", 32)]


def values(one: Any) -> st.SearchStrategy[Any]:
    if one.kind == "choice":
        return st.sampled_from(one.ends)
    if one.whole:
        return st.integers(0, (int(one.high) - int(one.low)) // one.step).map(lambda n: int(one.low) + n * one.step)
    return st.floats(one.low, one.high)


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Params:
    return opened(tmp_path_factory.mktemp("open"))


@given(st.data())
def test_every_point_is_legal_and_is_found_again_in_what_a_training_recorded(
    params: Params, data: st.DataObject
) -> None:
    probe = params.candidates["probe"]
    point = probe.space.drawn(lambda dimension: data.draw(values(dimension)))
    assert probe.space.holds(point)
    one = probe.at(point)
    recorded = settings_of(params.task.task.identity, 0, one)
    assert probe.space.point_of(recorded) == point


@pytest.mark.parametrize(
    "change",
    [
        {"train.learning_rate": 2e-2},
        {"train.learning_rate": "fast"},
        {"train.batch_size": 64},
        {"train.batch_size": True},
        {"adaptation.lora.r": 6},
        {"adaptation": "full"},  # then r is not in play
        {"train.epochs": 3},
    ],
)
def test_a_point_outside_of_the_space_is_not_legal(params: Params, change: dict[str, Any]) -> None:
    space = params.candidates["probe"].space
    assert space.holds(space.first)
    assert not space.holds(space.first | change)


def test_a_grid_has_every_point_once_and_knows_its_size() -> None:
    space = Space.of(
        {
            "adaptation": {"choice": [{"method": "lora", "r": {"int": [4, 12, "step 4"]}}, {"method": "full"}]},
            "train": {
                "learning_rate": {"log": [1e-4, 1e-2], "points": 3},
                "epochs": {"int": [2, 200, "log"], "points": 3},
            },
        }
    )
    points = list(space.grid)
    assert space.size == len(points) == len({tuple(sorted(map(str, one.items()))) for one in points}) == (3 + 1) * 3 * 3
    assert all(map(space.holds, points))
    rates = list(dict.fromkeys(one["train.learning_rate"] for one in points))
    assert rates == pytest.approx([1e-4, 1e-3, 1e-2])
    assert {one["train.epochs"] for one in points} == {2, 20, 200}
    assert {one.get("adaptation.lora.r") for one in points} == {4, 8, 12, None}


PLACE = r"^params\.yaml: candidates\.probe: train\.learning_rate is \{.*\}: "
REFUSED: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    # what is wrong, the message, and what its remedy says
    (
        {"log": [0, 1e-2]},
        PLACE + r"a log range cannot reach or pass through 0; start it above 0$",
        {"log": [1e-5, 1e-2]},
    ),
    (
        {"log": [-1.0, 1.0]},
        PLACE + r"a log range cannot reach or pass through 0; start it above 0$",
        {"log": [0.1, 1.0]},
    ),
    (
        {"log": [1e-2, 1e-5]},
        PLACE + r"the low end must be below the high end; write the smaller.*$",
        {"log": [1e-5, 1e-2]},
    ),
    ({"log": [1e-2]}, PLACE + r"a range has two ends; write \{log: \[1e-5, 1e-2\]\}$", RATE),
    ({"log": ["a", 1]}, PLACE + r"the end 'a' is not a number of that kind; write \{log: \[1e-5, 1e-2\]\}$", RATE),
    (
        {"log": [1e-5, 1e-2], "points": 1},
        PLACE + r"points 1 is not a number of points; write 2 or more$",
        {**RATE, "points": 2},
    ),
    ({"log": [1e-5, 1e-2], "step": 2}, PLACE + r"log stands alone or with points; take 'step' out$", RATE),
    ({"choice": []}, PLACE + r"a choice names its options; write \{choice: \[a, b\]\}$", {"choice": [0.1, 0.2]}),
    (
        {"choice": [1, 1.0]},
        PLACE + r"the option 1\.0 is there twice, or equals another; take one out$",
        {"choice": [1]},
    ),
    (
        {"int": [4, 63, "step 4"]},
        PLACE + r"steps of 4 from 4 do not reach 63; end it at 60$",
        {"int": [4, 60, "step 4"]},
    ),
    (
        {"int": [4, 64, "by 4"]},
        PLACE + r"'by 4' is no spacing; write `step 4` or `log` as the.*$",
        {"int": [4, 64, "step 4"]},
    ),
    (
        {"int": [1, 2.5]},
        PLACE + r"the end 2\.5 is not a number of that kind; write \{int: \[4, 64, step 4\]\}$",
        {"int": [1, 2]},
    ),
]


@pytest.mark.parametrize(("rate", "message", "remedy"), REFUSED)
def test_what_is_no_space_is_refused_and_the_remedy_works(
    tmp_path: Path, rate: dict[str, Any], message: str, remedy: dict[str, Any]
) -> None:
    edits = {"candidates.probe.search": {}, "candidates.probe.train": {"learning_rate": rate}}
    assert re.search(message, refusal(tmp_path, edits))
    load(tmp_path, edits | {"candidates.probe.train": {"learning_rate": remedy}})


SEARCH = "candidates.probe.search"
TRAIN = "candidates.probe.train"
WHOLE: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {TRAIN: {"learning_rate": RATE}},
        r"candidates\.probe: train\.learning_rate is open, but nothing searches; add `search: \{\}`, or give it one",
        {SEARCH: {}},
    ),
    (
        {SEARCH: {}},
        r"search has nothing to search; open a setting, as in train\.learning_rate: ",
        {TRAIN: {"learning_rate": RATE}},
    ),
    (
        {SEARCH: {}, TRAIN: {"learning_rate": {"log": [1e-5, 1e-2]}, "ema_decay": {"float": [0.5, 1.0]}}},
        r"candidates\.probe\.train\.ema_decay is 1\.0: must be less than 1$",
        {TRAIN: {"learning_rate": RATE, "ema_decay": {"float": [0.5, 0.99]}}},
    ),
    (
        {SEARCH: {}, "candidates.probe.adaptation": {"method": {"choice": ["lora", "full"]}, "r": {"int": [4, 8]}}},
        r"candidates\.probe\.adaptation: unknown key 'r'; allowed keys: method$",
        {"candidates.probe.adaptation": {"choice": [{"method": "lora", "r": {"int": [4, 8]}}, {"method": "full"}]}},
    ),
    (
        {SEARCH: {"sampler": "grid"}, TRAIN: {"learning_rate": RATE}},
        r"train\.learning_rate has no points for a grid; write \{log: \[1e-05, 0\.01\], points: 5\} or a choice$",
        {TRAIN: {"learning_rate": {**RATE, "points": 5}}},
    ),
    (
        {
            SEARCH: {"sampler": "grid"},
            TRAIN: {
                "learning_rate": MANY | {"float": [0.1, 1]},
                "weight_decay": MANY,
                "clip": MANY | {"float": [0.1, 1]},
            },
        },
        r"the grid has 1,030,301 points, more than 10,000; open fewer settings, or set search\.sampler to tpe$",
        {SEARCH: {"sampler": "tpe"}, TRAIN: {"learning_rate": RATE}},
    ),
    (
        {SEARCH: {"sampler": "cmaes"}, TRAIN: {"learning_rate": RATE}},
        r"cmaes searches two ranges or more, and there are 1; set search\.sampler to tpe$",
        {SEARCH: {"sampler": "tpe"}},
    ),
    (
        {SEARCH: {}, TRAIN: {"learning_rate": RATE, "processes": 2}},
        r"train\.processes is 2, but a search works on several trials at once instead; set it to 1, and search\.pro",
        {SEARCH: {"processes": 2}, TRAIN: {"learning_rate": RATE}},
    ),
    (
        {SEARCH: {"budget": {"trials": 3, "minutes": 2}}, TRAIN: {"learning_rate": RATE}},
        r"search\.budget: a budget is a number of trials or of minutes; write \{trials: 30\} or \{minutes: 20\}$",
        {SEARCH: {"budget": {"minutes": 20}}},
    ),
    (
        {SEARCH: {"pruner": "wilcoxon"}, TRAIN: {"learning_rate": RATE}},
        r"wilcoxon compares trials seed by seed, and 1 tells nothing apart; set search\.seeds to 5 or more, or search",
        {SEARCH: {"pruner": "wilcoxon", "seeds": 5}},
    ),
    (
        {SEARCH: {"pruner": "median", "cost": "seconds"}, TRAIN: {"learning_rate": RATE}},
        r"median cannot judge a trial by metric and seconds before it ends; set search\.pruner to none$",
        {SEARCH: {"cost": "seconds", "pruner": "none"}},
    ),
    (
        {SEARCH: {"cost": "seconds", "stop_early": True}, TRAIN: {"learning_rate": RATE}},
        r"stop_early knows one metric, not a cost; set search\.stop_early to false$",
        {SEARCH: {"cost": "seconds", "stop_early": False}},
    ),
    (
        {"train.learning_rate": RATE, SEARCH: {}},
        r"^params\.yaml: train\.learning_rate: must be a valid number$",
        {"train.learning_rate": 1e-3, TRAIN: {"learning_rate": RATE}},
    ),
]


@pytest.mark.parametrize(("edits", "message", "remedy"), WHOLE)
def test_a_search_that_cannot_be_is_refused_before_anything_runs_and_the_remedy_works(
    tmp_path: Path, edits: dict[str, Any], message: str, remedy: dict[str, Any]
) -> None:
    assert re.search(message, refusal(tmp_path, edits)), refusal(tmp_path, edits)
    load(tmp_path, edits | remedy)
