"""params.yaml: what it says, and how it is refused: in one line that names the key, the value and what is allowed."""

import json
from pathlib import Path
from typing import Any

import pytest

from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.config import load_params
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from tests.unit.params_file import MISSING, load, load_text, params, refusal

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def test_an_empty_section_is_all_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path, {})
    assert (loaded.seed, loaded.train.epochs, loaded.split.method) == (0, 3, "stratified")
    assert loaded.candidates["probe"].train == loaded.train
    assert loaded.candidates["probe"].adaptation == LinearProbe(method="linear_probe")


def test_a_candidate_says_only_what_differs_from_the_common_sections(tmp_path: Path) -> None:
    low_rank = {
        "adaptation": {"method": "lora", "r": 2, "target_modules": ["query"]},
        "backbone": {"max_tokens": 32},
        "train": {"epochs": 9},
    }
    loaded = load(tmp_path, {"train": {"epochs": 2, "batch_size": 4}, "candidates.low": low_rank})
    low, probe = loaded.candidates["low"], loaded.candidates["probe"]
    assert (low.train.epochs, low.train.batch_size) == (9, 4)
    assert (probe.train.epochs, probe.train.batch_size) == (2, 4)
    assert low.backbone == TextBackbone(weights="hf://owner/encoder", max_tokens=32)
    assert probe.backbone == loaded.backbone == TextBackbone(weights="hf://owner/encoder", max_tokens=64)
    assert low.adaptation == Lora(method="lora", r=2, target_modules=("query",))
    assert list(loaded.candidates) == ["probe", "low"]


def test_the_metric_of_the_task_is_that_of_every_section_that_names_none(tmp_path: Path) -> None:
    task = {"name": "text-classification", "metric": "accuracy"}
    loaded = load(tmp_path, {"task": task, "gate.metric": "macro_f1"})
    sections: tuple[Any, ...] = (loaded.train, loaded.candidates["probe"].train, loaded.selection, loaded.gate)
    assert [one.metric for one in sections] == ["accuracy", "accuracy", "accuracy", "macro_f1"]


@pytest.mark.parametrize("number", ["1e-3", "0.001", "1.0E-3", ".1e-2"])
def test_a_small_number_is_a_number_in_every_way_to_write_it(tmp_path: Path, number: str) -> None:
    text = json.dumps(params({"train": MISSING}))[:-1] + f', "train": {{learning_rate: {number}}}}}'
    assert load_text(tmp_path, text.encode()).train.learning_rate == 0.001


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_valid(recipe: Path) -> None:
    assert load_params(recipe).candidates


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"trian": {}}, "params.yaml: unknown key 'trian'; did you mean 'train'? allowed keys: project, task, seed, "),
        ({"colour": 1}, "params.yaml: unknown key 'colour'; allowed keys: project, "),
        ({"train.epoch": 3}, "params.yaml: train: unknown key 'epoch'; did you mean 'epochs'? allowed keys: epochs, "),
        (
            {"task": {"name": "text-classification", "metric": "f1"}},
            "params.yaml: task: metric is 'f1', but text-classification is judged by ",
        ),
        (
            {"candidates.probe.adaptation": {"method": "lora", "rank": 4}},
            "params.yaml: candidates.probe.adaptation: unknown key 'rank'; allowed keys: method, r, alpha, ",
        ),
        ({"train.epochs": "3"}, "params.yaml: train.epochs is '3': must be a valid integer"),
        ({"seed": True}, "params.yaml: seed is True: must be a valid integer"),
        ({"seed": -1}, "params.yaml: seed is -1: must be greater than or equal to 0"),
        (
            {"train.schedule": "step"},
            (
                "params.yaml: train.schedule is 'step': must be 'cosine', 'linear', 'constant', 'one_cycle', "
                "'restarts' or 'plateau'"
            ),
        ),
        ({"train": [1]}, "params.yaml: train is [1]: must be a valid dictionary"),
        ({"project": "my project"}, "params.yaml: project is 'my project': String should match pattern"),
        ({"project": MISSING}, "params.yaml: project is missing; it has no default"),
        ({"train": MISSING}, "params.yaml: train is missing; it has no default"),
        ({"selection": MISSING}, "params.yaml: selection is missing; it has no default"),
        ({"backbone": MISSING}, "params.yaml: backbone is missing; it has no default"),
        ({"backbone.weights": MISSING}, "params.yaml: backbone.weights is missing; it has no default"),
        ({"task": "chat"}, "params.yaml: task is 'chat': unknown task; use one of text-classification"),
        ({"candidates": {}}, "params.yaml: candidates: Dictionary should have at least 1 item"),
        ({"candidates.probe": None}, "params.yaml: candidates.probe is None: must be a valid dictionary"),
        ({"candidates.probe.train.epochs": 0}, "candidates.probe.train.epochs is 0: must be greater than or equal to"),
        ({"candidates": {"a b": {"adaptation": {"method": "full"}}}}, "params.yaml: candidates.a b.[key] is 'a b':"),
        (
            {"candidates.probe.adaptation.method": "lorra"},
            "candidates.probe.adaptation.method is 'lorra': must be one of 'linear_probe', 'last_layers', ",
        ),
        ({"candidates.probe.adaptation": {}}, "candidates.probe.adaptation.method is missing; it has no default"),
        ({"candidates.probe.adaptation": {"method": "lora", "r": 0}}, "candidates.probe.adaptation.r is 0: must be gr"),
        ({"source": {}}, "params.yaml: source: give either `path` or `splits`, one of the two"),
        ({"source.splits": {"train": "data/input/a.csv"}}, "params.yaml: source: give either `path` or `splits`"),
        ({"source.limit": {"train": 0}}, "params.yaml: source.limit.train is 0: must be greater than or equal to 1"),
        ({"source.limit": {"test": -3}}, "params.yaml: source.limit.test is -3: must be greater than or equal to 1"),
        ({"source.skip_rows": 1.5}, "params.yaml: source.skip_rows is 1.5: must be a valid integer"),
    ],
)
def test_a_fault_is_named_with_its_key_its_value_and_what_is_allowed(
    tmp_path: Path, edits: dict[str, Any], message: str
) -> None:
    refused = refusal(tmp_path, edits)
    assert refused.startswith(message) or refused.removeprefix("params.yaml: ").startswith(message)
    assert "more)" not in refused  # though each candidate repeats what is wrong in a common section


def test_further_faults_are_counted_each_once(tmp_path: Path) -> None:
    faults = {"seed": -1, "train.epochs": 0, "backbone.max_tokens": 1, "candidates.probe.adaptation.x": 1}
    assert refusal(tmp_path, {"seed": -1}).endswith("or equal to 0")
    assert refusal(tmp_path, faults) == "params.yaml: seed is -1: must be greater than or equal to 0 (and 3 more)"


def test_a_candidate_may_be_called_like_a_section(tmp_path: Path) -> None:
    named = {"adaptation": {"method": "full"}, "train": {"epochs": 0}}
    assert "candidates.adaptation.train.epochs is 0" in refusal(tmp_path, {"candidates.adaptation": named})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"project: demo\nseed: [1\n", "line 3: expected ',' or ']', but got '<stream end>'; correct the YAML there"),
        (b"project: demo\n\tseed: 1\n", "line 2: found character '\\t' that cannot start any token"),
        (b"project: demo\nproject: other\n", 'line 2: found duplicate key "project" with value "other"'),
        (b"project: !!python/object:os.x {}\n", "line 1: could not determine a constructor for the tag"),
        (b"project: \x00\n", "params.yaml: unacceptable character #x0000"),
        (b"project: caf\xe9\n", "params.yaml: byte 12 is not UTF-8; save the file as UTF-8"),
        (b"just words\n", "params.yaml holds str, not sections; copy a recipe with `finetrail use NAME`"),
        (b"", "params.yaml holds NoneType, not sections"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused_with_the_line(tmp_path: Path, text: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml does not exist; copy a recipe with `finetrail use NAM"):
        load_params(tmp_path / "params.yaml")


def test_reading_the_settings_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    heavy = {"torch", "transformers", "mlflow", "pandas", "datasets"}
    code = f"import sys, finetrail.cli.app; print(*{heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("remedy", [{"train.seeds": 2}, {"selection.by": "value"}, {"candidates.probe.train.seeds": 3}])
def test_a_spread_over_one_seed_is_refused_and_each_remedy_works(tmp_path: Path, remedy: dict[str, Any]) -> None:
    asked = {"selection.by": "mean - 1*std"}
    assert refusal(tmp_path, asked) == (
        "params.yaml: selection.by is 'mean - 1*std', but candidates.probe trains with one seed, which has no standard "
        "deviation; set train.seeds to 2 or more, or selection.by to value"
    )
    load(tmp_path, asked | remedy)
